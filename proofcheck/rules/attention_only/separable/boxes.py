"""Boxes of sequences inside a block, and the tally of what is decided in them. Shared by the rules that go below whole blocks.

Split by the first max token. For q = m the block (q, m) is one box: tokens ≤ m at the n − 1 positions before the query. For q < m some
position holds m; with p the first one, the block is the disjoint union over p < n − 1 of the boxes
    x_i < m for i < p,   x_p = m,   x_i ≤ m for p < i < n − 1.
Every sequence of such a box has last token q and maximum m; the maximum is constant on it and on every part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import IntegerArray, Integers, certainly_at_most_zero_ball, certainly_positive_ball
from proofcheck.errors import Reason, Rejected
from proofcheck.rules.attention_only.separable.separability import CHUNK_ENTRIES, ExactMargins, MarginTerms
from proofcheck.rules.counting.block_tally import frozen
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.hints import IntegersHint

ENTRY_BITS = 30  # terms have at most ENTRY_BITS − n_ctx.bit_length() bits, so that n_ctx + 1 of them fit int32


class Box:
    """The sequences with tokens < max_token before position `first`, max_token at it, ≤ max_token after it; first = −1: all ≤ max_token."""

    __slots__ = ("first", "max_token", "positions", "sizes")

    def __init__(self, n_ctx: int, max_token: int, first: int) -> None:
        self.max_token = max_token
        self.first = first
        self.positions = tuple(i for i in range(n_ctx - 1) if i != first)
        self.sizes = tuple(max_token if i < first else max_token + 1 for i in self.positions)

    @property
    def size(self) -> int:
        """The number of sequences for one query."""
        return prod(self.sizes)

    def all_ranges(self, query: int, ranges: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
        """Token ranges of all positions, from those of the free positions."""
        found = list(ranges)
        if self.first >= 0:
            found.insert(self.first, (self.max_token, self.max_token + 1))
        return [*found, (query, query + 1)]

    def terms(self, lower: IntegerArray, last: IntegerArray) -> tuple[IntegerArray, list[IntegerArray]]:
        """base [A, J] and terms [A, J, T_i] of the free positions, from lower [A, n, J, max_token + 1] and the query's own term [A, J]."""
        base = last if self.first < 0 else last + lower[:, self.first, :, self.max_token]
        return base, [lower[:, i, :, :size] for i, size in zip(self.positions, self.sizes, strict=True)]

    def sequence(self, query: int, tokens: list[int]) -> tuple[int, ...]:
        """The sequence with these tokens at the free positions."""
        before = list(tokens)
        if self.first >= 0:
            before.insert(self.first, self.max_token)
        return (*before, query)

    def sequence_at(self, query: int, index: int) -> tuple[int, ...]:
        """The sequence whose free tokens have this row-major index."""
        return self.sequence(query, [int(token) for token in np.unravel_index(index, self.sizes)] if self.sizes else [])


def boxes(n_ctx: int, query: int, max_token: int) -> list[Box]:
    """The boxes whose disjoint union is the block (query, max_token)."""
    return [Box(n_ctx, max_token, first) for first in (range(n_ctx - 1) if query < max_token else (-1,))]


class Tally:
    """Sequences decided, for each block; settles single open ones in balls while the budget lasts."""

    def __init__(self, d_vocab: int, exact: ExactMargins, budget: int) -> None:
        self.counts = [[0] * d_vocab for _ in range(d_vocab)]
        self.wrong = [[0] * d_vocab for _ in range(d_vocab)]
        self.undecided = 0
        self._exact = exact
        self._budget = budget

    def add(self, query: int, m: int, *, right: int = 0, wrong: int = 0, undecided: int = 0) -> None:
        self.counts[query][m] += right
        self.wrong[query][m] += wrong
        self.undecided += undecided

    def affordable(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first of these places of open sequences, as many as may still be settled; the others are undecided."""
        self.undecided += max(0, len(places) - self._budget)
        return places[: self._budget]

    def settle(self, sequence: tuple[int, ...], m: int) -> None:
        """Decide one sequence in balls: right if every margin is certainly positive, wrong if one is certainly at most zero."""
        if self._budget == 0:
            self.undecided += 1
            return
        self._budget -= 1
        margins = self._exact.margins(sequence, m)
        if all(certainly_positive_ball(margin) for margin in margins):
            self.counts[sequence[-1]][m] += 1
        elif any(certainly_at_most_zero_ball(margin) for margin in margins):
            self.wrong[sequence[-1]][m] += 1
        else:
            self.undecided += 1

    def settle_box(self, ranges: list[tuple[int, int]], query: int, m: int) -> None:
        """Decide all sequences with tokens in these ranges (one for each position, the query's included) at once, in balls."""
        size = prod(high - low for low, high in ranges)
        cost = -(-sum(high - low for low, high in ranges) // len(ranges))  # a sequence has one term for each position
        if cost > self._budget:
            self.undecided += size
            return
        self._budget -= cost
        smallest, largest = self._exact.bounds(ranges, query, m)
        if all(certainly_positive_ball(margin) for margin in smallest):
            self.counts[query][m] += size
        elif any(certainly_at_most_zero_ball(margin) for margin in largest):
            self.wrong[query][m] += size
        else:
            self.undecided += size

    def fact(self) -> ProvedBlocks:
        return ProvedBlocks(frozen(self.counts), undecided=self.undecided, wrong=frozen(self.wrong))


def neither(sums: IntegerArray, slack: int) -> NDArray[np.bool_]:
    """Where sums S of lower bounds, by at most `slack` too small, leave a sequence open: not right (S > 0), not wrong (S ≤ −slack)."""
    return np.asarray((sums <= 0) & (sums > -slack))


BLOCK_PAIRS = IntegersHint(("*", "2"))  # rows (query, max token)


def hinted_blocks(pairs_hint: Integers, d_vocab: int) -> list[tuple[int, list[int]]]:
    """The hint `blocks`, an array [K, 2] of distinct blocks (query, max token) in order of max token then query, as (m, queries) groups."""
    pairs = pairs_hint.tolist() if 2 * len(pairs_hint) <= d_vocab * (d_vocab + 1) else []
    ordered = [(m, q) for q, m in pairs]
    good = all(0 <= q <= m < d_vocab for q, m in pairs) and all(a < b for a, b in pairwise(ordered))
    if not (good and pairs):
        raise Rejected(
            Reason.BAD_HINT,
            "hint blocks is not a list of distinct blocks",
            path="blocks",
            expected="rows (query, max token), query ≤ max token < d_vocab, increasing in (max token, query), at least one",
            found=next((str([q, m]) for q, m in pairs if not 0 <= q <= m < d_vocab), "another order or number"),
        )
    groups: dict[int, list[int]] = {}
    for m, q in ordered:
        groups.setdefault(m, []).append(q)
    return list(groups.items())


@dataclass(frozen=True, slots=True)
class BlockTerms:
    """Integer terms of one block: lower [n, J, max_token + 1] ≤ scale·f ≤ lower + width, the query's own term last [J], slack = n·width."""

    query: int
    max_token: int
    lower: IntegerArray
    last: IntegerArray
    slack: int


def hinted_terms(margins: MarginTerms, groups: list[tuple[int, list[int]]]) -> Iterator[BlockTerms]:
    """The terms of hinted blocks, one at a time. 2·n·J·(m + 1) operations each, and n·J·(m + 1) for each m."""
    n = margins.n_ctx
    for m, queries in groups:
        step = max(1, CHUNK_ENTRIES // (n * (margins.d_vocab - 1) * (m + 1)))
        for start in range(0, len(queries), step):
            chunk = np.array(queries[start : start + step], dtype=np.int64)
            fixed = margins.fixed_point(chunk, m, ENTRY_BITS - n.bit_length())
            last = query_terms(fixed.lower, chunk)
            for a, query in enumerate(chunk.tolist()):
                yield BlockTerms(query, m, fixed.lower[a], last[a], n * fixed.width)


def query_terms(lower: IntegerArray, queries: NDArray[np.int64]) -> IntegerArray:
    """The terms of the last position, where the query stands: [A, J] from lower [A, n, J, T]."""
    return lower[np.arange(len(queries)), -1, :, queries]
