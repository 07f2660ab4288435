"""Corollary 2 of Theorem S: one bound for all sequences of a block and one rival. Shared by the separable rules.

Notation as in `separability`; w_{q,i}(t) = u_i·v_t. Two bounds, docs/rules/separable-minimum.md: a coarse one, which takes the worst
position for every position and is n_ctx times cheaper, and a fine one. Both end in integers: sums of int64 that cannot overflow, because
(n_ctx + 1) · 2^(POSITION_BITS + 1) · 2^(ENTRY_BITS + 1) < 2^63 (`require_headroom`).
"""

from __future__ import annotations

import numpy as np

from proofcheck.arithmetic import Booleans, DyadicArray, IntegerArray, Integers, Intervals, reciprocals_above
from proofcheck.arithmetic.operations import count
from proofcheck.rules.attention_only.separable.separability import CHUNK_ENTRIES, Enclosures, MarginTerms, lossy, require_at_most_one

ENTRY_BITS = 29  # margin terms: |L| ≤ 2^29
POSITION_LEAST_BITS = 40  # of the smallest weight of a position, in the reading of floats
POSITION_BITS = 20  # position weights, coarse bound only


class BlockBounds(MarginTerms):
    """Both bounds of Corollary 2 for any queries and one max token m at a time."""

    def __init__(self, enclosed: Enclosures) -> None:
        """OverflowError where n_ctx is too large for int64 sums."""
        super().__init__(enclosed)
        require_headroom(self.n_ctx)
        weights = self._position_weights
        relative = weights.relative_to(weights.exponent.max(axis=1, keepdims=True))
        self._token_loss = None if self._loss is None else token_loss(relative, self._loss)
        fixed = relative.fixed_point(POSITION_BITS)
        lower = fixed.lower.astype(np.int64)
        self._position_least = np.maximum(lower, 0)  # ≤ scale·u_i, which is positive; [d_vocab, n_ctx]
        self._position_most = lower + fixed.width  # ≥ scale·u_i

    def beaten(self, queries: Integers, m: int) -> Booleans:
        """Where the coarse bound proves the block (query, m) against a rival: [Q, J], J in the order of `rivals(m)`.

        queries [Q], each ≤ m. About 4·Q·J·(m + 1) operations.
        """
        rivals = self.rivals(m)
        values = self._margins(self._EVOU[: m + 1], m, rivals) + self._margins(self._PVOU, m, rivals).min(axis=0)[None, :]
        values = values[np.arange(m + 1)[None, :], np.arange(len(rivals))[:, None]]  # token's value difference plus ρ, [J, T]
        step = max(1, CHUNK_ENTRIES // (len(rivals) * (m + 1)))
        out = np.zeros((len(queries), len(rivals)), dtype=np.bool_)
        for start in range(0, len(queries), step):
            chunk = slice(start, start + step)
            out[chunk] = self._beaten(queries[chunk], m, rivals, values)
        return out

    def _beaten(self, queries: Integers, m: int, rivals: Integers, values: Intervals) -> Booleans:
        tokens = self._token_weights[queries, : m + 1]
        weights = self._lossy_tokens(queries, tokens.relative_to(tokens.exponent.max(axis=1, keepdims=True)))[:, None, :]  # v_t, [Q, 1, T]
        direct = self._direct(queries, m, rivals)[:, :, None]  # [Q, J, 1]
        lower = self._lower_product(weights, values, direct)  # L [Q, J, T]
        least = lower.min(axis=2).astype(np.int64)  # ν
        own = lower[np.arange(len(queries)), :, queries].astype(np.int64)  # L_q
        gain = np.where((queries < m)[:, None], lower[:, :, m] - least, 0)  # L_m − ν ≥ 0 where some position must hold m
        u_least, u_most = self._position_least[queries], self._position_most[queries]
        total = _smallest_product(u_least[:, -1], u_most[:, -1], own)
        total += _smallest_product(u_least[:, :-1].sum(axis=1), u_most[:, :-1].sum(axis=1), least)
        if self.n_ctx > 1:
            total += u_least[:, :-1].min(axis=1)[:, None] * gain  # the gain is not negative: the smaller weight is the lower bound
        count(lower.size + 10 * total.size)
        return np.asarray(total > 0)

    def _lossy_tokens(self, queries: Integers, weights: Intervals) -> Intervals:
        """v_t so that every u_i·v_t with losses is a product of points: [max(0, v − ρ), v + ρ], ρ = loss / min u_i. [Q, T]."""
        if self._token_loss is None:
            return weights
        return lossy(weights, self._token_loss[queries][:, None])

    def lower_terms(self, queries: Integers, rivals: Integers, m: int) -> Integers:
        """Integers L ≤ scale_r·f_i(t) for the triples (queries[r], m, rivals[r]), scale_r > 0, |L| ≤ 2^ENTRY_BITS: [R, n_ctx, m + 1].

        About 4·R·n_ctx·(m + 1) operations.
        """
        tokens = self._token_weights[queries, None, : m + 1]
        weights = tokens * self._position_weights[queries, :, None]  # [R, n, T]
        weights_relative = self._lossy(weights.relative_to(weights.exponent.max(axis=(1, 2), keepdims=True)))
        every = np.arange(m + 1)
        values = self._EVOU[every[None, :], m] - self._EVOU[every[None, :], rivals[:, None]]  # [R, T]
        positions = self._PVOU[:, m][None, :] - self._PVOU[np.arange(self.n_ctx)[None, :], rivals[:, None]]  # [R, n]
        direct = self._answer[queries, m] - self._EUPU[queries, rivals]  # [R]
        offsets = (positions + direct[:, None])[:, :, None]
        return self._lower_product(weights_relative, values[:, None, :], offsets).astype(np.int64)

    def lower_block(self, query: int, m: int, rivals: Integers) -> Integers:
        """Integers L^j ≤ scale·f_i^{query,m,j}(t) with one scale > 0 for all the rivals j, |L| ≤ 2^ENTRY_BITS: [J, n_ctx, m + 1].

        About 4·J·n_ctx·(m + 1) operations.
        """
        weights = self.weights(slice(query, query + 1), m)[:, None]  # [1, 1, n, T]
        every, positions = np.arange(m + 1)[None, :], np.arange(self.n_ctx)[None, :]
        values = self._EVOU[every, m] - self._EVOU[every, rivals[:, None]]  # [J, T]
        offsets = (self._PVOU[positions, m] - self._PVOU[positions, rivals[:, None]]) + (
            self._answer[query, m] - self._EUPU[query, rivals]
        )[:, None]  # [J, n]
        lower = self._lower_product(weights, values[None, :, None, :], offsets[None, :, :, None])
        return np.asarray(lower[0], dtype=np.int64)

    def _lower_product(self, weights: Intervals, values: Intervals, offsets: Intervals) -> IntegerArray:
        """Integers at most scale·weights·(values + offsets), one scale > 0 for each index of axis 0.

        In the reading of floats from each entry's own lower end, else as in `_product`.
        """
        if self._loss is None:
            return weights.fixed_point_product(values, offsets, ENTRY_BITS).lower
        return weights.lower_product(values, offsets, ENTRY_BITS)


def token_loss(positions: Intervals, loss: DyadicArray) -> DyadicArray:
    """ρ ≥ loss / min_i u_i for each query, from u [d_vocab, n_ctx] ≤ 1: [d_vocab]. ArithmeticError if some u_i may be below 2^−40.

    Proof that it is enough: u ∈ [u⁻, u⁺], v ∈ [v⁻, v⁺]: u⁻·max(0, v⁻ − ρ) ≤ max(0, u⁻v⁻ − loss) since u⁻ρ ≥ loss, and u⁺(v⁺ + ρ) ≥
    u⁺v⁺ + loss; the products of points of two intervals of nonnegative numbers are an interval.  ∎
    """
    require_at_most_one(positions)
    least = positions.multiples_below(POSITION_LEAST_BITS).min(axis=1)
    if (least < 1).any():
        raise ArithmeticError("weights of positions differ too much for a claim about floats")
    return loss * reciprocals_above(least, POSITION_LEAST_BITS).times_power_of_two(POSITION_LEAST_BITS)


def _smallest_product(least: Integers, most: Integers, factor: Integers) -> Integers:
    """Lower bounds of u·factor for least ≤ u ≤ most: [Q], [Q], [Q, J] → [Q, J]."""
    return np.where(factor >= 0, least[:, None] * factor, most[:, None] * factor)


def block_minimum(lower: Integers, queries: Integers, m: int) -> Integers:
    """S of the fine bound, in the integers `lower` [R, n, m + 1] (`lower_terms`): S > 0 proves the block. [R].

    Also for any other integers with Σ_i lower[r, i, x_i] > 0 ⇒ x is answered correctly (or beats the rival). 2·R·n·(m + 1) operations.
    """
    require_headroom(lower.shape[1])
    count(2 * lower.size)
    minima = lower[:, :-1].min(axis=2)  # μ_i, [R, n − 1]
    total = lower[np.arange(len(queries)), -1, queries] + minima.sum(axis=1)
    if lower.shape[1] > 1:
        total += np.where(queries < m, (lower[:, :-1, m] - minima).min(axis=1), 0)
    return np.asarray(total)


def require_headroom(n_ctx: int) -> None:
    """OverflowError unless sums of n_ctx + 1 products of a position weight and a term fit int64."""
    if (n_ctx + 1) << (POSITION_BITS + ENTRY_BITS + 2) >= 1 << 63:
        raise OverflowError(f"sums over {n_ctx} positions do not fit 64 bits")
