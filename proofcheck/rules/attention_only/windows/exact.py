"""Bounds from both sides on the sums of single rivals, from below on those of groups, and the tuples of cells
that they decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import IntegerArray, Integers, Intervals, nonpositive_sums
from proofcheck.arithmetic.operations import count
from proofcheck.arithmetic.piecewise import at_least_zero, at_most_zero, joined
from proofcheck.rules.attention_only.windows.levels import Terms
from proofcheck.rules.attention_only.windows.lists import Lists
from proofcheck.rules.attention_only.windows.sheets import Sheet


@dataclass(frozen=True, slots=True)
class SheetLevels:
    """Integers for each query and group of a sheet, single rivals first: [Q, G, n, L], the query's own term
    at [:, :, n − 1, 0].

    low ≤ scale·(a lower bound on f) for all groups, high ≥ scale·(an upper bound on f) for the single rivals;
    scales > 0 differ from
    group to group. [Q, J, n, L] for high.
    """

    low: Integers
    high: Integers


class SheetTerms:
    """Lower bounds h(t) + e(q) of each group on each cell, and what makes levels of them.

    X1. For a group g of rivals outside S = J ∪ {m} and a single token t, h + e is min_{j∈g} (EV[t, m] − EV[t,
    j] + EU[q, m] − EU[q, j]), on
    a segment the sum of the bounds by lists (`levels`); π is the bound by lists. All hold for every rival of
    g.
    X2. For a single rival, M ≥ max_{a≤t<b} v_t and z = e(q) + π(i): v_t (h(t) + z) ≤ max(0, z + max h)·M for
    a ≤ t < b.
        Proof: h(t) + z ≤ z + max h; if that is ≤ 0 so is the left side, else the left side is at most v_t (z
        + max h) ≤ M (z + max h).  ∎
    """

    def __init__(self, terms: Terms, sheet: Sheet, lists: tuple[Lists, Lists, Lists]) -> None:
        self.terms, self.sheet = terms, sheet
        cells, queries = sheet.cells, sheet.queries
        m, n, d = cells.max_token, terms.n_ctx, terms.d_vocab
        marks = sheet.members(d)
        h, e, pi = (
            sheet.differences(answer, table, rows, known, marks)
            for answer, table, rows, known in zip(
                terms.of_answer, terms.tables, (np.arange(m + 1), queries, np.arange(n)), lists, strict=True
            )
        )
        spans = list(zip(cells.starts.tolist(), cells.ends.tolist(), strict=True))
        near = h[:, cells.tokens]
        least = joined([near, *(h[:, a:b].min(axis=1)[:, None] for a, b in spans)], axis=1)  # [G, L]
        J = len(sheet.rivals)
        most = joined([near[:J], *(h[:J, a:b].max(axis=1)[:, None] for a, b in spans)], axis=1)  # [J, L]
        self.low = self._on_queries(least) + self._on_cells(e)  # [Q, G, L]
        self.high = self._on_queries(most) + self._on_cells(e[:J])
        self.own = self._on_queries(h[:, queries], each=True) + self._on_cells(e)[:, :, 0]  # [Q, G]
        self.pi = pi
        if sheet.groups:
            self._divide_rest()

    def _on_queries(self, values: Intervals, *, each: bool = False) -> Intervals:
        """[G, L] as [1, G, L]; or [G, Q] as [Q, G]."""
        if each:
            groups, queries = values.shape
            return values[np.arange(groups)[None, :], np.arange(queries)[:, None]]
        return values[None]

    def _on_cells(self, e: Intervals) -> Intervals:
        """[G, Q] as [Q, G, 1]."""
        groups, queries = e.shape
        return e[np.arange(groups)[None, :], np.arange(queries)[:, None]][:, :, None]

    def _divide_rest(self) -> None:
        """In place of the rest by lists: its groups, token by token. 2 operations for each rival, query and
        single token.
        """
        terms, sheet = self.terms, self.sheet
        tokens, queries, m = sheet.cells.tokens, sheet.queries, sheet.cells.max_token
        singles, J = len(tokens), len(sheet.rivals)
        low, own = [self.low[:, :J]], [self.own[:, :J]]
        for group in sheet.groups:
            rival = terms.EV[tokens[:, None], group[None, :]][None] + terms.EU[queries[:, None], group[None, :]][:, None, :]
            near = (terms.EV[tokens, m][None] + terms.EU_of_answer[queries, m][:, None]) - rival.max(axis=2)  # [Q, K]
            low.append(joined([near[:, None, :], self.low[:, J:, singles:]], axis=2))
            other = (terms.EV[queries[:, None], group[None, :]] + terms.EU[queries[:, None], group[None, :]]).max(axis=1)
            own.append(((terms.EV[queries, m] + terms.EU_of_answer[queries, m]) - other)[:, None])
        self.low, self.own = joined(low, axis=1), joined(own, axis=1)
        self.pi = self.pi[np.array([*range(J), *(J for _ in sheet.groups)], dtype=np.int64)]

    def levels(self, bits: int) -> SheetLevels:
        """The integers of all queries and groups."""
        terms, cells, queries = self.terms, self.sheet.cells, self.sheet.queries
        n, J, singles = terms.n_ctx, len(self.sheet.rivals), self.sheet.cells.singles
        own = terms.weights.tokens(queries, queries)
        single = terms.weights.tokens(queries[:, None], cells.tokens[None, :])
        weights = [single] + ([terms.weights.prefixes(queries[:, None], cells.ends[None, :])] if len(cells.ends) else [])
        shift = np.max([own.exponent, *(part.exponent.max(axis=1) for part in weights)], axis=0)  # carries no claim
        v = joined([part.relative_to(shift[:, None]) for part in weights], axis=1)  # [Q, L]
        factors = terms.u[queries, : n - 1][:, :, None] * v[:, None, :]  # [Q, n − 1, L]
        last = terms.u[queries, n - 1] * own.relative_to(shift)  # [Q]
        term = last[:, None] * (self.own + self.pi[:, n - 1][None])  # [Q, G]
        before = np.arange(n - 1)
        pi = self.pi[:, before][None, :, :, None]  # [1, G, n − 1, 1]
        z = self.low[:, :, None, :] + pi
        low = joined([z[..., :singles], at_most_zero(z[..., singles:])], axis=3) * factors[:, None]
        top = self.high[:, :, None, singles:] + pi[:, :J]
        high = joined([low[:, :J, :, :singles], at_least_zero(top) * factors[:, None, :, singles:]], axis=3)
        return SheetLevels(
            lower_integers(low, term, bits), -lower_integers(-high, -term[:, :J], bits)
        )  # rounded up: each row by its own enclosures


def lower_integers(levels: Intervals, term: Intervals, bits: int) -> Integers:
    """Integers that are at most a positive multiple of the levels [Q, G, n − 1, L] and terms [Q, G]: [Q, G,
    n, L], a scale for each (q, g).
    """
    Q, G, before, L = levels.shape
    flat = np.indices((Q, G)).reshape(2, -1)
    rows = levels[flat[0], flat[1]]  # [Q·G, n − 1, L]
    terms = term[flat[0], flat[1]][:, None, None].broadcast_to((Q * G, 1, L))
    fixed = joined([rows, terms], axis=1).fixed_point(bits)
    return np.asarray(fixed.lower, dtype=np.int64).reshape(Q, G, before + 1, L)


def deciding(low: Integers, high: Integers, sizes: Integers, spend: Callable[[int], None], *, required: bool) -> tuple[int, int]:
    """(failing, wrong) for low [G, n, L] and high [J, n, L] of one block, sizes of the cells (level 0 is
    {m}).

    Theorem (X). failing: the sequences of the block, cell by cell, with Σ low ≤ 0 for some group; all others
    are right. wrong: those with
    Σ high ≤ 0 for some single rival; they are wrong. With `required` (q < m) only tuples that hold {m} are in
    the block.
    Proof. The groups cover all rivals ≠ m. If every Σ low > 0, the sum of f is > 0 for every rival, and x is
    right by Theorem S. If
    Σ high ≤ 0 for j ∈ J, the sum of f^j is ≤ 0 and x is wrong. A tuple is counted once, with as many
    sequences as the product of sizes.  ∎
    """
    return _tuples(low, sizes, spend, required=required), _tuples(high, sizes, spend, required=required)


def _tuples(levels: Integers, sizes: Integers, spend: Callable[[int], None], *, required: bool) -> int:
    """Sequences with some sum over the n entries at most zero, for levels [R, n, L]; level 0 required
    somewhere or not.
    """
    rows, n, many = levels.shape
    if rows == 0:
        return 0
    open_rows = levels[_maybe_nonpositive(levels, required=required)]
    if len(open_rows) == 0:
        return 0
    last = open_rows[:, n - 1, 0]
    total = 0
    for base, parts in _boxes(open_rows[:, : n - 1], last, required=required):
        lengths = [sizes[many - part.shape[1] :] for part in parts]
        for prefixes, smallest in nonpositive_sums(base, parts, spend):
            total += _weight(prefixes, smallest <= 0, lengths)
    return total


def _maybe_nonpositive(levels: Integers, *, required: bool) -> NDArray[np.bool_]:
    """Rows whose smallest possible sum over the block is at most zero: [R]."""
    least = levels[:, :-1].min(axis=2)  # [R, n − 1]
    bound = levels[:, -1, 0] + least.sum(axis=1)
    count(levels[:, :-1].size)
    if required and levels.shape[1] > 1:
        bound = bound + (levels[:, :-1, 0] - least).min(axis=1)
        count(2 * least.size)
    return np.asarray(bound <= 0)


def _boxes(before: Integers, last: Integers, *, required: bool) -> Iterator[tuple[Integers, list[IntegerArray]]]:
    """base [R] and the levels of the free positions [R, L or L − 1], box by box: by the first position that
    holds {m}.
    """
    positions = before.shape[1]
    if not required:
        yield last, [before[:, i] for i in range(positions)]
        return
    for first in range(positions):
        yield (
            last + before[:, first, 0],
            [before[:, i, 1 if i < first else 0 :] for i in range(positions) if i != first],
        )


def _weight(prefixes: Integers, chosen: NDArray[np.bool_], lengths: list[Integers]) -> int:
    """Σ over chosen[u, t] of the product of sizes of prefix u and last level t. Exact integers of any size."""
    if not lengths:
        return int(chosen.sum())
    heads = lengths[:-1]
    indices = np.unravel_index(prefixes, tuple(len(part) for part in heads)) if heads else ()
    weight = np.ones(len(prefixes), dtype=object)
    for part, index in zip(heads, indices, strict=True):
        weight = weight * part[index].astype(object)
    per_prefix = (chosen * lengths[-1][None, :]).sum(axis=1)
    count(chosen.size + len(prefixes) * len(lengths))
    return int((weight * per_prefix.astype(object)).sum())
