"""Bounds on norms and rounding errors in float64, for column arithmetic. Theorem and proofs: docs/rules/evaluation.md.

Arithmetic assumed of matrix products: every +, ×, fma is exact·(1 + δ) + η with |δ| ≤ U = 2^−52 (any rounding direction), |η| ≤ 2^−1022,
and a subnormal operand may be read as 0. Bounds themselves are computed in this thread, whose rounding `check_platform` has tested.

Every bound is at least TINY = 2^−300, and norms are infinite from HUGE = 2^300 on; so a product of three bounds does not underflow, and
TINY, added once in each formula, is more than all underflow of the values. A formula has at most 2^6 operations, so its own rounding is
below the factor SLACK = 1 + 2^−40.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.dyadic import DyadicArray

Doubles = NDArray[np.float64]

U = 2.0**-52
TINY = 2.0**-300
HUGE = 2.0**300
SLACK = 1 + 2.0**-40
ROOT_TWO = float.fromhex("0x1.6a09e667f3bcdp0")  # above √2 = 0x1.6a09e667f3bcc908…
_LEAST_WEIGHT = 2.0**-900
_MOST_WORD = 2**62  # so that neither the rounded number nor its absolute value leaves int64


def gamma(k: int) -> float:
    """γ_k = kU/(1 − kU), up to the rounding that SLACK covers. k ≤ 2^30."""
    if not 0 <= k <= 2**30:
        raise ArithmeticError("a sum is too long")
    return k * U / (1 - k * U)


def capped(bounds: Doubles) -> Doubles:
    """The same bounds where they are below HUGE, else infinity; NaN becomes infinity."""
    return np.where(bounds < HUGE, bounds, np.inf)


def column_norms(values: Doubles) -> Doubles:
    """[k, B] → [B]: at least the Euclidean norm of each column; infinite where a value is not finite."""
    return _norms(np.einsum("kb,kb->b", values, values), values.shape[0])


def head_norms(values: Doubles) -> Doubles:
    """[H, d, B] → [H, B]: the same for each head."""
    return _norms(np.einsum("hdb,hdb->hb", values, values), values.shape[1])


def _norms(squares: Doubles, k: int) -> Doubles:
    """Σx² ≤ (fl(Σx²) + 2k·2^−1022)/(1 − γ_k), whatever the order of the sum; √ adds U."""
    return capped(np.sqrt(squares) * (1 + 2 * gamma(k + 4)) + TINY)


def norm_above(matrix: Doubles) -> float:
    """At least the Frobenius norm. ArithmeticError from HUGE on."""
    norm = math.sqrt(float(np.einsum("ij,ij->", matrix, matrix))) * (1 + 2 * gamma(matrix.size + 4)) + TINY
    return _finite(norm)


def spectral_norm_above(matrix: Doubles, squarings: int = 5) -> float:
    """At least the spectral norm: ‖M‖² = ‖MᵀM‖ ≤ ‖fl(MᵀM)‖ + γ_k‖M‖_F² + underflow, again and again, then the Frobenius norm.

    M is scaled by a power of two so that its Frobenius norm is in [1/2, 1]. Any rounding of fl(MᵀM), symmetric or not, is covered: γ_k
    bounds each entry. All underflow, of the scaling and in the products, is below 2^−900 for fewer than 2^40 entries: less than
    γ_{k+2} − γ_k ≥ 2^−51, and than what SLACK adds to a root that is at least 2^−26.
    """
    frobenius = norm_above(matrix)
    if squarings == 0 or frobenius <= 2 * TINY:
        return frobenius
    power = math.frexp(frobenius)[1]
    scaled = np.ldexp(matrix, -power)
    if scaled.shape[0] < scaled.shape[1]:
        scaled = np.ascontiguousarray(scaled.T)
    gram = np.ascontiguousarray(scaled.T) @ scaled
    error = gamma(scaled.shape[0] + 2)
    root = math.sqrt((spectral_norm_above(gram, squarings - 1) + error) * SLACK) * SLACK
    return _finite(min(math.ldexp(root, power), frobenius))


def _finite(bound: float) -> float:
    if not bound < HUGE:
        raise ArithmeticError("weights are too large for float64 bounds")
    return bound


def exact_doubles(exact: DyadicArray) -> Doubles:
    """The same numbers as float64. ArithmeticError unless each is 0 or a double from 2^−900 to 2^300 in size."""
    doubles, same = _as_doubles(exact.integers)
    with np.errstate(over="ignore", under="ignore"):
        values = np.ldexp(doubles, exact.exponent)  # exact, or out of the range below
    sizes = np.abs(values)
    in_range = ((sizes == 0) == (doubles == 0)) & ((sizes == 0) | ((sizes >= _LEAST_WEIGHT) & (sizes < HUGE)))
    if not (same and in_range.all()):
        raise ArithmeticError("a weight is not a double of moderate size")
    return values


def _as_doubles(integers: NDArray[Any]) -> tuple[Doubles, bool]:
    """Python integers as float64, and whether each is the same number. ArithmeticError if one is too large to round."""
    try:
        words = integers.astype(np.int64)
        if bool((np.abs(words) <= _MOST_WORD).all()):
            doubles = words.astype(np.float64)
            return doubles, bool((doubles.astype(np.int64) == words).all())
    except OverflowError:
        pass  # no int64: one by one
    try:
        doubles = integers.astype(np.float64)  # float(integer), which rounds or overflows
    except OverflowError as error:
        raise ArithmeticError("a weight is too large for float64") from error
    return doubles, bool(np.asarray(integers == doubles.astype(object)).all())  # Python compares int and float exactly
