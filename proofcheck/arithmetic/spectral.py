"""A certain upper bound on the spectral norm of a product, in balls; and a dyadic number above √2.

Lemma (norm of a product). Let A [a, D] and B [D, b] be real, G_A = AᵀA, G_B = BBᵀ [D, D], δ ≥ 0, and let G_B + δI = T Δ⁻¹ Tᵀ with T lower
triangular, Δ = diag(T) positive (symmetric elimination: column k of T is column k of the k-th Schur complement, Δ_k its pivot).
If τ ≥ 0 and τ²Δ − Tᵀ G_A T is positive definite, then ‖A B‖₂ < τ.
Proof. Let F = T Δ^(−1/2), so F Fᵀ = G_B + δI. Congruence with Δ^(−1/2) keeps definiteness: τ²I − Fᵀ G_A F is positive definite, so the
largest eigenvalue of Fᵀ Aᵀ A F is below τ². It is also the largest eigenvalue of A F Fᵀ Aᵀ = A G_B Aᵀ + δ A Aᵀ, which is at least that
of A B Bᵀ Aᵀ, that is ‖A B‖₂².  ∎
A symmetric matrix is positive definite iff all pivots of its elimination are positive; in balls every pivot encloses the exact one, so
certainly positive pivots prove it. δ only keeps the elimination of a singular G_B in range.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
from flint import arb, arb_mat

from proofcheck.arithmetic.ball_intervals import balls, certainly_positive_ball
from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.operations import count

_REGULARISATION = (5, 8)  # δ = trace(G_B) · 2^−(precision · 5/8)


def root_two_above() -> DyadicArray:
    """A dyadic number in (√2, √2 + 2^−60], shape []."""
    scalar = np.empty((), dtype=object)
    scalar[()] = isqrt(2 << 120) + 1  # isqrt(N) + 1 > √N, and N = 2·(2^60)²
    return DyadicArray(scalar, -60)


def norm_certainly_below(left: DyadicArray, right: DyadicArray, bound: DyadicArray, precision: int) -> bool:
    """True only if ‖left @ right‖₂ ≤ bound, for exact left [a, D], right [D, b] and one exact number `bound`, shape [].

    2·D²·(a + b) + 5·D³ + 8·D² + 4·D operations at most; flint's precision must be set to `precision` by the caller.
    """
    if bound.is_negative().item():
        return False
    gram_left, gram_right = left.T @ left, right @ right.T
    size = gram_right.shape[0]
    diagonal = gram_right[np.arange(size), np.arange(size)]
    trace = diagonal.sum(axis=0)
    if not trace.is_positive().item() or not gram_left[np.arange(size), np.arange(size)].sum(axis=0).is_positive().item():
        return True  # one factor is exactly zero
    shift = trace.times_power_of_two(-(precision * _REGULARISATION[0] // _REGULARISATION[1]))
    identity = DyadicArray.from_integers(np.eye(size, dtype=np.int64))
    columns = _eliminated(_rows(balls(gram_right + shift * identity)))
    if columns is None:
        return False
    T = arb_mat(columns).transpose()
    square = balls(bound * bound).item()
    congruent = T.transpose() * arb_mat(_rows(balls(gram_left))) * T
    count(size * size * (4 * size - 2))
    rest = [[-congruent[i, j] for j in range(size)] for i in range(size)]
    for k in range(size):
        rest[k][k] = square * columns[k][k] + rest[k][k]
    count(size * size + 2 * size)
    return _eliminated(rest) is not None


def _eliminated(rows: list[list[arb]]) -> list[list[arb]] | None:
    """Columns of T of the elimination of a symmetric matrix (lower triangle read), or None unless every pivot is certainly positive."""
    size = len(rows)
    columns = []
    for k in range(size):
        pivot = rows[k][k]
        if not certainly_positive_ball(pivot):
            return None
        column = [rows[i][k] for i in range(k, size)]
        columns.append([arb(0)] * k + column)
        for i in range(k + 1, size):
            ratio = column[i - k] / pivot
            row = rows[i]
            for j in range(k + 1, i + 1):
                row[j] = row[j] - ratio * column[j - k]
        count((size - k) ** 2)
    return columns


def _rows(entries: Any) -> list[list[arb]]:
    return [list(row) for row in entries.tolist()]
