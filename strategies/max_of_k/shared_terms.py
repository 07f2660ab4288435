"""Shared windows in float64: bounds for classes of queries, failures of groups of rivals, their operations. Not trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.clamped_sums import LIMB_BITS, Bins, clamped_operations
from proofcheck.arithmetic.level_sums import MOST_LISTED, nonpositive_tuples, tuples_operations
from strategies.max_of_k.windows_counts import all_tuples, clamped
from strategies.max_of_k.windows_terms import LEVEL_BITS, Doubles, FloatTables, Integers

MOST_TUPLES = 1 << 17  # of levels: up to here every tuple is looked at
MOST_SUMS = 1 << 21  # at once
WEIGHTS = (2e-3, 2e-4)  # relative to the max token's: below the first one tokens are far, below the second ones farther
MOST_NEAR = 96
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Parts:
    """Of groups of rivals for one class, each bounded alone, as the checker does: h + e on cells [G, L], π [G, n], h + e of each query's
    own token [G, Q].
    """

    heights: Doubles
    pi: Doubles
    own: Doubles

    def merged(self, other: Parts) -> Parts:
        """Part by part the smaller one."""
        return Parts(np.minimum(self.heights, other.heights), np.minimum(self.pi, other.pi), np.minimum(self.own, other.own))

    def grouped(self, groups: list[Integers]) -> Parts:
        """Of groups of these, given as places."""
        return Parts(*(np.stack([part[group].min(axis=0) for group in groups]) for part in (self.heights, self.pi, self.own)))

    def __getitem__(self, index: object) -> Parts:
        return Parts(self.heights[index], self.pi[index], self.own[index])  # type: ignore[index]


@dataclass(frozen=True, slots=True)
class Factors:
    """Of one class: smallest and largest u_i/u_{n−1} · v/v_m [n − 1, L], and v_q/v_m of each query [Q]."""

    low: Doubles
    high: Doubles
    own: Doubles


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of groups of rivals for one class: terms before the query's [G, n − 1, L], the query's own term [G]."""

    levels: Doubles
    own: Doubles

    def __getitem__(self, index: object) -> Bounds:
        return Bounds(self.levels[index], self.own[index])  # type: ignore[index]


class SharedMaxToken:
    """Cells of one max token, and what classes of queries prove on them."""

    def __init__(self, tables: FloatTables, m: int) -> None:
        self.tables, self.m = tables, m
        t = tables
        below = np.arange(m) if m else np.array([0])
        weight = np.exp((t.scores[below, :m] - t.scores[below, m : m + 1]).max(axis=0)) if m else np.zeros(0)  # [m]
        bounds = []
        for least in WEIGHTS:
            heavy = np.flatnonzero(weight >= least)
            bounds.append(max(int(heavy[0]) if len(heavy) else m, m - MOST_NEAR))
        self.boundaries = tuple(sorted({*bounds, 0}, reverse=True))
        f = self.boundaries[0]
        self.spans = list(zip(self.boundaries[1:], self.boundaries[:-1], strict=True))
        self.tokens = np.array([m, *range(f, m)])
        self.sizes = np.array([1] * len(self.tokens) + [b - a for a, b in self.spans], dtype=np.int64)
        self.rivals = np.array([j for j in range(t.d_vocab) if j != m])
        self.h = (t.EV[self.tokens, m][:, None] - t.EV[self.tokens][:, self.rivals]).T  # [J, K]
        rest = np.delete(t.EV[:f], m, axis=1).max(axis=1) if f else np.zeros(0)
        self.far = np.array([(t.EV[a:b, m] - rest[a:b]).min() for a, b in self.spans])  # by lists, [S]
        self.pi = (t.PV[:, m][:, None] - t.PV[:, self.rivals]).T  # [J, n]

    def parts(self, queries: Integers) -> Parts:
        """Of each rival alone, in the order of `rivals`."""
        t, m = self.tables, self.m
        e = (t.EU[queries, m][:, None] - t.EU[queries][:, self.rivals]).T  # [J, Q]
        far = np.broadcast_to(self.far + e.min(), (len(self.rivals), len(self.far)))
        own = (t.EV[queries, m][:, None] - t.EV[queries][:, self.rivals]).T + e
        return Parts(np.concatenate([self.h + e.min(axis=1)[:, None], far], axis=1), self.pi, own)

    def factors(self, queries: Integers) -> Factors:
        """Ranges of the weights of these queries."""
        t, m, n = self.tables, self.m, self.tables.n_ctx
        ends = [b - 1 for _, b in self.spans]
        ratios = np.concatenate([t.scores[queries][:, self.tokens], t.prefix[queries][:, ends]], axis=1) - t.scores[queries, m][:, None]
        low, high = np.exp(ratios.min(axis=0)), np.exp(ratios.max(axis=0))
        u = t.u[queries][:, : n - 1] / t.u[queries][:, n - 1 :]
        own = np.exp(t.scores[queries, queries] - t.scores[queries, m])
        return Factors(u.min(axis=0)[:, None] * low, u.max(axis=0)[:, None] * high, own)

    def bounds(self, parts: Parts, factors: Factors) -> Bounds:
        """H2 and H3 for each group."""
        z = parts.heights[:, None, :] + parts.pi[:, :-1, None]
        K = len(self.tokens)
        z[:, :, K:] = np.minimum(z[:, :, K:], 0)
        levels = np.where(z > 0, z * factors.low, z * factors.high)
        return Bounds(levels, ((parts.own + parts.pi[:, -1:]) * factors.own).min(axis=1))

    def settled(self, bounds: Bounds, *, required: bool) -> Booleans:
        """W3, for each group."""
        least = bounds.levels.min(axis=2)
        total = bounds.own + least.sum(axis=1)
        if required:
            total = total + (bounds.levels[:, :, 0] - least).min(axis=1) if least.shape[1] else np.full(len(total), -1.0)
        return np.asarray(total > 1e-9 * (1 + np.abs(bounds.own)))

    def failing(self, bounds: Bounds, bins: Bins, *, required: bool) -> Doubles:
        """Sequences that each group may lose, [G]."""
        out = np.zeros(len(bounds.own))
        places = np.flatnonzero(~self.settled(bounds, required=required))
        if len(places):
            z, own, every = bounds.levels[places], bounds.own[places], np.full(len(places), required)
            if self.tables.n_ctx - 1 > MOST_LISTED:
                counts = clamped(z, own, self.sizes, required, bins)
            elif (tuples := len(self.sizes) ** (self.tables.n_ctx - 1)) <= MOST_TUPLES:
                starts = range(0, len(places), max(1, MOST_SUMS // tuples))
                parts = [slice(a, a + starts.step) for a in starts]
                counts = np.concatenate([all_tuples(z[part], own[part], self.sizes, every[part]) for part in parts])
            else:
                counts = [self._one(z[k], float(own[k]), required=required) for k in range(len(places))]
            out[places] = counts
        return out

    def _one(self, z: Doubles, own: float, *, required: bool) -> int:
        scale = 2.0**LEVEL_BITS / max(float(np.abs(z).max(initial=0)), abs(own), 1e-300)
        return nonpositive_tuples(np.floor(z * scale).astype(np.int64), self.sizes, int(np.floor(own * scale)), 1, first_required=required)

    def most(self, bins: Bins, *, required: bool) -> int:
        """Operations of one count that the checker asks for before it counts."""
        n = self.tables.n_ctx
        if n - 1 <= MOST_LISTED:
            return tuples_operations(n - 1, self.sizes, 1, first_required=required)
        return clamped_operations(n - 1, self.sizes, bins, first_required=required)

    def costs(self, bounds: Bounds, bins: Bins, *, required: bool) -> Doubles:
        """Operations of the count of each group, about, [G]."""
        n = self.tables.n_ctx
        if n - 1 <= MOST_LISTED:
            return np.full(len(bounds.own), float(self.most(bins, required=required)))
        width = np.maximum(np.abs(bounds.levels[:, :, 0]).max(axis=1), 1e-300) / bins.fine
        steps = np.sort(np.clip(np.floor(bounds.levels / width[:, None, None]), -bins.states, bins.states), axis=2)
        different = (np.diff(steps, axis=2) > 0).sum(axis=2) + 1  # [G, n − 1]
        limbs = np.arange(1, n) * int(self.sizes.sum()).bit_length() // LIMB_BITS + 1
        each = 0.8 * bins.states * ((2 * different[:, 1:] + 3) * limbs[1:]).sum(axis=1) + steps[0].size * len(self.sizes)
        return np.asarray(each * (2.0 if required else 1.0))

    def fixed_cost(self, groups: int, rivals: int, classes: int, queries: int) -> float:
        """Operations of a sheet besides its counts, about."""
        L, K, n, d = len(self.sizes), len(self.tokens), self.tables.n_ctx, self.tables.d_vocab
        return classes * (groups * n * L * 4.0 + 3.0 * K * d) + queries * (4.0 * d + 3.0 * L + n) + 3.0 * d + rivals
