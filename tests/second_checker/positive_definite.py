"""Is a symmetric matrix positive semidefinite? By L D Lᵀ over the integers, no rounding."""

from __future__ import annotations

from fractions import Fraction

from tests.second_checker.exact import product, scaled, transpose
from tests.second_checker.weights import Matrix


def spectral_norm_at_most(M: Matrix, bound: Fraction) -> bool:
    """‖M‖₂ ≤ bound for bound ≥ 0, that is bound² I − MᵀM ⪰ 0."""
    gram = product(transpose(M), M)
    return positive_semidefinite([[bound * bound * (i == j) - gram[i][j] for j in range(len(gram))] for i in range(len(gram))])


def positive_semidefinite(A: Matrix) -> bool:
    """Symmetric elimination, free of fractions (Bareiss): each pivot is the last one times the next pivot of D, which must be ≥ 0.

    A pivot 0 asks for a row of zeros; the row is then left out.
    """
    rest, _ = scaled(A)
    previous = 1
    while rest:
        pivot, row = rest[0][0], rest[0][1:]
        if pivot < 0 or (pivot == 0 and any(row)):
            return False
        rest = [line[1:] for line in rest[1:]]
        if pivot > 0:
            rest = [[(pivot * entry - row[i] * row[j]) // previous for j, entry in enumerate(line)] for i, line in enumerate(rest)]
            previous = pivot
    return True
