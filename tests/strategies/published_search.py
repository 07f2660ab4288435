"""The published gap search and verification of the OFF strategies in float64, to compare with the published float32 counts.

Gaps are searched uniformly with the query embedding W_E + mean W_pos, then verified as one mixed table with W_E + W_pos[−1]; the count is
(m − g)^p. Directions are the singular vectors. Source: published-strategies.md 2.8, 3.4, 4.4-C2.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from strategies.max_of_k.subcubic_bounds import direct_bound, qk_scores
from strategies.max_of_k.subcubic_directions import embeddings, on_grid, qk_directions
from strategies.max_of_k.subcubic_search import Shared
from strategies.models.load import Model

Array = NDArray[np.float64]


class PublishedOff:
    """One model: the gaps that the published search finds and the cells that its verification accepts."""

    def __init__(self, model: Model) -> None:
        self.model, self.d, self.n = model, model.d_vocab, model.n_ctx
        self.shared = Shared(model)
        self.directions = qk_directions(model)
        self.q, self.m, self.c = np.indices((self.d, self.d, self.n))
        self.scale = math.sqrt(model.d_head)
        self.R = _without_diagonal(self.shared.R.numpy()).max(1)
        self.W = self.shared.W.numpy()
        low, high = (ends.numpy() for ends in self.shared.log_odds)
        same = (self.q == self.m).astype(int)
        self.low, self.high = low[same, self.q, self.c], high[same, self.q, self.c]

    def direct(self, name: str, positions: torch.Tensor) -> tuple[Array, Array]:
        """(L* [m], g [q]) for query embeddings W_E + `positions`; the published svd query is ±uᵀE_q, without a multiple."""
        M, g = direct_bound(_with_last_position(self.model, positions), name, self.svd_query(positions))
        L = M[None, :] - M[:, None] + self.shared.PV
        return _without_diagonal(L.numpy()).max(1), g.numpy()

    def svd_query(self, positions: torch.Tensor) -> torch.Tensor:
        """The published hint ±uᵀE_q of `svd-query+max-diff`, on the grid."""
        E_q = self.model.W_E + positions
        return on_grid(torch.linalg.svd(E_q @ self.model.W_U)[0][:, 0] @ E_q)

    def search(self, direct: str, error: str) -> NDArray[np.int64]:
        """The smallest uniform gap that accepts a cell, 1 where none does."""
        bounds = self.direct(direct, self.model.W_pos.mean(0))
        gaps = np.ones((self.d, self.d, self.n), dtype=np.int64)
        for g in range(self.d - 1, 0, -1):
            uniform = np.full_like(gaps, g)
            gaps[self.margins(bounds, error, uniform) < 0] = g
        return gaps

    def verify(self, direct: str, error: str, gaps: NDArray[np.int64]) -> Array:
        """Margins Λ [q, m, c] of the mixed table, NaN where there is no class; c = 0 exactly."""
        margins = self.margins(self.direct(direct, self.model.W_pos[-1]), error, gaps)
        EUPU = (embeddings(self.model)[0] @ self.model.W_U).numpy()
        alone = EUPU - np.diag(EUPU)[:, None] + self.shared.R.numpy() + self.shared.PV.numpy()
        tokens = np.arange(self.d)
        margins[tokens, tokens, 0] = _without_diagonal(alone).max(1)
        return margins

    def margins(self, bounds: tuple[Array, Array], error: str, gaps: NDArray[np.int64]) -> Array:
        """Λ of the classes with c ≥ 1 (OFF handling)."""
        L, g = bounds
        scores = qk_scores(self.model, error, self.directions)
        S, epsilon = scores.S.numpy(), scores.error.numpy()
        q, m, c = self.q, self.m, self.c
        inside = np.where(q == m, m >= gaps, m - q >= gaps) & (c > 0)
        limit = np.maximum(m - gaps, 0)
        top, bottom = np.maximum.accumulate(S, 1), np.minimum.accumulate(S, 1)
        attention_low = _sigmoid((S[q, m] - top[q, limit] - epsilon[q]) / self.scale + self.low)
        attention_high = _sigmoid((S[q, m] - bottom[q, limit] + epsilon[q]) / self.scale + self.high)
        floor = np.where(q <= m, gaps, self.d).min(0)  # [m, c]
        W = self.W[np.maximum(np.arange(self.d)[:, None] - floor, 0)][m, c]
        attention = np.where(self.R[m] < W, attention_low, attention_high)
        return np.where(inside, L[m] + W + g[q] + attention * (self.R[m] - W), np.nan)

    def count(self, margins: Array, gaps: NDArray[np.int64]) -> int:
        """The published count Σ C(n − 1, p)·(m − g)^p of the cells with Λ < 0, p = c − [q ≠ m]."""
        cells = margins < 0
        where = [axis.tolist() for axis in np.nonzero(cells)]
        return sum(
            math.comb(self.n - 1, p) * (m - g) ** p if (p := c - (q != m)) else 1
            for q, m, c, g in zip(*where, gaps[cells].tolist(), strict=True)
        )


def _with_last_position(model: Model, positions: torch.Tensor) -> Model:
    fields = {name: getattr(model, name) for name in Model.__slots__}
    return Model(**{**fields, "W_pos": torch.cat([model.W_pos[:-1], positions[None]])})


def _without_diagonal(table: Array) -> Array:
    d = len(table)
    return table[~np.eye(d, dtype=bool)].reshape(d, d - 1)


def _sigmoid(x: Array) -> Array:
    return np.asarray(torch.sigmoid(torch.from_numpy(x)).numpy())
