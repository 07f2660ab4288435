"""Hints for `loss-boxes`: cells of tokens by weight, classes of positions, levels among a block's margins. Floats; nothing is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

UNUSED = -1  # in `cells` and `classes`
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class FloatTables:
    """scores [q, i, t] (after scaling), values [i, t, o] without the direct path, direct [q, o]."""

    scores: Array
    values: Array
    direct: Array

    @property
    def n_ctx(self) -> int:
        return int(self.scores.shape[1])

    @property
    def d_vocab(self) -> int:
        return int(self.scores.shape[2])


def tables_of(weights: dict[str, Array]) -> FloatTables:
    """weights: W_E, W_pos, W_Q, … by name, b_* where there are any; float64, without the head axis."""
    w = weights
    zero = 0.0
    last = w["W_E"] + w["W_pos"][-1]
    out = w["W_O"] @ w["W_U"]
    queries = last @ w["W_Q"] + w.get("b_Q", zero)
    scale = 1 / np.sqrt(w["W_Q"].shape[1])
    on_tokens = queries @ (w["W_E"] @ w["W_K"] + w.get("b_K", zero)).T * scale
    on_positions = queries @ (w["W_pos"] @ w["W_K"]).T * scale
    tokens = (w["W_E"] @ w["W_V"] + w.get("b_V", zero)) @ out
    positions = w["W_pos"] @ w["W_V"] @ out
    direct = (last + w.get("b_O", zero)) @ w["W_U"] + w.get("b_U", zero)
    return FloatTables(on_positions[:, :, None] + on_tokens[:, None, :], positions[:, None, :] + tokens[None], direct)


def margin_range(tables: FloatTables, q: int, m: int) -> tuple[Array, Array]:
    """Least and largest margin of the box of all tokens ≤ m before the query, for every rival [d] (0 at m), without the direct path."""
    n = tables.n_ctx
    scores = tables.scores[q][:, : m + 1]
    w = np.exp(scores - scores.max())
    v = tables.values[:, : m + 1, m : m + 1] - tables.values[:, : m + 1]  # [n, T, d]
    own, own_value = w[-1, q], v[-1, q]
    found = []
    for largest in (False, True):
        level = own_value.copy()
        for _ in range(4):
            terms = w[:-1, :, None] * (v[:-1] - level)
            at = terms.argmax(axis=1) if largest else terms.argmin(axis=1)  # [n − 1, d]
            total = np.take_along_axis(terms, at[:, None], axis=1).sum(axis=(0, 1)) + own * (own_value - level)
            mass = own + sum(w[i][at[i]] for i in range(n - 1))
            level = level + total / mass
        found.append(level)
    return found[0], found[1]


def levels_of(tables: FloatTables, m: int, shares: Array, queries: int = 8) -> Array:
    """[L, d]: between the least and the largest margin, averaged over some queries."""
    chosen = range(0, m + 1, max(1, (m + 1) // queries))
    ranges = [margin_range(tables, q, m) for q in chosen]
    low, high = (np.mean([pair[k] for pair in ranges], axis=0) for k in (0, 1))
    return np.asarray(low + (high - low) * shares[:, None])


def cells_by_weight(tables: FloatTables, m: int, singles: int, groups: int) -> Array:
    """The cells of the tokens 0 … m: m alone, the `singles` heaviest ones below it alone, the others in groups of neighbouring weights."""
    labels = np.zeros(m + 1, dtype=np.int64)
    if m == 0:
        return labels
    mean = tables.scores[: m + 1, :, :m].mean(axis=(0, 1))
    weights = np.exp(mean - mean.max())
    order = np.argsort(-mean, kind="stable")
    alone = min(singles, m)
    labels[order[:alone]] = 1 + np.arange(alone)
    rest = order[alone:]
    for k, part in enumerate(_grouped(weights[rest], groups)):
        labels[rest[part]] = alone + 1 + k
    return labels


def _grouped(weights: Array, groups: int) -> list[Array]:
    """Falling numbers cut into runs so that Σ (run's length)·(run's range) is least."""
    size = len(weights)
    if size == 0:
        return []
    groups = min(groups, size)
    best = np.full((groups + 1, size + 1), np.inf)
    cut = np.zeros((groups + 1, size + 1), dtype=np.int64)
    best[0, 0] = 0
    for g in range(1, groups + 1):
        for end in range(g, size + 1):
            starts = np.arange(g - 1, end)
            costs = best[g - 1, starts] + (end - starts) * (weights[starts] - weights[end - 1])
            k = int(costs.argmin())
            best[g, end], cut[g, end] = costs[k], starts[k]
    parts, end = [], size
    for g in range(groups, 0, -1):
        start = int(cut[g, end])
        parts.append(np.arange(start, end))
        end = start
    return parts[::-1]


def classes_of(tables: FloatTables, number: int) -> Array:
    """[n − 1]: positions in `number` classes of neighbouring weights."""
    positions = tables.n_ctx - 1
    weights = tables.scores[:, :-1].mean(axis=(0, 2))
    labels = np.zeros(positions, dtype=np.int64)
    for k, part in enumerate(np.array_split(np.argsort(weights, kind="stable"), min(number, positions)) if positions else []):
        labels[part] = k
    return labels


def boxes_of(cells: Array, classes: Array) -> int:
    """How many boxes such a plan has."""
    many = int(cells.max()) + 1
    found = 1
    for size in np.bincount(classes).tolist() if len(classes) else []:
        found *= comb(size + many - 1, many - 1)
    return found
