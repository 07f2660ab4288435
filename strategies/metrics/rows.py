"""Rows about certificates: what the checker reports, and the numbers of the published conventions beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from proofcheck import Checker, ProofcheckError, load
from strategies.metrics.asymptotics import leading, published_class
from strategies.metrics.published_cost import published_cost
from strategies.metrics.published_count import PublishedCount
from strategies.names import ENTRIES


@dataclass(frozen=True, slots=True)
class Row:
    """One verified certificate.

    published_class, flops, dimension: as the published figures name and count them ("" and 0 for a new strategy). leading: leading terms
    of the checker's cost; operations: what it counted. bound: proved accuracy; published_bound: the published count over the same
    classes (0 where it has none). published_code: what the published float32 code claims, if the table was given a file of such claims (0:
    nothing). normalized: bound over the true accuracy, None where no certificate of the table tells that.
    """

    strategy: str
    model: str
    published_class: str
    leading: str
    flops: int
    dimension: int
    operations: int
    correct: int
    total: int
    published: int
    published_code: int
    normalized: Fraction | None
    seconds: float

    @property
    def bound(self) -> Fraction:
        return Fraction(self.correct, self.total)

    @property
    def published_bound(self) -> Fraction:
        return Fraction(self.published, self.total)


class NotVerified(RuntimeError):
    """A certificate of the table did not verify."""


Refused = Callable[[Path, dict[str, Any]], None]  # what to do about a certificate that does not verify, and its report


def rows(
    files: Sequence[Path], jobs: int = 1, claims: Mapping[tuple[str, int], int] | None = None, refused: Refused | None = None
) -> list[Row]:
    """Verify all, in one process or in several. claims: see `published_claims`.

    refused: is called for each certificate that does not verify, which then has no row. Without it the first raises NotVerified.
    """
    found = list(zip(files, verify(files, jobs), strict=True))
    for file, report in found:
        if report["verdict"] != "VERIFIED":
            if refused is None:
                raise NotVerified(f"{file}: {report['line']}")
            refused(file, report)
    found = [(file, report) for file, report in found if report["verdict"] == "VERIFIED"]
    files, reports = [file for file, _ in found], [report for _, report in found]
    true_accuracy = {
        report["model"]["sha256"]: Fraction(report["proved"], report["total"])
        for report in reports
        if report["undecided"] == 0 and any(step["rule"] == "enumeration" for step in report["steps"])
    }
    classes: dict[tuple[str, ...], str] = {}
    table = [_row(Path(file), report, true_accuracy, classes) for file, report in zip(files, reports, strict=True)]
    return [replace(row, published_code=(claims or {}).get((row.strategy, row.total), 0)) for row in table]


def published_claims(file: Path) -> dict[tuple[str, int], int]:
    """(our strategy name, number of inputs) -> count that the published code claims, from tests/data/published-bounds-….json."""
    data = json.loads(file.read_text(encoding="utf-8"))
    counts = {row["name"]: int(row["correct_count"]) for row in data["subcubic"]} | {"cubic": int(data["cubic"]["correct_count"])}
    names = {entry.name: entry.published for entry in ENTRIES}
    return {(name, int(data["total"])): counts[published] for name, published in names.items() if published in counts}


def verify(files: Sequence[Path], jobs: int) -> list[dict[str, Any]]:
    """The JSON reports in the order of `files`, each with the published numbers: `published`, `flops`, `unexplained_dimension`."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) if jobs > 1 else nullcontext() as pool:
        reports = []
        parts = [files[k::jobs] for k in range(jobs)]
        done = list(pool.map(_verify_part, parts)) if pool else [_verify_part(files)]
        for k in range(len(files)):
            reports.append(done[k % jobs][k // jobs])
    return reports


def _verify_part(files: Sequence[Path]) -> list[dict[str, Any]]:
    checker = Checker()
    reports = []
    for file in files:
        published = PublishedCount()
        report = checker.verify(file, observe=published)
        numbers = {"published": published.total, "flops": 0, "unexplained_dimension": 0}
        if report.error is None:
            cost = published_cost(load(file))
            numbers |= {"flops": cost.flops, "unexplained_dimension": cost.unexplained_dimension}
        reports.append(report.as_json() | numbers)
    return reports


def _row(file: Path, report: dict[str, Any], true_accuracy: dict[str, Fraction], classes: dict[tuple[str, ...], str]) -> Row:
    rules = tuple(step["rule"] for step in report["steps"])
    if rules not in classes:
        try:
            classes[rules] = leading(load(file).steps)
        except ProofcheckError as error:
            raise NotVerified(f"{file} changed while it was read: {error}") from error
    truth = true_accuracy.get(report["model"]["sha256"])
    bound = Fraction(report["proved"], report["total"])
    return Row(
        strategy=report["strategy"],
        model=Path(report["model"]["file"]).stem,
        published_class=published_class(rules),
        leading=classes[rules],
        flops=report["flops"],
        dimension=report["unexplained_dimension"],
        operations=report["operations"],
        correct=report["proved"],
        total=report["total"],
        published=report["published"],
        published_code=0,
        normalized=bound / truth if truth else None,
        seconds=report["seconds"],
    )
