"""Mean loss: the mean cross-entropy over all inputs of the task, in nats and over the reals, is at most (at least) a rational number."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from proofcheck.claims.claim import ClaimKind
from proofcheck.decimals import significant
from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import IntegerKind, Kind, RationalKind
from proofcheck.limits import shown
from proofcheck.rules.counting.loss_facts import LossSum
from proofcheck.rules.fact import Fact
from proofcheck.tasks import Task


@dataclass(frozen=True, slots=True)
class _MeanLoss:
    """nats ≥ 0; total ≥ 1 is the number of inputs of the task."""

    conclusion: ClassVar[type[Fact]] = LossSum
    name: ClassVar[str]
    nats: Fraction
    total: int

    def require_task(self, task: Task) -> None:
        if self.total != task.total():
            raise Rejected(
                Reason.WRONG_TOTAL,
                "the claimed total is not the number of inputs of the task",
                path=f"$.claim.{self.name}.total",
                expected=shown(task.total()),
                found=shown(self.total),
            )

    def _refusal(self, expected: str) -> Rejected:
        return Rejected(
            Reason.NOT_PROVED,
            "the claim says more than what the steps prove",
            path=f"$.claim.{self.name}.nats",
            expected=expected,
            found=_shown(self.nats),
            hint="the strategy that wrote the certificate claims more than it proves; or try a higher --precision",
        )

    def _words(self, sign: str) -> str:
        return f"mean loss {sign} {self.nats.numerator}/{self.nats.denominator} nats ({significant(self.nats)}) over {self.total} inputs"


@dataclass(frozen=True, slots=True)
class MeanLossAtMost(_MeanLoss):
    """The mean loss is at most `nats`."""

    name: ClassVar[str] = "mean_loss_at_most"

    def compare(self, fact: Fact) -> None:
        """The claim follows from `LossSum` iff upper ≤ nats·total: compared as exact rationals."""
        if not isinstance(fact, LossSum) or not fact.upper <= self.nats * self.total:
            raise self._refusal(f"at least {_shown(fact.upper / self.total)}" if isinstance(fact, LossSum) else "")

    def words(self) -> str:
        return self._words("<=")


@dataclass(frozen=True, slots=True)
class MeanLossAtLeast(_MeanLoss):
    """The mean loss is at least `nats`."""

    name: ClassVar[str] = "mean_loss_at_least"

    def compare(self, fact: Fact) -> None:
        """The claim follows from `LossSum` iff nats·total ≤ lower: compared as exact rationals."""
        if not isinstance(fact, LossSum) or not self.nats * self.total <= fact.lower:
            raise self._refusal(f"at most {_shown(fact.lower / self.total)}" if isinstance(fact, LossSum) else "")

    def words(self) -> str:
        return self._words(">=")


def _shown(nats: Fraction) -> str:
    return f"{significant(nats, 12)} nats"


def _numbers(fact: LossSum) -> dict[str, int]:
    return {}


def _proved(fact: LossSum, total: int) -> str:
    lower, upper, largest = (significant(x, 12) for x in (fact.lower / total, fact.upper / total, fact.largest))
    return f"mean loss from {lower} to {upper} nats over {total} inputs, each loss at most {largest}"


FIELDS: dict[str, Kind] = {"nats": RationalKind(), "total": IntegerKind(1)}
AT_MOST = ClaimKind(MeanLossAtMost.name, FIELDS, MeanLossAtMost, _numbers, _proved)
AT_LEAST = ClaimKind(MeanLossAtLeast.name, FIELDS, MeanLossAtLeast, _numbers, _proved)
