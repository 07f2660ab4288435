"""The table of docs/frontier.md is what the checker derives, for the reference model; no shipped certificate is dominated by another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import proofcheck
from tests.shipped import shipped, stem_of

SCRIPT = Path(__file__).parents[1] / "docs" / "frontier_table.py"
REFERENCE = "max-of-4-seed-123"
KEPT = {  # dominated, and shipped nevertheless
    f"{REFERENCE}--exact": "the count over the reals beside those of the same steps with margins and in floats (docs/readings.md)",
    f"{REFERENCE}--separable-minimum": "the rule separable-minimum over the reals, beside margins and floats",
    f"{REFERENCE}--separable-early-maximum": "the only certificate of the rule separable-early-maximum",
    f"{REFERENCE}--separable-counting": "the rule separable-counting where the truth is known",
}


def test_the_table_is_current() -> None:
    command = [sys.executable, str(SCRIPT), "--check", "--models", "max-of-4-seed-123"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"run python docs/frontier_table.py\n{done.stderr}"


def test_every_certificate_is_in_the_table() -> None:
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        from frontier_table import PAGE, certificates
    finally:
        sys.path.pop(0)
    table = PAGE.read_text(encoding="utf-8")
    assert [path.stem for model, strategy, path in certificates() if f"| {model} | {strategy} |" not in table] == []


def is_published(name: str) -> bool:
    """Strategies of the published work, kept as such."""
    return name.partition("--")[2].startswith(("brute-force", "cubic", "subcubic--"))


def dominated(rows: dict[str, tuple[int, int]]) -> set[str]:
    """Names whose (proved, operations) another one beats: as much or more proved by as many or fewer operations, one of them strictly."""
    return {
        one for one, (p, o) in rows.items() for proved, spent in rows.values() if proved >= p and spent <= o and (proved, spent) != (p, o)
    }


def test_domination_is_as_defined() -> None:
    rows = {"best": (9, 3), "equal": (9, 3), "cheap": (5, 1), "worse": (8, 3), "dearer": (9, 4), "most": (10, 4)}
    assert dominated(rows) == {"worse", "dearer"}


@pytest.mark.slow
def test_no_shipped_certificate_is_dominated() -> None:
    """By another of the same network, task and claim but for its count; all are verified here, other than the published strategies."""
    groups: dict[tuple[object, ...], list[Path]] = {}
    for path in shipped("accept"):
        certificate = proofcheck.load(path)
        told = tuple(sorted((key, str(value)) for key, value in certificate.claim.fields.items() if key != "correct"))
        if not is_published(stem_of(path)):
            groups.setdefault((certificate.model.sha256, repr(certificate.task), certificate.claim.kind, told), []).append(path)
    found: set[str] = set()
    for paths in groups.values():
        if len(paths) > 1:
            reports = {stem_of(path): proofcheck.verify(path) for path in paths}
            assert all(report.verdict == "VERIFIED" for report in reports.values())
            found |= dominated({name: (report.proved, report.operations) for name, report in reports.items()})
    assert sum(len(paths) for paths in groups.values()) > 40
    assert found == set(KEPT)
