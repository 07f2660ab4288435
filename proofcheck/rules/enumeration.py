"""Rule `enumeration`: every sequence of every block, by separability (Corollary 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import smallest_sums
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.boxes import ENTRY_BITS, Box, Tally, boxes, neither, query_terms
from proofcheck.rules.facts import ProvedBlocks, Tables
from proofcheck.rules.rule import Context, Hints, Rule
from proofcheck.rules.separability import ExactMargins, MarginTerms, settled_operations, table_exponentials


def enumeration(context: Context, premises: tuple[Any, ...], hints: Hints) -> ProvedBlocks:
    """Corollary 1 (enumeration). For all q ≤ m, counts[q][m] + wrong[q][m] + the undecided of the block (q, m) is its number of sequences;
    the counted ones have Σ_i f_i^{q,m,j}(x_i) > 0 for every j ≠ m, the wrong ones Σ_i f_i^{q,m,j}(x_i) ≤ 0 for some j ≠ m. By Theorem S
    they are the correct and the wrong sequences. If undecided = 0 the counts are exact.

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
    tally = Tally(d, ExactMargins(facts.tables, d_head, context.arithmetic), context.limits.settled_in_balls)
    for m in range(d):
        for chunk in margins.chunks(m):
            _enumerate_queries(margins, chunk, m, tally)
    return tally.fact()


def _enumerate_queries(margins: MarginTerms, queries: slice, m: int, tally: Tally) -> None:
    """Tally all sequences with last token in `queries` and maximum m."""
    n = margins.n_ctx
    fixed = margins.fixed_point(queries, m, ENTRY_BITS - n.bit_length())
    tokens = np.arange(queries.start, queries.stop)
    last = query_terms(fixed.lower, tokens)
    for part in (tokens < m, tokens == m):
        if not part.any():
            continue
        for box in boxes(n, int(tokens[part][0]), m):
            base, terms = box.terms(fixed.lower[part], last[part])
            for start, smallest in smallest_sums(base, terms):
                for query, sums in zip(tokens[part].tolist(), smallest, strict=True):
                    _tally_sums(tally, query, sums, n * fixed.width, box, start)


def _tally_sums(tally: Tally, query: int, sums: NDArray[np.int32], slack: int, box: Box, start: int) -> None:
    """Tally part of a box: sums[k] is S of the sequence with index start + k."""
    right = int(np.count_nonzero(sums > 0))
    if right == sums.size:
        tally.add(query, box.max_token, right=right)
        return
    wrong = int(np.count_nonzero(sums <= -slack))
    tally.add(query, box.max_token, right=right, wrong=wrong)
    if right + wrong < sums.size:
        for place in tally.affordable(np.flatnonzero(neither(sums, slack))).tolist():
            tally.settle(box.sequence_at(query, start + place), box.max_token)


def _operations(dimensions: Dimensions, hints: Hints) -> int:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    return _sum_operations(dimensions, hints) + 4 * n * d**3 * (d + 1) + _single_operations(dimensions, hints)


def _sum_operations(dimensions: Dimensions, hints: Hints) -> int:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    sums: int = 2 * d**n * (d - 1)
    return sums


def _single_operations(dimensions: Dimensions, hints: Hints) -> int:
    """Exponentials, and the sequences that are settled in balls, with the default limit."""
    n, d = dimensions.n_ctx, dimensions.d_vocab
    return table_exponentials(dimensions) + settled_operations(n, d, min(d**n, Limits().settled_in_balls))


RULE = Rule(
    name="enumeration", apply=enumeration, premises=(Tables,), operations=_operations, sums=_sum_operations, singles=_single_operations
)
