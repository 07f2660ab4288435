"""Groups of queries, directions of their scores, an order of the rivals and ranges of it: hints of
`grouped-queries` and `rival-tree`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.max_of_k.windows_terms import Doubles, FloatTables, Integers
from strategies.models.load import Model

Hints = dict[str, np.ndarray | int]


@dataclass(frozen=True, slots=True)
class Shape:
    """groups of queries; directions of scores; basis: columns of the basis for rivals; prune: logits below
    the own one that are not resolved.
    """

    groups: int = 4
    directions: int = 1
    basis: int = 9
    prune: float = 14.0


def score_hints(tables: FloatTables, shape: Shape) -> Hints:
    """base, directions, coefficients, centre, labels."""
    Y = tables.queries
    base = Y.mean(axis=0)
    vectors = np.linalg.svd(Y - base, full_matrices=False)[2][: shape.directions]
    scores = Y @ tables.embedding.T
    tail = max(1, tables.d_vocab // 8)
    slope = scores[:, -tail:].mean(axis=1) - scores[:, :tail].mean(axis=1)
    labels = np.zeros(tables.d_vocab, dtype=np.int64)
    for label, members in enumerate(np.array_split(np.argsort(slope, kind="stable"), min(shape.groups, tables.d_vocab))):
        labels[members] = label
    return {
        "direct_mean": tables.direct_mean,
        "position_mean": tables.position_mean,
        "base": base,
        "directions": np.ascontiguousarray(vectors),
        "coefficients": np.ascontiguousarray((Y - base) @ vectors.T),
        "centre": tables.embedding.mean(axis=0),
        "labels": labels,
    }


def tree_hints(tables: FloatTables, model: Model, shape: Shape, labels: Integers, *, exact_direct: bool) -> Hints:
    """basis, order, ranges, column_centre, group_means, exact_direct, top_direct."""
    A, U = tables.value_vectors, model.W_U.numpy()
    basis = np.linalg.svd(A, full_matrices=False)[2][: min(shape.basis, tables.d_model)].T
    small_A, small_U = A @ basis, (basis.T @ U).T
    weighted = small_U * small_A.std(axis=0)
    order, tree = _bisected(weighted, np.arange(tables.d_vocab))
    place = np.empty(tables.d_vocab, dtype=np.int64)
    place[order] = np.arange(tables.d_vocab)
    rest_A = np.linalg.norm(A - small_A @ basis.T, axis=1)
    rest_U = np.linalg.norm(U - basis @ small_U.T, axis=0)
    rows: list[tuple[int, int]] = []
    for t in range(tables.d_vocab):
        others = np.delete(tables.EV[t], t)
        target = tables.EV[t, t] - min(shape.prune, float(tables.EV[t, t] - others.max()) - 0.01)
        bounds = _Bounds(small_A[t], rest_A[t], small_U[order], rest_U[order], int(place[t]), target)
        rows += [(t, end) for end in bounds.ends(tree)]
    last = (model.W_E + model.W_pos[-1] + model.b_O).numpy()
    number = int(labels.max()) + 1
    means = np.stack([last[labels == k].mean(axis=0) for k in range(number)])
    direct = tables.EU if exact_direct else (means - tables.direct_mean) @ U
    return {
        "basis": np.ascontiguousarray(basis),
        "order": order.astype(np.int64),
        "ranges": np.array(rows, dtype=np.int64),
        "column_centre": U.mean(axis=1),
        "group_means": means,
        "exact_direct": int(exact_direct),
        "top_direct": np.argsort(-direct, axis=1, kind="stable")[:, : tables.K].astype(np.int64),
        "top_PV": tables.lists[2].astype(np.int64),
    }


Tree = tuple[int, int, tuple["Tree", ...]]  # start, end, halves


def _bisected(points: Doubles, members: Integers, start: int = 0) -> tuple[Integers, Tree]:
    """Rivals in an order in which the halves of halves stand together."""
    if len(members) == 1:
        return members, (start, start + 1, ())
    centred = points[members] - points[members].mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    sorted_ = members[np.argsort(centred @ direction, kind="stable")]
    half = len(members) // 2
    left, first = _bisected(points, sorted_[:half], start)
    right, second = _bisected(points, sorted_[half:], start + half)
    return np.concatenate([left, right]), (start, start + len(members), (first, second))


@dataclass(frozen=True, slots=True)
class _Bounds:
    """T1 in floats for one token; rivals in order. own: the place of the token's own logit, which is never
    pruned.
    """

    small: Doubles
    rest: float
    rivals: Doubles
    perps: Doubles
    own: int
    target: float

    def ends(self, tree: Tree) -> list[int]:
        """Ranges from the root down: pruned where the bound is below the target."""
        start, end, halves = tree
        if not halves or (not start <= self.own < end and self._bound(start, end) < self.target):
            return [end]
        return [stop for half in halves for stop in self.ends(half)]

    def _bound(self, start: int, end: int) -> float:
        box = self.rivals[start:end]
        corner = np.where(self.small > 0, box.max(axis=0), box.min(axis=0))
        return float(self.small @ corner + self.rest * self.perps[start:end].max())
