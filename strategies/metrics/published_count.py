"""The count that the published convention gives for the classes that a certificate proves: (m − g)^p fillings in place of (m − g + 1)^p.

Information, not a proof. It is computed from the facts that the checker hands to an observer.
"""

from __future__ import annotations

from math import comb

from proofcheck import Step
from proofcheck.rules.attention_only.facts import ProvedClasses


class PublishedCount:
    """An observer of `Checker.verify`; `total` is 0 where the published convention has no count."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, step: Step, fact: object) -> None:
        if isinstance(fact, ProvedClasses) and step.rule.startswith("margin-"):
            self.total = sum(_fillings(cells) for row in fact.choices for cells in row)


def _fillings(cells: tuple[int, ...]) -> int:
    """cells[p]: the proved number of tokens for p free positions, −1 where nothing is proved."""
    free = len(cells) - 1
    return sum(comb(free, p) * (choices - 1 if p else 1) ** p for p, choices in enumerate(cells) if choices >= 0)
