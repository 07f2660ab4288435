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
from functools import cache, reduce

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


@dataclass(frozen=True, slots=True)
class _Attention:
    """Bounds on the attention to the max token: low, high [g − 1, q, m, c] for every uniform gap, or [q, m, c] for one table."""

    low: torch.Tensor
    high: torch.Tensor


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
        self.scores, self.uniform = cache(self._scores), cache(self._uniform)

    def claims(self) -> Iterator[Claim]:
        """Search and verification of the 100 strategies."""
        for error in QK_ERRORS:
            for attention in (DROP, MEAN):
                for direct in DIRECT_PATHS:
                    gaps = self.search(direct, attention, error)
                    accepted = self.verify(direct, attention, error, gaps) < 0
                    yield Claim(direct, attention, error, gaps, accepted, published_count(accepted, gaps))
            self.uniform.cache_clear()

    def direct(self, name: str, E: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
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
        limit = torch.arange(self.d)[None] - torch.arange(1, self.d)[:, None]  # m − g [g, m]
        return self._bounds(error, limit[:, None, :, None].expand(-1, self.d, -1, 1))

    def _mixed(self, error: str, gaps: torch.Tensor) -> _Attention:
        """The same for a table of gaps [q, m, c]."""
        bounds = self._bounds(error, (self.m - gaps)[None])
        return _Attention(bounds.low[0], bounds.high[0])

    def _bounds(self, error: str, limit: torch.Tensor) -> _Attention:
        """limit [g, q, m, c or 1]: the largest token that is not m; below 0 there is no class, and 0 stands in."""
        S, epsilon = self.scores(error)
        where = (torch.arange(self.d)[None, :, None, None], limit.clamp(min=0))
        own, epsilon = S[None, :, :, None], epsilon[None, :, None, None]
        low, high = own - S.cummax(1).values[where] - epsilon, own - S.cummin(1).values[where] + epsilon
        return _Attention(self._softmax(low, self.positions), self._softmax(high, self.positions.flip(1)))

    def _softmax(self, delta: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
        """[g, q, m, c] from score gaps [g, q, m, c or 1] and e [q, n − 1] in the order in which positions are given to the max token."""
        bounds = []
        for c in range(self.n):
            gap = delta[..., min(c, delta.shape[-1] - 1), None]
            held, rest = (part[None, :, None].expand(*gap.shape[:-1], -1) for part in (order[:, : self.n - c], order[:, self.n - c :]))
            others = torch.cat([held + gap, rest, torch.zeros_like(gap)], -1) / self.scale
            bound = others.softmax(-1)[..., : held.shape[-1]].sum(-1)
            gap = gap[..., 0].diagonal(dim1=1, dim2=2)[..., None]  # [g, q = m, 1]
            held, rest = (part[None].expand(*gap.shape[:2], -1) for part in (order[:, : self.n - 1 - c], order[:, self.n - 1 - c :]))
            same = torch.cat([gap, held + gap, rest], -1) / self.scale
            bound.diagonal(dim1=1, dim2=2).copy_(same.softmax(-1)[..., : 1 + held.shape[-1]].sum(-1))
            bounds.append(bound)
        return torch.stack(bounds, -1)

    def search(self, direct: str, attention: str, error: str) -> torch.Tensor:
        """The smallest uniform gap that accepts a class, 1 where none does. Query embeddings W_E + mean W_pos, as published (4.4-C2)."""
        L, g = self.direct(direct, self.Emean)
        gap = torch.arange(1, self.d)
        W = self.W[(torch.arange(self.d)[None] - gap[:, None]).clamp(min=0)][:, :, None].expand(-1, -1, self.n)  # [g, m, c]
        margins = self._margins(attention, L, g, W, self.uniform(error), self._inside(gap[:, None, None, None]))
        passing = margins < 0
        return torch.where(passing.any(0), passing.int().argmax(0) + 1, 1)

    def verify(self, direct: str, attention: str, error: str, gaps: torch.Tensor) -> torch.Tensor:
        """Λ [q, m, c] of a mixed gap table, NaN where there is no class."""
        L, g = self.direct(direct, self.E_q)
        inside = self._inside(gaps)
        margins = self._margins(attention, L, g, self.wrong_values(gaps), self._mixed(error, gaps), inside)
        EUPU = self.E_q @ self.model.W_U
        tokens = torch.arange(self.d)
        margins[tokens, tokens, 0] = (_off_diagonal(EUPU - EUPU.diagonal()[:, None]) + self.R + self.PV).amax(1)
        return margins

    def envelope(self, direct: str, error: str, gaps: torch.Tensor) -> torch.Tensor:
        """The least Λ [q, m, c] that S1-S4 justify for this table, whatever the attention handling: max over both ends of the attention."""
        L, g = self.direct(direct, self.E_q)
        ends, W, margins = self._mixed(error, gaps), self.wrong_values(gaps), []
        for a in (ends.low, ends.high):
            worst = torch.stack([(L[None] + a[:, :, c, None] * self.R[None]).amax(-1) for c in range(self.n)], -1)
            margins.append(g[:, None, None] + worst + (1 - a) * W[None])
        bound = torch.where(self._inside(gaps), torch.maximum(*margins), math.nan)
        tokens = torch.arange(self.d)
        bound[tokens, tokens, 0] = self.verify(direct, DROP, error, gaps)[tokens, tokens, 0]
        return bound

    def wrong_values(self, gaps: torch.Tensor) -> torch.Tensor:
        """W [m, c] with the floor min_{q ≤ m} gaps[q, m, c]."""
        floor = torch.where(self.q <= self.m, gaps, self.d).amin(0)
        return self.W[(torch.arange(self.d)[:, None] - floor).clamp(min=0)]

    def _inside(self, gaps: torch.Tensor) -> torch.Tensor:
        return (torch.where(self.q == self.m, self.m, self.m - self.q) >= gaps) & (self.c > 0)

    def _margins(
        self, handling: str, L: torch.Tensor, g: torch.Tensor, W: torch.Tensor, ends: _Attention, inside: torch.Tensor
    ) -> torch.Tensor:
        """Λ of the classes with c ≥ 1. Shapes: L [m, x], g [q], W [(g,) m, c], ends and inside [(g,) q, m, c]."""
        most = self.R.amax(1)[:, None]  # R* [m, 1]
        W_q = W.unsqueeze(-3)
        a = torch.where((most < W).unsqueeze(-3), ends.low, ends.high)
        if handling == DROP:
            margins = L.amax(1)[:, None] + W_q + g[:, None, None] + a * (most - W_q)
        else:
            mean = torch.where(inside, a, 0).sum(-3) / inside.sum(-3)  # ā [(g,) m, c]
            worst = torch.stack([(L + mean[..., c, None] * self.R).amax(-1) for c in range(self.n)], -1)
            rest = a - mean.unsqueeze(-3)
            margins = (worst + (1 - mean) * W).unsqueeze(-3) + g[:, None, None] + rest * most - rest * W_q
        return torch.where(inside, margins, math.nan)


def published_count(accepted: torch.Tensor, gaps: torch.Tensor) -> int:
    """Σ C(n − 1, p)·(m − g)^p over the accepted classes, p = c − [q ≠ m], in exact integers."""
    free = accepted.shape[2] - 1
    cells = zip(*(part.tolist() for part in (*accepted.nonzero().T, gaps[accepted])), strict=True)
    return sum(math.comb(free, p) * (m - g) ** p if (p := c - (q != m)) else 1 for q, m, c, g in cells)


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
