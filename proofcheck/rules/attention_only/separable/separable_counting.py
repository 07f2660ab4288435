"""Rule `separable-counting`: sequences that may fail are counted, rivals in groups (Corollary 3)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import Integers
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import LogitTables
from proofcheck.rules.attention_only.separable.block_bounds import BlockBounds
from proofcheck.rules.attention_only.separable.block_counts import (
    ADDITIONS,
    BLOCKS,
    checked_blocks,
    counting_operations,
    failing_at_most,
)
from proofcheck.rules.attention_only.separable.separability import shared_enclosures
from proofcheck.rules.attention_only.separable.separable_minimum import minimum_operations, refine
from proofcheck.rules.budget import Budget, Exhausted
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.hints import IntegersHint
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def separable_counting(context: MaxOfKContext, tables: LogitTables, *, blocks: Integers, groups: Integers, additions: int) -> ProvedBlocks:
    """Statement (counting, Corollary 3), with groups. For each listed block (q, m) let the rivals that Corollary 2 leaves open be split
    into groups G,
    and L^G_i(t) = min_{j∈G} L^j_i(t) with integers L^j_i(t) ≤ scale·f_i^{q,m,j}(t), scale > 0. Then

        counts[q][m] = max(0, size(q, m) − Σ_G F_G),   F_G ≥ #{x in the block : Σ_{i<n−1} L^G_i(x_i) + L^G_{n−1}(q) ≤ 0},

    is a lower bound on the number of correct sequences of the block: a wrong sequence fails against an open rival, and is counted for its
    group. F_G is an exact count in bins (`failing_at_most`), in integers of any size; no float takes part in it. Other blocks get 0.

    Hypotheses: premise 0 is the path expansion; for a claim about floats, the float tables.
    Hints: blocks [k, 3], rows (query, max token, bins); groups [r, 3], rows (row of blocks, group ≥ 1, rival). Open rivals that are not
    named are group 0. Every choice is valid; bins and groups decide how tight the count is.
    additions, how many additions the counts may cost together (blocks beyond that get 0, smallest max tokens last).
    Proof: docs/rules/separable-counting.md.
    Cost: k·d²·(7·n + 8) at most for the open rivals, 9·n·d for each group, and `additions`. One group costs at most
    2·n·(d + 5)·(bins + n)·⌈n·log₂(d)/48⌉ + 6·d² additions.
    Source: Theorem S, docs/rules/separability.md.
    Machine-checked: docs/proofs/SeparableCounting.v, separable_counting.
    """
    task = context.task
    listed = checked_blocks(blocks, task.d_vocab)
    group_of = _checked_groups(blocks, groups, task.d_vocab)
    bounds = BlockBounds(shared_enclosures(context, tables))
    counts = [[0] * task.d_vocab for _ in range(task.d_vocab)]
    budget = Budget(additions)
    for m, (queries, bins) in listed.items():
        beaten = bounds.beaten(queries, m)
        refine(bounds, queries, m, beaten, beaten.size)
        for q, number, settled in zip(queries.tolist(), bins.tolist(), beaten, strict=True):
            rivals = bounds.rivals(m)[~settled]
            size = task.block_size(q, m)
            with suppress(Exhausted):
                counts[q][m] = max(0, size - _failing(bounds, _Block(q, m, number, size), rivals, group_of.get((q, m), {}), budget))
    return ProvedBlocks(tuple(tuple(row) for row in counts))


@dataclass(frozen=True, slots=True)
class _Block:
    query: int
    max_token: int
    bins: int
    size: int


def _failing(bounds: BlockBounds, block: _Block, rivals: Integers, group_of: dict[int, int], budget: Budget) -> int:
    """Σ_G F_G over the groups of the open rivals, or at least the size of the block. Raises Exhausted."""
    total = 0
    if len(rivals) == 0:
        return total
    lower = bounds.lower_block(block.query, block.max_token, rivals)  # [J, n, T]
    labels = np.array([group_of.get(j, 0) for j in rivals.tolist()])
    for label in sorted(set(labels.tolist())):
        total += failing_at_most(lower[labels == label].min(axis=0), block.query, block.bins, budget)
        if total >= block.size:
            break
    return total


def _checked_groups(blocks: Integers, table: Integers, d_vocab: int) -> dict[tuple[int, int], dict[int, int]]:
    """(query, max token) -> rival -> group, from the hint `groups`. Rejected(bad-hint) as docs/rules/separable-counting.md says."""
    if len(table) > len(blocks) * d_vocab:
        raise _bad_group(len(table) - 1, "is one too many", f"at most {len(blocks) * d_vocab} rows", len(table))
    out: dict[tuple[int, int], dict[int, int]] = {}
    before = (-1, 0)
    for k, (row, group, rival) in enumerate(table.tolist()):
        if not 0 <= row < len(blocks):
            raise _bad_group(k, "names no row of blocks", f"0 … {len(blocks) - 1}", row)
        query, m = int(blocks[row, 0]), int(blocks[row, 1])
        if not 1 <= group <= d_vocab:
            raise _bad_group(k, "has no valid group", f"1 … {d_vocab}", group)
        if not 0 <= rival < d_vocab or rival == m:
            raise _bad_group(k, "names no rival", f"0 … {d_vocab - 1}, not {m}", rival)
        if not before < (row, rival):
            raise _bad_group(k, "does not increase", f"after {before}", f"{row}, {rival}")
        before = (row, rival)
        out.setdefault((query, m), {})[rival] = group
    return out


def _bad_group(row: int, what: str, expected: str, found: object) -> Rejected:
    return Rejected(Reason.BAD_HINT, f"row {row} of groups {what}", path="groups", expected=expected, found=str(found))


def _cost(dimensions: Dimensions, limits: Limits, *, blocks: Integers, groups: Integers, additions: int) -> Cost:
    n, d, k = dimensions.n_ctx, dimensions.d_vocab, len(blocks)
    counting = (k + len(groups)) * counting_operations(n, d)
    return Cost(minimum_operations(d, n, k, 2 * k * d) + k * n * d * d + counting + additions, sums=additions)


RULE = Rule(
    name="separable-counting",
    apply=separable_counting,
    premises=(LogitTables,),
    cost=_cost,
    readings=ALL_READINGS,
    hints={"blocks": BLOCKS, "groups": IntegersHint(("*", "3")), "additions": ADDITIONS},
)
