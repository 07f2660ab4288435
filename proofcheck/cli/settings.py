"""What the options say about the checker, as a value that can go to another process."""

from __future__ import annotations

from dataclasses import dataclass

from proofcheck.arithmetic.backend import Backend
from proofcheck.extensions import resolve
from proofcheck.limits import Limits
from proofcheck.verification import Checker


@dataclass(frozen=True, slots=True)
class Settings:
    """What makes a checker, in this process or in a worker. trust: names of extensions, resolved where the checker is made."""

    backend: Backend
    limits: Limits
    precision: int | None
    trust: tuple[str, ...]

    def checker(self) -> Checker:
        """Declined(untrusted-extension)."""
        return Checker(self.backend, self.limits, self.precision, resolve(self.trust))
