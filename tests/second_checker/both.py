"""Both checkers on one certificate. This file and `compare.py` know proofcheck; the second checker does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import proofcheck
from strategies.metrics.published_cost import published_cost
from strategies.metrics.published_count import PublishedCount
from tests.second_checker.check import BUDGET, check
from tests.second_checker.outcome import Outcome


@dataclass(frozen=True)
class Comparison:
    """first: (verdict, reason) of proofcheck. second: the same of the second checker.

    numbers: what proofcheck derived, empty where it did not get so far. bounds: the second checker's (least, most) of each of them.
    weaker: the fast backend proves less than the least (scores out of the range of float64); then the numbers are those of the arb backend.
    """

    name: str
    first: tuple[str, str]
    second: tuple[str, str]
    numbers: dict[str, int]
    bounds: dict[str, tuple[int, int]]
    claimed: int
    detail: str
    doubts: tuple[tuple[str, str], ...] = ()
    weaker: bool = False

    @property
    def count(self) -> int:
        """What proofcheck proved; −1 where it proved nothing."""
        return self.numbers.get("proved", -1)

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
        """Both derived numbers."""
        return bool(self.numbers) and bool(self.bounds)

    @property
    def equal(self) -> bool:
        """Both proved the same count."""
        return self.counted and self.count == self.bounds["proved"][1]

    @property
    def pinned(self) -> frozenset[str]:
        """The derived numbers of which the second checker allows one value alone."""
        return frozenset(name for name, (least, most) in self.bounds.items() if least == most)

    @property
    def outside(self) -> list[str]:
        """The derived numbers of proofcheck that the second checker does not allow."""
        if not self.counted:
            return []
        return [name for name, (least, most) in self.bounds.items() if not least <= self.numbers[name] <= most]

    @property
    def agree(self) -> bool:
        """The same verdict and reason (or a reason that the second checker does not know), and every number within its bounds.

        Where a claim lies between the bounds of the proved count proofcheck's rounding may decide either way.
        """
        if self.too_large or self.beyond:
            return True
        if self.outside:
            return False
        least, most = self.bounds.get("proved", (0, -1))
        return self.first == self.second or (least < self.claimed <= most and self.first == ("REJECTED", "not-proved"))

    @property
    def kind(self) -> str:
        """agree, disagree, too large or beyond."""
        if not self.agree:
            return "disagree"
        return "too large" if self.too_large else "beyond" if self.beyond else "agree"

    def __str__(self) -> str:
        said = f"proofcheck {self.first} {self.numbers}, second checker {self.second} {self.bounds}"
        return f"{self.name}, claim {self.claimed}: {said} {self.detail}" + (f"; differ: {', '.join(self.outside)}" if self.outside else "")


def compare(path: Path, budget: int = BUDGET, backend: str = "fast") -> Comparison:
    """Both outcomes."""
    return beside(path, check(path, budget), backend)


def compare_claims(path: Path, budget: int = BUDGET, backend: str = "fast") -> list[Comparison]:
    """For a certificate that claims 0 its comparison, and, if proofcheck proves a number, those of two copies beside it: one claims what is
    proved and must verify, the other one more and must not. The second checker replays the steps once."""
    outcome = check(path, budget)
    found = [beside(path, outcome, backend)]
    if not found[0].counted:
        return found
    document = proofcheck.load(path)
    used = "arb" if found[0].weaker else backend
    for claim, verdict in ((found[0].count, ("VERIFIED", "")), (found[0].count + 1, ("REJECTED", "not-proved"))):
        copy = path.with_name(f"{path.stem}--claim.json")
        copy.write_bytes(proofcheck.encode_certificate(document.claiming(correct=claim)))
        comparison = one(copy, outcome.with_claim(claim), used)
        found.append(comparison if comparison.first == verdict else replace(comparison, second=verdict))
    return found


def beside(path: Path, outcome: Outcome, backend: str) -> Comparison:
    """A count of the fast backend that is too small is replaced by that of the arb backend, and said."""
    first = one(path, outcome, backend)
    if backend == "fast" and first.counted and first.count < first.bounds["proved"][0]:
        return replace(one(path, outcome, "arb"), weaker=True)
    return first


def one(path: Path, outcome: Outcome, backend: str) -> Comparison:
    """proofcheck's report beside an outcome."""
    report, published = replay(path, backend)
    return Comparison(
        name=path.name,
        first=(report.verdict.name, str(report.error.code) if report.error is not None else ""),
        second=(outcome.verdict, outcome.reason),
        numbers=derived(path, report, published) if report.verdict.name == "VERIFIED" else {},
        bounds=outcome.numbers,
        claimed=outcome.claimed,
        detail=outcome.detail,
        doubts=outcome.doubts,
    )


def replay(path: Path, backend: str) -> tuple[proofcheck.Report, int]:
    """proofcheck's report, and the count of the published convention."""
    published = PublishedCount()
    report = proofcheck.Checker(backend).verify(path, observe=published)  # type: ignore[arg-type]
    return report, published.total


def derived(path: Path, report: proofcheck.Report, published: int) -> dict[str, int]:
    """The numbers that the steps prove or imply; not compared are flops, operations and seconds."""
    certificate = proofcheck.load(path)
    return {
        "proved": report.proved,
        "wrong": report.wrong,
        "undecided": report.undecided,
        "exact": int(report.exact),
        "published": published,
        "unexplained dimension": published_cost(certificate).unexplained_dimension,
    }
