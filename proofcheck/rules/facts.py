"""Facts: what a step has proved. Only a rule that the kernel is applying can construct one.

The seal is a guard against mistakes in this code base, not against a hostile Python program in the same process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from proofcheck.models import PathTables

_open = [False]


@contextmanager
def rule_application() -> Iterator[None]:
    """Inside this context facts may be constructed. Used by the kernel alone."""
    _open[0] = True
    try:
        yield
    finally:
        _open[0] = False


@dataclass(frozen=True, slots=True)
class Fact:
    """Base of all facts. Each subclass says in its docstring what is true about the network when one exists."""

    def __post_init__(self) -> None:
        if not _open[0]:
            raise TypeError(f"{type(self).__name__} is a fact: only a rule applied by the kernel can make one")


@dataclass(frozen=True, slots=True)
class Tables(Fact):
    """The exact tables of the path expansion of the network (`PathTables`)."""

    tables: PathTables


@dataclass(frozen=True, slots=True)
class ProvedBlocks(Fact):
    """Lower bounds per block.

    ∀ q ≤ m: at least counts[q][m] sequences of the block (query q, max token m) are answered correctly; counts[q][m] = 0 for q > m.
    undecided: sequences that the rule examined one by one and could not decide; they are not in `counts`.
    published: the total that the published counting convention reports for the same accepted classes (0 where it has none); proves nothing.
    """

    counts: tuple[tuple[int, ...], ...]
    undecided: int = 0
    published: int = 0


@dataclass(frozen=True, slots=True)
class ProvedClasses(Fact):
    """Proved classes of sequences.

    choices[q][m][p] = the number of tokens in a set K ⊂ {t < m} such that every sequence with query q, max token m, exactly p non-query
    positions not holding m, and those p positions holding tokens of K, is answered correctly; −1 where nothing is proved. For p = 0
    the class is one sequence and 0 means "proved". Indexed q ≤ m, 0 ≤ p ≤ most_others(q, m); −1 elsewhere.
    published_choices: the same with the published count's number of tokens; proves nothing.
    """

    choices: tuple[tuple[tuple[int, ...], ...], ...]
    published_choices: tuple[tuple[tuple[int, ...], ...], ...] | None = None


@dataclass(frozen=True, slots=True)
class ProvedCount(Fact):
    """At least `correct` inputs of the task are answered correctly. undecided, published: as in `ProvedBlocks`, summed."""

    correct: int
    undecided: int = 0
    published: int = 0
