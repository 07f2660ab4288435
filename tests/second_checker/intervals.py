"""Enclosures by mpmath: an interval contains the real number that it stands for.

mpmath rounds +, −, ×, ÷ and sqrt of intervals outward. Its exp rounds a value that is itself an approximation, good to some ten bits more
than the working precision but with no guarantee on the last bit; so `exp` widens the result by 2^−(PRECISION−8) of its size.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from mpmath import iv
from mpmath.libmp import mpf_sign

PRECISION = 256
iv.prec = PRECISION
Interval = Any  # mpmath.ctx_iv.ivmpf has no type stubs

ZERO: Interval = iv.mpf(0)
_WIDENING: Interval = iv.mpf([1 - iv.mpf(2) ** (8 - PRECISION), 1 + iv.mpf(2) ** (8 - PRECISION)])


def enclose(x: Fraction | int) -> Interval:
    """An interval around a rational number."""
    return iv.mpf(x.numerator) / iv.mpf(x.denominator)


def exp(x: Interval) -> Interval:
    """An interval around exp of every point of x."""
    return iv.exp(x) * _WIDENING


def sqrt(x: Fraction | int) -> Interval:
    """An interval around the square root of x ≥ 0."""
    return iv.sqrt(enclose(x))


def certainly_positive(x: Interval) -> bool:
    """Every point of x is > 0. NaN ends have sign 0."""
    return bool(mpf_sign(x._mpi_[0]) > 0)


def certainly_negative(x: Interval) -> bool:
    """Every point of x is < 0."""
    return bool(mpf_sign(x._mpi_[1]) < 0)


def certainly_at_most_zero(x: Interval) -> bool:
    """Every point of x is ≤ 0."""
    return ends_of(x)[1] <= 0


def total(terms: list[Interval]) -> Interval:
    """Their sum, 0 if there is none."""
    result = ZERO
    for term in terms:
        result = result + term
    return result


def ends_of(x: Interval) -> tuple[Fraction, Fraction]:
    """The two ends, exact."""
    low, high = (from_mpf(end) for end in x._mpi_)
    return low, high


def from_mpf(value: tuple[int, int, int, int]) -> Fraction:
    """The rational number of a finite mpf tuple (sign, mantissa, exponent, bits)."""
    sign, mantissa, exponent, _ = value
    if mantissa == 0 and exponent != 0:
        raise OverflowError("not finite")
    return (-1) ** sign * mantissa * Fraction(2) ** exponent


def interval(low: Interval, high: Interval) -> Interval:
    """From the lower end of one to the upper end of the other."""
    return iv.mpf([low.a, high.b])
