"""Containment of `share`, `multiples_below`, `multiples_above`, in both backends; running extremes and reciprocals, exactly."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from arithmetic.enclosures import intervals
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from proofcheck.arithmetic import Arithmetic, DyadicArray, Intervals, reciprocal_below
from proofcheck.arithmetic.float_intervals import FloatIntervals

BACKENDS = ("fast", "arb")
SIZES = st.one_of(st.just(0.0), st.floats(0, 4, width=64), st.floats(2.0**-1074, 2.0**-1000), st.floats(0, 1e300))


def enclosed(values: Any, backend: Any) -> Intervals:
    return Arithmetic(backend, 64).enclose(DyadicArray.from_floats(np.asarray(values, dtype=np.float64)))


@pytest.mark.parametrize("backend", BACKENDS)
@given(pairs=st.lists(st.tuples(SIZES, SIZES).filter(lambda pair: sum(pair) > 0), min_size=1, max_size=8))
def test_shares_are_contained(backend: str, pairs: list[tuple[float, float]]) -> None:
    x, y = (np.array(side) for side in zip(*pairs, strict=True))
    shares = enclosed(x, backend).share(enclosed(y, backend))
    below, above = shares.multiples_below(50).tolist(), shares.multiples_above(50).tolist()
    for k, (a, b) in enumerate(pairs):
        share = Fraction(a) / (Fraction(a) + Fraction(b)) * 2**50
        assert below[k] <= share <= above[k]
        if 1e-290 < a < 1e290 and 1e-290 < b < 1e290:
            assert above[k] - below[k] <= 3
        assert -(2**22) <= below[k] <= above[k] <= 2**50 + 2**22  # radii of balls have 30 bits


def test_shares_of_wide_and_broken_enclosures() -> None:
    """Interval operands: every x/(x + y) of the box is inside; what is not finite or not known to be ≥ 0 gives [0, 1]."""
    x = FloatIntervals(np.array([1.0, 0.0, np.nan, 1.0, 0.0, -1e-9]), np.array([2.0, 1.0, np.nan, np.inf, 0.0, 1.0]))
    y = FloatIntervals(np.array([1.0, 0.0, 1.0, 1.0, -1e-9, 1.0]), np.array([3.0, 1.0, 1.0, 1.0, 1.0, 1.0]))
    shares = x.share(y)
    for a in (1.0, 1.5, 2.0):
        for b in (1.0, 2.0, 3.0):
            assert shares.lo[0] <= a / (a + b) <= shares.hi[0]
    assert shares.lo[0] > 0.2499
    assert shares.hi[0] < 0.6667
    assert (shares.lo[1:3] == 0).all()
    assert (shares.hi[1:3] == 1).all()
    assert shares.lo[3] > 0.4999
    assert shares.hi[3] == 1
    assert (shares.lo[4:] == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
@given(values=arrays(np.float64, 6, elements=st.floats(-(2.0**30), 2.0**30, width=64)))
def test_multiples_are_outside(backend: str, values: np.ndarray) -> None:
    entries = enclosed(values, backend)
    for bits in (0, 7, 26):
        below, above = entries.multiples_below(bits).tolist(), entries.multiples_above(bits).tolist()
        for k, value in enumerate(values.tolist()):
            scaled = Fraction(value) * 2**bits
            assert below[k] <= scaled <= above[k]
            assert above[k] - below[k] <= 1 + (backend == "arb")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("value", [2.0**60, -(2.0**60)])
def test_multiples_out_of_range_are_refused(backend: str, value: float) -> None:
    with pytest.raises(ArithmeticError):
        enclosed([value], backend).multiples_below(26)
    with pytest.raises(ArithmeticError):
        enclosed([value], backend).multiples_above(26)
    assert enclosed([value / 2**30], backend).multiples_above(26)[0] >= value / 2**4


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("bits", [0, 1, 26, 61])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_multiples_have_62_bits(backend: str, bits: int, sign: float) -> None:
    """All of 2^(62 − bits) − 1 is in range, for both ends; half as much again is not, though it would fit int64."""
    most = 2.0 ** (62 - bits)
    inside = most - 1 if most <= 2.0**53 else most - most / 2**53
    for entries in (enclosed([sign * inside], backend), enclosed([0.5 * sign, sign * inside], backend)):
        assert int(abs(entries.multiples_below(bits)[-1] - int(sign * inside * 2**bits))) <= 1
        assert entries.multiples_above(bits)[-1] >= Fraction(sign * inside) * 2**bits
    for value in (1.5 * most, 1.9 * most):
        for name in ("multiples_below", "multiples_above"):
            with pytest.raises(ArithmeticError, match="left the range of its grid"):
                getattr(enclosed([0.0, sign * value], backend), name)(bits)


@pytest.mark.parametrize("bits", [0, 26, 61])
def test_the_largest_multiple_of_floats_is_in_range(bits: int) -> None:
    most = FloatIntervals(np.array([-(2.0 ** (62 - bits))]), np.array([2.0 ** (62 - bits)]))
    assert (most.multiples_below(bits)[0], most.multiples_above(bits)[0]) == (-(2**62), 2**62)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_end_out_of_range_is_refused_where_it_is_used(backend: str) -> None:
    for ends in ((0.5, 1.5 * 2.0**36), (-1.5 * 2.0**36, 0.5)):
        refused = 0
        for name in ("multiples_below", "multiples_above"):
            try:
                getattr(intervals(backend, [ends]), name)(26)
            except ArithmeticError:
                refused += 1
        assert refused == (1 if backend == "fast" else 2)
    with pytest.raises(ArithmeticError, match="left the range of its grid"):
        enclosed([0.0], backend).multiples_below(-1)


def test_nan_has_no_multiples() -> None:
    with pytest.raises(ArithmeticError):
        FloatIntervals(np.array([np.nan]), np.array([np.nan])).multiples_below(3)


@given(values=arrays(np.int64, (3, 5), elements=st.integers(-3, 3)))
def test_running_extremes_are_attained(values: np.ndarray) -> None:
    table = DyadicArray.from_integers(values)
    for axis in (0, 1):
        for found, extreme in ((table.running_argmax(axis), np.maximum), (table.running_argmin(axis), np.minimum)):
            assert (np.take_along_axis(values, found, axis) == extreme.accumulate(values, axis=axis)).all()
            steps = np.arange(values.shape[axis]).reshape((-1, 1) if axis == 0 else (1, -1))
            assert (found <= steps).all()


@example(divisor=2**32)
@example(divisor=2**32 + 1)  # here the multiple of 2^−32 below it is 0
@example(divisor=3)
@example(divisor=12)
@given(divisor=st.integers(1, 2**33))
def test_reciprocals(divisor: int) -> None:
    value = reciprocal_below(divisor).fractions().item()
    assert Fraction(1, divisor) - Fraction(1, 2**32) < value <= Fraction(1, divisor)
    assert reciprocal_below(divisor).integers.item() % 2 == (value > 0)  # as short as can be
    if divisor & (divisor - 1) == 0 and divisor <= 2**32:
        assert value == Fraction(1, divisor)


def test_no_reciprocal_of_zero() -> None:
    with pytest.raises(ValueError, match="positive"):
        reciprocal_below(0)
