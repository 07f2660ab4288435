"""`separable-partition`: docs/rules/separable-partition.md, leaf by leaf."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import Context, ProvedBlocks, Tables
from tests.second_checker.hinted_blocks import Box, read_blocks, whole_boxes
from tests.second_checker.intervals import Interval, certainly_positive, enclose
from tests.second_checker.margin_terms import QueryTerms, largest_size, resolution, smallest
from tests.second_checker.outcome import rejected


class Nodes:
    """The trees one after another, each in preorder."""

    def __init__(self, hint: Array, d: int) -> None:
        self.entries = [int(entry) for entry in hint.entries]
        self.at = 0
        self.d = d

    def leaves(self, root: Box) -> Iterator[Box]:
        """The leaves of the next tree."""
        stack = [root]
        while stack:
            box = stack.pop()
            if self.at >= len(self.entries):
                raise rejected("bad-hint", "nodes", "too few")
            node = self.entries[self.at]
            self.at += 1
            if node == -1:
                yield box
                continue
            position, cut = divmod(node, self.d)
            if node < 0 or position >= len(box) or not box[position][0] < cut < box[position][1]:
                raise rejected("bad-hint", "nodes", node)
            low, high = box[position]
            stack.append((*box[:position], (cut, high), *box[position + 1 :]))
            stack.append((*box[:position], (low, cut), *box[position + 1 :]))


def separable_partition(context: Context, tables: Tables, blocks: Array, nodes: Array) -> ProvedBlocks:
    """counts: the leaves on which every rival certainly loses. least: with room for rounding, except leaves of one sequence."""
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    context.spend(len(nodes.entries) * d * d * n, "separable-partition")
    hinted = read_blocks(blocks, d, at_least=1)
    trees = Nodes(nodes, d)
    divided = [(q, m, [leaf for box in whole_boxes(q, m, n) for leaf in trees.leaves(box)]) for q, m in hinted]
    if trees.at != len(trees.entries):
        raise rejected("bad-hint", "nodes", "entries left over")
    counts, least = dict.fromkeys(context.blocks(), 0), dict.fromkeys(context.blocks(), 0)
    for q, m, leaves in divided:
        rivals = QueryTerms(context, tables, q).rivals(m)
        room = [enclose((n + 1) * resolution(n)) * largest_size(f) for f in rivals]
        most_room = max(room)
        for leaf in leaves:
            size = prod(high - low for low, high in leaf)
            bounds = [least_on(f, q, leaf) for f in rivals]
            if all(certainly_positive(bound) for bound in bounds):
                counts[q, m] += size
                if size == 1 or all(certainly_positive(bound - most_room) for bound in bounds):
                    least[q, m] += size
    return ProvedBlocks(counts, least)


def least_on(f: list[list[Interval]], q: int, box: Box) -> Interval:
    """f_{n−1}(q) + Σ_i min over A_i of f_i."""
    result = f[-1][q]
    for row, (low, high) in zip(f, box, strict=False):
        result = result + smallest(row[low:high])
    return result
