"""Exponentials against mpmath, products of tables, and shifts by extreme exponents."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from arithmetic.enclosures import PRECISIONS, activate, dyadic, encloses, encloses_double, fraction_of
from flint import arb
from hypothesis import given
from hypothesis import strategies as st
from mpmath import iv, mp, mpf

from proofcheck.arithmetic import PositiveTable, float_intervals
from proofcheck.arithmetic.ball_intervals import BallPositiveTable
from proofcheck.arithmetic.float_intervals import FloatIntervals, FloatPositiveTable

BACKENDS = [("fast", bits) for bits in (32, 64, 256)] + [("arb", bits) for bits in PRECISIONS]
SCORES = [0.0, -0.0, 1.0, -1.0, 0.1, -700.0, 700.0, 1e5, -1e5, 2.0**30, -(2.0**30), 2.0**-1074, -(2.0**-500), math.pi, 709.7827128933841]


def truth(score: float, square: int, power: int = 0) -> tuple[mpf, mpf]:
    """Ends around exp(score/√square)·2^power, tight enough for 1 + 2^−1074."""
    old, iv.prec = iv.prec, 1600
    try:
        value = iv.exp(iv.mpf(score) / iv.sqrt(iv.mpf(square))) * iv.mpf(2) ** power
        return mp.make_mpf(value._mpi_[0]), mp.make_mpf(value._mpi_[1])
    finally:
        iv.prec = old


def table_ends(table: PositiveTable, k: int) -> tuple[mpf, mpf]:
    """Exact ends of entry k."""
    old, mp.prec = mp.prec, 4000
    try:
        if isinstance(table, FloatPositiveTable):
            exponent = int(table.exponent[k])
            return tuple(mp.ldexp(mpf(float(end[k])), exponent) for end in (table.significand.lo, table.significand.hi))  # type: ignore[return-value]
        assert isinstance(table, BallPositiveTable)
        parts = [part.man_exp() for part in (table.entries[k].mid(), table.entries[k].rad())]
        mid, rad = (mp.ldexp(mpf(int(mantissa)), int(exponent)) for mantissa, exponent in parts)
        return mid - rad, mid + rad
    finally:
        mp.prec = old


def violations(table: PositiveTable, exact: list[tuple[mpf, mpf]]) -> list[int]:
    """Entries that do not enclose; ends of the truth must lie within."""
    return [k for k, (low, high) in enumerate(exact) if not (table_ends(table, k)[0] <= low and high <= table_ends(table, k)[1])]


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
@pytest.mark.parametrize("square", [1, 2, 3, 32])
def test_exponentials_of_edges(backend: str, precision: int, square: int) -> None:
    scores = [x for x in SCORES if precision >= 64 or abs(x) < 1e6]
    table = activate(backend, precision).exponentials(dyadic(scores), square)
    assert violations(table, [truth(x, square) for x in scores]) == []


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
@given(scores=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=5), square=st.integers(1, 200))
def test_exponentials(backend: str, precision: int, scores: list[float], square: int) -> None:
    table = activate(backend, precision).exponentials(dyadic(scores), square)
    assert violations(table, [truth(x, square) for x in scores]) == []
    if backend == "fast":
        assert isinstance(table, FloatPositiveTable)
        assert ((table.significand.lo > 0.25) & (table.significand.hi <= 1.001)).all()


@pytest.mark.parametrize("backend", ["fast", "arb"])
@given(scores=st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=4))
def test_products(backend: str, scores: list[tuple[float, float]]) -> None:
    arithmetic = activate(backend, 128)
    x, y = (arithmetic.exponentials(dyadic([pair[k] for pair in scores]), 2) for k in (0, 1))
    product = x * y
    exact = []
    for a, b in scores:
        (a_low, a_high), (b_low, b_high) = truth(a, 2), truth(b, 2)
        old, mp.prec = mp.prec, 4000
        exact.append((a_low * b_low, a_high * b_high))
        mp.prec = old
    assert violations(product, exact) == []
    assert violations(product[::-1], exact[::-1]) == []


@pytest.mark.parametrize("backend", ["fast", "arb"])
@given(
    score=st.floats(-1e3, 1e3), shift=st.sampled_from([-5000, -2000, -1100, -1022, -60, 0, 5, 900, 961, 1021, 1022, 1074, 1080, 1500, 9000])
)
def test_shifts_enclose(backend: str, score: float, shift: int) -> None:
    """value·2^−(exponent + shift), also where it under- or overflows doubles."""
    table = activate(backend, 96).exponentials(dyadic([score]), 3)
    by = table.exponent + shift
    result = table.relative_to(by)
    low, high = truth(score, 3, -int(by[0]))
    if isinstance(result, FloatIntervals):
        lo, hi = float(result.lo[0]), float(result.hi[0])
        assert 0 <= lo < math.inf
        assert mpf(lo) <= low
        assert hi == math.inf or mpf(hi) >= high
        assert lo > 0 or high < mpf(2) ** -1070
    else:
        ball = result.entries[0]  # type: ignore[attr-defined]
        mid, rad = fraction_of(ball.mid()), fraction_of(ball.rad())
        old, mp.prec = mp.prec, 9000
        ends = [mpf(x.numerator) / x.denominator for x in (mid - rad, mid + rad)]
        mp.prec = old
        assert ends[0] <= low
        assert high <= ends[1]


def small_significands() -> list[tuple[float, int]]:
    return [
        (m * 2.0**-k, shift) for m in (1.0, 1.0 + 2.0**-52, 1.9, 2.0 - 2.0**-52) for k in (0, 1, 60, 200) for shift in range(800, 1100, 7)
    ]


def test_shifts_within_the_normal_numbers_are_exact() -> None:
    """No width is added where scaling rounds nothing."""
    values = np.array([1.0, 1.0 + 2.0**-52, 1.75])
    table = FloatPositiveTable(FloatIntervals(values, values), np.zeros(3, dtype=np.int64))
    for shift in (-1023, -500, -1, 0, 1, 500, 1020, 1021):
        result = table.relative_to(np.full(3, shift))
        exact = np.ldexp(values, -shift)
        assert (result.lo == exact).all() or shift == -1023
        assert (result.hi == exact).all() or shift == -1023


def test_each_end_is_rounded_where_it_is_small_itself() -> None:
    """A lower end among the subnormal numbers beside a normal upper end: the first moves outward, the second is exact."""
    lo, hi = (2.0 - 2.0**-52) * 2.0**-60, 1.0 + 2.0**-52
    table = FloatPositiveTable(FloatIntervals(np.array([lo]), np.array([hi])), np.array([0]))
    for shift in (990, 1000, 1010, 1020):
        result = table.relative_to(np.array([shift]))
        assert Fraction(float(result.lo[0])) <= Fraction(lo) / 2**shift
        assert Fraction(float(result.hi[0])) == Fraction(hi) / 2**shift


def shift_violations() -> list[tuple[float, int]]:
    found = []
    for value, shift in small_significands():
        table = FloatPositiveTable(FloatIntervals(np.array([value]), np.array([value])), np.array([0]))
        result = table.relative_to(np.array([shift]))
        if not encloses_double(float(result.lo[0]), float(result.hi[0]), Fraction(value) / 2**shift):
            found.append((value, shift))
    return found


def test_shifts_of_small_significands_enclose() -> None:
    """Products of many weights have significands far below 1; scaling them rounds earlier. (See docs/soundness-log.md.)"""
    assert shift_violations() == []


def test_shifts_that_ignore_rounding_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(float_intervals, "_INEXACT", 0.0)
    assert shift_violations()


def test_shifts_never_lose_positivity_wrongly() -> None:
    """Overflow: the lower end is the largest double, the upper end infinite. Underflow: the lower end is 0, the upper end positive."""
    table = FloatPositiveTable(FloatIntervals(np.array([0.5, 0.5]), np.array([0.75, 0.75])), np.array([0, 0]))
    for shift in (3000, 10**15):
        result = table.relative_to(np.array([-shift, shift]))
        assert result.lo.tolist() == [float_intervals._LARGEST, 0.0]
        assert result.hi[0] == math.inf
        assert 0 < result.hi[1] <= 2.0**-1073


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("score", [2.0**40, -(2.0**40), 1e300])
def test_scores_too_large_to_exponentiate_are_refused(backend: str, score: float) -> None:
    arithmetic = activate(backend, 128)
    with pytest.raises(ArithmeticError, match="too large"):
        arithmetic.exponentials(dyadic([score]), 1)
    assert violations(arithmetic.exponentials(dyadic([2.0**39]), 1), [truth(2.0**39, 1)]) == []


def test_too_little_precision_is_refused_not_wrong() -> None:
    """At 32 bits exp(±2^39) is a ball of relative width e^128 and more: an end is lost, or the ball still encloses."""
    for backend in ("fast", "arb"):
        for score in (2.0**39, -(2.0**39), 2.0**36):
            arithmetic = activate(backend, 32)
            try:
                table = arithmetic.exponentials(dyadic([score]), 1)
            except ArithmeticError:
                continue
            assert violations(table, [truth(score, 1)]) == []


@pytest.mark.parametrize("backend", ["fast", "arb"])
def test_exponentials_that_reach_below_zero_are_refused(backend: str) -> None:
    """Tables are of positive numbers: at 38 bits the ball around exp(2^39/√3) holds negative ones."""
    for score in (2.0**39, -(2.0**39)):
        with pytest.raises(ArithmeticError, match="too small to enclose an exponential"):
            activate(backend, 38).exponentials(dyadic([score]), 3)
        assert abs(activate(backend, 64).exponentials(dyadic([score]), 3).exponent[0]) > 2**38


def test_nearest_doubles_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks of this file fail when the ends of an exponential are rounded to nearest."""

    def nearest(value: arb) -> tuple[float, float, int]:
        significand, exponent = math.frexp(float(value))
        return significand, significand, exponent

    monkeypatch.setattr("proofcheck.arithmetic.backend._tight_ends", nearest)
    scores = [0.1 * k for k in range(1, 9)]
    assert violations(activate("fast", 128).exponentials(dyadic(scores), 2), [truth(x, 2) for x in scores])


def test_indexing_and_shapes() -> None:
    for backend in ("fast", "arb"):
        arithmetic = activate(backend, 64)
        table: Any = arithmetic.exponentials(dyadic([0.0, 1.0, 2.0, 3.0], (2, 2)), 1)
        assert table.exponent.shape == (2, 2)
        row = table[1]
        assert violations(row, [truth(2.0, 1), truth(3.0, 1)]) == []
        shifted = table.relative_to(table.exponent.max(axis=1, keepdims=True))
        assert shifted.shape == (2, 2)
        assert shifted.certainly_positive().all()
        assert encloses(arithmetic.enclose(dyadic([1.0])), 0, Fraction(1))
