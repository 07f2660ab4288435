"""The index tuples whose smallest sum is at most zero, without visiting the others: branch and bound over prefixes, exact in integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.fixed_point import IntegerArray, check_sums
from proofcheck.arithmetic.operations import count

_CHUNK = 1 << 17  # entries of one working array
_Nodes = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]  # row-major index of a prefix, j, the sum of base and prefix


def nonpositive_sums(
    base: IntegerArray, terms: list[IntegerArray], spend: Callable[[int], None]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Where S(t) := min over j of base[j] + Σ_i terms[i][j, t_i] is at most 0, for t = (t_0, …, t_{p−1}).

    Shapes: base [J], terms[i] [J, T_i] with J, T_i ≥ 1. Yields (prefixes [U], smallest [U, K]): smallest[u, t] belongs to the index
    prefixes[u]·K + t, row-major over (T_0, …, T_{p−1}), K = T_{p−1} (K = 1 if p = 0); no index is yielded twice.
    Postcondition, for every index: if S ≤ 0 it is yielded with smallest = S; if it is yielded with S > 0 then smallest > 0.
    Hypothesis (checked): (p + 1) · max|entry| < 2^31, as in `smallest_sums`.
    Proof: a node (prefix, j) stands for all continuations; it is dropped only if its sum plus the smallest values of the later terms is
    > 0, and then the sum for j is > 0 for each of them. So every (t, j) with sum ≤ 0 reaches the last term, and there the minimum over
    the surviving j equals S if S ≤ 0, else it is a minimum over fewer j of sums that are all > 0 or it is not taken.  ∎
    spend(k) is called before k nodes are expanded; what it raises ends the search. A node costs 2·T_i operations (i: its next term).
    """
    check_sums(base, terms)
    sizes = [term.shape[1] for term in terms]
    if prod(sizes) >= 1 << 62:
        raise OverflowError("an index of a sequence does not fit 62 bits")
    least = [term.min(axis=1).astype(np.int64) for term in terms]  # [J]
    rest = [sum(least[i:], start=np.zeros(base.shape[0], dtype=np.int64)) for i in range(len(terms) + 1)]  # after i terms
    count(base.shape[0] * (sum(sizes) + 1))
    sums = base.astype(np.int64)
    rivals = np.flatnonzero(sums + rest[0] <= 0)
    if len(rivals) == 0:
        return
    if not terms:
        yield np.zeros(1, dtype=np.int64), sums.min().reshape(1, 1)
        return
    stack: list[tuple[int, _Nodes]] = [(0, (np.zeros(len(rivals), dtype=np.int64), rivals, sums[rivals]))]
    while stack:
        level, (prefixes, rivals, sums) = stack.pop()
        spend(len(prefixes))
        count(2 * len(prefixes) * sizes[level])
        table = sums[:, None] + terms[level][rivals]  # [nodes, T_i]
        if level == len(terms) - 1:
            starts = np.flatnonzero(np.diff(prefixes, prepend=-1))  # nodes are in order of their prefixes
            yield prefixes[starts], np.minimum.reduceat(table, starts, axis=0)
            continue
        node, token = np.nonzero(table <= -rest[level + 1][rivals][:, None])
        children = (prefixes[node] * sizes[level] + token, rivals[node], table[node, token])
        stack.extend((level + 1, piece) for piece in _pieces(children, max(1, _CHUNK // sizes[level + 1])))


def _pieces(nodes: _Nodes, size: int) -> Iterator[_Nodes]:
    """The nodes in order of their prefixes, in parts of at least `size`; no prefix is in two parts."""
    order = np.argsort(nodes[0], kind="stable")
    prefixes, rivals, sums = (part[order] for part in nodes)
    start = 0
    while start < len(prefixes):
        end = min(start + size, len(prefixes))
        end = int(np.searchsorted(prefixes, prefixes[end - 1], side="right"))
        yield prefixes[start:end], rivals[start:end], sums[start:end]
        start = end
