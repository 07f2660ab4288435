"""Strategy `exact`: every block by the cheapest of minimum, partition and enumeration that settles it, until no sequence is undecided.

Blocks that a minimum leaves open are tried in rounds, each with more nodes than the last, so that what is easy is done before time runs
out; in each, enumerations come before trees, and the blocks with the most undecided sequences first. At last, trees that are cheaper to
check replace enumerations.
What is found is cut to the checker's limit on work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from proofcheck import Step
from strategies.budget import Budget, OutOfTime
from strategies.max_of_k.exact_search import Exhausted, FloatBox, Tree, expansions, grow, open_boxes
from strategies.max_of_k.fitting import fits, largest_prefix, require_fit
from strategies.max_of_k.separable import MOST_REFINED
from strategies.max_of_k.separable_groups import sample_block
from strategies.max_of_k.separable_terms import FloatTerms
from strategies.max_of_k.strategy import Problem, Proposal, Strategy
from strategies.progress import Progress

TABLES = Step("tables", "path-expansion")
ROUNDS = ((1 << 14, 16), (1 << 18, 64), (1 << 20, 256), (1 << 22, 2_000), (1 << 22, 20_000))  # nodes: an enumeration, the tree of a box
SAMPLES = 256  # sequences of a block from which its enumeration is predicted
ROOM = 100  # expansions beyond the searched number
ROOM_IN_WORK = 0.97  # of the limit, which is compared whenever the blocks have grown by so much
GROWTH_BETWEEN_CHECKS = 1.25


@dataclass(slots=True)
class Block:
    """An open block and the best that is known for it: trees (encoded, one per box) or an enumeration of so many nodes.

    undecided: sequences that it leaves, all of them at first. predicted: nodes of its enumeration, from samples, rather too few.
    operations: of its enumeration.
    """

    query: int
    max_token: int
    rivals: np.ndarray
    size: int
    undecided: int
    predicted: float = -1.0
    nodes: list[int] = field(default_factory=list)
    expansions: int = -1
    operations: int = 0

    @property
    def tried(self) -> bool:
        return self.expansions >= 0 or bool(self.nodes)


def propose_exact(problem: Problem) -> Proposal:
    """Minimum for all blocks; a tree or an enumeration for each block that it leaves open."""
    require_fit(problem, _steps([]))
    search = _Search(problem)
    ended = search.run()
    kept = best_that_fits(problem, search.blocks, problem.limits.work)[0]
    dropped = sum(block.tried for block in search.blocks) - len(kept)
    return Proposal(tuple(_steps(kept)), left_out=_left_out(problem, search, kept, dropped, ended))


def best_that_fits(problem: Problem, blocks: list[Block], work: int) -> tuple[list[Block], bool]:
    """The tried blocks whose certificate fits that work and decides the most, and whether there is room for more of any kind.

    Where not all fit, the certificate may do better with one of the two rules alone: each has a share of the work that it always costs.
    """
    tried = sorted((block for block in blocks if block.tried), key=lambda block: block.undecided - block.size)
    if fits(problem, _steps(tried), work):
        return tried, True
    kinds = (tried, [block for block in tried if block.expansions >= 0], [block for block in tried if block.expansions < 0])
    found = []
    for kind in kinds:
        most = largest_prefix(len(kind), lambda count, kind=kind: _steps(kind[:count]), problem, work)
        found.append((kind[:most], most == len(kind)))
    best = max((kept for kept, _ in found), key=lambda kept: sum(block.size - block.undecided for block in kept))
    return best, any(room for _, room in found)


class _Search:
    """blocks: those that the minimum leaves open, as far as they have been looked for; unseen: sequences of blocks not looked at."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.terms = problem.float_terms()
        self.blocks: list[Block] = []
        self.unseen = self.terms.d_vocab**self.terms.n_ctx

    def run(self) -> str:
        """Why it ended: "" when every block is settled."""
        try:
            self._find_open_blocks()
            for most_expansions, most_nodes in ROUNDS:
                reason = self._round(most_expansions, most_nodes)
                if reason:
                    return reason
            self._replace_enumerations()
        except OutOfTime:
            return f"the search ended after {self.problem.budget.seconds:g} s; --search-seconds S gives it more"
        return "" if all(block.undecided == 0 for block in self.blocks) else "what is left takes too many nodes"

    def _find_open_blocks(self) -> None:
        d, n, budget = self.terms.d_vocab, self.terms.n_ctx, self.problem.budget
        refined = MOST_REFINED
        with self._progress("minimum", d) as progress:
            for m in reversed(range(d)):
                budget.check()
                rivals, refined = self.terms.open_rivals(m, refined)
                for q in reversed(range(m + 1)):
                    size = (m + 1) ** (n - 1) - (m ** (n - 1) if q < m else 0)
                    self.unseen -= size
                    if len(rivals[q]):
                        self.blocks.append(Block(q, m, rivals[q], size, size))
                progress.step()

    def _round(self, most_expansions: int, most_nodes: int) -> str:
        """Try the blocks that are not settled; a reason if the rest would not fit into a certificate."""
        waiting = [block for block in self.blocks if block.undecided]
        waiting.sort(key=lambda block: (block.predicted > most_expansions, -block.undecided))  # enumerations settle, trees may not
        with self._progress(f"blocks, up to {most_nodes} nodes", len(waiting)) as progress:
            next_check = 0
            for number, block in enumerate(waiting):
                if number >= next_check:
                    next_check = int(GROWTH_BETWEEN_CHECKS * number) + 1
                    if not self._has_room():
                        return "the checker's limit on work is reached; --limit work=N raises it, here and for proofcheck verify"
                try_block(self.terms, block, most_expansions, most_nodes, self.problem.budget)
                progress.step()
        return ""

    def _replace_enumerations(self) -> None:
        enumerated = [block for block in self.blocks if block.expansions >= 0]
        with self._progress("cheaper trees", len(enumerated)) as progress:
            for block in enumerated:
                replace_enumeration(self.terms, block, self.problem.budget)
                progress.step()

    def _has_room(self) -> bool:
        _, room = best_that_fits(self.problem, self.blocks, int(ROOM_IN_WORK * self.problem.limits.work))
        return room

    def _progress(self, title: str, total: int) -> Progress:
        budget = self.problem.budget
        return Progress(title, total, shown=budget.progress, budget=budget.left)


def try_block(terms: FloatTerms, block: Block, most_expansions: int, most_nodes: int, budget: Budget) -> None:
    """Settle the block with so many nodes by an enumeration or trees, or else keep the trees if they leave less undecided.

    Raises OutOfTime, and then changes nothing.
    """
    boxes = open_boxes(terms, block.query, block.max_token, block.rivals)
    if block.predicted < 0:
        block.predicted = predict(terms, block)
    if block.predicted <= most_expansions:
        searched, operations = _enumeration_cost(boxes, most_expansions, budget)
        if searched >= 0:
            block.expansions, block.operations, block.undecided, block.nodes = searched, operations, 0, []
            return
    if block.predicted > ROUNDS[-1][0] // 2 or most_nodes == ROUNDS[0][1]:
        _keep(block, boxes, [grow(box, most_nodes, budget) for box in boxes], terms.d_vocab)


def replace_enumeration(terms: FloatTerms, block: Block, budget: Budget) -> None:
    """Trees instead, if they settle the block with fewer operations of the checker. Raises OutOfTime, and then changes nothing."""
    boxes = open_boxes(terms, block.query, block.max_token, block.rivals)
    trees = []
    for box in boxes:
        trees.append(grow(box, min(ROUNDS[-1][1], _worth(box, block.operations)), budget))
        if trees[-1].open_sequences or sum(tree.operations for tree in trees) > block.operations:
            return
    block.expansions, block.undecided = -1, block.size
    _keep(block, boxes, trees, terms.d_vocab)


def _keep(block: Block, boxes: list[FloatBox], trees: list[Tree], d_vocab: int) -> None:
    undecided = sum(tree.open_sequences for tree in trees)
    if undecided < block.undecided or not block.tried:
        block.undecided = undecided
        block.nodes = [node for box, tree in zip(boxes, trees, strict=True) for node in _encoded(box, tree, d_vocab)]


def predict(terms: FloatTerms, block: Block) -> float:
    """About how many nodes the enumeration expands at its last position: pairs of sequence and failing rival, per token there."""
    generator = np.random.default_rng(0)
    sequences = sample_block(block.query, block.max_token, terms.n_ctx, generator)[:SAMPLES]
    table = terms.terms(block.query, block.max_token, block.rivals)
    failing = (table[:, np.arange(terms.n_ctx)[None, :], sequences].sum(axis=2) <= 0).sum(axis=0).mean()
    return float(failing) * block.size / (block.max_token + 1)


def _enumeration_cost(boxes: list[FloatBox], most: int, budget: Budget) -> tuple[int, int]:
    """Expanded nodes and operations of enumerating a block; (−1, 0) if that takes more than `most` nodes."""
    searched = operations = 0
    try:
        for box in boxes:
            box_nodes, box_operations = expansions(box, most - searched, budget)
            searched, operations = searched + box_nodes, operations + box_operations
    except (Exhausted, OverflowError):  # OverflowError: more sequences than an index can number
        return -1, 0
    return searched, operations


def _worth(box: FloatBox, operations: int) -> int:
    """A tree of more nodes costs more than `operations`."""
    lengths = sum(term.shape[1] for term in box.terms)
    return 3 + 2 * operations // max(1, len(box.base) * lengths)


def _encoded(box: FloatBox, tree: Tree, d_vocab: int) -> list[int]:
    """The nodes as `separable-partition` reads them."""
    positions = [i for i in range(len(box.terms) + 1) if i != box.first]
    return [node if isinstance(node, int) else positions[node[0]] * d_vocab + node[1] for node in tree.nodes]


def _steps(blocks: list[Block]) -> list[Step]:
    steps = [TABLES, Step("minimum", "separable-minimum", ("tables",), {"refined": MOST_REFINED})]
    ordered = sorted(blocks, key=lambda block: (block.max_token, block.query))
    partitioned = [block for block in ordered if block.expansions < 0]
    enumerated = [block for block in ordered if block.expansions >= 0]
    if partitioned:
        nodes = np.array([node for block in partitioned for node in block.nodes], dtype="<i8")
        steps.append(Step("partition", "separable-partition", ("tables",), {"blocks": _array(partitioned), "nodes": nodes}))
    if enumerated:
        hints = {"blocks": _array(enumerated), "expansions": sum(block.expansions for block in enumerated) + ROOM}
        steps.append(Step("enumeration", "separable-enumeration", ("tables",), hints))
    steps.append(Step("count", "sum-blocks", tuple(step.id for step in steps[1:])))
    return steps


def _array(blocks: list[Block]) -> np.ndarray:
    return np.array([(block.query, block.max_token) for block in blocks], dtype="<i8")


def _left_out(problem: Problem, search: _Search, kept: list[Block], dropped: int, ended: str) -> str:
    settled = {id(block): block.undecided for block in kept}
    left = search.unseen + sum(settled.get(id(block), block.size) for block in search.blocks)
    if not left:
        return ""
    total = problem.dimensions.d_vocab**problem.dimensions.n_ctx
    open_blocks = sum(bool(settled.get(id(block), block.size)) for block in search.blocks)
    unseen = f", {search.unseen} sequences of other blocks were not looked at" if search.unseen else ""
    reasons = [ended] if ended else []
    if dropped:
        reasons.append(f"{dropped} blocks were dropped to fit the checker's limit on work; --limit work=N raises it")
    share = f"{left / total:.2g}" if math.isfinite(left / total) else "some"
    return (
        f"{open_blocks} of {len(search.blocks)} open blocks are not settled in full{unseen}, {share} of all inputs: {'; '.join(reasons)}. "
        "The strategy separable-counting may prove more"
    )


STRATEGIES = (Strategy("exact", "the exact count: minimum, else a tree of boxes, else enumeration, block by block", propose_exact),)
