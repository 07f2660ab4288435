"""The choice of backend and precision, and the constructors that depend on it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Literal

import numpy as np
from flint import arb, ctx

from proofcheck.arithmetic.ball_columns import BallColumnArithmetic
from proofcheck.arithmetic.ball_intervals import (
    BallIntervals,
    BallPositiveTable,
    Balls,
    balls,
    ends,
)
from proofcheck.arithmetic.columns import ColumnArithmetic
from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.float_columns import FloatColumnArithmetic
from proofcheck.arithmetic.float_intervals import (
    FloatIntervals,
    FloatPositiveTable,
    check_platform,
    enclosing_doubles,
)
from proofcheck.arithmetic.intervals import Intervals, PositiveTable
from proofcheck.arithmetic.operations import count
from proofcheck.arithmetic.spectral import norm_certainly_below

Backend = Literal["fast", "arb"]

LEAST_PRECISION = 2  # bits; flint takes no fewer

_FLINT = RLock()  # flint's precision belongs to the process, not to a thread

_LEAST_NEAR, _MOST_NEAR = 2.0**-1000, 2.0**1000  # doubles whose neighbours and significands are exact

MAX_EXPONENTIAL_BITS = 40  # |x| < 2^40 in exp(x): larger ones would need exponents of thousands of digits


@contextmanager
def exclusive_precision() -> Iterator[None]:
    """Inside this block no other thread computes here, and after it flint's precision is what it was."""
    with _FLINT:
        before = ctx.prec
        try:
            yield
        finally:
            ctx.prec = before


class Arithmetic:
    """Constructors of enclosures for one backend and one ball precision (bits).

    Setting the precision is process-global in flint: use it inside `exclusive_precision`; `activate` re-asserts it.
    """

    __slots__ = ("backend", "precision")

    def __init__(self, backend: Backend, precision: int) -> None:
        if backend not in ("fast", "arb"):
            raise ValueError(f"unknown backend {backend!r}")
        self.backend = backend
        self.precision = precision
        self.activate()
        failures = check_platform()  # for both: numpy and libraries around it may hold floats where nobody looks
        if failures:
            raise ArithmeticError("; ".join(failures))

    def activate(self) -> None:
        """Make this object's precision flint's."""
        ctx.prec = self.precision

    def enclose(self, exact: DyadicArray) -> Intervals:
        """Enclosures of exact values."""
        return FloatIntervals.from_dyadic(exact) if self.backend == "fast" else BallIntervals.from_dyadic(exact)

    def exponentials(self, exact: DyadicArray, square: int) -> PositiveTable:
        """Enclosures of exp(x / √square) for exact x (any shape); square ≥ 1 is d_head, x a pre-softmax score before scaling.

        ArithmeticError if some |x / √square| ≥ 2^40. One operation per entry.
        """
        values = self.exponential_balls(exact, square)
        entries = values.ravel().tolist()
        if self.backend == "arb":
            exponents = np.array([_positive_ends(value)[2] for value in entries], dtype=np.int64)
            return BallPositiveTable(values, exponents.reshape(exact.shape))
        return FloatPositiveTable.from_ends([_tight_ends(value) for value in entries], exact.shape)

    def exponentials_between(self, least: DyadicArray, most: DyadicArray, square: int) -> PositiveTable:
        """Enclosures of exp(x / √square) for all least ≤ x ≤ most, as `exponentials`. Two operations per entry.

        In this table every enclosed number is at most 2^exponent: the exponent is that of the upper end.
        """
        lower, upper = (self.exponential_balls(exact, square).ravel().tolist() for exact in (least, most))
        exponents = np.zeros(least.size, dtype=np.int64)
        lows, highs = np.zeros(least.size, dtype=np.float64), np.zeros(least.size, dtype=np.float64)
        entries = np.empty(least.size, dtype=object)
        for k, (low_ball, high_ball) in enumerate(zip(lower, upper, strict=True)):
            (low, low_exponent), (high, high_exponent) = ends(low_ball)[0], ends(high_ball)[1]
            exponents[k] = high.bit_length() + high_exponent
            if self.backend == "fast":
                lows[k] = max(enclosing_doubles(low, low_exponent - int(exponents[k]))[0], 0.0)  # outward: lower end rounds down
                highs[k] = enclosing_doubles(high, high_exponent - int(exponents[k]))[1]  # outward: upper end rounds up
            else:
                entries[k] = low_ball.union(high_ball)
        shaped = exponents.reshape(least.shape)
        if self.backend == "arb":
            return BallPositiveTable(entries.reshape(least.shape), shaped)
        return FloatPositiveTable(FloatIntervals(lows.reshape(least.shape), highs.reshape(least.shape)), shaped)

    def exponential_balls(self, exact: DyadicArray, square: int) -> Balls:
        """Balls around exp(x / √square), shape of `exact`."""
        self.activate()
        if exact.size and exact.bits() + exact.exponent > MAX_EXPONENTIAL_BITS:
            raise ArithmeticError("a score is too large to exponentiate")
        scale = 1 / arb(square).sqrt()
        out = np.empty(exact.size, dtype=object)
        out[:] = [(x * scale).exp() for x in balls(exact).ravel().tolist()]
        count(exact.size)
        return out.reshape(exact.shape)

    def columns(self) -> ColumnArithmetic:
        """Vectors and the maps of transformers, in this backend and precision. ArithmeticError if this machine's matrix products fail."""
        self.activate()
        return FloatColumnArithmetic() if self.backend == "fast" else BallColumnArithmetic()

    def balls(self, exact: DyadicArray) -> Balls:
        """Object array of exact balls, for the few values that are settled one by one."""
        self.activate()
        return balls(exact)

    def norm_certainly_below(self, left: DyadicArray, right: DyadicArray, bound: DyadicArray) -> bool:
        """True only if ‖left @ right‖₂ ≤ bound; see `proofcheck.arithmetic.spectral`. In balls with either backend."""
        self.activate()
        return norm_certainly_below(left, right, bound, self.precision)


def _positive_ends(value: arb) -> tuple[tuple[int, int], tuple[int, int], int]:
    """The ends of a ball, and the exponent of the lower one: 2^(exponent − 1) ≤ lower end < 2^exponent. ArithmeticError unless positive."""
    low, high = ends(value)
    if low[0] <= 0:
        raise ArithmeticError("the precision is too small to enclose an exponential above 0")
    return low, high, low[0].bit_length() + low[1]


def _tight_ends(value: arb) -> tuple[float, float, int]:
    """(s, t, e): s·2^e is the largest double, were its exponent unbounded, below a positive ball and t·2^e the smallest above; ½ ≤ s < 1.

    Most balls are certainly between two neighbouring doubles x < y, away from the ends of their range; then s·2^e = x and t·2^e = y. That
    is decided by flint's comparisons of the ball with x and y, so whichever double near the ball `float` gives, the ends are right.
    """
    near = float(value)
    if _LEAST_NEAR < near < _MOST_NEAR:
        if value < near:
            low, high = math.nextafter(near, 0.0), near
            tight = value > low
        else:
            low, high = near, math.nextafter(near, math.inf)
            tight = value > low and value < high
        if tight:
            significand, exponent = math.frexp(low)
            return significand, math.ldexp(high, -exponent), exponent  # exact
    (low_integer, low_exponent), (high_integer, high_exponent), exponent = _positive_ends(value)
    below = enclosing_doubles(low_integer, low_exponent - exponent)[0]  # outward: lower end rounds down
    return below, enclosing_doubles(high_integer, high_exponent - exponent)[1], exponent  # outward: upper end rounds up
