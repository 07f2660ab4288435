"""Rule `separable-windows`: rivals in groups, far tokens in segments, then whole blocks and counts."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import Integers
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.separable.block_counts import ADDITIONS, BLOCKS, checked_blocks
from proofcheck.rules.attention_only.windows.cells import (
    COUNT_SINGLES,
    read_windows,
    require_scores,
    wanted_prefixes,
    window_shapes,
)
from proofcheck.rules.attention_only.windows.centred_expansion import CentredTables
from proofcheck.rules.attention_only.windows.conclusions import LEVEL_BITS, beaten, failing, levels
from proofcheck.rules.attention_only.windows.levels import GroupTerms, Terms
from proofcheck.rules.attention_only.windows.lists import LISTS, lists_operations, read_lists
from proofcheck.rules.budget import Budget, Exhausted
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.hints import IntegersHint
from proofcheck.rules.reading import REALS_AND_MARGINS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule
from proofcheck.tasks import MaxOfK


def separable_windows(
    context: MaxOfKContext,
    tables: CentredTables,
    *,
    boundaries: Integers,
    rivals: Integers,
    blocks: Integers,
    top_EV: Integers,
    top_EU: Integers,
    top_PV: Integers,
    additions: int,
) -> ProvedBlocks:
    """Statement (windows). For a max token m with hinted single rivals X and boundaries, the rivals are divided into the
    groups {j}, j ∈ X, and the rest
    R of all others; the tokens 0 … m into single tokens and segments (`Cells`). For every query q ≤ m:

    counts[q][m] is the whole block (q, m) if W3 holds for every group. For the blocks of the hint otherwise
    it is the size of the block less
    Σ F_G over the groups for which W3 fails, F_G an upper bound (W4) on the sequences that do not beat some
    rival of G, or 0 if that is
    negative. Other entries are 0. A wrong sequence of the block loses to a rival of a group without W3, so it
    is counted there.

    Hypotheses: premise 0 is `CentredTables`.
    Hints: boundaries [*, 2], rows (m, b), for each m strictly from at most m down to 0; rivals [*, 2], rows
    (m, j ≠ m), increasing;
    blocks [*, 3], rows (q, m, bins), which to count where they are not whole; bins matter only where a count
    is in bins (`is_listed`);
    top_EV, top_EU [d_vocab, K], top_PV [n_ctx, K'], the columns of the largest entries of each row, in order;
    additions, what all counts may cost together (blocks beyond that get 0, smallest max tokens last).
    Proof: docs/rules/separable-windows.md.
    Cost: 2·d·(d + K) for the lists; for each m with G groups, k single tokens below m and s segments 2·(m +
    1)·K for the rest,
    G·(m + 1)·(3·k + 4·s + 20), and for each of its listed blocks G·(n·(3·k + 4·s + 8) + 10); and `additions`.
    Reason codes: bad-hint.
    Source: this project.
    Machine-checked: docs/proofs/Windows.v, window_block.
    """
    task = context.task
    windows = read_windows(boundaries, rivals, task.d_vocab)
    require_scores(windows, tables.scores.first)
    listed = checked_blocks(blocks, task.d_vocab)
    if missing := sorted(set(listed) - set(windows)):
        message = f"max token {missing[0]} of blocks has no boundaries"
        raise Rejected(
            Reason.BAD_HINT,
            message,
            path="blocks",
            expected="max tokens with boundaries",
            found=str(missing[0]),
        )
    lists = read_lists(tables.tables, top_EV, top_EU, top_PV)
    wanted = wanted_prefixes(windows, task.d_vocab)
    terms = Terms(tables.tables, tables.scores, wanted, context.arithmetic, context.model.dimensions.d_head, context.reading)
    counts = [[0] * task.d_vocab for _ in range(task.d_vocab)]
    budget = Budget(additions)
    nothing = np.zeros(0, dtype=np.int64)
    for m in reversed(windows):
        group = GroupTerms(terms, windows[m], lists)
        settled = beaten(group)
        whole = np.asarray(settled.all(axis=0))
        for q in np.flatnonzero(whole).tolist():
            counts[q][m] = task.block_size(q, m)
        queries, bins = listed.get(m, (nothing, nothing))
        partly = ~whole[queries]
        for q, found in _counted(group, settled, queries[partly], bins[partly], budget, task).items():
            counts[q][m] = found
    return ProvedBlocks(tuple(tuple(row) for row in counts))


def _counted(
    group: GroupTerms,
    settled: NDArray[np.bool_],
    queries: Integers,
    bins: Integers,
    budget: Budget,
    task: MaxOfK,
) -> dict[int, int]:
    """query -> sequences proved by W4, for blocks that are not whole."""
    out: dict[int, int] = {}
    if len(queries) == 0:
        return out
    places, rows = np.nonzero(~settled[:, queries].T)  # by query, then by group
    lower = levels(group, rows, queries[places]).fixed_point(LEVEL_BITS).lower
    for k, (query, number) in enumerate(zip(queries.tolist(), bins.tolist(), strict=True)):
        left = task.block_size(query, group.window.cells.max_token)
        with suppress(Exhausted):
            for c in np.flatnonzero(places == k).tolist():
                left -= failing(group, query, np.asarray(lower[c], dtype=np.int64), number, budget)
                if left <= 0:
                    break
            out[query] = max(0, left)
    return out


def _cost(
    dimensions: Dimensions,
    limits: Limits,
    *,
    boundaries: Integers,
    rivals: Integers,
    blocks: Integers,
    additions: int,
    **lists: Integers,
) -> Cost:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    K = max(1, *(hint.shape[1] for hint in lists.values()))
    shapes = window_shapes(boundaries.tolist(), rivals.tolist(), d)
    total = lists_operations(d, lists) + 2 * d * (d + 1) + 4 * d * n
    total += 5 * sum(m + 1 for m, _ in set(map(tuple, boundaries.tolist())) if 0 <= m < d)  # scores and bounds of prefixes
    rows = np.bincount(np.clip(blocks[:, 1], 0, d - 1), minlength=d)
    counts = sum(int(rows[m]) * groups for m, (_, _, groups) in shapes.items())
    for m, (singles, segments, groups) in shapes.items():
        levels_of_block = 3 * singles + 5 * segments
        evaluated = groups * (m + 1) * (levels_of_block + 16) + groups * (4 * n + 2 * m + 4) + 2 * (m + 1) * n
        total += evaluated + (2 * (m + 1) + n) * K + int(rows[m]) * groups * (n * levels_of_block + n + 8)
    singles_of_counts = COUNT_SINGLES * counts
    return Cost(total + additions + singles_of_counts, sums=additions, singles=singles_of_counts)


RULE = Rule(
    name="separable-windows",
    apply=separable_windows,
    premises=(CentredTables,),
    cost=_cost,
    readings=REALS_AND_MARGINS,
    hints={
        "boundaries": IntegersHint(("*", "2")),
        "rivals": IntegersHint(("*", "2")),
        "blocks": BLOCKS,
        **LISTS,
        "additions": ADDITIONS,
    },
)
