"""Bounds on row differences of a product of matrices, without multiplying it out.

Write range(r) = max_i r[i] − min_i r[i]. For a row vector a and a matrix B,

    range(aB) ≤ Σ_k |a[k]|·range(B[k])                          (triangle inequality on Σ_k a[k]·(B[k, i] − B[k, j])),
    range(aB) ≤ range(rB) + Σ_k |a[k] − r[k]|·range(B[k])       (a = r + (a − r); the mean-row trick, sound for every row r).

Source: Gross et al. 2024 (max row difference of a low-rank remainder); proofs in docs/rules/qk-error.md.
"""

from __future__ import annotations

from proofcheck.arithmetic import DyadicArray, reciprocal_below


def mean_row(matrix: DyadicArray) -> DyadicArray:
    """[1, b]: an exact dyadic row at the mean of the rows of [a, b], or just below it where a is no power of two. (a + 1)·b operations."""
    return (matrix.sum(axis=0) * reciprocal_below(matrix.shape[0])).reshape(1, -1)


def product_ranges(factors: list[DyadicArray], mean_levels: int) -> DyadicArray:
    """[a, 1]: upper bounds on the range of each row of factors[0] @ … @ factors[−1]; the mean-row trick at the first `mean_levels` factors.

    Postcondition:  ∀ q, i, j:  |(factors[0] @ … @ factors[−1])[q, i] − (…)[q, j]| ≤ result[q].
    Proof: induction from the last factor. Its own rows have their ranges. If `bound` holds for the rows of the product P of the factors
    after X, then range((XP)[q]) ≤ Σ_k |X[q, k]|·bound[k], and with r any row, ≤ range(rP) + Σ_k |X[q, k] − r[k]|·bound[k].  ∎
    """
    bound = factors[-1].range(axis=1).reshape(-1, 1)
    for level in reversed(range(len(factors) - 1)):
        factor = factors[level]
        if level >= mean_levels:
            bound = factor.abs() @ bound
            continue
        row = mean_row(factor)
        bound = (factor - row).abs() @ bound
        for after in factors[level + 1 :]:
            row = row @ after
        bound = bound + row.range(axis=1).reshape(1, 1)
    return bound
