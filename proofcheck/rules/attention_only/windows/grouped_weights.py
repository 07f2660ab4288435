"""Attention weights of groups of queries relative to that of the max token, without a score table.

Y_q · E_t are the scores times √H of query q and token t (`centred.py`). Hints c, directions B_k, coefficients
α_q, with
ρ_q = Y_q − c − Σ_k α_qk B_k, κ_t = (B_k · E_t)_k and κ⁰_t = c · E_t. For queries q of a set whose
coefficients lie in a box, ε ≥ ‖ρ_q‖:

G1. Y_q · (E_t − E_m) is between the least and the largest of α·(κ_t − κ_m) + κ⁰_t − κ⁰_m over the box, ∓
ε·‖E_t − E_m‖.
    Proof: Y_q · x = α_q·(B x) + c·x + ρ_q·x for x = E_t − E_m; the last term is bounded by Cauchy–Schwarz.  ∎
G2. max_{t<s} Y_q · (E_t − E_m) ≤ max over the corners a of the box of (max_{t<s} (a·κ_t + κ⁰_t) − (a·κ_m +
κ⁰_m)) + ε·(‖E_m − ē‖ + max_{t<s} ‖E_t − ē‖),
    for any ē. Proof: ‖E_t − E_m‖ ≤ ‖E_t − ē‖ + ‖E_m − ē‖, and max_{t<s} (α·κ_t + κ⁰_t) − α·κ_m − κ⁰_m is
    convex in α, a maximum of affine
    functions less one, so it is largest at a corner.  ∎ The maximum and what is taken off it belong to the
    same corner.
Everything is exact but the norms, which are rounded up.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from proofcheck.arithmetic import Arithmetic, DyadicArray, Integers, Intervals, concatenate
from proofcheck.arithmetic.piecewise import between, joined
from proofcheck.arithmetic.roots import root_above
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.windows.cells import Cells

MOST_DIRECTIONS = 4  # the corners of a box are 2 to this power


class GroupedWeights:
    """queries Y, embedding E [d, D]; base c, centre ē [1, D]; directions B [r, D]; coefficients [d, r];
    labels [d], the group of a query.
    """

    def __init__(
        self,
        queries: DyadicArray,
        embedding: DyadicArray,
        base: DyadicArray,
        directions: DyadicArray,
        coefficients: DyadicArray,
        centre: DyadicArray,
        labels: Integers,
        arithmetic: Arithmetic,
        d_head: int,
    ) -> None:
        self._embedding, self._coefficients, self._labels = embedding, coefficients, labels
        self._arithmetic, self._d_head = arithmetic, d_head
        residuals = queries - base - coefficients @ directions
        self.residuals = root_above((residuals * residuals).sum(axis=1))  # ‖ρ_q‖ rounded up, [d]
        self._kappa = embedding @ directions.T  # [d, r]
        self._kappa0 = (embedding @ base.T).reshape(-1)
        around = embedding - centre
        self._radius = root_above((around * around).sum(axis=1))  # ‖E_t − ē‖ rounded up, [d]
        self._largest_radius = self._radius.running_max(axis=0)
        self._corners: dict[int, tuple[DyadicArray, DyadicArray]] = {}

    def box(self, members: list[Integers]) -> tuple[DyadicArray, DyadicArray, DyadicArray]:
        """For each set of queries: the box of its coefficients, low and high [sets, r], and ε [sets]."""
        rows = [self._coefficients[members_of] for members_of in members]
        low = concatenate([row.min(axis=0).reshape(1, -1) for row in rows], axis=0)
        high = concatenate([row.max(axis=0).reshape(1, -1) for row in rows], axis=0)
        return (
            low,
            high,
            concatenate([self.residuals[queries].max(axis=0).reshape(1) for queries in members], axis=0),
        )

    def tokens(self, cells: Cells, box: tuple[DyadicArray, DyadicArray, DyadicArray]) -> Intervals:
        """v_t/v_m of the single tokens, for all queries of each set: [sets, K]. By G1; the max token's own is
        1.
        """
        low, high, epsilon = box
        tokens, m = cells.tokens, cells.max_token
        step = self._kappa[tokens] - self._kappa[m : m + 1]  # [K, r]
        ends = [low[:, None, :] * step[None], high[:, None, :] * step[None]]  # [sets, K, r]
        difference = self._embedding[tokens] - self._embedding[m : m + 1]
        reach = epsilon[:, None] * root_above((difference * difference).sum(axis=1))[None, :]
        shift = (self._kappa0[tokens] - self._kappa0[m : m + 1])[None, :]
        most = ends[0].maximum(ends[1]).sum(axis=2) + shift + reach
        least = ends[0].minimum(ends[1]).sum(axis=2) + shift - reach
        return self._between(least, most)

    def segments(self, cells: Cells, labels: list[int], epsilon: DyadicArray) -> Intervals:
        """Upper bounds on v_t/v_m for t < s, s the ends of the segments: [sets, S]. By G2, with the box of
        the whole group.
        """
        ends, m, out = cells.ends - 1, cells.max_token, []
        for row, label in enumerate(labels):
            running, single = self._at_corners(label)
            most = (running[:, ends] - single[:, m : m + 1]).max(axis=0)
            out.append((most + epsilon[row : row + 1] * (self._largest_radius[ends] + self._radius[m : m + 1])).reshape(1, -1))
        exact = concatenate(out, axis=0)
        return self._between(exact, exact)

    def _at_corners(self, label: int) -> tuple[DyadicArray, DyadicArray]:
        """a·κ_t + κ⁰_t at the corners of a group's box, and its running maxima: [corners, d] each, once for
        each group.
        """
        if label not in self._corners:
            rows = self._coefficients[np.flatnonzero(self._labels == label)]
            low, high = rows.min(axis=0), rows.max(axis=0)
            corners = [
                concatenate([(high if upper else low)[k : k + 1] for k, upper in enumerate(choice)], axis=0).reshape(1, -1)
                for choice in product((False, True), repeat=rows.shape[1])
            ]
            if rows.shape[1]:
                single = concatenate(corners, axis=0) @ self._kappa.T + self._kappa0.reshape(1, -1)
            else:
                single = self._kappa0.reshape(1, -1)
            self._corners[label] = single.running_max(axis=1), single
        return self._corners[label]

    def _between(self, least: DyadicArray, most: DyadicArray) -> Intervals:
        """Enclosures of exp(x/√d_head) for all least ≤ x ≤ most."""
        zero = np.zeros(least.shape, dtype=np.int64)
        low, high = (self._arithmetic.exponentials(exact, self._d_head).relative_to(zero) for exact in (least, most))
        return between(low, high)


def position_weights(positions: DyadicArray, members: list[Integers], arithmetic: Arithmetic, d_head: int) -> Intervals:
    """u_i/u_{n−1} for i < n − 1 and all queries of each set, from positions [d, n]: [sets, n − 1]. Two
    exponentials for each.
    """
    steps = positions[:, :-1] - positions[:, -1:]
    low = concatenate([steps[queries].min(axis=0).reshape(1, -1) for queries in members], axis=0)
    high = concatenate([steps[queries].max(axis=0).reshape(1, -1) for queries in members], axis=0)
    zero = np.zeros(low.shape, dtype=np.int64)
    ends = (arithmetic.exponentials(exact, d_head).relative_to(zero) for exact in (low, high))
    return between(*ends)


def weights_of(groups: GroupedWeights, cells: Cells, members: list[Integers], labels: list[int]) -> Intervals:
    """v_t/v_m of single tokens, then upper bounds for segments: [sets, L]."""
    box = groups.box(members)
    single = groups.tokens(cells, box)
    return joined([single, groups.segments(cells, labels, box[2])], axis=1) if len(cells.ends) else single


def grouped_weights_operations(sizes: Dimensions, directions: int, groups: int) -> int:
    """Upper bound on the operations of the constructor and of all corners."""
    d, D, r = sizes.d_vocab, sizes.d_model, directions
    total: int = d * D * (2 * r + 2) + 2 * d * D * (r + 1) + 7 * d * D + 5 * d + groups * 2**r * d * (2 * r + 3) + 2 * d * r
    return total
