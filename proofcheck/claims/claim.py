"""What a claim is: a kind of conclusion, and the comparison of what is claimed with what was derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from proofcheck.kinds import Kind
from proofcheck.rules.fact import Fact
from proofcheck.rules.reading import OVER_THE_REALS, Reading
from proofcheck.tasks import Task


class Claim(Protocol):
    """One claim about a network and a task."""

    conclusion: ClassVar[type[Fact]]

    def require_task(self, task: Task) -> None:
        """Rejected(wrong-total) unless the claim's numbers are those of the task."""

    def compare(self, fact: Fact) -> None:
        """Rejected(not-proved) unless the fact implies the claim."""

    def words(self) -> str:
        """The claim as the verdict line has it."""


def _cannot_tell(claim: Any, done: int, whole: int, wrong: int) -> None:
    """Wrong answers do not refute it."""


def _counts(fact: Any, total: int) -> str:
    return ""


def _none(claim: Any) -> tuple[str, ...]:
    return ()


def over_the_reals(claim: Claim) -> Reading:
    """The right logit is the largest."""
    return OVER_THE_REALS


@dataclass(frozen=True, slots=True)
class ClaimKind:
    """A kind of claim: the fields that a certificate gives for it, and how they make one.

    numbers(fact): for reports. words(fact, total): what was derived in one line, where counts of inputs do not say it.
    optional: fields that may follow; build is called without those that are not there.
    reading(claim): what "answered correctly" means in the replay of a claim. assumptions(claim): what its words assume, in full.
    refute(claim, done, whole, wrong): Rejected(not-proved) if the claim is false of every network that answers `wrong` of the `whole`
    inputs wrongly, `done` of which were looked at; so a proof of it can be given up. It may do nothing.
    """

    name: str
    fields: Mapping[str, Kind]
    build: Callable[..., Claim]
    numbers: Callable[[Any], Mapping[str, int]]
    words: Callable[[Any, int], str] = _counts
    refute: Callable[[Any, int, int, int], None] = _cannot_tell
    optional: Mapping[str, Kind] = field(default_factory=dict)
    reading: Callable[[Any], Reading] = over_the_reals
    assumptions: Callable[[Any], tuple[str, ...]] = _none
