"""`separable-enumeration`: the hinted blocks, sequence by sequence, and the nodes that the documented search expands."""

from __future__ import annotations

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import Context, LogitTables, ProvedBlocks
from tests.second_checker.hinted_blocks import Box, read_blocks, whole_boxes
from tests.second_checker.intervals import Interval, certainly_positive, enclose
from tests.second_checker.margin_terms import QueryTerms, block_sequences, largest_size, resolution, smallest
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_enumeration import decided


def separable_enumeration(context: Context, tables: LogitTables, blocks: Array, expansions: int) -> ProvedBlocks:
    """By forward passes; blocks that are not hinted get 0."""
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    hinted = read_blocks(blocks, d, at_least=1)
    context.spend(sum((m + 1) ** (n - 1) * (3 * n + 2) * d for _, m in hinted), "separable-enumeration")
    nodes = most = 0
    for q, m in hinted:
        for f in QueryTerms(context, tables, q).rivals(m):
            room = enclose((n + 1) * resolution(n)) * largest_size(f)
            for box in whole_boxes(q, m, n):
                nodes += expanded(f, box, f[n - 1][q], 0)
                most += expanded(f, box, f[n - 1][q] - room, 0)
    if nodes > expansions:
        raise rejected("bad-hint", "expansions", f"{nodes} nodes")
    if most > expansions:
        context.doubts.append(("REJECTED", "bad-hint"))
    return decided(context, tables, (sequence for q, m in hinted for sequence in block_sequences(q, m, n)))


def expanded(f: list[list[Interval]], box: Box, fixed: Interval, at: int) -> int:
    """Nodes of one rival that are given all tokens of the next free position, from a node whose sum is `fixed`."""
    while at < len(box) and box[at][1] - box[at][0] == 1 and at_max(box, at):
        fixed, at = fixed + f[at][box[at][0]], at + 1
    if at == len(box):
        return 0
    bound = fixed
    for row, (low, high) in zip(f[at:-1], box[at:], strict=True):
        bound = bound + smallest(row[low:high])
    if certainly_positive(bound):
        return 0
    return 1 + sum(expanded(f, box, fixed + f[at][token], at + 1) for token in range(*box[at]))


def at_max(box: Box, at: int) -> bool:
    """The position that holds the max token: the first whose range starts where that of the positions before it ends."""
    return box[at][0] > 0
