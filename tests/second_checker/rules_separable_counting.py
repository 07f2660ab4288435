"""`separable-counting`: docs/rules/separable-counting.md, by looking at every sequence of a listed block."""

from __future__ import annotations

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import Context, LogitTables, ProvedBlocks, max_of_k_block
from tests.second_checker.hinted_blocks import read_blocks
from tests.second_checker.intervals import Interval, certainly_positive, enclose
from tests.second_checker.margin_terms import QueryTerms, block_sequences, largest_size, least_sum, resolution, smallest
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_separable_early_maximum import bin_width, most_additions, proved, require_bins

Terms = list[list[Interval]]


def read_groups(hint: Array, rows: list[list[int]], d: int) -> dict[tuple[int, int], int]:
    """group[row, rival]."""
    groups: dict[tuple[int, int], int] = {}
    last = (-1, -1)
    for row, group, rival in hint.rows():
        row, group, rival = int(row), int(group), int(rival)
        if not 0 <= row < len(rows) or not 1 <= group <= d or not 0 <= rival < d or rival == rows[row][1] or (row, rival) <= last:
            raise rejected("bad-hint", "groups", (row, group, rival))
        last = (row, rival)
        groups[last] = group
    return groups


def separable_counting(context: Context, tables: LogitTables, blocks: Array, groups: Array, additions: int) -> ProvedBlocks:
    """counts: in real numbers and without bins. least: with room for rounding and bins, 0 if `additions` may be too few for all."""
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    rows = read_blocks(blocks, d)
    require_bins(bins for _, _, bins in rows)
    named = read_groups(groups, rows, d)
    context.spend(sum(d * n * (m + 1) ** (n - 1) + d * d * n for _, m, _ in rows), "separable-counting")
    enough = additions >= sum(d * most_additions(n, d, m, bins) for _, m, bins in rows)
    counts, least = dict.fromkeys(context.blocks(), 0), dict.fromkeys(context.blocks(), 0)
    for row, (q, m, bins) in enumerate(rows):
        terms = QueryTerms(context, tables, q)
        rivals = {j: terms.rival(m, j) for j in range(d) if j != m}
        rounding = enclose((n + 1) * resolution(n)) * max(largest_size(f) for f in rivals.values())
        for found, room in ((counts, None), (least, rounding)):
            divided = open_groups(rivals, q, m, room, {j: named.get((row, j), 0) for j in rivals})
            failing = sum(failing_sequences(g, q, m, n, bins, room) for g in divided)
            found[q, m] = max(0, max_of_k_block(q, m, n) - failing) if enough or room is None else 0
    return ProvedBlocks(counts, least)


def open_groups(rivals: dict[int, Terms], q: int, m: int, room: Interval | None, group: dict[int, int]) -> list[Terms]:
    """Token-wise minima over the groups of rivals that Corollary 2 leaves open, with the given room."""
    members: dict[int, list[Terms]] = {}
    for j, f in rivals.items():
        bound = least_sum(f, q, m) if room is None else least_sum(f, q, m) - room
        if not certainly_positive(bound):
            members.setdefault(group[j], []).append(f)
    return [[[smallest([f[i][t] for f in found]) for t in range(m + 1)] for i in range(len(found[0]))] for found in members.values()]


def failing_sequences(g: Terms, q: int, m: int, n: int, bins: int, room: Interval | None) -> int:
    """Sequences of the block without certainly Σ g > 0, or without Σ g > n bins and n rounded terms."""
    size = sum(1 for _ in block_sequences(q, m, n))
    if room is None:
        return size - proved(g, q, m, n, enclose(0))[0]
    return size - proved(g, q, m, n, n * (bin_width(g, q, bins) + room) + room)[1]
