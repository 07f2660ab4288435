"""Both checkers on one certificate. This file and `compare.py` know proofcheck; the second checker does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import proofcheck
from tests.second_checker.check import BUDGET, check
from tests.second_checker.outcome import Outcome


@dataclass(frozen=True)
class Comparison:
    """first: (verdict, reason, proved) of proofcheck. second: the same of the second checker."""

    name: str
    first: tuple[str, str, int]
    second: tuple[str, str, int]
    detail: str

    @property
    def too_large(self) -> bool:
        """The second checker said nothing."""
        return self.second[0] == "TOO-LARGE"

    @property
    def agree(self) -> bool:
        """The same verdict, the same reason, and the same count if both replayed all steps."""
        return self.too_large or self.first == self.second

    def __str__(self) -> str:
        return f"{self.name}: proofcheck {self.first}, second checker {self.second} {self.detail}"


def compare(path: Path, budget: int = BUDGET, backend: str = "fast") -> Comparison:
    """Both outcomes. The counts are compared where both proved one."""
    report = proofcheck.verify(path, backend=backend)
    outcome: Outcome = check(path, budget)
    reason = str(report.error.code) if report.error is not None else ""
    counted = report.proved >= 0 and outcome.proved >= 0 and (report.verdict.name == "VERIFIED" or reason == "not-proved")
    return Comparison(
        path.name,
        (report.verdict.name, reason, report.proved if counted else -1),
        (outcome.verdict, outcome.reason, outcome.proved if counted else -1),
        outcome.detail,
    )
