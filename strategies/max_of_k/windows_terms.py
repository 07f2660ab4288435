"""The windows rules in float64, with the operations that the checker will count. Nothing here is trusted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.level_sums import MOST_LISTED, nonpositive_tuples, tuples_operations
from strategies.max_of_k.windows_counts import all_tuples, in_bins
from strategies.models.load import Model

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
LEVEL_BITS = 40
MOST_TUPLES = 4096  # of levels: up to here every tuple is looked at, for all queries at once
GRID = 2.0**-20  # hinted mean rows are multiples of it, so that exact tables stay short


@dataclass(frozen=True, slots=True)
class Window:
    """Single rivals, and boundaries f = b_0 > … > 0 of far tokens, of one max token."""

    rivals: tuple[int, ...]
    boundaries: tuple[int, ...]


@dataclass(slots=True)
class Evaluation:
    """What a window proves: sequences of whole blocks and of counted ones; operations; counted queries with
    gain, operations and bins.
    """

    gain: int = 0
    operations: int = 0
    counted: list[tuple[int, int, int, int]] = field(default_factory=list)
    open_queries: list[int] = field(default_factory=list)
    open_share: float = 0.0


def best_of(found: list[Evaluation], price: float) -> Evaluation:
    """One window with several numbers of bins, on all queries: each count with the number that wins most."""
    first = found[0]
    best: dict[int, tuple[int, int, int, int]] = {}
    for row in (row for evaluation in found for row in evaluation.counted):
        if row[0] not in best or row[1] - price * row[2] > best[row[0]][1] - price * best[row[0]][2]:
            best[row[0]] = row
    out = Evaluation(first.gain, first.operations, sorted(best.values()), first.open_queries, first.open_share)
    out.gain += sum(row[1] for row in out.counted) - sum(row[1] for row in first.counted)
    out.operations += sum(row[2] for row in out.counted) - sum(row[2] for row in first.counted)
    return out


class FloatTables:
    """Centred tables EV, EU [d, d], PV [n, d], log-weights of tokens [d, d] and positions [d, n], and lists
    of largest entries.
    """

    def __init__(self, model: Model, list_length: int = 6) -> None:
        w = {name: getattr(model, name).numpy() for name in ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")}
        b = {name: getattr(model, name).numpy() for name in ("b_Q", "b_V", "b_O", "b_U")}
        self.n_ctx, self.d_vocab, self.d_model, self.d_head = (
            model.n_ctx,
            model.d_vocab,
            w["W_E"].shape[1],
            model.d_head,
        )
        last = w["W_E"] + w["W_pos"][-1]
        VO = w["W_V"] @ w["W_O"]
        self.direct_mean = np.round((last + b["b_O"]).mean(axis=0) / GRID) * GRID
        self.position_mean = np.round(w["W_pos"].mean(axis=0) / GRID) * GRID
        self.value_vectors = w["W_E"] @ VO + self.position_mean @ VO + b["b_V"] @ w["W_O"] + self.direct_mean
        self.EV = self.value_vectors @ w["W_U"] + b["b_U"]
        self.EU = (last + b["b_O"] - self.direct_mean) @ w["W_U"]
        self.PV = (w["W_pos"] - self.position_mean) @ VO @ w["W_U"]
        self.embedding = w["W_E"]
        self.root = np.sqrt(model.d_head)
        self.queries = (last @ w["W_Q"] + b["b_Q"]) @ w["W_K"].T
        self.scores = self.queries @ w["W_E"].T / self.root
        position_scores = self.queries @ w["W_pos"].T / self.root
        self.u = np.exp(position_scores - position_scores.max(axis=1, keepdims=True))
        self.prefix = np.maximum.accumulate(self.scores, axis=1)  # log of the largest weight among tokens ≤ t; may be replaced by bounds
        self.K = min(list_length, self.d_vocab)
        self.lists = tuple(np.argsort(-table, axis=1, kind="stable")[:, : self.K] for table in (self.EV, self.EU, self.PV))

    def block_size(self, query: int, m: int) -> int:
        free = self.n_ctx - 1
        return int((m + 1) ** free - (m**free if query < m else 0))

    def outside(self, table: int, rows: Integers, marks: NDArray[np.bool_]) -> tuple[Integers, int]:
        """Columns of the largest entries outside the marks in some rows of a table, and the list entries
        read.
        """
        columns = self.lists[table][rows]
        free = ~marks[columns]
        first = np.where(free.any(axis=1), free.argmax(axis=1), self.K - 1)
        return columns[np.arange(len(rows)), first], int((first + 1).sum())


@dataclass(frozen=True, slots=True)
class Group:
    """One group of rivals on the cells of some boundaries. settled [Q]: W3 holds; levels: what a count needs."""

    settled: NDArray[np.bool_]
    heights: Doubles
    h: Doubles
    e: Doubles
    pi: Doubles


class Division:
    """Cells of one max token for some boundaries, and the groups that were looked at on them."""

    def __init__(self, place: MaxToken, bounds: tuple[int, ...]) -> None:
        m = place.m
        self.tokens = np.array([m, *range(bounds[0], m)])
        self.segments = list(zip(bounds[1:], bounds[:-1], strict=True))
        self.sizes = np.array([1] * len(self.tokens) + [b - a for a, b in self.segments], dtype=np.int64)
        far = place.M[:, [b - 1 for _, b in self.segments]] if self.segments else place.v[:, :0]
        self.V = np.concatenate([place.v[:, self.tokens], far], axis=1)
        self.groups: dict[tuple[int, ...], Group] = {}
        self.failing: dict[tuple[tuple[int, ...], int], int] = {}
        self.costs: dict[bool, int] = {}


class MaxToken:
    """Windows of one max token, on all queries or on some that stand for all.

    A group is a single rival (j,), or the rest (−1, *X) of rivals outside X and m.
    """

    def __init__(self, tables: FloatTables, m: int, bins: int, most_queries: int = 1 << 20) -> None:
        self.tables, self.m, self.bins = tables, m, bins
        t = tables
        below = np.arange(m) if m <= most_queries else np.unique(np.linspace(0, m - 1, most_queries).round().astype(np.int64))
        self.queries = np.append(below, m)
        self.stands_for = np.append(np.full(len(below), m / max(1, len(below))), 1.0)  # queries that each one stands for
        q = self.queries
        shift = np.maximum(t.scores[q, : m + 1].max(axis=1), t.prefix[q, m])[:, None]
        self.v = np.exp(t.scores[q, : m + 1] - shift)  # [Q, T]
        self.M = np.exp(t.prefix[q, : m + 1] - shift)
        self.own = self.v[np.arange(len(q)), q]
        self.u = t.u[q]
        self.block_sizes = np.array([t.block_size(int(k), m) for k in q], dtype=object)
        self._parts: dict[tuple[int, ...], tuple[tuple[Doubles, Doubles, Doubles], int]] = {}
        self._divisions: dict[tuple[int, ...], Division] = {}

    def parts(self, key: tuple[int, ...]) -> tuple[tuple[Doubles, Doubles, Doubles], int]:
        """h [T], e [Q], π [n] of a group, and the list entries that are read for it."""
        if key not in self._parts:
            t, m = self.tables, self.m
            rows, reads = (np.arange(m + 1), self.queries, np.arange(t.n_ctx)), 0
            columns = [np.full(len(k), key[0]) for k in rows]
            if key[0] < 0:
                marks = np.zeros(t.d_vocab, dtype=np.bool_)
                marks[[*key[1:], m]] = True
                found = [t.outside(k, some, marks) for k, some in enumerate(rows)]
                columns = [column for column, _ in found]
                reads = found[0][1] + found[1][1] * (m + 1) // len(self.queries) + found[2][1]
            tables = (t.EV, t.EU, t.PV)
            one, two, three = (T[k, m] - T[k, c] for T, k, c in zip(tables, rows, columns, strict=True))
            self._parts[key] = (one, two, three), reads
        return self._parts[key]

    def division(self, bounds: tuple[int, ...]) -> Division:
        if bounds not in self._divisions:
            self._divisions[bounds] = Division(self, bounds)
        return self._divisions[bounds]

    def group(self, cells: Division, key: tuple[int, ...]) -> Group:
        """W3 for one group and all queries."""
        if key not in cells.groups:
            (h, e, pi), _ = self.parts(key)
            n, K1 = self.tables.n_ctx, len(cells.tokens)
            heights = np.concatenate([h[cells.tokens], [h[a:b].min() for a, b in cells.segments]])
            total = self.u[:, n - 1] * self.own * (h[self.queries] + e + pi[n - 1])
            if n > 1:
                before = self.u[:, : n - 1]
                Y = heights[None, :] + (e + pi[: n - 1].min())[:, None]
                np.minimum(Y[:, K1:], 0, out=Y[:, K1:])
                Y *= cells.V
                least = Y.min(axis=1)
                total = total + before.sum(axis=1) * least
                total[:-1] += before[:-1].min(axis=1) * (Y[:-1, 0] - least[:-1])
            cells.groups[key] = Group(total > 1e-12, heights, h, e, pi)
        return cells.groups[key]

    def evaluate(self, window: Window, price: float) -> Evaluation:
        """Whole blocks, and counts where a count wins more than `price` sequences for each of its operations."""
        t, m, n = self.tables, self.m, self.tables.n_ctx
        cells = self.division(window.boundaries)
        keys: list[tuple[int, ...]] = [(j,) for j in window.rivals]
        reads = 0
        if len(window.rivals) + 1 < t.d_vocab:
            keys.append((-1, *sorted(window.rivals)))
            reads = self.parts(keys[-1])[1]
        settled = np.stack([self.group(cells, key).settled for key in keys])
        G, T, K1, S = len(keys), m + 1, len(cells.tokens), len(cells.segments)
        whole = settled.all(axis=0)
        out = Evaluation()
        out.operations = reads + G * (2 * T + n) + G * (window.boundaries[0] - S) + G * (n - 2) + G * T * (3 * K1 + 4 * S + 10)
        gain, operations = 0, 0.0
        for k in np.flatnonzero(~whole).tolist():
            size, each = self.block_sizes[k], float(self.stands_for[k])
            out.open_queries.append(int(self.queries[k]))
            lost = [keys[g] for g in np.flatnonzero(~settled[:, k])]
            cost = self._count_cost(cells, len(lost), k < len(whole) - 1)
            left = size - self.failing(cells, lost, k, size) if size > price * cost else 0
            if left > price * cost:
                out.counted.append((int(self.queries[k]), left, cost, self.bins))
                gain += int(left * each)
                operations += cost * each
        out.gain = gain + sum(int(self.block_sizes[k] * float(self.stands_for[k])) for k in np.flatnonzero(whole).tolist())
        out.open_share = float(self.stands_for[~whole].sum())
        out.operations += int(operations)
        return out

    def _count_cost(self, cells: Division, groups: int, required: bool) -> int:
        n, L, S = self.tables.n_ctx, len(cells.sizes), len(cells.segments)
        if required not in cells.costs:
            cells.costs[required] = tuples_operations(n - 1, cells.sizes, self.bins, first_required=required)
        return (n - 1) * L + 1 + groups * (L + (n - 1) * (2 * L + S) + 3 + cells.costs[required])

    def _fill(self, cells: Division, key: tuple[int, ...]) -> None:
        """Failures of one group for all queries that W3 leaves open."""
        group, n, K1 = cells.groups[key], self.tables.n_ctx, len(cells.tokens)
        places = np.flatnonzero(~group.settled)
        z = (group.heights[None, :] + group.e[places, None])[:, None, :] + group.pi[None, : n - 1, None]  # [C, n − 1, L]
        z[:, :, K1:] = np.minimum(z[:, :, K1:], 0)
        z *= self.u[places, : n - 1, None] * cells.V[places, None, :]
        own = self.u[places, n - 1] * self.own[places] * (group.h[self.queries[places]] + group.e[places] + group.pi[n - 1])
        required = places < len(self.queries) - 1
        if len(cells.sizes) ** (n - 1) <= MOST_TUPLES:
            counts = all_tuples(z, own, cells.sizes, required)
        elif n - 1 > MOST_LISTED:
            counts = in_bins(z, own, cells.sizes, required, self.bins)
        else:
            counts = [self._one(cells.sizes, z[c], float(own[c]), required=bool(required[c])) for c in range(len(places))]
        cells.failing.update({(key, k): total for k, total in zip(places.tolist(), counts, strict=True)})

    def _one(self, sizes: Integers, z: Doubles, own: float, *, required: bool) -> int:
        scale = 2.0**LEVEL_BITS / max(float(np.abs(z).max(initial=0)), abs(own), 1e-300)
        lower = np.floor(z * scale).astype(np.int64)
        return nonpositive_tuples(lower, sizes, int(np.floor(own * scale)), self.bins, first_required=required)

    def failing(self, cells: Division, keys: list[tuple[int, ...]], place: int, size: int) -> int:
        """The sum over groups, or at least the size of the block."""
        total = 0
        for key in keys:
            if (key, place) not in cells.failing:
                self._fill(cells, key)
            total += cells.failing[key, place]
            if total >= size:
                break
        return total


def table_operations(tables: FloatTables, known: int) -> int:
    """Operations of the exact tables, lists, enclosures and exponentials; known: computed scores."""
    n, d, D, H, K = tables.n_ctx, tables.d_vocab, tables.d_model, tables.d_head, tables.K
    products = 2 * D * D * (2 * H - 1) + 2 * d * D * (2 * D - 1) + 2 * d * d * (2 * D - 1) + known * (2 * D - 1)
    positions = n * D * (2 * D - 1) + 2 * n * d * (2 * D - 1) + D * (2 * D - 1)
    rows = 3 * d * D + n * D + D
    lists = (2 * d + n) * (d + K - 1)
    bounds = 8 * d * D + 6 * d if known < d * d else 0
    return products + positions + rows + lists + bounds + known + d * n + d * (2 * n - 4) + d * d
