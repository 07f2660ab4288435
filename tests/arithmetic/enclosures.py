"""Exact containment checks, and the numbers to attack with."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st

from proofcheck.arithmetic import Arithmetic, DyadicArray, Intervals
from proofcheck.arithmetic.ball_intervals import BallIntervals
from proofcheck.arithmetic.float_intervals import FloatIntervals

PRECISIONS = (32, 64, 128, 256)
LARGEST = float(np.finfo(np.float64).max)
TINIEST = 2.0**-1074


def around(value: float) -> list[float]:
    """A double and its neighbours."""
    return [math.nextafter(value, -math.inf), value, math.nextafter(value, math.inf)]


EDGES = sorted(
    {
        sign * x
        for sign in (1.0, -1.0)
        for power in (-1074, -1073, -1050, -1023, -1022, -1021, -1020, -969, -538, -537, -53, -1, 0, 1, 52, 53, 511, 512, 970, 1022, 1023)
        for x in (*around(2.0**power), *around(1.5 * 2.0**power), *around(LARGEST))
        if math.isfinite(x)
    }
    | {0.0, 3.0, 1 / 3, 0.1, 1e-300, 1e300, 2.0**53 + 2}
)
"""Doubles at every edge: powers of two and their neighbours, the smallest subnormals and normals, the largest."""

doubles = st.one_of(
    st.sampled_from([*EDGES, -0.0]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-4, 4),
    st.builds(math.ldexp, st.floats(-1, 1), st.integers(-1080, 1023)),
)
moderate = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0**-1074, 1e-310, 0.1]))


def pairs(numbers: Any) -> Any:
    """(lo, hi) with lo ≤ hi; often a single point."""
    return st.one_of(numbers.map(lambda x: (x, x)), st.tuples(numbers, numbers).map(lambda p: (min(p), max(p))))


def intervals(backend: str, ends: list[tuple[float, float]], shape: tuple[int, ...] | None = None) -> Intervals:
    """Enclosures of [lo, hi] for each pair."""
    if backend == "fast":
        lo, hi = (np.array([pair[k] for pair in ends], dtype=np.float64) for k in (0, 1))
        return FloatIntervals(lo, hi) if shape is None else FloatIntervals(lo.reshape(shape), hi.reshape(shape))
    entries = np.empty(len(ends), dtype=object)
    entries[:] = [arb(lo).union(arb(hi)) if lo != hi else arb(lo) for lo, hi in ends]
    return BallIntervals(entries if shape is None else entries.reshape(shape))


def activate(backend: str, precision: int) -> Arithmetic:
    """The arithmetic, with flint's precision set."""
    return Arithmetic(backend, precision)  # type: ignore[arg-type]


def points(lo: float, hi: float) -> list[Fraction]:
    """Exact points of [lo, hi]: the ends, the middle, one near the lower end."""
    a, b = Fraction(lo), Fraction(hi)
    return [a] if a == b else [a, b, (a + b) / 2, a + (b - a) / 1023]


def fraction_of(x: arb) -> Fraction:
    """The value of an exact ball."""
    mantissa, exponent = x.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def encloses_double(lo: float, hi: float, exact: Fraction) -> bool:
    """Both ends are true; NaN says nothing; an infinite end is true on its own side only."""
    below = math.isnan(lo) or lo == -math.inf or (lo != math.inf and Fraction(lo) <= exact)
    above = math.isnan(hi) or hi == math.inf or (hi != -math.inf and exact <= Fraction(hi))
    return below and above


def encloses(x: Intervals, index: Any, exact: Fraction) -> bool:
    """Whether entry `index` of x encloses an exact value."""
    if isinstance(x, FloatIntervals):
        return encloses_double(float(np.asarray(x.lo)[index]), float(np.asarray(x.hi)[index]), exact)
    assert isinstance(x, BallIntervals)
    ball = x.entries[index]
    if not ball.is_finite():
        return True
    return abs(exact - fraction_of(ball.mid())) <= fraction_of(ball.rad())


def fractions(values: list[float]) -> list[Fraction]:
    return [Fraction(x) for x in values]


def dyadic(values: list[float], shape: tuple[int, ...] | None = None) -> DyadicArray:
    array = np.array(values, dtype=np.float64)
    return DyadicArray.from_floats(array if shape is None else array.reshape(shape))
