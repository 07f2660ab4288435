"""Which plan for which max token: float bounds of a few queries decide where more boxes help most. Nothing is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import lgamma
from typing import Any

import numpy as np

from strategies.max_of_k.loss_plans import UNUSED, Array, FloatTables, boxes_of, cells_by_weight, classes_of, levels_of

MOST_BOXES = 100_000  # of one candidate
QUERIES = 3  # sampled for each max token
ENOUGH = 2e-6  # long sequences: a max token whose losses add less to the mean gets no more boxes


@dataclass(frozen=True, slots=True)
class Candidate:
    """One plan of one max token: its boxes for all queries, and the float bound on the sum of its losses over d^n."""

    cells: Array
    classes: Array
    boxes: int
    bound: float


def search(tables: FloatTables, evaluations: float, shares: Sequence[float], below: int) -> dict[str, Any]:
    """Hints whose boxes times rivals are about `evaluations`: cells, classes, levels, below."""
    n, d = tables.n_ctx, tables.d_vocab
    levels = np.stack([levels_of(tables, m, np.array(shares)) for m in range(d)])
    ladders = [_ladder(tables, m, levels[m]) for m in range(d)]
    chosen = [0] * d
    spent = sum(ladder[0].boxes for ladder in ladders) * (d - 1)
    while True:
        best, step = 0.0, (-1, -1)
        for m, ladder in enumerate(ladders):
            now = ladder[chosen[m]]
            for k in range(chosen[m] + 1, len(ladder)):
                more = (ladder[k].boxes - now.boxes) * (d - 1)
                gain = (now.bound - ladder[k].bound) / max(more, 1)
                if gain > best and spent + more <= evaluations:
                    best, step = gain, (m, k)
        m, k = step
        if m < 0:
            break
        spent += (ladders[m][k].boxes - ladders[m][chosen[m]].boxes) * (d - 1)
        chosen[m] = k
    cells, classes = np.full((d, d), UNUSED, dtype=np.int64), np.full((d, n), UNUSED, dtype=np.int64)
    for m in range(d):
        plan = ladders[m][chosen[m]]
        cells[m, : m + 1], classes[m, :-1] = plan.cells, plan.classes
    return {"cells": cells, "classes": classes, "levels": levels, "below": below}


def _shapes(n: int) -> list[tuple[int, int, int]]:
    """(singles, groups, classes) of candidates."""
    few = [(0, 1), (1, 1), (1, 2), (2, 2), (3, 2), (3, 3), (4, 3), (5, 3), (6, 4), (8, 4), (10, 5), (14, 6)]
    if n <= 5:
        return [(h, g, n - 1) for h, g in few]
    return [(h, g, c) for c, (h, g) in product((1, 2), [*few[:6], (4, 2), (5, 2), (6, 2), (4, 3), (5, 3)])]


def _ladder(tables: FloatTables, m: int, levels: Array) -> list[Candidate]:
    """Candidates by falling bound and growing number of boxes; the first is the cheapest."""
    n, d = tables.n_ctx, tables.d_vocab
    queries = sorted({int(q) for q in np.linspace(0, m, min(QUERIES, m + 1))})
    mass = ((m + 1) / d) ** n - (m / d) ** n
    found: list[Candidate] = []
    seen = set()
    plans = [(cells_by_weight(tables, m, singles, groups), classes_of(tables, number)) for singles, groups, number in _shapes(n)]
    for boxes, cells, classes in sorted(((boxes_of(*plan), *plan) for plan in plans), key=lambda entry: entry[0]):
        key = (cells.tobytes(), classes.tobytes())
        if key in seen or boxes > MOST_BOXES:
            continue
        seen.add(key)
        if found and (mass * 30 < 1e-9 or (n > 5 and min(c.bound for c in found) < ENOUGH)):
            break
        means = [mean_bound(tables, q, m, cells, classes, levels) for q in queries]
        found.append(Candidate(cells, classes, boxes * (m + 1), mass * float(np.mean(means))))
    out = found[:1]
    for candidate in found[1:]:
        if candidate.bound < out[-1].bound:
            out.append(candidate)
    return out


def mean_bound(tables: FloatTables, q: int, m: int, cells: Array, classes: Array, levels: Array) -> float:
    """The float bound of the rule on the mean loss of the block (q, m); levels [L, d]."""
    rivals = np.delete(np.arange(tables.d_vocab), m)
    scores = tables.scores[q][:, : m + 1]
    w = np.exp(scores - scores.max())
    direct = (tables.direct[q, m] - tables.direct[q])[rivals]
    v = (tables.values[:, : m + 1, m : m + 1] - tables.values[:, : m + 1])[..., rivals]
    order = np.argsort(cells, kind="stable")
    counts = np.bincount(cells)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    parts = [np.flatnonzero(classes == c) for c in range(int(classes.max(initial=-1)) + 1)]
    rows = [_compositions(len(part), len(counts)) for part in parts]
    if not parts:
        return float(np.log1p(np.exp(-(v[-1, q] + direct)).sum()))
    grid = np.indices([len(row) for row in rows]).reshape(len(rows), -1)
    if q < m:
        grid = grid[:, np.any([row[index, 0] > 0 for row, index in zip(rows, grid, strict=True)], axis=0)]
    logs = np.array([lgamma(k + 1) for k in range(len(classes) + 2)])
    sizes = [logs[len(part)] - logs[row].sum(axis=1) + row @ np.log(counts) for part, row in zip(parts, rows, strict=True)]
    size = sum(part[index] for part, index in zip(sizes, grid, strict=True))

    def over_cells(terms: Array, extreme: Any) -> Array:
        found = [extreme.reduceat(extreme.reduce(terms[part], axis=0)[order], starts, axis=0) for part in parts]
        return np.asarray(sum((row @ part)[index] for row, part, index in zip(rows, found, grid, strict=True)))

    own = w[-1, q]
    least, most = (over_cells(w[:, :, None], extreme) + own for extreme in (np.minimum, np.maximum))
    margins = np.full((grid.shape[1], len(rivals)), -np.inf)
    for level in levels[:, rivals]:
        G = over_cells(w[:, :, None] * (v - level), np.minimum) + own * (v[-1, q] - level)
        margins = np.maximum(margins, level + direct + np.where(G >= 0, G / most, G / least))
    losses = np.log1p(np.exp(np.minimum(-margins, 500)).sum(axis=1))
    share = np.exp(size - size.max())
    return float((losses * share).sum() / share.sum())


def _compositions(total: int, parts: int) -> Array:
    if parts == 1:
        return np.array([[total]], dtype=np.int64)
    found = []
    for first in range(total + 1):
        rest = _compositions(total - first, parts - 1)
        found.append(np.concatenate([np.full((len(rest), 1), first, dtype=np.int64), rest], axis=1))
    return np.concatenate(found)
