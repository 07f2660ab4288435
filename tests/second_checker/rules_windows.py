"""`separable-windows`: docs/rules/separable-windows.md, by looking at every sequence of a listed block."""

from __future__ import annotations

from fractions import Fraction

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import Context, ProvedBlocks, max_of_k_block
from tests.second_checker.hinted_blocks import read_blocks
from tests.second_checker.intervals import Interval, certainly_positive, enclose
from tests.second_checker.margin_terms import block_sequences
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_centred import CentredTables
from tests.second_checker.rules_separable_early_maximum import require_bins
from tests.second_checker.windows import Block, Group, groups_of, read_boundaries, read_lists, read_rivals

RESOLUTION = Fraction(1, 2**34)  # levels are integers of 40 bits, and floats of 53 bits before that


def separable_windows(
    context: Context,
    tables: CentredTables,
    boundaries: Array,
    rivals: Array,
    blocks: Array,
    top_EV: Array,
    top_EU: Array,
    top_PV: Array,
    additions: int,
) -> ProvedBlocks:
    """counts: in real numbers and without bins. least: with room for rounding and bins, and no count if
    `additions` may be too few.
    """
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    bounds = read_boundaries(boundaries, d)
    alone = read_rivals(rivals, d, bounds)
    listed = {(q, m): bins for q, m, bins in read_blocks(blocks, d)}
    require_bins(listed.values())
    if any(m not in bounds for _, m in listed):
        raise rejected("bad-hint", "blocks", "no boundaries")
    if any(tables.first[q] > falling[0] for m, falling in bounds.items() for q in range(m + 1)):
        raise rejected("bad-hint", "boundaries", "scores")
    lists = (
        read_lists(top_EV, tables.EV, "top_EV"),
        read_lists(top_EU, tables.EU, "top_EU"),
        read_lists(top_PV, tables.PV, "top_PV"),
    )
    context.spend(sum(d * n * (m + 1) ** (n - 1) for _, m in listed) + d**4, "separable-windows")
    enough = additions >= sum(1_000 * d * n * (d**n + bins) for bins in listed.values())
    counts, least = dict.fromkeys(context.blocks(), 0), dict.fromkeys(context.blocks(), 0)
    for m, falling in bounds.items():
        groups = groups_of(tables, m, alone.get(m, []), lists, context.margin)
        for q in range(m + 1) if n > 1 else [m]:
            block = Block(tables, q, m, falling, net.d_head)
            room = rounding(tables, block, context.margin)
            for found, more in ((counts, enclose(0)), (least, room)):
                open_groups = [group for group in groups if not certainly_positive(block.whole(group) - more)]
                size = max_of_k_block(q, m, n)
                if not open_groups:
                    found[q, m] = size
                elif (q, m) in listed and (enough or found is counts):
                    bins = listed[q, m] if found is least and n > 6 else 0
                    found[q, m] = max(0, size - sum(failing(block, group, more, bins) for group in open_groups))
    return ProvedBlocks(counts, least)


def rounding(tables: CentredTables, block: Block, margin: Fraction) -> Interval:
    """What evaluation may lose of a sum: a share of the largest weight and the largest entries."""
    size = sum(max(abs(entry) for row in table for entry in row) for table in (tables.EV, tables.EU, tables.PV)) + margin
    weight = max(value.b for value in (*block.v, block.own))
    return enclose(6 * RESOLUTION * (block.n + 2) * size) * weight * max(u.b for u in block.u)


def failing(block: Block, group: Group, room: Interval, bins: int) -> int:
    """Sequences of the block without certainly Σ Λ > room (and a bin for each position, if there are bins)."""
    levels, last = block.levels(group), block.query_term(group)
    if bins:
        window = last
        for row in levels:
            window = window + min(bound.a for bound in row)
        room = room + block.n * (max(abs(window.a), abs(window.b)) / bins + room)
    count = 0
    for sequence in block_sequences(block.q, block.m, block.n):
        total = last
        for row, token in zip(levels, sequence, strict=False):
            total = total + row[block.cell_of[token]]
        count += not certainly_positive(total - room)
    return count
