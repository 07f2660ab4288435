"""Rule `separable-early-maximum`: rivals minimised token by token, then whole blocks and counts (Corollary 4)."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from proofcheck.arithmetic import Integers
from proofcheck.arithmetic.largest_sums import largest_two_sums
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import LogitTables
from proofcheck.rules.attention_only.separable.block_bounds import ENTRY_BITS, block_minimum
from proofcheck.rules.attention_only.separable.block_counts import (
    ADDITIONS,
    BLOCKS,
    checked_blocks,
    counting_operations,
    failing_at_most,
)
from proofcheck.rules.attention_only.separable.separability import CHUNK_ENTRIES, Enclosures, MarginTerms, shared_enclosures
from proofcheck.rules.budget import Budget, Exhausted
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def separable_early_maximum(context: MaxOfKContext, tables: LogitTables, *, blocks: Integers, additions: int) -> ProvedBlocks:
    """Statement (early maximum, Corollary 4). Let g_i^{q,m}(t) ≤ min_{j≠m} f_i^{q,m,j}(t) be the bound from the two largest logit terms
    of (q, i, t).

    Every sequence x of the block (q, m) with Σ_{i<n−1} g_i(x_i) + g_{n−1}(q) > 0 is correct. counts[q][m] is the whole block where
    Corollary 2 with g for f holds; for the blocks of the hint otherwise it is the block less an upper bound on the number of sequences
    with Σ g ≤ 0 (`failing_at_most`: exact integers); and 0 elsewhere.

    Hypotheses: premise 0 is the path expansion; for a claim about floats, the float tables.
    Hints: blocks [k, 3], rows (query, max token, bins), where bins ≥ 1 decides how tight a
    count is; additions, how many additions the counts may cost together (blocks beyond that get 0, smallest max tokens last).
    Proof: docs/rules/separable-early-maximum.md.
    Cost: 3·n·d³ + n·d·(d + 1)·(2·d + 1) for g, 9·n·d for each row and `additions`. One row costs at most
    2·n·(d + 5)·(bins + n)·⌈n·log₂(d)/48⌉ + 6·d² additions: cubic in d for a fixed number of bins.
    Source: Theorem S, docs/rules/separability.md.
    Machine-checked: docs/proofs/SeparableEarlyMaximum.v, early_counting.
    """
    task = context.task
    listed = checked_blocks(blocks, task.d_vocab)
    terms = EarlyTerms(shared_enclosures(context, tables))
    counts = [[0] * task.d_vocab for _ in range(task.d_vocab)]
    budget = Budget(additions)
    for m in reversed(range(task.d_vocab)):
        nothing = np.zeros(0, dtype=np.int64)
        bins = dict(zip(*(column.tolist() for column in listed.get(m, (nothing, nothing))), strict=True))
        for queries in terms.chunks(m):
            lower = terms.lower(queries, m)
            whole = block_minimum(lower, np.arange(queries.start, queries.stop), m) > 0
            for q, row, proved in zip(range(queries.start, queries.stop), lower, whole.tolist(), strict=True):
                if proved:
                    counts[q][m] = task.block_size(q, m)
                elif q in bins:
                    with suppress(Exhausted):
                        counts[q][m] = max(0, task.block_size(q, m) - failing_at_most(row, q, bins[q], budget))
    return ProvedBlocks(tuple(tuple(row) for row in counts))


class EarlyTerms(MarginTerms):
    """Integer lower bounds of g."""

    def __init__(self, enclosed: Enclosures) -> None:
        """n_ctx·d_vocab² pairs of maxima over d_vocab rivals: about 4·n_ctx·d_vocab³ operations. The margin is taken off after them."""
        super().__init__(enclosed)
        d, n = self.d_vocab, self.n_ctx
        self._offsets = self._PVOU[None, :, :] + self._EUPU[:, None, :]  # [d (query), n, d (logit)]
        self._of_answer = self._offsets if self._answer is self._EUPU else self._PVOU[None, :, :] + self._answer[:, None, :]
        rows = self._offsets[np.arange(d).repeat(n), np.tile(np.arange(n), d)]  # [d·n, d]
        index, self._largest = largest_two_sums(self._EVOU, rows)  # [d·n, d (token)], [2, d·n, d]
        self._index = index.reshape(d, n, d)

    def chunks(self, max_token: int) -> list[slice]:
        """Slices of the queries 0 … max_token whose terms have about CHUNK_ENTRIES entries."""
        step = max(1, CHUNK_ENTRIES // (self.n_ctx * (max_token + 1)))
        return [slice(start, min(start + step, max_token + 1)) for start in range(0, max_token + 1, step)]

    def lower(self, queries: slice, m: int) -> Integers:
        """Integers L ≤ scale_q·g_i(t), scale_q > 0, |L| ≤ 2^ENTRY_BITS: [Q, n_ctx, m + 1]. 3·Q·n_ctx·(m + 1) operations."""
        own = (self._index[queries, :, : m + 1] == m).astype(np.int64)  # 1: m itself is the index left out of `rest`
        rows = np.arange(queries.start, queries.stop)[:, None, None] * self.n_ctx + np.arange(self.n_ctx)[None, :, None]
        rival = self._largest[own, rows, np.arange(m + 1)[None, None, :]]  # top or rest, [Q, n, T]
        tokens = self._EVOU[: m + 1, m][None, None, :]
        offsets = self._of_answer[queries, :, m][:, :, None]
        return self._product(self.weights(queries, m), tokens - rival, offsets, ENTRY_BITS).lower.astype(np.int64)


def _cost(dimensions: Dimensions, limits: Limits, *, blocks: Integers, additions: int) -> Cost:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    terms = 3 * n * d**3 + n * d * (d + 1) * (2 * d + 1)
    rows = len(blocks) * counting_operations(n, d - 1)
    return Cost(terms + 4 * d * d * (n + 1) + rows + additions, sums=additions)


RULE = Rule(
    name="separable-early-maximum",
    apply=separable_early_maximum,
    premises=(LogitTables,),
    cost=_cost,
    readings=ALL_READINGS,
    hints={"blocks": BLOCKS, "additions": ADDITIONS},
)
