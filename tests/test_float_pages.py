"""docs/float-runs.md and docs/readings.md: the counts are those of the shipped certificates. What real runs do is a record of one run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import proofcheck
from proofcheck.cli.main import main
from strategies.max_of_k.separable_terms import FloatTerms
from strategies.max_of_k.strategy import Problem
from tests.benchmarks import float_runs, network_runs
from tests.shipped import one, shipped, stem_of, text_of

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "float-runs.md").read_text()


def claimed(name: str) -> int:
    """Of a certificate in accept/, or in zoo/ where it stands beside those of other seeds."""
    path = next(path for folder in ("accept", "zoo") for path in shipped(folder) if stem_of(path) == name)
    (fields,) = json.loads(text_of(path))["claim"].values()
    return int(fields["correct"])


ROWS = re.findall(r"^\| (max-of-[45]-seed-\d+) \| ([\d,]+) \| ([\d,]+) \| ?([\d,]*) \|$", PAGE, re.M)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_counts_of_float_claims(row: tuple[str, str, str, str]) -> None:
    model, reals, single, double = row
    over_the_reals = "exact" if one("accept", f"{model}--exact").exists() else "windows-exact"
    found = [claimed(f"{model}--{kind}") for kind in (over_the_reals, "exact--float32", *(("exact--float64",) if double else ()))]
    assert [f"{number:,}" for number in found] == [number for number in (reals, single, double) if number]


def test_counts_of_claims_in_stages() -> None:
    head = re.search(r"^\| model \| (`binary32-stages` .*) \|$", PAGE, re.M)
    assert head is not None
    formats = re.findall(r"`([\w-]+)`", head[1])
    assert formats == ["binary32-stages", "tf32-nearest", "tf32", "binary16-autocast", "binary16", "bfloat16-autocast", "bfloat16"]
    rows = re.findall(r"^\| (max-of-4-seed-\d+) \| ((?:[\d,]* ?\| ?){6}[\d,]+) \|$", PAGE, re.M)
    shown = 0
    for model, cells in rows:
        for format, cell in zip(formats, (cell.strip() for cell in cells.split("|")), strict=True):
            if cell:
                strategy = "brute-force" if "bfloat16" in format else "exact"
                assert f"{claimed(f'{model}--{strategy}--{format}'):,}" == cell, (model, format)
                shown += 1
    assert (len(rows), shown) == (5, 19)


@pytest.mark.parametrize("format", ["tf32", "binary16"])
def test_certificates_in_stages_verify(format: str) -> None:
    report = proofcheck.verify(one("accept", f"max-of-4-seed-123--exact--{format}"))
    assert report.error is None
    assert report.proved == report.claimed


def test_counts_of_margins() -> None:
    rows = re.findall(r"^\| [\d/]+ \| ([\d,]+) \| `(.*)\.json` \|$", (ROOT / "docs" / "readings.md").read_text(), re.M)
    assert [f"{claimed(name):,}" for _, name in rows] == [number for number, _ in rows]
    assert len(rows) == 4


@pytest.mark.parametrize("name", ["exact--float32", "exact--margin-1-10", "separable-minimum--float32"])
def test_certificates_of_the_reference_model_verify(name: str) -> None:
    report = proofcheck.verify(one("accept", f"max-of-4-seed-123--{name}"))
    assert report.error is None
    assert report.proved == report.claimed == claimed(f"max-of-4-seed-123--{name}")


def test_the_ten_sequences_are_near_ties_that_float32_answers_right() -> None:
    rows = re.findall(r"^\| \((\d+), (\d+), (\d+), (\d+)\) \| ([\d.]+) \|$", PAGE, re.M)
    tokens = np.array([[int(token) for token in row[:4]] for row in rows])
    problem = Problem(ROOT / "certificates" / "models" / "max-of-4-seed-123.safetensors")
    margins = float_runs.margins(FloatTerms(problem.model), tokens)
    assert [f"{margin:.3g}" for margin in margins] == [row[4] for row in rows]
    assert len(rows) == 10 == claimed("max-of-4-seed-123--exact") - claimed("max-of-4-seed-123--exact--float32")
    for name, (dtype, logits, _) in float_runs.RUNS.items():
        if "float32" in name:
            found = logits(float_runs.weights_of(problem.model, dtype), torch.from_numpy(tokens)).argmax(-1).numpy()
            assert (found == tokens.max(axis=1)).all(), name


def test_explain_says_what_is_assumed_of_evaluations_in_stages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(one("accept", "max-of-4-seed-123--exact--binary16"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assumed = " ".join(line.removeprefix("c assumed: ") for line in lines if line.startswith("c assumed: "))
    for word in (
        "at most 96 roundings of each term",
        "operands of matrix products (weights too), what they return, scaled scores and biases, embeddings and the residual stream",
        "|d| <= 2^-11, |h| <= 2^-24",
        "t = 1/8192 + 8*2^-24*",
        "a tie is wrong",
        "is not proved here",
    ):
        assert word in assumed
    assert "of binary16 runs with roundings=96 a stage tau=1/8192 kappa=8 " in lines[-1]


def test_explain_says_what_is_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    path = one("accept", "max-of-4-seed-123--separable-minimum--float32")
    assert main(["explain", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assumed = " ".join(line.removeprefix("c assumed: ") for line in lines if line.startswith("c assumed: "))
    for word in ("at most 148 roundings", "t = 1/8192 + 8*2^-24*|s - largest s|", "give or take 2^-126", "is not proved here"):
        assert word in assumed
    assert lines[-1].startswith(
        "s VERIFIED float accuracy >= 16653019/16777216 (0.992597…) of binary32 runs with roundings=148 tau=1/8192 kappa=8 "
    )


_ROW = r"^\| ([a-z\d-]+) \| (binary\d\d) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| (\d+) \| 0 \| ([\d.]+·10\^−\d) \|$"
NETWORKS = re.findall(_ROW, PAGE, re.M)


@pytest.mark.parametrize("row", NETWORKS, ids=[f"{row[0]}-{row[1]}" for row in NETWORKS])
def test_claims_about_transformers(row: tuple[str, ...]) -> None:
    name, kind, roundings, total, right, _, _ = row
    (path,) = (ROOT / "certificates" / "networks").glob(f"{name}--{kind.replace('binary', 'float')}.json*")
    fields = proofcheck.load(path).claim.fields
    assert [f"{fields[key]:,}" for key in ("roundings", "total", "correct")] == [roundings, total, right]
    assert fields["format"] == kind


def test_there_are_seven() -> None:
    assert len(NETWORKS) == 7


def test_runs_of_a_transformer_lie_within_the_radii() -> None:
    total, right, wrong, found = network_runs.looked_at(
        ROOT / "certificates" / "networks" / "max-of-2-layernorm--float64.json", network_runs.STYLES
    )
    assert (total, right, wrong) == (4096, 4096, 0)
    assert len(found) >= 3
    for looked in found.values():
        assert (looked.wrong, looked.against) == (0, 0)
        assert 0 < looked.part < 1


def test_a_run_in_another_format_does_not() -> None:
    """float32 runs are further from the exact logits than any binary64 run that conforms."""
    path = ROOT / "certificates" / "networks" / "max-of-2-layernorm--float64.json"
    found = network_runs.looked_at(path, {"plain": network_runs.Style(times=lambda x, W: (x.float() @ W.float()).double())})[3]
    assert found["plain"].part > 1
