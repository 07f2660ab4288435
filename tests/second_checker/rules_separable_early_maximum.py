"""`separable-early-maximum`: docs/rules/separable-early-maximum.md, by looking at every sequence of a hinted block."""

from __future__ import annotations

from collections.abc import Iterable

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import Context, LogitTables, ProvedBlocks, max_of_k_block
from tests.second_checker.hinted_blocks import read_blocks
from tests.second_checker.intervals import Interval, certainly_positive, enclose
from tests.second_checker.margin_terms import QueryTerms, block_sequences, largest_size, least_sum, resolution, smallest, sum_of
from tests.second_checker.outcome import rejected

MOST_BINS = 8_192


def separable_early_maximum(context: Context, tables: LogitTables, blocks: Array, additions: int) -> ProvedBlocks:
    """Blocks proved whole, and for hinted blocks the sequences with Σ g > 0.

    least: with room for the bins and the rounding: Σ g above (n − 1) bin widths and above n rounded terms; no hinted block if `additions`
    may be too few for all of them.
    """
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    hinted = {(q, m): bins for q, m, bins in read_blocks(blocks, d)}
    require_bins(hinted.values())
    context.spend(n * d**3 + sum(n * (m + 1) ** (n - 1) for _, m in hinted), "separable-early-maximum")
    enough = additions >= sum(most_additions(n, d, m, bins) for (_, m), bins in hinted.items())
    counts, least = dict.fromkeys(context.blocks(), 0), dict.fromkeys(context.blocks(), 0)
    for q in range(d):
        terms = QueryTerms(context, tables, q)
        for m in range(q, d):
            if n == 1 and q < m:
                continue
            g = terms.least_over_rivals(m)
            rounding = enclose((n + 1) * resolution(n)) * largest_size(g)
            bound = least_sum(g, q, m)
            if (q, m) in hinted:
                width = bin_width(g, q, hinted[q, m]) + rounding
                counts[q, m], surely = proved(g, q, m, n, n * width + rounding)
                least[q, m] = surely if enough else 0
            if certainly_positive(bound):
                counts[q, m] = max_of_k_block(q, m, n)
            if certainly_positive(bound - rounding):
                least[q, m] = max_of_k_block(q, m, n)
    return ProvedBlocks(counts, least)


def require_bins(found: Iterable[int]) -> None:
    """Each from 1 to 8192."""
    if any(not 1 <= bins <= MOST_BINS for bins in found):
        raise rejected("bad-hint", "blocks", "bins")


def most_additions(n: int, d: int, m: int, bins: int) -> int:
    """What one count may cost: 2n(m + 5)(bins + n) limbs + 6(m + 1)², with more than ⌈n log₂(d)/48⌉ limbs."""
    return 2 * n * (m + 5) * (bins + n) * (n * d.bit_length() // 48 + 1) + 6 * (m + 1) ** 2


def bin_width(g: list[list[Interval]], q: int, bins: int) -> Interval:
    """B/bins with B = −(g_{n−1}(q) + Σ_{i<n−1} min_t g_i(t)), in absolute value."""
    B = -g[-1][q]
    for row in g[:-1]:
        B = B - smallest(row)
    return max(abs(B.a), abs(B.b)) / bins


def proved(g: list[list[Interval]], q: int, m: int, n: int, room: Interval) -> tuple[int, int]:
    """Sequences of the block with Σ g > 0, and with Σ g > room."""
    count = least = 0
    for sequence in block_sequences(q, m, n):
        total = sum_of(g, sequence)
        count += certainly_positive(total)
        least += certainly_positive(total - room)
    return count, least
