"""Rule `separable-partition`: hinted blocks by a hinted tree of boxes (Corollary 5)."""

from __future__ import annotations

from itertools import chain
from math import prod

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import IntegerArray, Integers, range_minima
from proofcheck.arithmetic.operations import count
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import LogitTables
from proofcheck.rules.attention_only.separable.boxes import BLOCK_PAIRS, BlockTerms, Box, Tally, boxes, hinted_blocks, hinted_terms
from proofcheck.rules.attention_only.separable.separability import (
    ExactMargins,
    MarginTerms,
    settled_in_balls,
    settled_operations,
    shared_enclosures,
    table_exponentials,
)
from proofcheck.rules.attention_only.separable.separable_enumeration import terms_operations
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.hints import IntegersHint
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule

LEAF = -1
_CHUNK = 1 << 20  # entries of one working array

Ranges = tuple[tuple[int, int], ...]  # for each free position of a box, the tokens lo ≤ t < hi


def separable_partition(context: MaxOfKContext, tables: LogitTables, *, blocks: Integers, nodes: Integers) -> ProvedBlocks:
    """Statement (partition, Corollary 5). Let B = A_0 × … × A_{n−2} × {q} be a set of sequences of the block (q, m). All of B are
    correct if

        f_{n−1}(q) + Σ_i min_{t ∈ A_i} f_i^{q,m,j}(t) > 0   for every j ≠ m,
    and all of B are wrong if f_{n−1}(q) + Σ_i max_{t ∈ A_i} f_i^{q,m,j}(t) ≤ 0 for some j ≠ m. Each hinted block is divided into such sets
    by hinted trees; counts and wrong are the sums of the sizes of the sets that are all correct, or all wrong. The rest is undecided.

    Hypotheses: premise 0 is the path expansion; for a claim about floats, the float tables.
    Hints: blocks [K, 2], rows (q, m), increasing in (m, q); nodes, the trees of all their boxes (`boxes`: one for q = m, else n − 1, by
    the first position that holds m) one after another, each in preorder: −1 is a leaf, i·d_vocab + s divides the tokens lo ≤ t < hi of
    position i into t < s (its first subtree) and t ≥ s (its second), where lo < s < hi. The root is the whole box, so the leaves of a tree
    are disjoint and cover it, and the maximum is m on all of them: no hint can say otherwise. Every entry of nodes must be used.
    Proof: docs/rules/separable-partition.md.
    Evaluation: integers L ≤ scale·f ≤ L + width (`FixedPoint`), so max f ≤ 0 follows from Σ max L ≤ −n·width; int64 sums of n + 1 entries
    below 2^31. Rivals that the whole box settles are left out. Leaves that only rounding leaves open are settled in balls, up to the
    limit `settled_in_balls`.
    Cost: for R open rivals and l leaves in a box at most 2·R·l·(n − 1)·(d + 1); for the terms as in `separable-enumeration`.
    Source: Theorem S, docs/rules/separability.md.
    Machine-checked: docs/proofs/SeparablePartition.v, partition_count.
    """
    d_head, task = context.model.dimensions.d_head, context.task
    margins = MarginTerms(shared_enclosures(context, tables))
    tally = Tally(task.d_vocab, ExactMargins(tables, d_head, context.arithmetic, context.reading), settled_in_balls(context))
    trees = _Trees(nodes, task.d_vocab)
    for block in hinted_terms(margins, hinted_blocks(blocks, task.d_vocab)):
        for box in boxes(task.n_ctx, block.query, block.max_token):
            _tally_leaves(tally, block, box, trees.leaves(box))
    trees.require_end()
    return tally.fact()


class _Trees:
    """Reads the trees of the hint `nodes`, one after another."""

    def __init__(self, nodes: Integers, d_vocab: int) -> None:
        self._nodes: list[int] = nodes.tolist()
        self._next = 0
        self._d_vocab = d_vocab

    def leaves(self, box: Box) -> list[Ranges]:
        """The leaves of the next tree, whose root is `box`. Rejected(bad-hint) if it is not a tree of that box."""
        leaves = []
        stack: list[Ranges] = [tuple((0, size) for size in box.sizes)]
        while stack:
            ranges = stack.pop()
            if self._next == len(self._nodes):
                raise self._error("the trees end before every box has one", "an entry", "the end")
            node = self._nodes[self._next]
            self._next += 1
            if node == LEAF:
                leaves.append(ranges)
            else:
                stack.extend(self._halves(box, ranges, node))
        return leaves

    def _halves(self, box: Box, ranges: Ranges, node: int) -> tuple[Ranges, Ranges]:
        """The second and the first half (so that the first is on top of the stack)."""
        position, threshold = divmod(node, self._d_vocab)
        if position not in box.positions:
            held = "holds the max token" if position == box.first else "is not before the query"
            raise self._error(f"position {position} {held}", f"{LEAF}, or a position of {list(box.positions)}", str(node))
        k = box.positions.index(position)
        low, high = ranges[k]
        if not low < threshold < high:
            raise self._error("a split leaves one half empty", f"{low} < threshold < {high}", str(threshold))
        return (*ranges[:k], (threshold, high), *ranges[k + 1 :]), (*ranges[:k], (low, threshold), *ranges[k + 1 :])

    def require_end(self) -> None:
        """Rejected(bad-hint) if entries are left over."""
        if self._next < len(self._nodes):
            self._next += 1
            raise self._error("entries are left over after the last tree", "the end", f"{len(self._nodes) - self._next + 1} more")

    def _error(self, message: str, expected: str, found: str) -> Rejected:
        return Rejected(Reason.BAD_HINT, message, path=f"nodes[{max(0, self._next - 1)}]", expected=expected, found=found)


def _tally_leaves(tally: Tally, block: BlockTerms, box: Box, leaves: list[Ranges]) -> None:
    """Decide each leaf as a whole."""
    base, terms = box.terms(block.lower[None], block.last[None])
    open_rivals = _sums(base[0], [term[0] for term in terms], _leaf_array([tuple((0, size) for size in box.sizes)]))[:, 0] <= 0
    base, terms = base[0][open_rivals], [term[0][open_rivals] for term in terms]
    step = max(1, _CHUNK // max(1, len(base)))
    for start in range(0, len(leaves), step):
        part = leaves[start : start + step]
        smallest = _sums(base, terms, _leaf_array(part))  # Σ min L
        right = np.asarray((smallest > 0).all(axis=0))
        largest = -_sums(-base, [-term for term in terms], _leaf_array(part))  # Σ max L
        wrong = np.asarray((largest <= -block.slack).any(axis=0))
        maybe_right = np.asarray((smallest > -block.slack).all(axis=0))
        near_zero = maybe_right | np.asarray((largest <= 0).any(axis=0))  # else neither kind, for certain
        for k, ranges in enumerate(part):
            size = prod(high - low for low, high in ranges)
            if right[k]:
                tally.add(block.query, block.max_token, right=size)
            elif wrong[k]:
                tally.add(block.query, block.max_token, wrong=size)
            elif near_zero[k]:
                tally.settle_box(box.all_ranges(block.query, ranges), block.query, block.max_token)
            else:
                tally.add(block.query, block.max_token, undecided=size)


def _leaf_array(leaves: list[Ranges]) -> NDArray[np.int64]:
    """[leaves, positions, 2]."""
    return np.array(list(chain.from_iterable(chain.from_iterable(leaves))), dtype=np.int64).reshape(len(leaves), -1, 2)


def _sums(base: IntegerArray, terms: list[IntegerArray], leaves: NDArray[np.int64]) -> NDArray[np.int64]:
    """base[r] + Σ_i min of terms[i][r] over the range of leaf k: [R, leaves]."""
    total = np.repeat(base.astype(np.int64)[:, None], leaves.shape[0], axis=1)
    for i, term in enumerate(terms):
        total += range_minima(term, leaves[:, i, 0], leaves[:, i, 1])
        count(total.size)
    count(total.size)
    return total


def _cost(dimensions: Dimensions, limits: Limits, *, blocks: Integers, nodes: Integers) -> Cost:
    """Singles: exponentials, the leaves one by one, and what may be settled in balls: a leaf is as much as d_vocab sequences."""
    n, d = dimensions.n_ctx, dimensions.d_vocab
    leaf = n * d * (d + 1) + d  # all rivals
    leaves = len(blocks) * n + 2 * len(nodes)
    settled = settled_operations(n, d, min(d * len(nodes), limits.settled_in_balls))
    singles = table_exponentials(dimensions) + n * len(nodes) + settled
    return Cost(terms_operations(n, d, len(blocks)) + leaves * leaf + singles, singles=singles)


RULE = Rule(
    name="separable-partition",
    apply=separable_partition,
    premises=(LogitTables,),
    cost=_cost,
    readings=ALL_READINGS,
    hints={"blocks": BLOCK_PAIRS, "nodes": IntegersHint(("*",))},
)
