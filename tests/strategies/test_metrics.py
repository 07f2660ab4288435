"""Cost classes, rows and tables."""

from __future__ import annotations

import csv
import io
import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy

import proofcheck
from proofcheck import Dimensions, Limits, Step, Verdict, load
from proofcheck.catalogue import BUILT_IN
from proofcheck.frame import read_frame
from proofcheck.rules import RULES
from strategies.cli.main import main
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.subcubic import ATTENTION_HANDLINGS
from strategies.max_of_k.subcubic_bounds import DIRECT_PATHS, QK_ERRORS
from strategies.metrics.asymptotics import cost, d_model, d_vocab, format_terms, leading, leading_terms, n_ctx, published_class
from strategies.metrics.render import as_csv, as_markdown, as_text
from strategies.metrics.rows import NotVerified, published_claims, rows
from tests.shipped import CERTIFICATES, one

REFERENCE = "max-of-4-seed-123"
SUBCUBIC = [f"subcubic--{DIRECT_PATHS[k % 5]}--{ATTENTION_HANDLINGS[k % 2]}--{error}" for k, error in enumerate(QK_ERRORS)]
PARTS = ("path-expansion", "direct-path-", "qk-error-", "attention-bounds", "margin-", "count-classes", "sum-blocks")


def steps(strategy: str) -> tuple[Step, ...]:
    return load(one("accept", f"{REFERENCE}--{strategy}")).steps


def test_leading_terms_for_tokens_that_outnumber_positions_and_width() -> None:
    n, d, D = n_ctx, d_vocab, d_model
    assert leading_terms(3 * d**2 * n + d**2 + 5 * d * n**2 + 2 * d * D) == 3 * d**2 * n
    assert leading_terms(d**2 * D + 7 * d**2 * n + d * D * n) == d**2 * D + 7 * d**2 * n
    assert leading_terms(d**3 + d**2 * n**2) == d**3 + d**2 * n**2  # d³ is larger for small n, d²n² for large n
    assert format_terms(leading_terms(2 * d**n * (d - 1) + 100 * d**9)) == "2·d^(n + 1)"
    assert format_terms(d**2 * D + 7 * d**2 * n) == "d²·D + 7·d²·n"


def test_leading_terms_of_the_published_strategies() -> None:
    assert leading(steps("cubic")) == "6·d³·n"
    assert leading(steps("brute-force")) == "2·d^(n + 1)"
    for strategy in SUBCUBIC:
        assert set(sympy.Poly(leading_terms(cost(steps(strategy))), d_vocab, d_model, n_ctx).monoms()) == {(2, 1, 0), (2, 0, 1)}


@pytest.mark.parametrize("strategy", ["cubic", *SUBCUBIC])
def test_the_polynomials_are_the_bounds_that_the_checker_uses(strategy: str) -> None:
    expression = cost(steps(strategy))
    for n, d, D in ((2, 8, 17), (4, 64, 32), (20, 512, 32)):
        sizes = Dimensions(n_ctx=n, d_vocab=d, d_model=D, d_head=D, answers=d)
        want = sum(RULES[step.rule].cost(sizes, Limits(), **step.hints).operations for step in steps(strategy))
        assert expression.subs({n_ctx: n, d_vocab: d, d_model: D}) == want


@pytest.mark.parametrize("strategy", SUBCUBIC)
def test_counted_operations_stay_below_the_polynomial_at_several_sizes(strategy: str, tmp_path: Path) -> None:
    """The shares of the bound that are counted: at most 1 for every step, and not vanishing for the whole."""
    for stem in ("counterexample-mean-diff-direct", "max-of-3-d-vocab-16-seed-0", REFERENCE):
        model = CERTIFICATES / "models" / f"{stem}.safetensors"
        certificate = resized(strategy, model)
        report = proofcheck.verify(certificate, model=model)
        assert report.verdict is Verdict.VERIFIED
        bounds = [
            RULES[step.rule].cost(read_frame(certificate, BUILT_IN, Limits()).sizes, Limits(), **step.hints).operations
            for step in certificate.steps
        ]
        assert all(record.operations <= bound for record, bound in zip(report.steps, bounds, strict=True))
        assert report.operations >= sum(bounds) / 4


def resized(strategy: str, model: Path) -> proofcheck.Certificate:
    """The composition of `strategy` for another model, with gaps 1 and constant directions."""
    from strategies.emit import draft
    from strategies.max_of_k.strategy import Problem, Proposal, Strategy

    problem = Problem(model)
    sizes = problem.dimensions
    parts = []
    for step in steps(strategy):
        shapes = {name: tuple(int(a) if a.isdigit() else sizes.size(a) for a in kind.axes) for name, kind in RULES[step.rule].hints.items()}
        hints = {name: np.full(shape, 1, dtype=np.int64) if name == "gaps" else np.full(shape, 0.125) for name, shape in shapes.items()}
        if "tau" in hints:
            hints["tau"] = np.array([1e9])
        parts.append(Step(step.id, step.rule, step.premises, hints))
    return draft(problem, Strategy(strategy, "", lambda _: Proposal(tuple(parts))), model)


def test_published_classes_have_the_published_numbers() -> None:
    classes: dict[str, int] = {}
    for name in STRATEGIES:
        if name.startswith("subcubic--"):
            direct, attention, error = name.split("--")[1:]
            rules = [f"{part}{rest}" for part, rest in zip(PARTS, ("", direct, error, "", attention, "", ""), strict=True)]
            classes[published_class(rules)] = classes.get(published_class(rules), 0) + 1
    assert classes == {"almost-quadratic": 18, "vocab-model-squared": 30, "subcubic": 52}
    assert published_class(["path-expansion", "cubic", "count-classes", "sum-blocks"]) == "cubic"
    assert published_class(["path-expansion", "separable-minimum", "sum-blocks"]) == ""


@pytest.fixture(scope="module")
def tiny() -> list[Path]:
    return [one("accept", f"max-of-3-d-vocab-16-seed-0--{name}") for name in ("brute-force", "cubic")]


def test_rows_are_what_the_checker_reports(tiny: list[Path]) -> None:
    brute_force, cubic = rows(tiny)
    assert brute_force.normalized == 1
    assert cubic.normalized == cubic.bound / brute_force.bound == Fraction(cubic.correct, brute_force.correct)
    assert (brute_force.published_class, cubic.published_class) == ("brute-force", "cubic")
    assert (brute_force.dimension, cubic.dimension) == (16**4, 3 * 16**2 + 2 * 3 * 16)
    assert cubic.flops > 0
    assert cubic.published_code == 0
    (alone,) = rows(tiny[1:])
    assert alone.normalized is None  # nothing tells the true accuracy


def test_the_three_forms_say_the_same(tiny: list[Path]) -> None:
    table = rows(tiny)
    records = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert [record["strategy"] for record in records] == ["brute-force", "cubic"]
    assert int(records[1]["correct"]) == table[1].correct
    text, markdown = as_text(table).splitlines(), as_markdown(table).splitlines()
    assert len(text) == 3
    assert len(markdown) == 4
    for record, line, row in zip(records, text[1:], markdown[2:], strict=True):
        assert line.startswith(record["strategy"])
        for name in ("flops", "dimension", "bound", "normalized"):
            assert record[name] in line
            assert f"| {record[name]} |" in row


def test_published_claims_are_compared_for_the_same_number_of_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    data = CERTIFICATES.parent / "tests" / "data" / "published-bounds-seed-123.json"
    claims = published_claims(data)
    assert len(claims) == 101  # all but brute force
    assert claims["cubic", 64**4] == 16_143_960
    options = ["--published", str(data), "--csv", "--columns", "strategy,code,gain"]
    assert main(["table", str(one("accept", f"{REFERENCE}--{SUBCUBIC[0]}")), *options]) == 0
    (record,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert record["code"] == "0.384927"
    assert float(record["gain"]) > 0


def test_empty_columns_are_hidden_unless_they_are_asked_for(tiny: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(tiny[1])]) == 0
    head = capsys.readouterr().out.splitlines()[0].split()
    assert "bound" in head and "published" not in head and "code" not in head and "gain" not in head and "normalized" not in head
    assert main(["table", *map(str, tiny)]) == 0
    assert "normalized" in capsys.readouterr().out.splitlines()[0].split()
    assert main(["table", str(tiny[1]), "--columns", "strategy,code"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["strategy", "code"]
    assert main(["table", str(tiny[1]), "--csv"]) == 0
    assert "gain" in capsys.readouterr().out.splitlines()[0].split(",")


def test_what_does_not_verify_is_left_out_of_the_table(tiny: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(CERTIFICATES / "models" / "max-of-3-d-vocab-16-seed-0.safetensors", tmp_path / "model.safetensors")
    claim = json.loads(tiny[1].read_text())
    claim["model"]["weights"]["file"] = "model.safetensors"
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(claim))
    assert len(rows([good])) == 1
    claim["claim"]["accuracy_at_least"]["correct"] += 1
    bad.write_text(json.dumps(claim))
    with pytest.raises(NotVerified, match="not-proved"):
        rows([good, bad])
    assert main(["table", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["strategy", "cubic"]
    assert err == f"left out: {bad}: REJECTED not-proved: the claim is larger than what the steps prove\n"
    assert main(["table", str(bad)]) == 1
    assert capsys.readouterr().out == ""
    assert main(["table", str(good)]) == 0
    assert "cubic" in capsys.readouterr().out
