"""Accuracy: at least `correct` of the `total` inputs are answered correctly over the reals, by more than a margin where one is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from proofcheck.claims.claim import ClaimKind
from proofcheck.decimals import decimal
from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import IntegerKind, RationalKind
from proofcheck.limits import shown
from proofcheck.rules.counting.facts import ProvedCount
from proofcheck.rules.fact import Fact
from proofcheck.rules.reading import Reading, margin_above
from proofcheck.tasks import Task


@dataclass(frozen=True, slots=True)
class AccuracyAtLeast:
    """0 ≤ correct; total ≥ 1 is the number of inputs of the task.

    margin ≥ 0, in logits: an input counts if its right logit is more than `margin` above every other.
    """

    conclusion: ClassVar[type[Fact]] = ProvedCount
    correct: int
    total: int
    margin: Fraction = Fraction(0)

    def require_task(self, task: Task) -> None:
        if self.total != task.total():
            raise Rejected(
                Reason.WRONG_TOTAL,
                "the claimed total is not the number of inputs of the task",
                path="$.claim.accuracy_at_least.total",
                expected=shown(task.total()),
                found=shown(self.total),
            )

    def compare(self, fact: Fact) -> None:
        """The claim follows from `ProvedCount` iff correct ≤ proved: compared as exact integers."""
        if not isinstance(fact, ProvedCount) or not self.correct <= fact.correct:
            proved = fact if isinstance(fact, ProvedCount) else None
            raise Rejected(
                Reason.NOT_PROVED,
                "the claim is larger than what the steps prove",
                path="$.claim.accuracy_at_least.correct",
                expected=f"at most {proved.correct if proved else 0}",
                found=str(self.correct),
                hint=_hint(proved),
            )

    def words(self) -> str:
        ahead = f" with margin > {self.margin}" if self.margin else ""
        return f"accuracy{ahead} >= {self.correct}/{self.total} ({decimal(self.correct, self.total)})"


def _hint(proved: ProvedCount | None) -> str:
    if proved is not None and proved.undecided:
        return f"{proved.undecided} inputs stayed undecided: try a higher --precision"
    return "the strategy that wrote the certificate claims more than it proves"


def _numbers(fact: ProvedCount) -> Mapping[str, int]:
    return {"proved": fact.correct, "wrong": fact.wrong, "undecided": fact.undecided}


def _reading(claim: AccuracyAtLeast) -> Reading:
    return margin_above(claim.margin)


def _refute(claim: AccuracyAtLeast, done: int, whole: int, wrong: int) -> None:
    """At most whole − wrong inputs are answered correctly; the claim is of more. Nothing is said where the margin was rounded up."""
    if claim.correct > whole - wrong and claim.margin == margin_above(claim.margin).margin:
        raise Rejected(
            Reason.NOT_PROVED,
            f"the claim is false: {wrong} of the {done} inputs that were evaluated are answered wrongly",
            path="$.claim.accuracy_at_least.correct",
            expected=f"at most {whole - wrong}",
            found=str(claim.correct),
            hint=f"the other {whole - done} of the {whole} inputs were not evaluated, since no answer to them makes the claim true",
        )


KIND = ClaimKind(
    "accuracy_at_least",
    {"correct": IntegerKind(0), "total": IntegerKind(1)},
    AccuracyAtLeast,
    _numbers,
    optional={"margin": RationalKind()},
    reading=_reading,
    refute=_refute,
)
