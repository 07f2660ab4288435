"""Both checkers on one certificate. This file and `compare.py` know proofcheck; the second checker does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import proofcheck
from tests.second_checker.check import BUDGET, check
from tests.second_checker.outcome import Outcome


@dataclass(frozen=True)
class Comparison:
    """first: (verdict, reason) of proofcheck. second: the same of the second checker.

    count: what proofcheck proved, −1 where it did not get so far. bounds: the second checker's (least, proved).
    weaker: the fast backend proves less than `least` (scores out of the range of float64); then count is that of the arb backend.
    """

    name: str
    first: tuple[str, str]
    second: tuple[str, str]
    count: int
    bounds: tuple[int, int]
    claimed: int
    detail: str
    doubts: tuple[tuple[str, str], ...] = ()
    weaker: bool = False

    @property
    def too_large(self) -> bool:
        """The second checker said nothing."""
        return self.second[0] == "TOO-LARGE"

    @property
    def beyond(self) -> bool:
        """proofcheck refused for its own sake: a limit on work, scores out of range of its exponentials, or rounding."""
        own = (("DECLINED", "limit-exceeded"), ("REJECTED", "out-of-range"), *self.doubts)
        return self.first in own and self.first != self.second

    @property
    def counted(self) -> bool:
        """Both proved a count."""
        return self.count >= 0 and self.bounds[1] >= 0

    @property
    def equal(self) -> bool:
        """Both proved the same count."""
        return self.counted and self.count == self.bounds[1]

    @property
    def agree(self) -> bool:
        """The same verdict and reason (or a reason that the second checker does not know), and a count within the second checker's bounds.

        Where a claim lies between those bounds proofcheck's rounding may decide either way.
        """
        if self.too_large or self.beyond:
            return True
        if self.counted and not self.bounds[0] <= self.count <= self.bounds[1]:
            return False
        within = self.bounds[0] < self.claimed <= self.bounds[1]
        return self.first == self.second or (within and self.first == ("REJECTED", "not-proved"))

    @property
    def kind(self) -> str:
        """agree, disagree, too large or beyond."""
        if not self.agree:
            return "disagree"
        return "too large" if self.too_large else "beyond" if self.beyond else "agree"

    def __str__(self) -> str:
        return f"{self.name}: proofcheck {self.first} {self.count}, second checker {self.second} {self.bounds} {self.detail}"


def compare(path: Path, budget: int = BUDGET, backend: str = "fast") -> Comparison:
    """Both outcomes. A count of the fast backend that is too small is replaced by that of the arb backend, and said."""
    outcome = check(path, budget)
    first = one(path, outcome, backend)
    if backend == "fast" and first.counted and first.count < first.bounds[0]:
        return replace(one(path, outcome, "arb"), weaker=True)
    return first


def one(path: Path, outcome: Outcome, backend: str) -> Comparison:
    """proofcheck's report beside an outcome."""
    report = proofcheck.verify(path, backend=backend)
    reason = str(report.error.code) if report.error is not None else ""
    return Comparison(
        name=path.name,
        first=(report.verdict.name, reason),
        second=(outcome.verdict, outcome.reason),
        count=report.proved if report.verdict.name == "VERIFIED" else -1,
        bounds=(outcome.least, outcome.proved),
        claimed=outcome.claimed,
        detail=outcome.detail,
        doubts=outcome.doubts,
    )
