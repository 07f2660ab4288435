"""Scores of which a lower triangle may be bounded instead of computed, and the attention weights that follow.

For each query q a hint first[q] ≤ q says from which token on the scores Y_q · E_t (E = W_E) are computed. The
weights of the tokens before it
are only needed inside maxima over all tokens t < s, and there an upper bound does.

Lemma (bounded prefix). For any b ∈ ℝ^D and any number α, with ρ = Y_q − α b and κ_t = b · E_t,
    max_{t<s} Y_q · E_t ≤ α·(max_{t<s} κ_t if α ≥ 0, else min_{t<s} κ_t) + ‖ρ‖·max_{t<s} ‖E_t‖.
Proof. Y_q · E_t = α κ_t + ρ · E_t; the first term is at most its extreme over t < s, the second by
Cauchy–Schwarz.  ∎
All of it is exact but for the norms, which are rounded up (`root_above`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import Arithmetic, DyadicArray, Integers, PositiveTable, concatenate
from proofcheck.arithmetic.operations import count
from proofcheck.arithmetic.roots import leaders, root_above
from proofcheck.models import Dimensions

Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PrefixBounds:
    """What the lemma needs: α, ‖ρ_q‖ rounded up [d]; running extremes of κ and of ‖E_t‖ rounded up [d]."""

    coefficients: DyadicArray
    residuals: DyadicArray
    largest: DyadicArray
    smallest: DyadicArray
    norms: DyadicArray

    def bounds(self, queries: Integers, ends: Integers) -> DyadicArray:
        """Upper bounds on max_{t < ends[k]} of the scores of queries[k], ends ≥ 1: [K]. 4 operations per
        entry.
        """
        alpha, last = self.coefficients[queries], ends - 1
        count(len(queries))
        falling = np.asarray(alpha.integers < 0, dtype=np.bool_)  # a negative coefficient takes the smallest κ
        exponent = min(self.largest.exponent, self.smallest.exponent)
        extremes = np.where(falling, self.smallest.at_exponent(exponent)[last], self.largest.at_exponent(exponent)[last])
        return alpha * DyadicArray(extremes, exponent) + self.residuals[queries] * self.norms[last]


@dataclass(frozen=True, slots=True)
class Scores:
    """Exact scores Y_q · E_t for first[q] ≤ t < d, one query after another in `known`; starts[q] is where q
    begins.
    """

    first: Integers
    starts: Integers
    known: DyadicArray
    prefix: PrefixBounds | None

    @property
    def d_vocab(self) -> int:
        return len(self.first)


def scores(queries: DyadicArray, embedding: DyadicArray, first: Integers, direction: DyadicArray, alpha: DyadicArray) -> Scores:
    """Scores of queries Y [d, D] and embedding E [d, D]; direction b [1, D], alpha [d, 1]. Nothing below
    first[q] is computed.

    The bounds of prefixes are made only if some first[q] > 0.
    """
    d = len(first)
    parts: list[DyadicArray] = []
    order = np.argsort(first, kind="stable")
    position = np.zeros(d, dtype=np.int64)
    done = 0
    for value in distinct(first).tolist():  # one product for all queries that begin at the same token
        rows = order[first[order] == value]
        parts.append((queries[rows] @ embedding[value:].T).reshape(-1))
        position[rows] = done + np.arange(len(rows)) * (d - value)
        done += len(rows) * (d - value)
    known = concatenate(parts, axis=0)
    prefix = _prefix_bounds(queries, embedding, direction, alpha) if first.any() else None
    return Scores(first, position, known, prefix)


def _prefix_bounds(queries: DyadicArray, embedding: DyadicArray, direction: DyadicArray, alpha: DyadicArray) -> PrefixBounds:
    kappa = (embedding @ direction.T).reshape(-1)
    residuals = queries - alpha @ direction
    squares = [(rows * rows).sum(axis=1) for rows in (residuals, embedding)]
    return PrefixBounds(
        coefficients=alpha.reshape(-1),
        residuals=root_above(squares[0]),
        largest=kappa.running_max(axis=0),
        smallest=kappa.running_min(axis=0),
        norms=root_above(squares[1].running_max(axis=0)),
    )


def scores_operations(sizes: Dimensions, first: Integers) -> int:
    """Upper bound on the operations of `scores`, from the hint, whatever it holds."""
    d, D = sizes.d_vocab, sizes.d_model
    known = int((d - np.clip(first, 0, d)).sum())
    return 2 * known * D + (8 * d * D + 6 * d if first.any() else 0)


def distinct(numbers: Integers) -> Integers:
    """The different ones, ascending. As np.unique, which would import numpy.ma: a tenth of the time of a short process."""
    return np.array(sorted(set(numbers.tolist())), dtype=np.int64)


class Weights:
    """Attention weights v_q(t) = exp(Y_q · E_t / √d_head) of single tokens, and upper bounds on max_{t<s}
    v_q(t) for wanted (q, s).
    """

    def __init__(self, table: Scores, wanted: Booleans, arithmetic: Arithmetic, d_head: int) -> None:
        """wanted [d, d + 1] indexed [q, s]; s = 0 is never wanted."""
        queries, ends = np.nonzero(wanted)
        below = ends <= table.first[queries]
        partly = distinct(queries[~below & (table.first[queries] > 0)])  # their tokens before `first` are bounded once
        bounded = np.concatenate([queries[below], partly]), np.concatenate([ends[below], table.first[partly]])
        parts = [table.known]
        if len(bounded[0]):
            if table.prefix is None:
                raise ValueError("scores are missing that have no bound")
            parts.append(table.prefix.bounds(*bounded))
        exact = concatenate(parts, axis=0)
        self._values = arithmetic.exponentials(exact, d_head)
        self._table = table
        self._prefix = np.full(wanted.shape, -1, dtype=np.int64)
        places = len(table.known.integers) + np.arange(len(bounded[0]))
        self._prefix[queries[below], ends[below]] = places[: int(below.sum())]
        whole = np.full(table.d_vocab, -1, dtype=np.int64)
        whole[partly] = places[int(below.sum()) :]
        self._prefix[queries[~below], ends[~below]] = self._leading(exact, queries[~below], ends[~below], whole)

    def _leading(self, exact: DyadicArray, queries: Integers, ends: Integers, whole: Integers) -> Integers:
        """Where in `exact` the largest of the known scores of first[q] ≤ t < s and of the bound on the others
        stands.
        """
        table = self._table
        places = np.zeros(len(queries), dtype=np.int64)
        for q in distinct(queries).tolist():
            start, length = int(table.starts[q]), table.d_vocab - int(table.first[q])
            mine = queries == q
            best = start + leaders(table.known[start : start + length])[ends[mine] - 1 - table.first[q]]
            if whole[q] >= 0:
                count(len(best))
                lower = np.asarray(exact.integers[best] < exact.integers[whole[q]], dtype=np.bool_)
                best = np.where(lower, whole[q], best)
            places[mine] = best
        return places

    def tokens(self, queries: Integers, tokens: Integers) -> PositiveTable:
        """v, broadcast. ValueError where a score was not computed."""
        offset = tokens - self._table.first[queries]
        if (offset < 0).any():
            raise ValueError("a score is used that was not computed")
        return self._values[self._table.starts[queries] + offset]

    def prefixes(self, queries: Integers, ends: Integers) -> PositiveTable:
        """Upper bounds on max_{t<s} v_q(t), broadcast. ValueError where (q, s) was not wanted."""
        places = self._prefix[queries, ends]
        if (places < 0).any():
            raise ValueError("a prefix is used that was not asked for")
        return self._values[places]
