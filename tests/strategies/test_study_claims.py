"""The published programs in floating point: their counts, and that the study sees what they claim too much."""

from __future__ import annotations

import csv
import json
from itertools import product
from pathlib import Path

import pytest
import torch
from soundness.small_models import Shape, trained_like

from strategies.cli.main import main
from strategies.max_of_k.strategy import Problem
from strategies.models.forward import right
from strategies.models.load import Model, from_state_dict, load
from strategies.study.claims import COLUMNS, Row, claims
from strategies.study.float_program import MEAN, FloatProgram
from strategies.study.truth import largest_rivals, narrow

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "certificates" / "models"
PUBLISHED = json.loads((ROOT / "tests" / "data" / "published-bounds-seed-123.json").read_text())["subcubic"]


def test_float32_claims_are_those_of_the_published_code() -> None:
    """97 of 100 counts are equal here; other processors round otherwise, and a class more or less is a few thousand sequences."""
    published = {(row["direct_path"], row["attention_handling"], row["qk_error"]): int(row["correct_count"]) for row in PUBLISHED}
    found = {(c.direct, c.attention, c.error): c.count for c in FloatProgram(load(MODELS / "max-of-4-seed-123.safetensors")).claims()}
    assert found.keys() == published.keys()
    assert sum(found[key] == published[key] for key in found) >= 90
    assert max(abs(found[key] - published[key]) for key in found) < 2e-3 * 64**4


def small_model(seed: int, shape: Shape, gain: float) -> Model:
    return from_state_dict({name: torch.from_numpy(array) for name, array in trained_like(shape, seed, gain=gain).items()})


@pytest.mark.parametrize(("seed", "n_ctx", "gain"), [(0, 2, 0.5), (1, 3, 0.7), (2, 3, 2.0), (3, 4, 0.6), (4, 1, 1.0)])
def test_wrong_sequences_are_all_found(seed: int, n_ctx: int, gain: float) -> None:
    model = small_model(seed, Shape(n_ctx=n_ctx, d_vocab=5, d_model=4, d_head=3), gain)
    everything = torch.tensor(list(product(range(5), repeat=n_ctx)))
    wrong = {tuple(tokens) for tokens in everything[~right(model, everything)].tolist()}
    close = narrow(model)
    found = [tuple(tokens) for tokens in close.tokens[close.wrong].tolist()]
    assert len(found) == len(set(found))
    assert set(found) == wrong
    assert len(wrong) > 0 or n_ctx == 1
    table = largest_rivals(close.tokens[close.wrong], 5)
    for q, m, c in product(range(5), range(5), range(n_ctx)):
        largest = [max((t for t in x if t != m), default=-1) for x in wrong if x[-1] == q and max(x) == m and sum(t != m for t in x) == c]
        assert table[q, m, c] == min(largest, default=5)


@pytest.fixture(scope="module")
def false_lemma() -> list[Row]:
    return list(claims(Problem(MODELS / "counterexample-mean-diff-direct.safetensors")))


def test_the_study_sees_that_the_false_lemma_claims_too_much(false_lemma: list[Row]) -> None:
    """The network on which the published formula certifies 15 of 12 right sequences."""
    assert len(false_lemma) == 102
    assert {row.true for row in false_lemma} == {12}
    for row in false_lemma:
        assert row.proved <= row.proved_whole <= row.true
        assert row.unproved_classes <= row.classes
        if f"--{MEAN}--" not in row.strategy:
            assert row.false_lemma_classes == row.untrue_classes == 0
    too_much = [row for row in false_lemma if row.claimed > row.true]
    assert too_much
    for row in too_much:
        assert f"--{MEAN}--" in row.strategy
        assert row.false_lemma_classes > 0
        assert row.untrue_classes > 0


def test_the_command_goes_on_where_it_was_stopped(tmp_path: Path, false_lemma: list[Row], capsys: pytest.CaptureFixture[str]) -> None:
    model, output = str(MODELS / "counterexample-mean-diff-direct.safetensors"), tmp_path / "claims.csv"
    with output.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, ["half", *["1"] * (len(COLUMNS) - 1)], ["a line that a kill cut"]])
    assert main(["claims", model, "-o", str(output)]) == 0
    assert "1 models added, 0 kept" in capsys.readouterr().out
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [[row[name] for name in COLUMNS] for row in rows] == [[str(getattr(row, name)) for name in COLUMNS] for row in false_lemma]
    assert main(["claims", model, "-o", str(output)]) == 0
    assert "0 models added, 1 kept" in capsys.readouterr().out


def test_biases_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", str(MODELS / "max-of-4-seed-123-biases.safetensors"), "-o", str(tmp_path / "c.csv")]) == 2
    assert "know no biases" in capsys.readouterr().err
