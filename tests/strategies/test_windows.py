"""The searches of windows, exact windows, grouped queries and rival trees on a small trained model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import proofcheck
from proofcheck.report import Report
from strategies.cli.main import main
from strategies.emit import draft, with_claim
from strategies.max_of_k.grouped import propose
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem, Strategy
from strategies.max_of_k.windows import plan, windows_at, windows_within
from strategies.max_of_k.windows_terms import FloatTables

MODEL = Path(__file__).parents[2] / "certificates" / "models" / "max-of-3-d-vocab-16-seed-0.safetensors"
EVERYTHING = 16**3  # all are right: certificates/models/README.md


@cache
def report_of(strategy: Strategy) -> Report:
    certificate = with_claim(draft(Problem(MODEL), strategy, MODEL.with_suffix(".json")), 0)
    report = proofcheck.verify(certificate, model=MODEL)
    report.raise_for_verdict()
    return report


def test_the_search_counts_what_the_checker_counts() -> None:
    """The plan's gain is proved, and its operations are within a hundredth."""
    problem = Problem(MODEL)
    found = plan(FloatTables(problem.model), 600.0, problem.budget)
    report = report_of(windows_at(600.0, "windows"))
    assert report.proved == found.gain
    assert abs(report.operations - found.operations) <= report.operations / 100


def test_a_lower_price_proves_more_for_more_operations() -> None:
    reports = [report_of(windows_at(price, "windows")) for price in (200_000.0, 20_000.0, 60.0)]
    proved, operations = ([getattr(report, name) for report in reports] for name in ("proved", "operations"))
    assert proved == sorted(proved)
    assert operations == sorted(operations)
    assert proved[0] < proved[-1]
    assert proved[-1] >= 0.99 * EVERYTHING


def test_the_best_within_a_number_of_operations() -> None:
    most = report_of(windows_at(60.0, "windows")).operations
    report = report_of(windows_within(most - most // 100))
    assert report.proved > 0
    assert report.operations <= most
    with pytest.raises(ValueError, match="no windows cost"):
        draft(Problem(MODEL), windows_within(1000), MODEL.with_suffix(".json"))


def test_exact_windows_decide_every_sequence() -> None:
    report = report_of(STRATEGIES["windows-exact"])
    assert (report.proved, report.wrong, report.undecided) == (EVERYTHING, 0, 0)


@pytest.mark.parametrize("kind", ["grouped-queries", "rival-tree-direct", "rival-tree"])
def test_grouped_strategies_verify_with_what_they_believe(kind: str) -> None:
    problem = Problem(MODEL)
    proposal = propose(problem, kind, 600.0)
    report = report_of(Strategy(kind, "", lambda _: proposal))
    assert report.proved == proposal.correct > EVERYTHING // 4


def test_no_table_of_the_square_of_the_vocabulary() -> None:
    """The rival tree with shared direct paths costs less than the tables of windows alone."""
    windows = report_of(STRATEGIES["windows"])
    tree = report_of(STRATEGIES["rival-tree--price-6000"])
    assert tree.operations < next(step.operations for step in windows.steps if step.rule == "centred-expansion") * 2


def test_prices_and_operations_go_with_windows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = str(tmp_path / "x.json")
    for strategy, options in (("exact", ["--price", "6"]), ("windows", ["--price", "6", "--operations", "10"])):
        assert main(["prove", str(MODEL), "--strategy", strategy, "-o", output, *options]) == 2
        assert "goes with --strategy windows" in capsys.readouterr().err
    assert main(["prove", str(MODEL), "--strategy", "windows", "-o", output, "--operations", "10"]) == 2
    assert "the tables alone cost" in capsys.readouterr().err
    assert main(["prove", str(MODEL), "--strategy", "windows", "-o", output, "--price", "600"]) == 0
