"""Enclosures of exp, the normal distribution function, the logistic function and square roots at rational intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import isqrt

from mpmath import iv

from tests.second_checker.intervals import PRECISION, Interval, enclose, ends_of

Ends = tuple[Fraction, Fraction]
FAR = 3_000  # exponentials of numbers below −FAR are only said to lie between 0 and 2^−4000
TINY = Fraction(1, 2**4_000)


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    iv.prec = bits
    try:
        yield
    finally:
        iv.prec = PRECISION


def exp_ends(x: Fraction, bits: int = PRECISION) -> Ends:
    """exp(x) for x ≤ 0. mpmath's exponential is widened by 2^(8 − bits) of its size, as in intervals.py."""
    if x > 0:
        raise ValueError("above 0")
    if x < -FAR:
        return Fraction(0), TINY
    with working_precision(bits):
        low, high = ends_of(iv.exp(enclose(x)))
    return low * (1 - Fraction(1, 2 ** (bits - 8))), high * (1 + Fraction(1, 2 ** (bits - 8)))


def increasing(function: Callable[[Fraction], Ends], ends: Ends) -> Ends:
    """The enclosure of an increasing function on an interval."""
    return function(ends[0])[0], function(ends[1])[1]


def exponential(ends: Ends, top: Fraction) -> Ends:
    """exp(s − top) for s between the ends, at most 1 where s ≤ top; ends above top are allowed."""

    def at(x: Fraction) -> Ends:
        if x <= top:
            return exp_ends(x - top)
        low, high = exp_ends(top - x)
        if low == 0:
            raise OverflowError("an exponential above e^3000")
        return 1 / high, 1 / low

    return increasing(at, ends)


def logistic(x: Fraction) -> Ends:
    """1/(1 + e^−x)."""
    low, high = exp_ends(-abs(x))
    return (1 / (1 + high), 1 / (1 + low)) if x >= 0 else (low / (1 + low), high / (1 + high))


def normal_distribution(x: Fraction) -> Ends:
    """Φ(x) = 1/2 + φ(x)·(x + x³/3 + x⁵/15 + …) for x ≥ 0, by positive terms; Φ(−x) = 1 − Φ(x). Beyond 40: between 0 and e^(−x²/2)."""
    if x == 0:
        return Fraction(1, 2), Fraction(1, 2)
    a = abs(x)
    if a > 40:
        small = (Fraction(0), exp_ends(-a * a / 2)[1])
    else:
        low, high = half_mass(a)
        small = max(Fraction(0), Fraction(1, 2) - high), Fraction(1, 2) - low
    return small if x < 0 else (1 - small[1], 1 - small[0])


def half_mass(a: Fraction) -> Ends:
    """Φ(a) − 1/2 for 0 < a ≤ 40, to some 260 bits of 1 − Φ(a)."""
    bits = 300 + int(a * a)
    unit = 1 << bits
    # integers below and above terms a^(2n+1)/(2n+1)!! times 2^bits
    square_low, square_high = int(a * a * unit), int(a * a * unit) + 1
    low = int(a * unit)
    high = low + 1
    sum_low, sum_high, n = low, high, 0
    while True:
        n += 1
        low = low * square_low // ((2 * n + 1) * unit)
        high = high * square_high // ((2 * n + 1) * unit) + 1
        sum_low, sum_high = sum_low + low, sum_high + high
        if 2 * n + 3 > 2 * a * a and high < 4:
            break
    sum_high += 2 * high + 2  # later terms at most halve from here on
    weight_low, weight_high = exp_ends(-a * a / 2, bits)
    with working_precision(bits):
        root_low, root_high = ends_of(1 / iv.sqrt(2 * iv.pi))
    return weight_low * root_low * Fraction(sum_low, unit), weight_high * root_high * Fraction(sum_high, unit)


def root_two_over_pi() -> Interval:
    return iv.sqrt(2 / iv.pi)


def gelu_new_argument(x: Fraction) -> Ends:
    """Of the logistic function: 2·√(2/π)·(x + 0.044715 x³)."""
    low, high = ends_of(root_two_over_pi())
    inner = 2 * (x + Fraction(44_715, 1_000_000) * x**3)
    return (inner * low, inner * high) if x >= 0 else (inner * high, inner * low)


def gelu_new_factor(x: Fraction) -> Ends:
    """(1 + tanh(√(2/π)·(x + 0.044715 x³)))/2, increasing."""
    return increasing(logistic, gelu_new_argument(x))


def root_ends(x: Fraction, bits: int) -> Ends:
    """√x for x > 0, to `bits` bits."""
    shift = bits - (x.numerator.bit_length() - x.denominator.bit_length()) // 2
    scaled = x * Fraction(4) ** shift
    root = isqrt(int(scaled))
    return Fraction(root) / Fraction(2) ** shift, Fraction(root + 1) / Fraction(2) ** shift
