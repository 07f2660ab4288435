"""The published sub-cubic programs in floating point: search of gap tables and verification, with the published formulas as they are.

Written from docs/published-strategies.md (2.1-2.3, 2.8, 3.4 and its `mean_query+diff`, whose formula is false). Nothing is proved: the
counts are claims, for `strategies.study.claims` to compare with what the checker proves. float32 is the published dtype. Two things are
done otherwise, with the same value over the reals: S of the subproduct errors is EQKE minus the residual, and ε of `svd` is the norm of
the residual's own singular values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache, lru_cache, reduce

import torch

from strategies.max_of_k.subcubic_bounds import DIRECT_PATHS, QK_ERRORS, SVD_ERRORS
from strategies.max_of_k.subcubic_directions import Directions, row_range
from strategies.models.load import Model

DROP = "drop-average-query-per-output-logit-reasoning"
MEAN = "mean-query+diff"


@dataclass(frozen=True, slots=True)
class Claim:
    """What the program claims for one strategy: gaps [q, m, c] int64, the accepted classes [q, m, c], and their published count."""

    direct: str
    attention: str
    error: str
    gaps: torch.Tensor
    accepted: torch.Tensor
    count: int


class _Cells:
    """The N cells of all uniform gaps: a gap g, a query q and a max token m with q = m ≥ g or q ≤ m − g. gap, q, m, last = m − g [N]."""

    def __init__(self, d: int) -> None:
        gap, q, m = torch.meshgrid(torch.arange(1, d), torch.arange(d), torch.arange(d), indexing="ij")
        inside = torch.where(q == m, m, m - q) >= gap
        self.gap, self.q, self.m = gap[inside], q[inside], m[inside]
        self.last = self.m - self.gap
        self.number = torch.zeros(inside.shape, dtype=torch.int64)  # [g − 1, q, m]: the cell, or any
        self.number[inside] = torch.arange(len(self.q))
        self.queries = inside.sum(1)  # [g − 1, m]


@dataclass(frozen=True, slots=True)
class _Attention:
    """Bounds on the attention to the max token: low, high [N, c − 1] for the cells of all uniform gaps, or [q, m, c] for one table.

    mean [g − 1, m, c]: of the queries of a uniform gap.
    """

    low: torch.Tensor
    high: torch.Tensor
    mean: torch.Tensor | None = None


class FloatProgram:
    """One model in one dtype. directions: those of another program, in place of this one's own singular vectors."""

    def __init__(self, model: Model, dtype: torch.dtype = torch.float32, directions: Directions | None = None) -> None:
        self.model = Model(**{field.name: getattr(model, field.name).to(dtype) for field in fields(model)})
        w, self.d, self.n = self.model, model.d_vocab, model.n_ctx
        self.E_q, self.Ebar, self.Emean = w.W_E + w.W_pos[-1], w.W_E + w.W_pos.mean(0), w.W_E + w.W_pos.mean(0)
        self.scale = math.sqrt(model.d_head)
        self.directions = _cast(directions, dtype) if directions else _directions(self.E_q, self.Ebar, w)
        EVOU, PVOU = w.W_E @ w.W_V @ w.W_O @ w.W_U, w.W_pos @ w.W_V @ w.W_O @ w.W_U
        EQKP = self.E_q @ (w.W_Q @ (w.W_K.T @ (w.W_pos - w.W_pos.mean(0)).T))
        self.positions = (EQKP[:, :-1] - EQKP[:, -1:]).sort(1).values  # e [q, n − 1], ascending
        self.R = _off_diagonal(EVOU - EVOU.diagonal()[:, None])  # [m, x ≠ m]
        self.PV = _off_diagonal((PVOU[:, None] - PVOU[:, :, None]).amax(0))
        self.W = row_range(EVOU).cummax(0).values  # [k]
        self.q, self.m, self.c = torch.meshgrid(torch.arange(self.d), torch.arange(self.d), torch.arange(self.n), indexing="ij")
        self.cells = _Cells(self.d)
        self.most = self.R.amax(1)[:, None]  # R* [m, 1]
        self.scores, self.uniform = cache(self._scores), lru_cache(maxsize=1)(self._uniform)
        self.direct = cache(lambda name: self._direct(name, self.E_q))
        self.searched = cache(lambda name: self._direct(name, self.Emean))  # as published (4.4-C2)
        EUPU = self.E_q @ w.W_U
        self.constant = (_off_diagonal(EUPU - EUPU.diagonal()[:, None]) + self.R + self.PV).amax(1)  # Λ of the classes (m, m, 0)

    def claims(self) -> Iterator[Claim]:
        """Search and verification of the 100 strategies."""
        for error in QK_ERRORS:
            for attention in (DROP, MEAN):
                for direct in DIRECT_PATHS:
                    gaps = self.search(direct, attention, error)
                    accepted = self.verify(direct, attention, gaps, self.mixed(error, gaps)) < 0
                    yield Claim(direct, attention, error, gaps, accepted, published_count(accepted, gaps))

    def _direct(self, name: str, E: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(L [m, x ≠ m], g [q]) for the query embeddings E."""
        U = self.model.W_U
        none = torch.zeros(self.d, dtype=E.dtype)
        if name.endswith("exact"):
            EUPU = E @ U
            M, g = none, row_range(EUPU) if name == "max-diff-exact" else (EUPU.max() - EUPU.min()).expand(self.d)
        else:
            center = {"max-diff": none[:1].expand(E.shape[1]), "mean-query+max-diff": E.mean(0)}.get(name)
            center = self.svd_query(E) if center is None else center
            M, g = center @ U, (E - center).abs() @ row_range(U)
        return _off_diagonal(M[None, :] - M[:, None]) + self.PV, g

    def svd_query(self, E: torch.Tensor) -> torch.Tensor:
        """The published hint of `svd-query+max-diff`: uᵀE with u the first left singular vector of E W_U, without a multiple."""
        return torch.linalg.svd(E @ self.model.W_U)[0][:, 0] @ E

    def _scores(self, error: str) -> tuple[torch.Tensor, torch.Tensor]:
        """(S [q, k], ε [q]). The published code leaves the cross terms of its singular vectors out of S; so does this."""
        w, hints = self.model, self.directions
        queries = self.E_q @ w.W_Q
        if error.startswith("exact"):
            return queries @ w.W_K.T @ self.Ebar.T, torch.zeros(self.d, dtype=queries.dtype)
        if error in SVD_ERRORS:
            A, B = queries @ w.W_K.T, self.Ebar.T
            u, _, vh = torch.linalg.svd(A @ B)
            A_1, B_1 = torch.outer(u[:, 0], u[:, 0] @ A), torch.outer(B @ vh[0], vh[0])
            return A_1 @ B_1, _svd_error(error, A - A_1, B - B_1)
        factors = (
            _peel(_peel(self.E_q, hints.query), hints.second_query),
            _peel(w.W_Q, hints.W_Q),
            _peel(w.W_K, hints.W_K).T,
            _peel(_peel(self.Ebar, hints.key), hints.second_key).T,
        )
        mean, residual = error.startswith("mean"), reduce(torch.matmul, factors)
        if error.endswith("recursive"):
            epsilon = _recursive(factors, mean=mean, deeper=error.startswith("mean-recursive"))
        else:
            parts = [(reduce(torch.matmul, factors[:k]), reduce(torch.matmul, factors[k:])) for k in (1, 2, 3)]
            epsilon = torch.stack([_split(left, right, mean=mean) for left, right in parts]).amin(0)
        return queries @ w.W_K.T @ self.Ebar.T - residual, epsilon

    def _uniform(self, error: str) -> _Attention:
        """a_min and a_max of S2, for all uniform gaps."""
        S, epsilon = self.scores(error)
        q, m, last = self.cells.q, self.cells.m, self.cells.last
        own, epsilon = S[q, m], epsilon[q]
        low = self._softmax(own - S.cummax(1).values[q, last] - epsilon, self.positions)
        high = self._softmax(own - S.cummin(1).values[q, last] + epsilon, self.positions.flip(1))
        dense = torch.zeros(self.d - 1, self.d, self.d, self.n, dtype=low.dtype)  # 0 outside, and in the order in which the mean adds
        dense[self.cells.gap - 1, q, m, 1:] = self._end(low, high)
        return _Attention(low, high, dense.sum(1) / self.cells.queries[:, :, None])

    def _end(self, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """a [N, c − 1]: the end of the attention at which the outputs other than the worst one count the most."""
        return torch.where((self.most[self.cells.m] < self.W[self.cells.last][:, None]), low, high)

    def mixed(self, error: str, gaps: torch.Tensor) -> _Attention:
        """The same for a table of gaps [q, m, c]; any numbers where there is no class."""
        uniform = self.uniform(error)
        number = self.cells.number[gaps[:, :, 1:] - 1, self.q[:, :, 1:], self.m[:, :, 1:]]
        ends = torch.zeros(2, self.d, self.d, self.n, dtype=uniform.low.dtype)
        for end, table in zip(ends, (uniform.low, uniform.high), strict=True):
            end[:, :, 1:] = table[number, torch.arange(self.n - 1)]
        return _Attention(ends[0], ends[1])

    def _softmax(self, delta: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
        """[N, c − 1] from score gaps [N] and e [q, n − 1] in the order in which positions are given to the max token."""
        bounds = torch.zeros(len(delta), self.n - 1, dtype=delta.dtype)
        for query_is_max in (False, True):
            chosen = (self.cells.q == self.cells.m) == query_is_max
            gap, positions = delta[chosen, None], order[self.cells.q[chosen]]
            for c in range(1, self.n):
                if query_is_max:
                    held = self.n - 1 - c
                    scores = torch.cat([gap, positions[:, :held] + gap, positions[:, held:]], -1)
                    bounds[chosen, c - 1] = (scores / self.scale).softmax(-1)[:, : 1 + held].sum(-1)
                else:
                    held = self.n - c
                    scores = torch.cat([positions[:, :held] + gap, positions[:, held:], torch.zeros_like(gap)], -1)
                    bounds[chosen, c - 1] = (scores / self.scale).softmax(-1)[:, :held].sum(-1)
        return bounds

    def search(self, direct: str, attention: str, error: str) -> torch.Tensor:
        """The smallest uniform gap that accepts a class, 1 where none does. Query embeddings W_E + mean W_pos, as published (4.4-C2)."""
        L, g = self.searched(direct)
        uniform, (q, m) = self.uniform(error), (self.cells.q, self.cells.m)
        a, most, W, g = self._end(uniform.low, uniform.high), self.most[m], self.W[self.cells.last][:, None], g[q, None]
        if attention == DROP:
            margins = L.amax(1)[m, None] + W + g + a * (most - W)
        else:
            mean = uniform.mean[:, :, 1:]  # [g − 1, m, c − 1]
            limit = torch.arange(self.d)[None] - torch.arange(1, self.d)[:, None]  # m − g
            base = self._worst(L, mean) + (1 - mean) * self.W[limit.clamp(min=0)][:, :, None]
            rest = a - mean[self.cells.gap - 1, m]
            margins = base[self.cells.gap - 1, m] + g + rest * most - rest * W
        smallest = torch.full((self.d * self.d, self.n - 1), self.d)
        where = (q * self.d + m)[:, None].expand(-1, self.n - 1)
        smallest.scatter_reduce_(0, where, torch.where(margins < 0, self.cells.gap[:, None], self.d), "amin")
        gaps = torch.ones(self.d, self.d, self.n, dtype=torch.int64)
        gaps[:, :, 1:] = torch.where(smallest < self.d, smallest, 1).view(self.d, self.d, -1)
        return gaps

    def verify(self, direct: str, attention: str, gaps: torch.Tensor, ends: _Attention) -> torch.Tensor:
        """Λ [q, m, c] of a mixed gap table with `mixed` bounds, NaN where there is no class."""
        L, g = self.direct(direct)
        inside, W, tokens = self._inside(gaps), self.wrong_values(gaps), torch.arange(self.d)
        a = torch.where(self.most < W, ends.low, ends.high)
        if attention == DROP:
            margins = L.amax(1)[:, None] + W + g[:, None, None] + a * (self.most - W)
        else:
            mean = torch.where(inside, a, 0).sum(0) / inside.sum(0)  # ā [m, c]
            rest = a - mean
            margins = self._worst(L, mean) + (1 - mean) * W + g[:, None, None] + rest * self.most - rest * W
        bound = torch.where(inside, margins, math.nan)
        bound[tokens, tokens, 0] = self.constant
        return bound

    def envelope(self, direct: str, gaps: torch.Tensor, ends: _Attention) -> torch.Tensor:
        """The least Λ [q, m, c] that S1-S4 justify for this table, whatever the attention handling: max over both ends of the attention."""
        L, g = self.direct(direct)
        inside, W, tokens = self._inside(gaps), self.wrong_values(gaps), torch.arange(self.d)
        q, m, c = inside.nonzero().T
        margins = []
        for end in (ends.low, ends.high):
            a = end[q, m, c]
            worst = (L[m] + a[:, None] * self.R[m]).amax(-1)
            margins.append(g[q] + worst + (1 - a) * W[m, c])
        bound = torch.full(inside.shape, math.nan, dtype=L.dtype)
        bound[q, m, c] = torch.maximum(*margins)
        bound[tokens, tokens, 0] = self.constant
        return bound

    def _worst(self, L: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
        """max_x (L + ā·R) [… m, c] for ā [… m, c]."""
        return torch.stack([(L + mean[..., c, None] * self.R).amax(-1) for c in range(mean.shape[-1])], -1)

    def wrong_values(self, gaps: torch.Tensor) -> torch.Tensor:
        """W [m, c] with the floor min_{q ≤ m} gaps[q, m, c]."""
        floor = torch.where(self.q <= self.m, gaps, self.d).amin(0)
        return self.W[(torch.arange(self.d)[:, None] - floor).clamp(min=0)]

    def _inside(self, gaps: torch.Tensor) -> torch.Tensor:
        return (torch.where(self.q == self.m, self.m, self.m - self.q) >= gaps) & (self.c > 0)


def published_count(accepted: torch.Tensor, gaps: torch.Tensor) -> int:
    """Σ C(n − 1, p)·(m − g)^p over the accepted classes, p = c − [q ≠ m], in exact integers."""
    free, d = accepted.shape[2] - 1, accepted.shape[1]
    q, m, c = accepted.nonzero().T
    others, choices = c - (q != m).long(), m - gaps[accepted]
    kinds, times = (others * d + torch.where(others > 0, choices, 0)).unique(return_counts=True)
    return sum(
        many * math.comb(free, kind // d) * (kind % d) ** (kind // d) for kind, many in zip(kinds.tolist(), times.tolist(), strict=True)
    )


def _directions(E_q: torch.Tensor, Ebar: torch.Tensor, w: Model) -> Directions:
    left, _, right = torch.linalg.svd(E_q @ w.W_Q @ w.W_K.T @ Ebar.T)
    sign = 1.0 if left[:, 0].mean() >= 0 else -1.0
    query, key = sign * left[:, 0], sign * right[0]
    second_query, second_key = _top_left(_peel(E_q, query)), _top_left(_peel(Ebar, key))
    return Directions(query, key, second_query, second_key, _top_left(w.W_Q), _top_left(w.W_K))


def _cast(directions: Directions, dtype: torch.dtype) -> Directions:
    return Directions(**{field.name: getattr(directions, field.name).to(dtype) for field in fields(directions)})


def _top_left(matrix: torch.Tensor) -> torch.Tensor:
    return torch.linalg.svd(matrix, full_matrices=False)[0][:, 0]


def _peel(matrix: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    unit = direction / direction.norm()
    return matrix - torch.outer(unit, unit @ matrix)


def _off_diagonal(table: torch.Tensor) -> torch.Tensor:
    d = table.shape[0]
    return table[~torch.eye(d, dtype=torch.bool)].view(d, d - 1)


def _svd_error(error: str, A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    if error == "svd":
        return (math.sqrt(2) * torch.linalg.svdvals(A @ B)[0]).expand(len(A))
    return row_range(A @ B) if error == "max-diff-exact" else _split(A, B, mean=error.startswith("mean"))


def _split(left: torch.Tensor, right: torch.Tensor, *, mean: bool) -> torch.Tensor:
    """ε of left @ right."""
    if not mean:
        return left.abs() @ row_range(right)
    row = left.mean(0)
    return row_range(row @ right) + (left - row).abs() @ row_range(right)


def _recursive(factors: tuple[torch.Tensor, ...], *, mean: bool, deeper: bool) -> torch.Tensor:
    """ε of a product without any product of its factors."""
    first, rest = factors[0], factors[1:]
    if not rest:
        return row_range(first)
    inner = _recursive(rest, mean=deeper, deeper=deeper)
    if not mean:
        return first.abs() @ inner
    row = first.mean(0)
    return row_range(reduce(torch.matmul, rest, row)) + (first - row).abs() @ inner
