"""Strategy `exact`: every block by the cheapest of minimum, partition and enumeration that settles it, until no sequence is undecided."""

from __future__ import annotations

import numpy as np

from proofcheck import Step
from strategies.max_of_k.exact_search import Exhausted, FloatBox, FloatTerms, Tree, expansions, grow
from strategies.max_of_k.separable import MOST_REFINED
from strategies.max_of_k.strategy import Problem, Proposal, Strategy

TABLES = Step("tables", "path-expansion")
MOST_EXPANSIONS = 1 << 22  # nodes of one block; what needs more gets a partial tree
MOST_NODES = 20_000  # nodes of the tree of one box
PARTIAL_NODES = 200  # the same where the block cannot be settled anyway
ROOM = 100  # expansions beyond the searched number


def propose_exact(problem: Problem) -> Proposal:
    """Minimum for all blocks; a tree or an enumeration for each block that it leaves open."""
    terms = FloatTerms(problem.model)
    partitioned: list[tuple[int, int]] = []
    enumerated: list[tuple[int, int]] = []
    nodes: list[int] = []
    spent = 0
    for m in range(terms.d_vocab):
        for q in range(m + 1):
            if terms.minimum_settles(q, m):
                continue
            open_boxes = terms.open_boxes(q, m)
            searched, operations = _enumeration_cost(open_boxes)
            trees = [grow(box, _most_nodes(box, operations, exhausted=searched < 0)) for box in open_boxes]
            if searched < 0 or _cheaper(trees, operations):
                partitioned.append((q, m))
                for box, tree in zip(open_boxes, trees, strict=True):
                    nodes += _encoded(box, tree, terms.d_vocab)
            else:
                enumerated.append((q, m))
                spent += searched
    steps = [TABLES, Step("minimum", "separable-minimum", ("tables",), {"refined": MOST_REFINED})]
    if partitioned:
        hints = {"blocks": _array(partitioned), "nodes": np.array(nodes, dtype="<i8")}
        steps.append(Step("partition", "separable-partition", ("tables",), hints))
    if enumerated:
        hints_of_search = {"blocks": _array(enumerated), "expansions": spent + ROOM}
        steps.append(Step("enumeration", "separable-enumeration", ("tables",), hints_of_search))
    steps.append(Step("count", "sum-blocks", tuple(step.id for step in steps[1:])))
    return Proposal(tuple(steps))


def _enumeration_cost(open_boxes: list[FloatBox]) -> tuple[int, int]:
    """Expanded nodes and operations of enumerating a block; (−1, 0) if that takes too many."""
    searched = operations = 0
    try:
        for box in open_boxes:
            box_nodes, box_operations = expansions(box, MOST_EXPANSIONS - searched)
            searched, operations = searched + box_nodes, operations + box_operations
    except Exhausted:
        return -1, 0
    return searched, operations


def _most_nodes(box: FloatBox, operations: int, *, exhausted: bool) -> int:
    """A tree that costs more than `operations` is of no use; where no enumeration is possible, a small one is."""
    if exhausted:
        return PARTIAL_NODES
    lengths = sum(term.shape[1] for term in box.terms)
    return min(MOST_NODES, 3 + 2 * operations // max(1, len(box.base) * lengths))


def _cheaper(trees: list[Tree], operations: int) -> bool:
    return all(tree.open_sequences == 0 for tree in trees) and sum(tree.operations for tree in trees) <= operations


def _encoded(box: FloatBox, tree: Tree, d_vocab: int) -> list[int]:
    """The nodes as `separable-partition` reads them."""
    positions = [i for i in range(len(box.terms) + 1) if i != box.first]
    return [node if isinstance(node, int) else positions[node[0]] * d_vocab + node[1] for node in tree.nodes]


def _array(blocks: list[tuple[int, int]]) -> np.ndarray:
    return np.array(blocks, dtype="<i8")


STRATEGIES = (Strategy("exact", "the exact count: minimum, else a tree of boxes, else enumeration, block by block", propose_exact),)
