"""Sums of the smallest and largest position weights. Shared by the rules that know how many positions hold the max token."""

from __future__ import annotations

import numpy as np

from proofcheck.arithmetic import Intervals, PositiveTable
from proofcheck.models import PathTables


class PositionSums:
    """w_p = exp(EQKP[q, p]/√d_head) up to one positive factor for each query q.

    own [d_vocab]: w_{n−1}. low[k], high[k] [d_vocab]: the sums of the k smallest and of the k largest w_p with p < n − 1, k = 0 … n − 1.
    The order is that of the exact scores, so it is the order of the weights.
    """

    def __init__(self, tables: PathTables, weights: PositiveTable) -> None:
        """weights [d_vocab, n_ctx]: enclosures of w_p. About d_vocab·n_ctx² operations."""
        d, n = weights.exponent.shape
        relative = weights.relative_to(weights.exponent.max(axis=1, keepdims=True))
        order = np.argsort(tables.EQKP.integers[:, : n - 1], axis=1, kind="stable")  # exact integers: a true order
        ascending = relative[np.arange(d)[:, None], order]
        self.own: Intervals = relative[:, n - 1]
        self.low: list[Intervals] = [ascending[:, :k].sum(axis=1) for k in range(n)]
        self.high: list[Intervals] = [ascending[:, n - 1 - k :].sum(axis=1) for k in range(n)]
