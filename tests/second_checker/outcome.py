"""What the second checker can say of a certificate, and the two exceptions that carry it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


class RefusedError(Exception):
    """verdict: "REJECTED" or "DECLINED". reason: a code of docs/reason-codes.md. place: JSON path, tensor or step."""

    def __init__(self, verdict: str, reason: str, place: str = "", found: object = "") -> None:
        super().__init__(f"{verdict} {reason} at {place}: {found}")
        self.verdict = verdict
        self.reason = reason


class TooLargeError(Exception):
    """The replay would take more interval operations than the caller allows: nothing is said."""


@dataclass(frozen=True)
class Outcome:
    """verdict: VERIFIED, REJECTED, DECLINED or TOO-LARGE. numbers: empty where the steps were not all replayed.

    numbers: for each derived number its least and its largest right value. They differ where the documented rounding may decide either way;
    the largest "proved" is the count that the steps prove in real numbers. doubts: refusals that this rounding may lead to.
    """

    verdict: str
    reason: str
    claimed: int
    total: int
    detail: str = ""
    numbers: dict[str, tuple[int, int]] = field(default_factory=dict)
    doubts: tuple[tuple[str, str], ...] = ()

    @property
    def proved(self) -> int:
        """The count that the steps prove in real numbers; −1 if they were not all replayed."""
        return self.numbers["proved"][1] if self.numbers else -1

    def with_claim(self, claim: int) -> Outcome:
        """The outcome of the same steps for another claim."""
        if not self.numbers:
            raise ValueError("the steps were not all replayed")
        if claim > self.proved:
            detail = f"claimed {claim}, proved {self.proved}"
            return replace(self, verdict="REJECTED", reason="not-proved", claimed=claim, detail=detail)
        return replace(self, verdict="VERIFIED", reason="", claimed=claim, detail="")

    def line(self) -> str:
        """One line for people."""
        if self.verdict == "VERIFIED":
            return f"VERIFIED {self.claimed}/{self.total} (steps prove {self.proved})"
        return f"{self.verdict} {self.reason}".strip() + (f" ({self.detail})" if self.detail else "")


def rejected(reason: str, place: str = "", found: object = "") -> RefusedError:
    return RefusedError("REJECTED", reason, place, found)


def declined(reason: str, place: str = "", found: object = "") -> RefusedError:
    return RefusedError("DECLINED", reason, place, found)
