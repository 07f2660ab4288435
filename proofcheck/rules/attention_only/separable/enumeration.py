"""Rule `enumeration`: every sequence of every block, by separability (Corollary 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import smallest_sums
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import LogitTables
from proofcheck.rules.attention_only.separable.boxes import ENTRY_BITS, Box, Tally, boxes, neither, query_terms
from proofcheck.rules.attention_only.separable.separability import (
    ExactMargins,
    MarginTerms,
    settled_in_balls,
    settled_operations,
    shared_enclosures,
    table_exponentials,
)
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def enumeration(context: MaxOfKContext, tables: LogitTables) -> ProvedBlocks:
    """Statement (enumeration, Corollary 1). For all q ≤ m, counts[q][m] + wrong[q][m] + the undecided of the block (q, m) is its number
    of sequences;
    the counted ones have Σ_i f_i^{q,m,j}(x_i) > 0 for every j ≠ m, the wrong ones Σ_i f_i^{q,m,j}(x_i) ≤ 0 for some j ≠ m. By Theorem S
    they are the correct and the wrong sequences. If undecided = 0 the counts are exact.

    Hypotheses: premise 0 is the path expansion; for a claim about floats, the float tables.
    Hints: none.
    Proof: docs/rules/enumeration.md.
    Evaluation: the terms are enclosed (`MarginTerms`), rounded outward to integers L ≤ scale·f ≤ L + width (`FixedPoint`), and
    summed in int32 without rounding or overflow (`smallest_sums`). With S = min_j Σ_i L_i: S > 0 proves the sequence correct, since
    each true sum is at least S/scale > 0; S ≤ −n·width proves it wrong, since for the minimising j the true sum is at most
    (S + n·width)/scale ≤ 0. The sequences in between are settled in balls, up to the limit `settled_in_balls`; what stays open
    counts as wrong and is reported as undecided.
    The sequences of a block with q < m are split by the first position p < n − 1 that holds m: tokens < m before it, ≤ m after it.
    Cost: 2·d^n·(d − 1) for the sums, and 2·n·d³·(d + 1) for the terms.
    Source: Theorem S, docs/rules/separability.md.
    Machine-checked: docs/proofs/Enumeration.v, enumeration.
    """
    d, d_head = context.model.dimensions.d_vocab, context.model.dimensions.d_head
    margins = MarginTerms(shared_enclosures(context, tables))
    tally = Tally(d, ExactMargins(tables, d_head, context.arithmetic, context.reading), settled_in_balls(context))
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


def _cost(dimensions: Dimensions, limits: Limits) -> Cost:
    """Singles: exponentials, and the sequences that may be settled in balls."""
    n, d = dimensions.n_ctx, dimensions.d_vocab
    sums = 2 * d**n * (d - 1)
    singles = table_exponentials(dimensions) + settled_operations(n, d, min(d**n, limits.settled_in_balls))
    return Cost(sums + 4 * n * d**3 * (d + 1) + singles, sums=sums, singles=singles)


RULE = Rule(name="enumeration", apply=enumeration, premises=(LogitTables,), cost=_cost, readings=ALL_READINGS)
