"""Rule `enumeration`: every sequence of every block, by separability (Corollary 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import certainly_at_most_zero_ball, certainly_positive_ball, smallest_sums
from proofcheck.models import Dimensions
from proofcheck.rules.facts import ProvedBlocks, Tables
from proofcheck.rules.rule import Context, Hints, Rule
from proofcheck.rules.separability import ExactMargins, MarginTerms

_ENTRY_BITS = 30  # |L| ≤ 2^_ENTRY_BITS / (n_ctx + 1): sums of n_ctx + 1 entries fit int32


def enumeration(context: Context, premises: tuple[Any, ...], hints: Hints) -> ProvedBlocks:
    """Corollary 1 (enumeration). For all q ≤ m, counts[q][m] is the number of sequences x of the block (q, m) with

        Σ_i f_i^{q,m,j}(x_i) > 0   for every j ≠ m,

    less the `undecided` ones; by Theorem S these are exactly the correct sequences. If undecided = 0 the counts are exact.
    Hypotheses: premise 0 is the path expansion. Hints: none.
    Evaluation: the terms are enclosed (`MarginTerms`), rounded outward to integers L ≤ scale·f ≤ L + width (`FixedPoint`), and
    summed in int32 without rounding or overflow (`smallest_sums`). With S = min_j Σ_i L_i: S > 0 proves the sequence correct, since
    each true sum is at least S/scale > 0; S ≤ −n·width proves it wrong, since for the minimising j the true sum is at most
    (S + n·width)/scale ≤ 0. The sequences in between are settled in balls, up to the limit `settled_in_balls`; what stays open
    counts as wrong and is reported as undecided.
    The sequences of a block with q < m are split by the first position p < n − 1 that holds m: tokens < m before it, ≤ m after it.
    Cost: 2·d^n·(d − 1) for the sums, and 2·n·d³·(d + 1) for the terms. Source: docs/rules/enumeration.md.
    """
    (facts,) = premises
    d, d_head = context.model.dimensions.d_vocab, context.model.dimensions.d_head
    margins = MarginTerms(facts.tables, d_head, context.arithmetic)
    tally = _Tally(d, ExactMargins(facts.tables, d_head, context.arithmetic), context.limits.settled_in_balls)
    for m in range(d):
        for chunk in margins.chunks(m):
            _enumerate_queries(margins, chunk, m, tally)
    return ProvedBlocks(tuple(tuple(row) for row in tally.counts), undecided=tally.undecided)


def _enumerate_queries(margins: MarginTerms, queries: slice, m: int, tally: _Tally) -> None:
    """Tally all sequences with last token in `queries` and maximum m."""
    n = margins.n_ctx
    fixed = margins.fixed_point(queries, m, _ENTRY_BITS - n.bit_length())
    lower = fixed.lower
    slack = n * fixed.width
    tokens = np.arange(queries.start, queries.stop)
    last = lower[np.arange(len(tokens)), n - 1, :, tokens]  # the query's own term, [Q, J]
    others = len(tokens) - int(tokens[-1] == m)  # queries below m come first
    if others < len(tokens):
        box = _Box(n, m, -1)
        terms = [lower[others:, i] for i in range(n - 1)]
        for start, smallest in smallest_sums(last[others:], terms):
            tally.add(tokens[others:], smallest, slack, box, start)
    if others == 0:
        return
    for first in range(n - 1):
        box = _Box(n, m, first)
        terms = [lower[:others, i, :, : m if i < first else m + 1] for i in range(n - 1) if i != first]
        base = last[:others] + lower[:others, first, :, m]
        for start, smallest in smallest_sums(base, terms):
            tally.add(tokens[:others], smallest, slack, box, start)


class _Box:
    """The sequences with tokens < max_token before position `first`, max_token at it, ≤ max_token after it; first = −1: all ≤ max_token."""

    __slots__ = ("first", "max_token", "sizes")

    def __init__(self, n_ctx: int, max_token: int, first: int) -> None:
        self.max_token = max_token
        self.first = first
        self.sizes = tuple(max_token if i < first else max_token + 1 for i in range(n_ctx - 1) if i != first)

    def sequence(self, query: int, index: int) -> tuple[int, ...]:
        """The sequence whose free tokens have this row-major index."""
        tokens = [int(token) for token in np.unravel_index(index, self.sizes)] if self.sizes else []
        if self.first >= 0:
            tokens.insert(self.first, self.max_token)
        return (*tokens, query)


class _Tally:
    """Counts per block; settles open sequences in balls while the budget lasts."""

    def __init__(self, d_vocab: int, exact: ExactMargins, budget: int) -> None:
        self.counts = [[0] * d_vocab for _ in range(d_vocab)]
        self.undecided = 0
        self._exact = exact
        self._budget = budget

    def add(self, queries: NDArray[np.int64], smallest: NDArray[np.int32], slack: int, box: _Box, start: int) -> None:
        """Tally part of a box: smallest[a, k] is min_j Σ L for query queries[a] and the free tokens with index start + k."""
        m = box.max_token
        for query, sums in zip(queries.tolist(), smallest, strict=True):
            proved = int(np.count_nonzero(sums > 0))
            self.counts[query][m] += proved
            if proved == sums.size:
                continue
            open_sums = np.flatnonzero((sums <= 0) & (sums > -slack))
            places = open_sums[: self._budget]
            self._budget -= len(places)
            self.undecided += len(open_sums) - len(places)
            for place in places.tolist():
                self._settle(box.sequence(query, start + place), m)

    def _settle(self, sequence: tuple[int, ...], m: int) -> None:
        margins = self._exact.margins(sequence, m)
        if all(certainly_positive_ball(margin) for margin in margins):
            self.counts[sequence[-1]][m] += 1
        elif not any(certainly_at_most_zero_ball(margin) for margin in margins):
            self.undecided += 1


def _operations(dimensions: Dimensions, hints: Hints) -> int:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    sums: int = 2 * d**n * (d - 1)
    return sums + 4 * n * d**3 * (d + 1)


RULE = Rule(name="enumeration", apply=enumeration, premises=(Tables,), operations=_operations)
