"""What the strategy `exact` searches for, in float64: blocks that a minimum leaves open, and trees of boxes. Nothing here is trusted."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import nonpositive_sums
from strategies.budget import Budget
from strategies.max_of_k.separable_terms import FloatTerms

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FloatBox:
    """base [R] + Σ_i terms[i][r, t_i] are the margins of a box of sequences against R rivals, up to a positive factor.

    The free positions are those before the query except `first` (−1: none), which holds the max token.
    """

    first: int
    base: Floats
    terms: list[Floats]
    safety: float  # a bound nearer to zero than this decides nothing

    def bounds(self, ranges: tuple[tuple[int, int], ...]) -> tuple[float, float]:
        """Bounds on the smallest margin over rivals: low ≤ it on all of the ranges; high ≥ it, from the best single rival."""
        parts = [term[:, a:b] for term, (a, b) in zip(self.terms, ranges, strict=True)]
        low = self.base + sum(part.min(axis=1) for part in parts)
        high = self.base + sum(part.max(axis=1) for part in parts)
        return float(low.min(initial=np.inf)), float(high.min(initial=np.inf))


def open_boxes(terms: FloatTerms, q: int, m: int, rivals: NDArray[np.int64]) -> list[FloatBox]:
    """The boxes of the block (q, m), in the checker's order, against those of the rivals that no bound of the whole box settles."""
    n, safety = terms.n_ctx, terms.safety(m)
    table = terms.terms(q, m, rivals)  # [R, n, T]
    found = []
    for first in range(n - 1) if q < m else (-1,):
        base = table[:, n - 1, q] + (table[:, first, m] if first >= 0 else 0)
        free = [table[:, i, : m if i < first else m + 1] for i in range(n - 1) if i != first]
        least = base + sum(part.min(axis=1) for part in free)
        still = least <= safety
        found.append(FloatBox(first, base[still], [part[still] for part in free], safety))
    return found


@dataclass(slots=True)
class _Node:
    """A box of a tree: token ranges, and its split (position in the box, threshold, halves) once it has one."""

    ranges: tuple[tuple[int, int], ...]
    split: tuple[int, int, _Node, _Node] | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """nodes: preorder, −1 for a leaf, else (index of the free position, threshold). open_sequences: in leaves that are not decided."""

    nodes: list[tuple[int, int] | int]
    open_sequences: int
    operations: int


def grow(box: FloatBox, most_nodes: int, budget: Budget) -> Tree:
    """A tree of at most about `most_nodes` nodes: the largest undecided box is split first, where the halves' bounds gain most.

    Raises OutOfTime.
    """
    root = _Node(tuple((0, term.shape[1]) for term in box.terms))
    order = count()
    heap: list[tuple[int, int, _Node]] = []
    size, leaves = 1, 0
    open_sequences = 0

    def visit(node: _Node) -> None:
        nonlocal leaves
        low, high = box.bounds(node.ranges)
        leaves += 1
        if len(box.base) and low <= box.safety and high > -box.safety:
            heapq.heappush(heap, (-math.prod(b - a for a, b in node.ranges), next(order), node))

    visit(root)
    while heap:
        budget.check()
        sequences, _, node = heapq.heappop(heap)
        split = best_split(box, node.ranges) if size < most_nodes else None
        if split is None:
            open_sequences -= sequences
            continue
        halves = tuple(_Node(ranges) for ranges in _halves(node.ranges, *split))
        node.split = (*split, *halves)
        size, leaves = size + 2, leaves - 1
        for half in halves:
            visit(half)
    lengths = sum(term.shape[1] for term in box.terms)
    return Tree(_preorder(root), open_sequences, 2 * len(box.base) * leaves * (lengths // 2 + len(box.terms)))


def best_split(box: FloatBox, ranges: tuple[tuple[int, int], ...]) -> tuple[int, int] | None:
    """(position, threshold) with the smallest mean distance of the halves' bounds, decided halves counting as 0; None for one sequence."""
    parts = [term[:, a:b] for term, (a, b) in zip(box.terms, ranges, strict=True)]
    least, most = [part.min(axis=1) for part in parts], [part.max(axis=1) for part in parts]
    low, high = box.base + sum(least), box.base + sum(most)
    best, chosen = math.inf, None
    for i, (part, (a, b)) in enumerate(zip(parts, ranges, strict=True)):
        if b - a < 2:
            continue
        rest_low, rest_high = (low - least[i])[:, None], (high - most[i])[:, None]
        distances = np.zeros(b - a - 1)
        for reverse in (False, True):  # the half below each threshold, then the half above
            tokens = part[:, ::-1] if reverse else part
            lows = (rest_low + np.minimum.accumulate(tokens, axis=1)[:, :-1]).min(axis=0)
            highs = (rest_high + np.maximum.accumulate(tokens, axis=1)[:, :-1]).min(axis=0)
            gaps = np.where((lows > box.safety) | (highs <= -box.safety), 0, highs - lows) * np.arange(1, b - a)
            distances += gaps[::-1] if reverse else gaps
        k = int(distances.argmin())
        if distances[k] / (b - a) < best:
            best, chosen = float(distances[k]) / (b - a), (i, a + k + 1)
    return chosen


def _halves(ranges: tuple[tuple[int, int], ...], i: int, threshold: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    low, high = ranges[i]
    return tuple((*ranges[:i], half, *ranges[i + 1 :]) for half in ((low, threshold), (threshold, high)))


def _preorder(root: _Node) -> list[tuple[int, int] | int]:
    nodes: list[tuple[int, int] | int] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node.split is None:
            nodes.append(-1)
        else:
            position, threshold, below, above = node.split
            nodes.append((position, threshold))
            stack += [above, below]
    return nodes


def expansions(box: FloatBox, most: int, budget: Budget) -> tuple[int, int]:
    """Upper bounds, up to `safety`, of the nodes that `separable-enumeration` expands in the box and of its operations.

    Exhausted beyond `most` nodes; raises OutOfTime.
    """
    spent = 0

    def spend(nodes: int) -> None:
        nonlocal spent
        spent += nodes
        if spent > most:
            raise Exhausted
        budget.check()

    if len(box.base) == 0:
        return 0, 0
    largest = max([float(np.abs(box.base).max()) + box.safety, *(float(np.abs(term).max()) for term in box.terms)])
    scale = 2.0 ** (26 - len(box.terms).bit_length()) / largest if largest else 1.0
    terms = [np.floor(term * scale).astype(np.int64) for term in box.terms]
    for _ in nonpositive_sums(np.floor((box.base - box.safety) * scale).astype(np.int64), terms, spend):
        pass
    return spent, 2 * spent * max((term.shape[1] for term in terms), default=1)


class Exhausted(Exception):
    """A search would take more nodes than allowed."""
