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

NAME = "accuracy_at_least"


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
        require_total(NAME, self.total, task)

    def compare(self, fact: Fact) -> None:
        """The claim follows from `ProvedCount` iff correct ≤ proved: compared as exact integers."""
        require_proved(NAME, self.correct, fact)

    def words(self) -> str:
        ahead = f" with margin > {self.margin}" if self.margin else ""
        return f"accuracy{ahead} >= {self.correct}/{self.total} ({decimal(self.correct, self.total)})"


def require_total(name: str, total: int, task: Task) -> None:
    """Rejected(wrong-total) unless the claim's total is the number of inputs of the task."""
    if total != task.total():
        raise Rejected(
            Reason.WRONG_TOTAL,
            "the claimed total is not the number of inputs of the task",
            path=f"$.claim.{name}.total",
            expected=shown(task.total()),
            found=shown(total),
        )


def require_proved(name: str, correct: int, fact: Fact) -> None:
    """Rejected(not-proved) unless the fact is a count of at least `correct` right inputs, in the reading of its replay."""
    if not isinstance(fact, ProvedCount) or not correct <= fact.correct:
        proved = fact if isinstance(fact, ProvedCount) else None
        raise Rejected(
            Reason.NOT_PROVED,
            "the claim is larger than what the steps prove",
            path=f"$.claim.{name}.correct",
            expected=f"at most {proved.correct if proved else 0}",
            found=str(correct),
            hint=_hint(proved),
        )


def _hint(proved: ProvedCount | None) -> str:
    if proved is not None and proved.undecided:
        return f"{proved.undecided} inputs stayed undecided: try a higher --precision"
    return "the strategy that wrote the certificate claims more than it proves"


def numbers(fact: ProvedCount) -> Mapping[str, int]:
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
    NAME,
    {"correct": IntegerKind(0), "total": IntegerKind(1)},
    AccuracyAtLeast,
    numbers,
    optional={"margin": RationalKind()},
    reading=_reading,
    refute=_refute,
)
