"""Backend `fast`: interval arrays with float64 ends, rounded outward.

Relies on IEEE-754 binary64 with rounding to nearest and gradual underflow, which `check_platform` tests on the running machine.

Lemma (outward).  Let z be the rounded-to-nearest result of +, −, ×, ÷ on finite doubles with exact value e, and z finite.  Then
    fl(z − s) ≤ e ≤ fl(z + s)   with   s := fl(fl(|z|·2^−52) + 2^−1074).
Proof.  Let u be the spacing of doubles at |z| (|z| ∈ [2^E, 2^(E+1)) has u = 2^(E−52), and u = 2^−1074 for |z| < 2^−1021).  Rounding to
nearest gives pred(z) ≤ e ≤ succ(z), so it is enough that fl(z − s) ≤ z − u ≤ pred(z) and the mirror image.  s ≥ u: for |z| ≥ 2^−1021,
|z|·2^−52 ≥ 2^(E−52) = u, which is a double, and rounding is monotone; for smaller |z| the second summand alone is u.  z − u is a double
(|z| is a multiple of u, and so is z − u, with |z − u| ≤ 2^(E+1)).  As z − s ≤ z − u and rounding is monotone, fl(z − s) ≤ z − u.  ∎
When z is not finite, s is infinite or NaN and an end becomes NaN or infinite on its own side, never a wrong finite number: the entry then
encloses everything in the sense of `Intervals` (no comparison is certain about NaN, and infinite ends are true).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.fixed_point import FixedPoint, IntegerArray
from proofcheck.arithmetic.intervals import Intervals, PositiveTable
from proofcheck.arithmetic.operations import count

if TYPE_CHECKING:
    from typing_extensions import Self

Doubles = NDArray[np.float64]

_EPSILON = 2.0**-52
_TINIEST = 2.0**-1074
_LARGEST = float(np.finfo(np.float64).max)
_LEAST_EXPONENT, _MOST_BITS = -1020, 1023  # of exact values whose neighbouring doubles are normal
_INEXACT = 2.0**-1021  # scaling by a power of two is exact unless the result is smaller


def _spread(values: Doubles) -> Doubles:
    spread = np.abs(values)
    spread *= _EPSILON
    spread += _TINIEST
    return spread


def rounded_down(values: Doubles) -> Doubles:
    """At most the exact value of which `values` is the rounded result."""
    return values - _spread(values)  # outward: lower end rounds down


def rounded_up(values: Doubles) -> Doubles:
    """At least the exact value of which `values` is the rounded result."""
    return values + _spread(values)  # outward: upper end rounds up


def _sum_above(x: Doubles, y: Doubles | float) -> Doubles:
    """At least x + y."""
    return rounded_up(x + y)


def _product_above(x: Doubles | float, y: Doubles) -> Doubles:
    """At least x·y."""
    return rounded_up(x * y)


class FloatIntervals(Intervals):
    """Closed intervals [lo, hi] with float64 ends, as two arrays of one shape."""

    __slots__ = ("hi", "lo")

    def __init__(self, lo: Doubles, hi: Doubles) -> None:
        self.lo = lo
        self.hi = hi

    @classmethod
    def from_dyadic(cls, exact: DyadicArray) -> FloatIntervals:
        """The tightest double intervals around exact values (both ends equal where the value is a double)."""
        if exact.exponent >= _LEAST_EXPONENT and exact.bits() + max(exact.exponent, 0) < _MOST_BITS:
            return cls(*_scaled_neighbours(exact.integers, exact.exponent))
        pairs = [enclosing_doubles(integer, exact.exponent) for integer in exact.integers.ravel().tolist()]
        ends = np.array(pairs, dtype=np.float64).reshape(*exact.shape, 2)
        return cls(np.ascontiguousarray(ends[..., 0]), np.ascontiguousarray(ends[..., 1]))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.lo.shape

    def __getitem__(self, index: Any) -> Self:
        return type(self)(np.asarray(self.lo[index]), np.asarray(self.hi[index]))

    def broadcast_to(self, shape: tuple[int, ...]) -> Self:
        return type(self)(np.broadcast_to(self.lo, shape), np.broadcast_to(self.hi, shape))

    def __neg__(self) -> Self:
        return type(self)(-self.hi, -self.lo)  # exact

    @np.errstate(all="ignore")
    def __add__(self, other: Self) -> Self:
        lo, hi = np.asarray(self.lo + other.lo), np.asarray(self.hi + other.hi)
        count(lo.size)
        return type(self)(rounded_down(lo), rounded_up(hi))

    @np.errstate(all="ignore")
    def __sub__(self, other: Self) -> Self:
        lo, hi = np.asarray(self.lo - other.hi), np.asarray(self.hi - other.lo)
        count(lo.size)
        return type(self)(rounded_down(lo), rounded_up(hi))

    @np.errstate(all="ignore")
    def __mul__(self, other: Self) -> Self:
        """Products of ends. x·y is monotone in each factor, so its extremes over a box are at the corners."""
        if (self.lo >= 0).all():  # then the smaller product is with other.lo, the larger with other.hi
            lo = np.minimum(self.lo * other.lo, self.hi * other.lo)
            hi = np.maximum(self.lo * other.hi, self.hi * other.hi)
        else:
            corners = (self.lo * other.lo, self.lo * other.hi, self.hi * other.lo, self.hi * other.hi)
            lo = np.minimum(np.minimum(corners[0], corners[1]), np.minimum(corners[2], corners[3]))
            hi = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))
        lo, hi = np.asarray(lo), np.asarray(hi)
        count(lo.size)
        return type(self)(rounded_down(lo), rounded_up(hi))

    def maximum(self, other: Self) -> Self:
        lo, hi = np.asarray(np.maximum(self.lo, other.lo)), np.asarray(np.maximum(self.hi, other.hi))
        count(lo.size)
        return type(self)(lo, hi)

    def max(self, axis: int) -> Self:
        result = type(self)(np.asarray(self.lo.max(axis=axis)), np.asarray(self.hi.max(axis=axis)))
        count(self.size - result.size)
        return result

    def min(self, axis: int) -> Self:
        result = type(self)(np.asarray(self.lo.min(axis=axis)), np.asarray(self.hi.min(axis=axis)))
        count(self.size - result.size)
        return result

    def running_min(self, axis: int) -> Self:
        count(self.size)
        return type(self)(np.minimum.accumulate(self.lo, axis=axis), np.minimum.accumulate(self.hi, axis=axis))

    def sum(self, axis: int) -> Self:
        parts = (np.moveaxis(self.lo, axis, 0), np.moveaxis(self.hi, axis, 0))
        total = type(self)(np.zeros(parts[0].shape[1:]), np.zeros(parts[0].shape[1:]))
        for step, (lo, hi) in enumerate(zip(*parts, strict=True)):
            part = type(self)(np.asarray(lo), np.asarray(hi))
            total = part if step == 0 else total + part
        return total

    @np.errstate(all="ignore")
    def share(self, other: Self) -> Self:
        """x/(x + y) increases in x and decreases in y: the ends are at opposite ends of x and y. NaN and overflow widen to [0, 1]."""
        smallest = rounded_down(self.lo / rounded_up(self.lo + other.hi))  # outward: smallest x, largest y, larger denominator
        denominator = rounded_down(self.hi + other.lo)
        largest = rounded_up(self.hi / denominator)  # outward: largest x, smallest y, smaller denominator
        count(3 * smallest.size)
        lo = np.where(self.lo >= 0, np.fmax(smallest, 0.0), 0.0)  # fmax and fmin pass over NaN
        return type(self)(lo, np.where(denominator > 0, np.fmin(largest, 1.0), 1.0))  # if y reaches below 0, largest is at least 1

    def multiples_below(self, bits: int) -> NDArray[np.int64]:
        return np.floor(np.ldexp(_ranged(self.lo, bits), bits)).astype(np.int64)  # scaling up is exact

    def multiples_above(self, bits: int) -> NDArray[np.int64]:
        return np.ceil(np.ldexp(_ranged(self.hi, bits), bits)).astype(np.int64)

    def certainly_positive(self) -> NDArray[np.bool_]:
        count(self.size)
        return np.asarray(self.lo > 0)  # False on NaN

    def certainly_negative(self) -> NDArray[np.bool_]:
        count(self.size)
        return np.asarray(self.hi < 0)  # False on NaN

    def certainly_at_most_zero(self) -> NDArray[np.bool_]:
        count(self.size)
        return np.asarray(self.hi <= 0)  # False on NaN

    @np.errstate(all="ignore")
    def fixed_point(self, bits: int) -> FixedPoint:
        """Scale index a of axis 0 by 2^k_a, with max|entry| · 2^k_a ≤ 2^bits, and round outward to integers.

        Scaling by a power of two is exact unless it lands below 2^−1021, where the scaled value is between −1 and 1 and its floor
        (ceiling) depends on the sign alone: `_floor` and `_ceil` take the sign from the unscaled end.
        """
        if not (np.isfinite(self.lo).all() and np.isfinite(self.hi).all()):
            raise ArithmeticError("a value left the range of float64")
        if self.size == 0:
            return FixedPoint(np.zeros(self.shape, dtype=np.int64), 0, bits)
        rows = (self.shape[0], -1)
        lo, hi = self.lo.reshape(rows), self.hi.reshape(rows)
        largest = np.maximum(-lo.min(axis=1), hi.max(axis=1))
        powers = (bits - np.frexp(np.maximum(largest, 0.0))[1])[:, None]  # largest < 2^frexp, so scaled size is below 2^bits
        lower = _floor(np.ldexp(lo, powers), lo)
        upper = _ceil(np.ldexp(hi, powers), hi)
        return FixedPoint(lower.reshape(self.shape), int((upper - lower).max()), bits)

    @np.errstate(all="ignore")
    def fixed_point_product(self, first: Self, second: Self, bits: int) -> FixedPoint:
        """One rounded sum and one rounded product for each entry; one error bound for each index of axis 0 covers them all.

        Lemma. Fix an index of axis 0. Let w, u, v be exact values of self, first, second, and ŵ, û, v̂ the lower ends of their intervals;
        let W, U, V bound |w|, |u|, |v| and the ends, and r_w, r_u, r_v bound the distances |w − ŵ|, |u − û|, |v − v̂|, over all entries.
        With M ≥ U + V, S = fl(û + v̂), w' = fl(2^k ŵ), P = fl(w'·S), M < 2^1000, 2^k·W·M < 2^(bits − 1), 8 ≤ bits ≤ 29:
            |P − 2^k·w·(u + v)| ≤ e for every e ≥ 2^k·(M·r_w + W·(r_u + r_v + 2^−52·M)) + 2^−20   (`_product_scale` finds k and e).
        Proof. |S| ≤ M, since rounding is monotone. |w' − 2^k·ŵ| ≤ 2^−1074, as only results below 2^−1022 round, so |P| ≤ 2^29 and
        |P − w'·S| ≤ 2^−53·|P| + 2^−1074 < 2^−23; |w' − 2^k·ŵ|·|S| < 2^−74; 2^k·|ŵ − w|·|S| ≤ 2^k·r_w·M; and
        |S − (u + v)| ≤ 2^−53·M + r_u + r_v (a sum that underflows is exact), times 2^k·|w| ≤ 2^k·W.  ∎
        So the integer I next to P towards zero has |I − 2^k·w·(u + v)| < 1 + e, and lower = I − c, width = 2c enclose with c = 1 + ⌈e⌉.
        """
        shape = np.broadcast_shapes(self.shape, first.shape, second.shape)
        if 0 in shape:
            return FixedPoint(np.zeros(shape, dtype=np.int64), 0, bits)
        weight, one, other = (_magnitude_and_radius(part, shape) for part in (self, first, second))
        k, error = _product_scale(weight, one, other, bits)
        weights = np.ldexp(self.lo, k.reshape(-1, *(1,) * (len(shape) - 1)))
        if not np.isfinite(weights).all():
            raise ArithmeticError("a value left the range of float64")
        sums = np.asarray(first.lo + second.lo)
        products = np.multiply(weights, sums, out=sums if sums.shape == shape else None)
        count(2 * products.size)
        margin = 1 + int(np.ceil(error.max()))
        integers = products.astype(np.int32)  # towards zero; |P| ≤ 2^bits
        integers -= margin
        return FixedPoint(integers, 2 * margin, bits)

    @np.errstate(all="ignore")
    def lower_product(self, first: Self, second: Self, bits: int) -> IntegerArray:
        """One rounded sum and one rounded product for each entry.

        Lemma. Fix an index of axis 0. Let 0 ≤ ŵ ≤ w ≤ w̌, û ≤ u, v̂ ≤ v; W ≥ w̌ and M ≥ |û| + |v̂| over all entries, M < 2^1000,
        2^k·W·M ≤ 2^(bits − 1), 8 ≤ bits ≤ 29, k ≤ 900. Let S = fl(û + v̂), w' = fl(2^k·ŵ) if S ≥ 0, else fl(2^k·w̌), and P = fl(w'·S).
        Then L = I − 2 ≤ 2^k·w·(u + v) and |L| ≤ 2^bits, for the integer I next to P towards zero.
        Proof. Let w° be ŵ if û + v̂ ≥ 0, else w̌. S has the sign of û + v̂, so w' = fl(2^k·w°), and w·(u + v) ≥ w°·(û + v̂).
        |S − (û + v̂)| ≤ 2^−53·M (a sum that underflows is exact), |w' − 2^k·w°| ≤ 2^−1074, |P| ≤ 2^29 and
        |P − w'·S| ≤ 2^−53·|P| + 2^−1074, so P − 2^k·w°·(û + v̂) < 2^−20, and L < P − 1 as I < P + 1. |I| ≤ |P| ≤ 2^(bits − 1) + 1.  ∎
        """
        shape = np.broadcast_shapes(self.shape, first.shape, second.shape)
        if 0 in shape or not (self.lo >= 0).all():
            return super().lower_product(first, second, bits)
        W, U, V = (_magnitude_and_radius(part, shape)[0] for part in (self, first, second))
        M = _sum_above(U, V)
        size = _product_above(W, M)
        if not (8 <= bits <= 29 and ((M < 2.0**1000) & np.isfinite(size)).all()):
            raise ArithmeticError("a value left the range of float64")
        k = np.minimum(bits - 1 - np.frexp(size)[1], 900).reshape(-1, *(1,) * (len(shape) - 1))
        low, high = np.ldexp(self.lo, k), np.ldexp(self.hi, k)
        if not np.isfinite(high).all():
            raise ArithmeticError("a value left the range of float64")
        sums = np.asarray(first.lo + second.lo)
        products = np.minimum(low * sums, high * sums)  # the factor that the sign of the sum calls for
        count(2 * products.size)
        integers: IntegerArray = products.astype(np.int32)  # towards zero; |P| ≤ 2^bits
        integers -= 2
        return integers


_Bounds = tuple[Doubles, Doubles]  # on sizes and radii; one for each index of axis 0, or one for all


@np.errstate(all="ignore")
def _product_scale(weight: _Bounds, first: _Bounds, second: _Bounds, bits: int) -> tuple[NDArray[np.int64], Doubles]:
    """k and e of the lemma of `fixed_point_product`, from W and r_w, U and r_u, V and r_v.

    With M = U + V, exactly: 2^k·(M·r_w + W·(r_u + r_v + 2^−52·M)) + 2^−20 ≤ e ≤ 2^(bits − 2), M < 2^1000 and 2^k·W·M < 2^(bits − 1), where
    M may also stand for its rounding. ArithmeticError where there are none, as when a bound is infinite or NaN, and unless 8 ≤ bits ≤ 29.
    Proof. Every operation is rounded up, but for scalings by 2^k, which round by at most 2^−1075, less than what the last sum adds; and
    2^k·(W·M + 4·error) ≤ 2^k·size < 2^(bits − 1) if `size` is finite.  ∎
    """
    (W, r_w), (U, r_u), (V, r_v) = weight, first, second
    M = _sum_above(U, V)
    error = _sum_above(_product_above(M, r_w), _product_above(W, _sum_above(_sum_above(r_u, r_v), _product_above(_EPSILON, M))))
    size = _sum_above(_product_above(W, M), 4 * error)
    k = np.minimum(bits - 1 - np.frexp(size)[1], 900)  # size < 2^frexp; above 900 nothing is gained and 2^k may overflow
    error = _sum_above(np.ldexp(error, k), 2.0**-20)
    in_range = (M < 2.0**1000) & np.isfinite(size)  # of an infinite size frexp says nothing
    if not (8 <= bits <= 29 and in_range.all()):
        raise ArithmeticError("a value left the range of float64")
    return k, error


def _magnitude_and_radius(x: FloatIntervals, shape: tuple[int, ...]) -> tuple[Doubles, Doubles]:
    """Upper bounds on |entry| and on (entry − lower end): for each index of axis 0 of `shape` if x has that axis, else one for all."""
    rows = shape[0] if len(x.shape) == len(shape) and x.shape[0] == shape[0] else 1
    magnitude = np.maximum(np.abs(x.lo), np.abs(x.hi)).reshape(rows, -1).max(axis=1)
    return magnitude, rounded_up(x.hi - x.lo).reshape(rows, -1).max(axis=1)


def _ranged(values: Doubles, bits: int) -> Doubles:
    """The same values if scaling by 2^bits keeps them in int64. Scaling up is exact."""
    if bits < 0 or not (np.abs(values) <= 2.0 ** (62 - bits)).all():  # False on NaN
        raise ArithmeticError("a value left the range of its grid")
    return values


def _floor(scaled: Doubles, unscaled: Doubles) -> NDArray[np.int64]:
    result = np.floor(scaled)
    result[(scaled == 0) & (unscaled < 0)] = -1.0  # outward: a negative value that scaled to zero
    return result.astype(np.int64)


def _ceil(scaled: Doubles, unscaled: Doubles) -> NDArray[np.int64]:
    result = np.ceil(scaled)
    result[(scaled == 0) & (unscaled > 0)] = 1.0  # outward: a positive value that scaled to zero
    return result.astype(np.int64)


class FloatPositiveTable(PositiveTable):
    """significand [lo, hi] (doubles, about 1, nonnegative) times 2^exponent."""

    __slots__ = ("_exponent", "significand")

    def __init__(self, significand: FloatIntervals, exponent: NDArray[np.int64]) -> None:
        self.significand = significand
        self._exponent = exponent

    @property
    def exponent(self) -> NDArray[np.int64]:
        return self._exponent

    def __getitem__(self, index: Any) -> Self:
        return type(self)(self.significand[index], np.asarray(self._exponent[index]))

    def __mul__(self, other: Self) -> Self:
        return type(self)(self.significand * other.significand, self._exponent + other._exponent)

    @classmethod
    def from_ends(cls, ends: list[tuple[float, float, int]], shape: tuple[int, ...]) -> Self:
        """The table of the intervals [s, t]·2^e for (s, t, e) in `ends`."""
        lo, hi, exponents = (list(part) for part in zip(*ends, strict=True)) if ends else ([], [], [])
        significand = FloatIntervals(*(np.array(part, dtype=np.float64).reshape(shape) for part in (lo, hi)))
        return cls(significand, np.array(exponents, dtype=np.int64).reshape(shape))

    @np.errstate(all="ignore")
    def relative_to(self, exponent: NDArray[np.int64]) -> FloatIntervals:
        lo, hi = _times_powers(self._exponent - exponent, self.significand.lo, self.significand.hi)
        lo = np.minimum(lo, _LARGEST)  # outward: an infinite lower end would be false
        rounded_lo, rounded_hi = lo < _INEXACT, hi < _INEXACT  # scaling may have rounded: take one spacing outward
        lo = np.where(rounded_lo, np.maximum(rounded_down(lo), 0.0), lo)  # values are positive, so 0 is a lower end
        hi = np.where(rounded_hi, rounded_up(hi), hi)
        return FloatIntervals(lo, hi)


def _times_powers(powers: NDArray[np.int64], *factors: Doubles) -> list[Doubles]:
    """Each array of factors times 2^powers, rounded to nearest; where 2^powers is a normal double, by multiplication with it."""
    if powers.size and powers.min() > -1023 and powers.max() < 1024:
        scale = ((powers + 1023) << 52).view(np.float64)  # the double with this exponent field is 2^powers
        return [np.asarray(factor * scale) for factor in factors]
    clipped = np.clip(powers, -4000, 4000)  # beyond ±4000 every double is already 0 or infinite
    return [np.asarray(np.ldexp(factor, clipped)) for factor in factors]


def _scaled_neighbours(integers: NDArray[Any], exponent: int) -> tuple[Doubles, Doubles]:
    """The largest doubles ≤ and the smallest ≥ integers · 2^exponent, for integers below 2^1024 and results in the range of from_dyadic.

    Proof: CPython converts an integer to a double next to it, on either side, and compares integers with doubles exactly. So where
    the double is above the integer, the one before it is the largest below, and the like. A double ≥ ½ in size times 2^exponent
    is normal, so scaling is exact and keeps neighbours neighbours; 0 stays 0.  ∎
    """
    near = integers.astype(np.float64)
    exactly = near.astype(object)
    above = np.asarray(exactly > integers, dtype=np.bool_)
    below = np.asarray(exactly < integers, dtype=np.bool_)
    lo = np.where(above, np.nextafter(near, -np.inf), near)  # outward: lower end rounds down
    hi = np.where(below, np.nextafter(near, np.inf), near)  # outward: upper end rounds up
    return np.ldexp(lo, exponent), np.ldexp(hi, exponent)


def enclosing_doubles(integer: int, exponent: int) -> tuple[float, float]:
    """The largest double ≤ and the smallest double ≥ integer · 2^exponent."""
    if integer == 0:
        return 0.0, 0.0
    size = abs(integer)
    drop = max(size.bit_length() - 53, -1074 - exponent, 0)  # bits that a double cannot hold
    small = size >> drop
    exact = small << drop == size
    low = _scaled(small, exponent + drop)
    high = low if exact else _scaled(small + 1, exponent + drop)
    return (low, high) if integer > 0 else (-high, -low)


def _scaled(integer: int, exponent: int) -> float:
    """integer · 2^exponent for 0 ≤ integer ≤ 2^53 and a result that is a double or too large for one."""
    if integer.bit_length() + exponent > 1024:
        raise ArithmeticError("a value left the range of float64")
    return math.ldexp(float(integer), exponent)


def check_platform() -> list[str]:
    """Failures of the float arithmetic this backend relies on, in this thread, now (empty on a conforming machine).

    Results are compared as bits: a processor that takes subnormals for zero would call them equal to zero.
    """
    failures = []
    one, smallest_normal = np.ones(4), np.full(4, 2.0**-1022)
    if _differ(one + 2.0**-53, one) or _differ(one + 3 * 2.0**-54, one + 2.0**-52):
        failures.append("float64 addition does not round to nearest")
    if _differ((-one) - 2.0**-53, -one):
        failures.append("float64 subtraction does not round to nearest")
    halves = smallest_normal / 2
    if _differ(halves, np.full(4, 1 << 51).view(np.float64)) or _differ(halves + halves, smallest_normal):
        failures.append("float64 subnormals are flushed to zero")
    if _differ((one / 3.0) * 3.0, one):
        failures.append("float64 multiplication does not round to nearest")
    return failures


def _differ(left: Doubles, right: Doubles) -> bool:
    return left.tobytes() != right.tobytes()
