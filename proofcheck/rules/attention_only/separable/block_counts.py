"""Corollary 3 of Theorem S: how many sequences of a block can fail, counted exactly in bins. Shared by the counting rules."""

from __future__ import annotations

import numpy as np

from proofcheck.arithmetic import Integers
from proofcheck.arithmetic.bounded_sums import bounded_sums_operations, count_bounded_sums
from proofcheck.arithmetic.operations import count
from proofcheck.errors import Reason, Rejected
from proofcheck.rules.attention_only.separable.block_bounds import require_headroom
from proofcheck.rules.budget import Budget
from proofcheck.rules.hints import IntegerHint, IntegersHint

MOST_BINS = 1 << 13  # with n_ctx ≤ 1,024 more the count stays within bounded_sums.MOST_BINS

BLOCKS = IntegersHint(("*", "3"))  # rows (query, max token, bins)
ADDITIONS = IntegerHint(0, 1 << 60)


def failing_at_most(lower: Integers, query: int, bins: int, budget: Budget) -> int:
    """An upper bound on the number of sequences x of the block (query, m) with Σ_i lower[i, x_i] ≤ 0, where lower is [n, m + 1].

    Theorem (bins). Let μ_i = min_t lower[i, t], B = −(lower[n−1, query] + Σ_{i<n−1} μ_i), h ≥ 1 and o_i any integers. Every such x has
        Σ_{i<n−1} ⌊(lower[i, x_i] − μ_i + o_i)/h⌋ ≤ ⌊(B + Σ_{i<n−1} o_i)/h⌋.
    Proof: Σ_{i<n−1} (lower[i, x_i] − μ_i + o_i) ≤ B + Σ o_i; divide by h; ⌊a⌋ + ⌊b⌋ ≤ ⌊a + b⌋.  ∎  If B < 0 there is no such x.
    These x ∈ {0 … m}^(n−1), with some x_i = m if query < m, are counted exactly. h = ⌊B/bins⌋ + 1 and 0 ≤ o_i < h, so the bound on the
    right is below bins + n − 1. Raises Exhausted, before the count, if the budget does not suffice.
    """
    n, tokens = lower.shape
    require_headroom(n)
    minima = lower[:-1].min(axis=1)
    window = -int(lower[-1, query]) - int(minima.sum())
    count(3 * lower.size)
    if window < 0:
        return 0
    width = window // bins + 1
    heights = lower[:-1] - minima[:, None]
    offsets = _offsets(heights, width)
    most = (window + int(offsets.sum())) // width
    binned = (heights + offsets[:, None]) // width
    budget.spend(bounded_sums_operations(binned, most))
    return count_bounded_sums(binned, most, last_required=query < tokens - 1)


def _offsets(heights: Integers, width: int) -> Integers:
    """For each row the offset o in 0 … width − 1 that makes Σ_t ((heights[t] + o) mod width) least: what the floors drop.

    The least is at an o that sends some residue r_k to 0; with residues sorted, the sum is then Σ r − T·r_k + width·k.
    T·width < 2^13 · 2^(ENTRY_BITS + 12) fits. Any offset is valid; this one wastes little where many tokens are close together.
    """
    residues = np.sort(heights % width, axis=1)
    tokens = heights.shape[1]
    dropped = width * np.arange(tokens)[None, :] - tokens * residues
    count(4 * heights.size)
    chosen = residues[np.arange(len(residues)), dropped.argmin(axis=1)]
    return np.asarray((width - chosen) % width)


def counting_operations(n_ctx: int, max_token: int) -> int:
    """Upper bound on the operations of one `failing_at_most`, besides those of the budget."""
    return 9 * n_ctx * (max_token + 1)


def checked_blocks(hint: Integers, d_vocab: int) -> dict[int, tuple[Integers, Integers]]:
    """max token -> (queries, bins) of the hint `blocks`, large max tokens (the large blocks) first.

    Rejected(bad-hint) unless queries ≤ max token < d_vocab, pairs (max token, query) strictly increasing (so no
    block comes twice), and 1 ≤ bins ≤ MOST_BINS.
    """
    if 2 * len(hint) > d_vocab * (d_vocab + 1):
        expected = f"at most {d_vocab * (d_vocab + 1) // 2} rows"
        raise Rejected(Reason.BAD_HINT, "more rows than there are blocks", path="blocks", expected=expected, found=str(len(hint)))
    queries, max_tokens, bins = (np.array(column, dtype=np.int64) for column in hint.T)
    for row, (query, m, number) in enumerate(hint.tolist()):
        if not 0 <= query <= m < d_vocab:
            expected = f"0 ≤ query ≤ max token < {d_vocab}"
            raise Rejected(Reason.BAD_HINT, f"row {row} is not a block", path="blocks", expected=expected, found=f"{query}, {m}")
        if not 1 <= number <= MOST_BINS:
            expected = f"1 … {MOST_BINS}"
            raise Rejected(Reason.BAD_HINT, f"row {row} has no valid number of bins", path="blocks", expected=expected, found=str(number))
    order = list(zip(max_tokens.tolist(), queries.tolist(), strict=True))
    for row in range(1, len(order)):
        if not order[row - 1] < order[row]:
            found, expected = f"{order[row - 1]}, {order[row]}", "increasing pairs (max token, query)"
            raise Rejected(Reason.BAD_HINT, f"row {row} does not increase", path="blocks", expected=expected, found=found)
    return {m: (queries[max_tokens == m], bins[max_tokens == m]) for m in sorted(set(max_tokens.tolist()), reverse=True)}
