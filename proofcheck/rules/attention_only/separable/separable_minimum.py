"""Rule `separable-minimum`: whole blocks by minima of one-token terms (Corollary 2)."""

from __future__ import annotations

import numpy as np

from proofcheck.arithmetic import Booleans, Integers
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import LogitTables
from proofcheck.rules.attention_only.separable.block_bounds import BlockBounds, block_minimum
from proofcheck.rules.attention_only.separable.separability import CHUNK_ENTRIES, shared_enclosures
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.hints import IntegerHint
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def separable_minimum(context: MaxOfKContext, tables: LogitTables, *, refined: int) -> ProvedBlocks:
    """Statement (minimum, Corollary 2). Let μ_i = min_{t≤m} f_i^{q,m,j}(t). If for every rival j ≠ m

        f_{n−1}(q) + Σ_{i<n−1} μ_i + [q < m] · min_{i<n−1} (f_i(m) − μ_i) > 0,

    then every sequence of the block (q, m) is correct: counts[q][m] = (m + 1)^(n−1) − [q<m]·m^(n−1). Entries not proved are 0.

    Hypotheses: premise 0 is the path expansion; for a claim about floats, the float tables.
    Hints: refined, the number of triples (q, m, j) that may be evaluated position by position; all triples are first tried with the worst
    position in place of every position (coarse bound), which is n times cheaper. A smaller number proves less, never more.
    Proof: docs/rules/separable-minimum.md.
    Evaluation: integer lower bounds of the terms (`FixedPoint`); int64 sums that cannot overflow (`require_headroom`).
    Cost: at most `minimum_operations` of all d·(d + 1)/2 blocks; of it n·(7·d + 10) for each refined triple.
    Source: Theorem S, docs/rules/separability.md.
    Machine-checked: docs/proofs/SeparableMinimum.v, separable_minimum.
    """
    task = context.task
    bounds = BlockBounds(shared_enclosures(context, tables))
    counts = [[0] * task.d_vocab for _ in range(task.d_vocab)]
    for m in reversed(range(task.d_vocab)):  # large blocks first, for the budget's sake
        queries = np.arange(m + 1)
        beaten = bounds.beaten(queries, m)
        refined -= refine(bounds, queries, m, beaten, refined)
        for q in np.flatnonzero(beaten.all(axis=1)).tolist():
            counts[q][m] = task.block_size(q, m)
    return ProvedBlocks(tuple(tuple(row) for row in counts))


def refine(bounds: BlockBounds, queries: Integers, m: int, beaten: Booleans, budget: int) -> int:
    """Set beaten[a, j] where the fine bound proves (queries[a], m) against rival j; returns the number of triples evaluated ≤ budget.

    Whole queries are taken in the order given, until one has more open rivals than the budget has left.
    """
    open_rivals = np.cumsum((~beaten).sum(axis=1))
    taken = int(np.searchsorted(open_rivals, budget, side="right"))
    rows, columns = np.nonzero(~beaten[:taken])
    rivals = bounds.rivals(m)
    step = max(1, CHUNK_ENTRIES // (bounds.n_ctx * (m + 1)))
    for start in range(0, len(rows), step):
        row, column = rows[start : start + step], columns[start : start + step]
        lower = bounds.lower_terms(queries[row], rivals[column], m)
        beaten[row, column] = block_minimum(lower, queries[row], m) > 0
    return len(rows)


def _cost(dimensions: Dimensions, limits: Limits, *, refined: int) -> Cost:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    return Cost(minimum_operations(d, n, d * (d + 1) // 2, min(refined, d * d * d)))


def minimum_operations(d: int, n: int, blocks: int, triples: int) -> int:
    """Upper bound for the coarse bound on that many blocks and the fine bound on that many triples, tables included."""
    tables = d * (2 * d + 3 * n) + 4 * d * d * (d + n)
    return tables + blocks * (4 * d * d + 14 * d) + triples * n * (7 * d + 10)


RULE = Rule(
    name="separable-minimum",
    apply=separable_minimum,
    premises=(LogitTables,),
    cost=_cost,
    readings=ALL_READINGS,
    hints={"refined": IntegerHint(0, 1 << 40)},
)
