"""What the strategy `exact` searches for, in float64: blocks that a minimum leaves open, and trees of boxes. Nothing here is trusted."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import nonpositive_sums
from strategies.models.load import Model

Floats = NDArray[np.float64]
SAFETY = 1e-5  # of the largest term: what is nearer to zero is left to a rule that decides single sequences
ROUNDING = 1e-13  # of the largest logit: float64 says nothing about smaller margins


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


class FloatTerms:
    """The terms of Theorem S for one block at a time (docs/rules/separability.md), in numpy."""

    def __init__(self, model: Model) -> None:
        t = {name: getattr(model, name).double().numpy() for name in model.__dataclass_fields__}
        last = t["W_E"] + t["W_pos"][-1:]
        queries = last @ t["W_Q"] + t["b_Q"]
        W_OU = t["W_O"] @ t["W_U"]
        self.n_ctx, self.d_vocab = t["W_pos"].shape[0], t["W_E"].shape[0]
        self.EUPU = (last + t["b_O"]) @ t["W_U"] + t["b_U"]
        self.EVOU = (t["W_E"] @ t["W_V"] + t["b_V"]) @ W_OU
        self.PVOU = t["W_pos"] @ t["W_V"] @ W_OU
        self.rounding = ROUNDING * sum(float(np.abs(table).max()) for table in (self.EUPU, self.EVOU, self.PVOU))
        root = math.sqrt(t["W_Q"].shape[-1])
        self.EQKE = queries @ (t["W_E"] @ t["W_K"] + t["b_K"]).T / root
        self.EQKP = queries @ (t["W_pos"] @ t["W_K"]).T / root

    def block(self, q: int, m: int) -> Floats:
        """f_i(t) against the rivals j ≠ m: [n_ctx, J, m + 1], at most about 1 · (largest margin of values) in size."""
        scores = self.EQKE[q, None, : m + 1] + self.EQKP[q, :, None]
        weights = np.exp(scores - scores.max())  # [n, T]
        logits = self.EVOU[None, : m + 1] + self.PVOU[:, None] + self.EUPU[q]  # [n, T, d]
        margins = logits[:, :, m : m + 1] - np.delete(logits, m, axis=2)
        return np.moveaxis(weights[:, :, None] * margins, 2, 1)

    def safety(self, terms: Floats) -> float:
        """Sums of terms of a block that are nearer to zero than this may have any sign in the checker's integers."""
        return SAFETY * float(np.abs(terms).max(initial=0.0)) + self.rounding

    def minimum_settles(self, q: int, m: int) -> bool:
        """Corollary 2, with room for rounding."""
        terms = self.block(q, m)
        least = terms[:-1].min(axis=2)  # [n − 1, J]
        bound = terms[-1, :, q] + least.sum(axis=0)
        if q < m:
            bound = bound + (terms[:-1, :, m] - least).min(axis=0, initial=np.inf)
        return bool((bound > self.safety(terms)).all())

    def open_boxes(self, q: int, m: int) -> list[FloatBox]:
        """The boxes of the block, in the checker's order, against the rivals that the minimum does not certainly settle."""
        terms = self.block(q, m)
        n = self.n_ctx
        safety = self.safety(terms)
        found = []
        for first in range(n - 1) if q < m else (-1,):
            base = terms[n - 1, :, q] + (terms[first, :, m] if first >= 0 else 0)
            free = [terms[i, :, : m if i < first else m + 1] for i in range(n - 1) if i != first]
            least = base + sum(part.min(axis=1) for part in free)
            rivals = least <= safety
            found.append(FloatBox(first, base[rivals], [part[rivals] for part in free], safety))
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


def grow(box: FloatBox, most_nodes: int) -> Tree:
    """A tree of at most about `most_nodes` nodes: the largest undecided box is split first, where the halves' bounds gain most."""
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


def expansions(box: FloatBox, most: int) -> tuple[int, int]:
    """Upper bounds, up to `safety`, of the nodes that `separable-enumeration` expands in the box and of its operations.

    Exhausted beyond `most` nodes.
    """
    spent = 0

    def spend(nodes: int) -> None:
        nonlocal spent
        spent += nodes
        if spent > most:
            raise Exhausted

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
