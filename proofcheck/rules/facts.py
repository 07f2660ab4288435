"""Facts: what a step has proved. Only a rule that the kernel is applying can construct one.

The seal is a guard against mistakes in this code base, not against a hostile Python program in the same process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import DyadicArray, Intervals
from proofcheck.models import PathTables

_APPLYING: ContextVar[bool] = ContextVar("a rule is being applied", default=False)


@contextmanager
def rule_application() -> Iterator[None]:
    """Inside this context facts may be constructed. Used by the kernel alone."""
    token = _APPLYING.set(True)
    try:
        yield
    finally:
        _APPLYING.reset(token)


@dataclass(frozen=True, slots=True)
class Fact:
    """Base of all facts. Each subclass says in its docstring what is true about the network when one exists."""

    def __post_init__(self) -> None:
        if not _APPLYING.get():
            raise TypeError(f"{type(self).__name__} is a fact: only a rule applied by the kernel can make one")


@dataclass(frozen=True, slots=True)
class PathExpansion(PathTables, Fact):
    """The five tables are those of the path expansion of the network, exactly."""


@dataclass(frozen=True, slots=True)
class DirectPathBound(Fact):
    """A bound on the direct path (logits).

    ∀ q, m, x:  EUPU[q, x] − EUPU[q, m] ≤ (M[x] − M[m]) + g[q].   M, g [d_vocab], exact.
    """

    M: DyadicArray
    g: DyadicArray


@dataclass(frozen=True, slots=True)
class ScoreApproximation(Fact):
    """Scores up to an error in row differences (pre-softmax scores times √d_head).

    ∀ q, i, j:  |(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q].   S [d_vocab, d_vocab], error [d_vocab], exact; EQKE of `PathTables`.
    A constant added to a row of EQKE changes nothing in this statement, so it is the same for W_E and for W_E plus any one position.
    """

    S: DyadicArray
    error: DyadicArray


@dataclass(frozen=True, slots=True)
class AttentionCells:
    """Attention to the max token for one number c of positions that do not hold it, the query's position included. K cells.

    A cell k stands for the sequences with last token q = queries[k], maximum m = max_tokens[k], exactly c positions not holding m, and
    every token that is not m at most m − gaps[q, m, c]. Either every query is the max token or every one is below it (query_is_max).
    """

    c: int
    query_is_max: bool
    queries: NDArray[np.int64]
    max_tokens: NDArray[np.int64]
    least: tuple[Intervals, Intervals]
    most: tuple[Intervals, Intervals]


@dataclass(frozen=True, slots=True)
class AttentionBounds(Fact):
    """Bounds on the attention paid to all positions that hold the max token together (a probability).

    For every cell of every group there are reals A, B enclosed by `least` and A', B' enclosed by `most`, all ≥ 0 with A + B > 0 and
    A' + B' > 0, such that for every sequence of the cell   A/(A + B) ≤ Σ_{i : x_i = m} α_i ≤ A'/(A' + B').
    gaps [d_vocab, d_vocab, n_ctx] indexed [q, m, c]: integers from 1 to d_vocab. Cells with c = 0 have attention 1 and are not listed.
    """

    gaps: NDArray[np.int64]
    groups: tuple[AttentionCells, ...]


@dataclass(frozen=True, slots=True)
class ProvedBlocks(Fact):
    """Lower bounds per block.

    ∀ q ≤ m: at least counts[q][m] sequences of the block (query q, max token m) are answered correctly; counts[q][m] = 0 for q > m.
    wrong: the same shape, or () where the rule proves nothing wrong: at least wrong[q][m] sequences of the block are answered wrongly.
    undecided: sequences that the rule examined, one by one or in whole boxes, and could not decide; they are not in `counts`.
    """

    counts: tuple[tuple[int, ...], ...]
    undecided: int = 0
    wrong: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class ProvedClasses(Fact):
    """Proved classes of sequences.

    choices[q][m][p] = the number of tokens in a set K ⊂ {t < m} such that every sequence with query q, max token m, exactly p non-query
    positions not holding m, and those p positions holding tokens of K, is answered correctly; −1 where nothing is proved. For p = 0
    the class is one sequence and 0 means "proved". Indexed q ≤ m, 0 ≤ p ≤ n − 1 − [q < m]; −1 elsewhere.
    """

    choices: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True, slots=True)
class ProvedCount(Fact):
    """At least `correct` inputs of the task are answered correctly and at least `wrong` wrongly; others as in `ProvedBlocks`, summed."""

    correct: int
    undecided: int = 0
    wrong: int = 0
