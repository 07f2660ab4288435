"""Row ranges, mean rows, and the bounds on the range of a product, exact."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

from tests.second_checker.exact import product
from tests.second_checker.weights import Matrix, Vector


def row_range(row: Vector) -> Fraction:
    """max − min."""
    return max(row) - min(row)


def mean_row(A: Matrix) -> Vector:
    """The mean of the rows: any row is sound, this one is the rational mean itself."""
    return [sum(column, Fraction(0)) / len(A) for column in zip(*A, strict=True)]


def weighted(row: Vector, center: Vector, bounds: Vector) -> Fraction:
    """Σ_j |row[j] − center[j]| bounds[j]."""
    return sum((abs(x - c) * bound for x, c, bound in zip(row, center, bounds, strict=True)), Fraction(0))


def split_error(left: Matrix, right: Matrix, *, mean: bool) -> Vector:
    """A bound on the range of each row of left · right: Lemma 1, or with the mean row Lemma 2."""
    bounds = [row_range(row) for row in right]
    center = mean_row(left) if mean else [Fraction(0)] * len(right)
    constant = row_range(product([center], right)[0])
    return [constant + weighted(row, center, bounds) for row in left]


def recursive_error(factors: list[Matrix], means: int) -> Vector:
    """Lemma 3 for the product of the factors, with mean rows at the first `means` of them."""
    if len(factors) == 1:
        return [row_range(row) for row in factors[0]]
    inner = recursive_error(factors[1:], max(0, means - 1))
    first = factors[0]
    if means == 0:
        return [weighted(row, [Fraction(0)] * len(inner), inner) for row in first]
    center = mean_row(first)
    constant = row_range(reduce(product, factors[1:], [center])[0])
    return [constant + weighted(row, center, inner) for row in first]
