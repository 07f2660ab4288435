"""The lemma (outward) of float_intervals attacked where it could break, and `enclosing_doubles` at all its edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from arithmetic.enclosures import EDGES, LARGEST, TINIEST, around, doubles, encloses_double
from hypothesis import given, settings
from hypothesis import strategies as st

from proofcheck.arithmetic import float_intervals
from proofcheck.arithmetic.float_intervals import FloatIntervals, check_platform, enclosing_doubles

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
}


def violations(name: str, xs: list[float], ys: list[float]) -> list[tuple[float, float]]:
    """Pairs of points whose exact result lies outside the computed interval."""
    x, y = np.array(xs), np.array(ys)
    result = OPERATIONS[name](FloatIntervals(x, x), FloatIntervals(y, y))
    exact = [OPERATIONS[name](Fraction(a), Fraction(b)) for a, b in zip(xs, ys, strict=True)]
    found = zip(xs, ys, result.lo.tolist(), result.hi.tolist(), exact, strict=True)
    return [(a, b) for a, b, lo, hi, e in found if not encloses_double(lo, hi, e)]


def edge_pairs() -> tuple[list[float], list[float]]:
    every = list(product(EDGES[::3], EDGES[1::2]))
    return [a for a, _ in every], [b for _, b in every]


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_on_all_pairs_of_edges(name: str) -> None:
    assert violations(name, *edge_pairs()) == []


@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=150)
@given(data=st.lists(st.tuples(doubles, doubles), min_size=1, max_size=8))
def test_operations_on_any_doubles(name: str, data: list[tuple[float, float]]) -> None:
    assert violations(name, [a for a, _ in data], [b for _, b in data]) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_rounding_to_nearest_alone_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same checks fail when either end is not moved outward."""
    for end in ("rounded_down", "rounded_up"):
        with monkeypatch.context() as patch:
            patch.setattr(float_intervals, end, lambda values: values)
            assert violations(name, *edge_pairs())


def test_a_smaller_spread_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """2^−53 instead of 2^−52 is too little at a power of two; without 2^−1074, below the normal numbers."""
    for name, value in (("_EPSILON", 2.0**-53), ("_TINIEST", 0.0)):
        with monkeypatch.context() as patch:
            patch.setattr(float_intervals, name, value)
            assert any(violations(operation, *edge_pairs()) for operation in OPERATIONS)


def test_the_lemma_moves_by_at_least_one_spacing() -> None:
    """fl(z − s) ≤ pred(z) and succ(z) ≤ fl(z + s), for all edges z and 2,000 random bit patterns."""
    random = np.random.default_rng(0).integers(0, 2**64, 2000, dtype=np.uint64).view(np.float64)
    z = np.concatenate([np.array([*EDGES, 0.0, -0.0]), random[np.isfinite(random)]])
    with np.errstate(all="ignore"):
        down, up = float_intervals.rounded_down(z), float_intervals.rounded_up(z)
    for value, low, high in zip(z.tolist(), down.tolist(), up.tolist(), strict=True):
        assert low <= math.nextafter(value, -math.inf)
        assert high >= math.nextafter(value, math.inf)


def test_sums_and_products_above_are_above() -> None:
    x, y = (np.array(side) for side in edge_pairs())
    with np.errstate(all="ignore"):
        sums, products = float_intervals._sum_above(x, y), float_intervals._product_above(x, y)
    for a, b, total, product_of in zip(x.tolist(), y.tolist(), sums.tolist(), products.tolist(), strict=True):
        for bound, exact in ((total, Fraction(a) + Fraction(b)), (product_of, Fraction(a) * Fraction(b))):
            if math.isfinite(bound):
                assert exact < bound
            else:
                assert not bound < 0 or exact < -Fraction(LARGEST)


def test_overflow_never_gives_a_wrong_end() -> None:
    big = np.array([LARGEST, -LARGEST, LARGEST, 2.0**600, -(2.0**600)])
    small = np.array([LARGEST, -LARGEST, 1e300, -(2.0**600), -(2.0**600)])
    x, y = FloatIntervals(big, big), FloatIntervals(small, small)
    for result in (x + y, x - (-y), x * y, (x * y) * (x * y), (x + y) - (x + y), -(x * y), (x + y).maximum(x), (x * y).sum(0)):
        for lo, hi in zip(np.atleast_1d(result.lo).tolist(), np.atleast_1d(result.hi).tolist(), strict=True):
            assert lo != math.inf
            assert hi != -math.inf
    infinite = (x + y) - (x + y)  # the exact value is 0
    assert not (infinite.certainly_positive() | infinite.certainly_negative()).any()
    assert not infinite.certainly_at_most_zero().any()
    assert all(encloses_double(lo, hi, Fraction(0)) for lo, hi in zip(infinite.lo.tolist(), infinite.hi.tolist(), strict=True))


def test_infinite_times_zero_says_nothing() -> None:
    huge = FloatIntervals(np.array([1.0]), np.array([LARGEST])) * FloatIntervals(np.array([2.0]), np.array([2.0]))
    nothing = huge * FloatIntervals(np.array([0.0]), np.array([0.0]))
    assert not nothing.certainly_positive()[0]
    assert encloses_double(float(nothing.lo[0]), float(nothing.hi[0]), Fraction(0))


@settings(max_examples=300)
@given(integer=st.integers(-(2**130), 2**130), exponent=st.integers(-1300, 900))
def test_enclosing_doubles_are_tight(integer: int, exponent: int) -> None:
    exact = integer * Fraction(2) ** exponent
    try:
        low, high = enclosing_doubles(integer, exponent)
    except ArithmeticError:
        assert abs(exact) > Fraction(LARGEST)
        return
    assert Fraction(low) <= exact <= Fraction(high)
    assert (low == high) == (Fraction(low) == exact)
    if low != high:
        assert math.nextafter(low, math.inf) == high


@pytest.mark.parametrize("value", [x for x in EDGES if x])
def test_enclosing_doubles_at_and_between_neighbours(value: float) -> None:
    """Doubles themselves, exact halves between two, and a hair beside them."""
    for x in around(value):
        if not math.isfinite(x):
            continue
        integer, exponent = _parts(Fraction(x))
        assert enclosing_doubles(integer, exponent) == (x, x)
        above = math.nextafter(x, math.inf)
        if math.isfinite(above):
            half = (Fraction(x) + Fraction(above)) / 2
            for offset in (0, Fraction(1, 2**1200), -Fraction(1, 2**1200)):
                assert enclosing_doubles(*_parts(half + offset)) == (x, above)


def test_enclosing_doubles_of_extreme_exponents() -> None:
    assert enclosing_doubles(1, -(10**12)) == (0.0, TINIEST)
    assert enclosing_doubles(-1, -(10**12)) == (-TINIEST, 0.0)
    assert enclosing_doubles(0, 10**12) == (0.0, 0.0)
    assert enclosing_doubles(2**53 - 1, 971) == (LARGEST, LARGEST)
    for integer, exponent in ((1, 1024), (2**54 - 1, 970), (-(2**60), 10**9)):
        with pytest.raises(ArithmeticError, match="left the range of float64"):
            enclosing_doubles(integer, exponent)


def test_the_platform_conforms() -> None:
    assert check_platform() == []


def _parts(value: Fraction) -> tuple[int, int]:
    return value.numerator, 1 - value.denominator.bit_length()
