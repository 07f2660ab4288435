"""The tightest doubles around exact values and around balls: arrays of them are those of `enclosing_doubles`, one by one, and contain."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx, fmpz

from proofcheck.arithmetic import Arithmetic, DyadicArray
from proofcheck.arithmetic.backend import _tight_ends
from proofcheck.arithmetic.ball_intervals import ends
from proofcheck.arithmetic.float_intervals import FloatIntervals, _times_powers, enclosing_doubles


def integers_of(rng: np.random.Generator, bits: int, count: int) -> list[int]:
    """Random integers of up to so many bits, and those near powers of two and near the middle of two doubles."""
    found = [int.from_bytes(rng.bytes(bits // 8 + 1), "big") >> int(rng.integers(0, bits)) for _ in range(count)]
    middle = [(2**53 + k) * 2**shift + offset for k in (0, 1, 5) for shift in (1, 2, 40) for offset in (-1, 0, 1, 2**shift // 2)]
    edges = [2**k + offset for k in (0, 1, 52, 53, 54, 80, bits - 1) for offset in (-1, 0, 1)]
    every = [0, *found, *middle, *edges]
    return [sign * value for value in every for sign in (1, -1)]


@pytest.mark.parametrize(
    ("bits", "exponent"), [(60, 0), (200, -150), (120, -1020), (120, -1021), (40, -1100), (900, 100), (1022, -900), (1030, -1000)]
)
def test_arrays_of_exact_values_have_the_doubles_next_to_them(bits: int, exponent: int) -> None:
    integers = integers_of(np.random.default_rng(bits), bits, 300)
    array = np.empty(len(integers), dtype=object)
    array[:] = integers
    found = FloatIntervals.from_dyadic(DyadicArray(array, exponent))
    expected = [enclosing_doubles(integer, exponent) for integer in integers]
    assert list(zip(found.lo.tolist(), found.hi.tolist(), strict=True)) == expected
    for low, integer, high in zip(found.lo.tolist(), integers, found.hi.tolist(), strict=True):
        value = Fraction(integer) * Fraction(2) ** exponent
        assert Fraction(low) <= value <= Fraction(high)
        assert low == high or math.nextafter(low, math.inf) == high


def test_values_outside_the_range_of_doubles_are_refused() -> None:
    array = np.array([1 << 1000], dtype=object)
    with pytest.raises(ArithmeticError):
        FloatIntervals.from_dyadic(DyadicArray(array, 100))


def by_integers(value: arb) -> tuple[float, float, int]:
    """The same ends by exact integers alone."""
    (low, low_exponent), (high, high_exponent) = ends(value)
    exponent = low.bit_length() + low_exponent
    return enclosing_doubles(low, low_exponent - exponent)[0], enclosing_doubles(high, high_exponent - exponent)[1], exponent


@pytest.mark.parametrize("precision", [24, 53, 60, 64, 128, 300])
def test_balls_have_the_doubles_next_to_them(precision: int) -> None:
    rng = np.random.default_rng(precision)
    before = ctx.prec
    try:
        ctx.prec = precision
        values = [arb(float(x)).exp() for x in rng.uniform(-60, 60, 400)]
        values += [arb(fmpz(k)).exp() for k in (0, 1, -1, 690, 700, 720, 100_000, -690, -700, -720, -100_000)]
        values += [arb(1, r) for r in (2.0**-52, 2.0**-53, 2.0**-54, 2.0**-60, 2.0**-90, 0.25)]  # around a double, and its neighbours
        values += [
            arb(float(x), r) for x in (1 + 2.0**-52, 2 - 2.0**-52, 0.5, 3.7e300, 2.0**-1000) for r in (0, x * 2.0**-54, x * 2.0**-70)
        ]
        for value in values:
            low, high, exponent = _tight_ends(value)
            assert (low, high, exponent) == by_integers(value)
            assert 0.5 <= low < 1
            (lower, lower_exponent), (upper, upper_exponent) = ends(value)
            scale = Fraction(2) ** exponent
            assert Fraction(low) * scale <= lower * Fraction(2) ** lower_exponent
            assert upper * Fraction(2) ** upper_exponent <= Fraction(high) * scale
    finally:
        ctx.prec = before


@pytest.mark.parametrize("value", [arb(0), arb(1, 2), arb(-1), arb("nan"), arb("inf")], ids=str)
def test_balls_that_are_not_certainly_positive_are_refused(value: arb) -> None:
    with pytest.raises(ArithmeticError):
        _tight_ends(value)


def test_tables_of_exponentials_contain_them() -> None:
    rng = np.random.default_rng(0)
    exact = DyadicArray.from_floats(rng.normal(0, 30, (20, 7)))
    for backend in ("fast", "arb"):
        table = Arithmetic(backend, 128).exponentials(exact, 32)  # type: ignore[arg-type]
        assert table.exponent.shape == (20, 7)
    table = Arithmetic("fast", 128).exponentials(exact, 32)
    for place, value in np.ndenumerate(exact.fractions()):
        ball = (arb(value.numerator) / value.denominator / arb(32).sqrt()).exp()
        scale = arb(2) ** int(table.exponent[place])
        assert arb(float(table.significand.lo[place])) * scale < ball < arb(float(table.significand.hi[place])) * scale  # type: ignore[attr-defined]
    assert Arithmetic("fast", 128).exponentials(exact[:0], 32).exponent.shape == (0, 7)


def test_powers_of_two_scale_as_ldexp_does() -> None:
    rng = np.random.default_rng(1)
    factors = np.concatenate([rng.uniform(0, 4, 3000), rng.uniform(0, 4, 500) * 2.0**-300, [0.0, 2.0**-1074, np.inf, 1 - 2.0**-53]])
    for least, most in ((-1022, 1023), (-900, -500), (900, 1023), (-2000, 2000), (-5000, 0)):
        powers = rng.integers(least, most + 1, factors.shape)
        with np.errstate(all="ignore"):
            (found,), expected = _times_powers(powers, factors), np.ldexp(factors, np.clip(powers, -4000, 4000))
        assert found.tobytes() == expected.tobytes()
