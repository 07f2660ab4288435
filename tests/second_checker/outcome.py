"""What the second checker can say of a certificate, and the two exceptions that carry it."""

from __future__ import annotations

from dataclasses import dataclass


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
    """verdict: VERIFIED, REJECTED, DECLINED or TOO-LARGE. −1 for counts where the steps were not all replayed.

    proved: the count that the steps prove in real numbers. least: what they prove at least after the documented rounding.
    doubts: refusals that this rounding may lead to.
    """

    verdict: str
    reason: str
    claimed: int
    proved: int
    total: int
    detail: str = ""
    least: int = -1
    doubts: tuple[tuple[str, str], ...] = ()

    def line(self) -> str:
        """One line for people."""
        if self.verdict == "VERIFIED":
            return f"VERIFIED {self.claimed}/{self.total} (steps prove {self.proved})"
        return f"{self.verdict} {self.reason}".strip() + (f" ({self.detail})" if self.detail else "")


def rejected(reason: str, place: str = "", found: object = "") -> RefusedError:
    return RefusedError("REJECTED", reason, place, found)


def declined(reason: str, place: str = "", found: object = "") -> RefusedError:
    return RefusedError("DECLINED", reason, place, found)
