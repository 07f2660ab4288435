"""Facts about networks of one layer and one head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import DyadicArray, Intervals
from proofcheck.models import PathTables
from proofcheck.rules.fact import Fact


@dataclass(frozen=True, slots=True)
class LogitTables(PathTables, Fact):
    """The five tables are those of the path expansion of the network, exactly. What else there is about them is said by the two kinds."""


@dataclass(frozen=True, slots=True)
class PathExpansion(LogitTables):
    """The five tables are those of the path expansion of the network, exactly."""


@dataclass(frozen=True, slots=True)
class FloatTables(LogitTables):
    """Exact tables, and bounds on how far conforming float evaluations are from them: the statement of `float-tables`, `float-stages`.

    Errors of logit terms, of EQKE and EQKP (times √d_head) in the shapes of the tables, exact and ≥ 0; loss [1] of weights: 2η, 2^12·η.
    """

    EUPU_error: DyadicArray
    EVOU_error: DyadicArray
    PVOU_error: DyadicArray
    EQKE_error: DyadicArray
    EQKP_error: DyadicArray
    loss: DyadicArray


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
class ProvedClasses(Fact):
    """Proved classes of sequences.

    choices[q][m][p] = the number of tokens in a set K ⊂ {t < m} such that every sequence with query q, max token m, exactly p non-query
    positions not holding m, and those p positions holding tokens of K, is answered correctly; −1 where nothing is proved. For p = 0
    the class is one sequence and 0 means "proved". Indexed q ≤ m, 0 ≤ p ≤ n − 1 − [q < m]; −1 elsewhere.
    """

    choices: tuple[tuple[tuple[int, ...], ...], ...]
