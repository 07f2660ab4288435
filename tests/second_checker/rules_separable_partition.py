"""`separable-partition`: docs/rules/separable-partition.md, leaf by leaf."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import Context, LogitTables, ProvedBlocks
from tests.second_checker.hinted_blocks import Box, read_blocks, whole_boxes
from tests.second_checker.intervals import Interval, certainly_at_most_zero, certainly_positive, enclose
from tests.second_checker.limits import MOST_SETTLED
from tests.second_checker.margin_terms import QueryTerms, largest, largest_size, resolution, smallest
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


def separable_partition(context: Context, tables: LogitTables, blocks: Array, nodes: Array) -> ProvedBlocks:
    """counts, wrong: the leaves on which every rival certainly loses, or one certainly does not.

    least, surely_wrong: the same, since leaves that rounding leaves open are settled in balls; with room for rounding if settling all
    leaves could exceed its limit, or in claims about floats, where nothing is settled.
    """
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    context.spend(len(nodes.entries) * d * d * n, "separable-partition")
    hinted = read_blocks(blocks, d, at_least=1)
    trees = Nodes(nodes, d)
    divided = [(q, m, [leaf for box in whole_boxes(q, m, n) for leaf in trees.leaves(box)]) for q, m in hinted]
    if trees.at != len(trees.entries):
        raise rejected("bad-hint", "nodes", "entries left over")
    all_settled = 0
    for _, _, leaves in divided:
        all_settled += sum(-(-(sum(high - low for low, high in leaf) + 1) // n) for leaf in leaves)
    enough = all_settled <= MOST_SETTLED and context.floats is None
    counts, least, wrong, surely_wrong = (dict.fromkeys(context.blocks(), 0) for _ in range(4))
    examined = 0
    for q, m, leaves in divided:
        rivals = QueryTerms(context, tables, q).rivals(m)
        room = [enclose((n + 1) * resolution(n)) * largest_size(f) for f in rivals]
        most_room = max(room) if not enough else enclose(0)
        for leaf in leaves:
            size = prod(high - low for low, high in leaf)
            examined += size
            lowest, highest = ([on_leaf(f, q, leaf, end) for f in rivals] for end in (smallest, largest))
            if all(certainly_positive(bound) for bound in lowest):
                counts[q, m] += size
                if all(certainly_positive(bound - most_room) for bound in lowest):
                    least[q, m] += size
            elif not all(certainly_positive(bound) for bound in highest):
                wrong[q, m] += size
                if context.floats is None and any(certainly_at_most_zero(bound + most_room) for bound in highest):
                    surely_wrong[q, m] += size
    return ProvedBlocks(counts, least, wrong, surely_wrong, examined)


def on_leaf(f: list[list[Interval]], q: int, box: Box, end: Callable[[list[Interval]], Interval]) -> Interval:
    """f_{n−1}(q) + Σ_i of the least, or largest, f_i over A_i."""
    result = f[-1][q]
    for row, (low, high) in zip(f, box, strict=False):
        result = result + end(row[low:high])
    return result
