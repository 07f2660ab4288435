"""Backend `arb`: interval arrays as object arrays of flint balls. No float arithmetic at all.

A ball encloses; flint's operations keep enclosures. The hazards of python-flint (order-dependent max and min, truth values, conversion to
float that rounds inward) are avoided by never using them: comparisons go through the signs of `lower()` and `upper()`, maxima through ends.
Precision is process-global in flint; `Arithmetic` sets it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb, fmpz
from numpy.typing import NDArray

from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.fixed_point import FixedPoint
from proofcheck.arithmetic.intervals import Intervals, PositiveTable
from proofcheck.arithmetic.operations import count

if TYPE_CHECKING:
    from typing_extensions import Self

Balls = NDArray[Any]


def ball(integer: int, exponent: int) -> arb:
    """The exact ball integer · 2^exponent."""
    return arb((fmpz(integer), fmpz(exponent)))


def balls(exact: DyadicArray) -> Balls:
    """Object array of exact balls, of the shape of `exact`."""
    out = np.empty(exact.size, dtype=object)
    exponent = fmpz(exact.exponent)
    out[:] = [arb((fmpz(integer), exponent)) for integer in exact.integers.ravel().tolist()]
    return out.reshape(exact.shape)


def ends(x: arb) -> tuple[tuple[int, int], tuple[int, int]]:
    """(integer, exponent) of a lower and of an upper end of a finite ball. ArithmeticError otherwise."""
    if not x.is_finite():
        raise ArithmeticError("a ball is not finite")
    lower, upper = x.lower().man_exp(), x.upper().man_exp()
    return (int(lower[0]), int(lower[1])), (int(upper[0]), int(upper[1]))


def certainly_positive_ball(x: arb) -> bool:
    """Every point of the ball is > 0. False on NaN."""
    return bool(x.is_finite() and x.lower() > 0)


def certainly_at_most_zero_ball(x: arb) -> bool:
    """Every point of the ball is ≤ 0. False on NaN."""
    return bool(x.is_finite() and x.upper() <= 0)


def _larger(x: arb, y: arb) -> arb:
    """A ball around max(x, y): from the larger lower end to the larger upper end."""
    return _from_exact(x.lower(), y.lower(), x.upper(), y.upper(), largest=True)


def _smaller(x: arb, y: arb) -> arb:
    """A ball around min(x, y)."""
    return _from_exact(x.lower(), y.lower(), x.upper(), y.upper(), largest=False)


def _from_exact(lower_x: arb, lower_y: arb, upper_x: arb, upper_y: arb, *, largest: bool) -> arb:
    if not (lower_x.is_finite() and lower_y.is_finite() and upper_x.is_finite() and upper_y.is_finite()):
        return arb("nan")
    # lower and upper ends are exact balls, so these comparisons are decided
    lower = lower_x if (lower_x >= lower_y) == largest else lower_y
    upper = upper_x if (upper_x >= upper_y) == largest else upper_y
    return lower.union(upper)


def _share_of(x: arb, y: arb) -> arb:
    """A ball around x/(x + y) for x, y ≥ 0 and x + y > 0: around [0, 1] where nothing better is known."""
    lower = (x.lower() / (x.lower() + y.upper())).lower() if x.lower() > 0 else arb(0)  # outward: smallest x, largest y
    upper = (x.upper() / (x.upper() + y.lower())).upper() if y.lower() >= 0 else arb(1)  # outward: largest x, smallest y
    least = lower if lower > 0 else arb(0)  # no comparison holds for NaN
    most = upper if upper < 1 else arb(1)
    return least.union(most)


_share: Callable[..., Any] = np.frompyfunc(_share_of, 2, 1)
_maximum: Callable[..., Any] = np.frompyfunc(_larger, 2, 1)
_minimum: Callable[..., Any] = np.frompyfunc(_smaller, 2, 1)


class BallIntervals(Intervals):
    """An object array of balls."""

    __slots__ = ("entries",)

    def __init__(self, entries: Balls) -> None:
        self.entries = entries

    @classmethod
    def from_dyadic(cls, exact: DyadicArray) -> BallIntervals:
        return cls(balls(exact))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.entries.shape

    def __getitem__(self, index: Any) -> Self:
        return type(self)(_as_array(self.entries[index]))

    def broadcast_to(self, shape: tuple[int, ...]) -> Self:
        return type(self)(np.broadcast_to(self.entries, shape))

    def __neg__(self) -> Self:
        return type(self)(_as_array(-self.entries))

    def __add__(self, other: Self) -> Self:
        return self._counted(self.entries + other.entries)

    def __sub__(self, other: Self) -> Self:
        return self._counted(self.entries - other.entries)

    def __mul__(self, other: Self) -> Self:
        return self._counted(self.entries * other.entries)

    def maximum(self, other: Self) -> Self:
        return self._counted(_maximum(self.entries, other.entries))

    def max(self, axis: int) -> Self:
        return self._fold(_maximum, axis)

    def min(self, axis: int) -> Self:
        return self._fold(_minimum, axis)

    def running_min(self, axis: int) -> Self:
        moved = np.moveaxis(self.entries, axis, 0)
        out = np.empty(moved.shape, dtype=object)
        out[0] = moved[0]
        for k in range(1, moved.shape[0]):
            out[k] = _minimum(out[k - 1], moved[k])
        count(self.size)
        return type(self)(np.moveaxis(out, 0, axis))

    def sum(self, axis: int) -> Self:
        moved = np.moveaxis(self.entries, axis, 0)
        if moved.shape[0] == 0:
            return type(self)(balls(DyadicArray.zeros(moved.shape[1:])))
        total = _as_array(moved[0])
        for part in moved[1:]:
            total = _as_array(total + part)
            count(total.size)
        return type(self)(total)

    def share(self, other: Self) -> Self:
        result = type(self)(_as_array(_share(self.entries, other.entries)))
        count(3 * result.size)
        return result

    def multiples_below(self, bits: int) -> NDArray[np.int64]:
        return self._multiples(bits, lambda low, high: _shift_floor(low[0], low[1] + bits))

    def multiples_above(self, bits: int) -> NDArray[np.int64]:
        return self._multiples(bits, lambda low, high: -_shift_floor(-high[0], high[1] + bits))

    def _multiples(self, bits: int, rounded: Callable[[tuple[int, int], tuple[int, int]], int]) -> NDArray[np.int64]:
        out = np.zeros(self.size, dtype=np.int64)
        for k, x in enumerate(self.entries.ravel().tolist()):
            pair = ends(x)
            if bits < 0 or any(integer.bit_length() + exponent > 62 - bits for integer, exponent in pair):
                raise ArithmeticError("a value left the range of its grid")
            out[k] = rounded(*pair)
        return out.reshape(self.shape)

    def certainly_positive(self) -> NDArray[np.bool_]:
        return self._decide(certainly_positive_ball)

    def certainly_negative(self) -> NDArray[np.bool_]:
        return self._decide(lambda x: certainly_positive_ball(x.neg(exact=True)))

    def certainly_at_most_zero(self) -> NDArray[np.bool_]:
        return self._decide(certainly_at_most_zero_ball)

    def fixed_point(self, bits: int) -> FixedPoint:
        lower = np.zeros((self.shape[0], self.size // self.shape[0] if self.shape[0] else 0), dtype=np.int64)
        width = 0
        for row, entries in enumerate(self.entries.reshape(self.shape[0], -1)) if self.size else ():
            pairs = [ends(x) for x in entries]
            sizes = [integer.bit_length() + exponent for pair in pairs for integer, exponent in pair if integer]
            power = bits - max(sizes, default=0)  # every |end| is below 2^max(sizes)
            floors = [_shift_floor(integer, exponent + power) for (integer, exponent), _ in pairs]
            ceilings = [-_shift_floor(-integer, exponent + power) for _, (integer, exponent) in pairs]
            width = max(width, *(high - low for low, high in zip(floors, ceilings, strict=True)))
            lower[row] = floors
        return FixedPoint(lower.reshape(self.shape), width, bits)

    def _counted(self, entries: Any) -> Self:
        result = type(self)(_as_array(entries))
        count(result.size)
        return result

    def _fold(self, operation: Callable[..., Any], axis: int) -> Self:
        moved = np.moveaxis(self.entries, axis, 0)
        if moved.shape[0] == 0:
            raise ValueError("reduction over an empty axis")
        total = _as_array(moved[0])
        for part in moved[1:]:
            total = _as_array(operation(total, part))
            count(total.size)
        return type(self)(total)

    def _decide(self, predicate: Callable[[arb], bool]) -> NDArray[np.bool_]:
        count(self.size)
        out = np.zeros(self.size, dtype=np.bool_)
        out[:] = [predicate(x) for x in self.entries.ravel().tolist()]
        return out.reshape(self.shape)


class BallPositiveTable(PositiveTable):
    """Balls of positive numbers; flint's exponents are unbounded, so the ball is its own table."""

    __slots__ = ("_exponent", "entries")

    def __init__(self, entries: Balls, exponent: NDArray[np.int64]) -> None:
        self.entries = entries
        self._exponent = exponent

    @property
    def exponent(self) -> NDArray[np.int64]:
        return self._exponent

    def __getitem__(self, index: Any) -> Self:
        return type(self)(_as_array(self.entries[index]), np.asarray(self._exponent[index]))

    def __mul__(self, other: Self) -> Self:
        product = _as_array(self.entries * other.entries)
        count(product.size)
        return type(self)(product, self._exponent + other._exponent)

    def relative_to(self, exponent: NDArray[np.int64]) -> BallIntervals:
        entries, powers = np.broadcast_arrays(self.entries, -exponent)
        out = np.empty(entries.size, dtype=object)
        out[:] = [x * ball(1, int(p)) for x, p in zip(entries.ravel().tolist(), powers.ravel().tolist(), strict=True)]
        return BallIntervals(out.reshape(entries.shape))


def _shift_floor(integer: int, exponent: int) -> int:
    """⌊integer · 2^exponent⌋."""
    return integer << exponent if exponent >= 0 else integer >> -exponent


def _as_array(entries: Any) -> Balls:
    if isinstance(entries, np.ndarray):
        return entries
    scalar = np.empty((), dtype=object)
    scalar[()] = entries
    return scalar
