"""Operations on wide enclosures are contained and tight in both backends; entries that are not finite make no statement."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from arithmetic.enclosures import activate, fraction_of, intervals
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from proofcheck.arithmetic import Intervals
from proofcheck.arithmetic.ball_intervals import BallIntervals
from proofcheck.arithmetic.float_intervals import FloatIntervals

BACKENDS = ("fast", "arb")
SLACK = Fraction(1, 2**24)  # of the largest size that occurs: radii of balls have 30 bits
sizes = st.floats(2.0**-20, 2.0**20)
numbers = st.one_of(sizes, sizes.map(lambda x: -x), st.sampled_from([0.0, 1.0, -1.0]))
Pair = tuple[float, float]


def sorted_pairs(values: Any) -> Any:
    return st.tuples(values, values).map(lambda pair: (min(pair), max(pair)))


def ends(x: Intervals, k: int) -> tuple[Fraction, Fraction]:
    """Exact ends of entry k of a vector."""
    if isinstance(x, FloatIntervals):
        return Fraction(float(x.lo[k])), Fraction(float(x.hi[k]))
    assert isinstance(x, BallIntervals)
    mid, rad = fraction_of(x.entries[k].mid()), fraction_of(x.entries[k].rad())
    return mid - rad, mid + rad


def check(found: tuple[Fraction, Fraction], wanted: list[Fraction], size: Fraction) -> None:
    """The hull of `wanted` is enclosed, with hardly anything more."""
    low, high = found
    slack = SLACK * size + Fraction(1, 2**1070)  # a sum of zeros reaches to the smallest doubles
    assert min(wanted) - slack <= low <= min(wanted)
    assert max(wanted) <= high <= max(wanted) + slack


BINARY: dict[str, tuple[Callable[[Any, Any], Intervals], Callable[[Fraction, Fraction], Fraction]]] = {
    "+": (lambda x, y: x + y, lambda a, b: a + b),
    "-": (lambda x, y: x - y, lambda a, b: a - b),
    "*": (lambda x, y: x * y, lambda a, b: a * b),
    "maximum": (lambda x, y: x.maximum(y), max),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", BINARY)
@given(data=st.lists(st.tuples(sorted_pairs(numbers), sorted_pairs(numbers)), min_size=1, max_size=4))
def test_binary_operations_are_tight(backend: str, name: str, data: list[tuple[Pair, Pair]]) -> None:
    activate(backend, 128)
    ours, exact = BINARY[name]
    result = ours(intervals(backend, [x for x, _ in data]), intervals(backend, [y for _, y in data]))
    for k, (x, y) in enumerate(data):
        wanted = [exact(Fraction(a), Fraction(b)) for a, b in product(x, y)]
        largest = max(map(abs, (*map(Fraction, x), *map(Fraction, y), *wanted)))
        if name == "*":
            largest = max(map(abs, map(Fraction, x))) * max(map(abs, map(Fraction, y)))
            if backend == "arb":  # (a ± r)·(b ± s) = a·b ± (|a|·s + |b|·r + r·s), which is wider than the box of products
                (a, r), (b, s) = (((Fraction(p[0]) + Fraction(p[1])) / 2, (Fraction(p[1]) - Fraction(p[0])) / 2) for p in (x, y))
                wanted = [a * b + sign * (abs(a) * s + abs(b) * r + r * s) for sign in (-1, 1)]
        check(ends(result, k), wanted, largest)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["max", "min", "sum", "running_min"])
@given(row=st.lists(sorted_pairs(numbers), min_size=1, max_size=4))
def test_reductions_are_tight(backend: str, name: str, row: list[Pair]) -> None:
    activate(backend, 128)
    x = intervals(backend, row, (1, len(row)))
    result = getattr(x, name)(axis=1)
    low, high = ([Fraction(pair[end]) for pair in row] for end in (0, 1))
    largest = sum(max(abs(a), abs(b)) for a, b in zip(low, high, strict=True))
    if name == "running_min":
        for k in range(len(row)):
            check(ends(result[0], k), [min(low[: k + 1]), min(high[: k + 1])], largest)
    else:
        fold: Any = {"max": max, "min": min, "sum": sum}[name]
        check(ends(result, 0), [fold(low), fold(high)], largest)


def test_the_sum_of_one_part_is_that_part() -> None:
    x = FloatIntervals(np.array([[0.1]]), np.array([[0.2]]))
    assert (x.sum(axis=0).lo[0], x.sum(axis=0).hi[0]) == (0.1, 0.2)


@pytest.mark.parametrize("backend", BACKENDS)
@given(data=st.lists(st.tuples(sorted_pairs(sizes), sorted_pairs(sizes)), min_size=1, max_size=4))
def test_shares_are_tight(backend: str, data: list[tuple[Pair, Pair]]) -> None:
    """x/(x + y) over a box of positive numbers; a ball from 2^−20 to 2^20 starts at about 2^−20 − 2^−10: compared where it is positive."""
    activate(backend, 128)
    x, y = intervals(backend, [pair for pair, _ in data]), intervals(backend, [pair for _, pair in data])
    result = x.share(y)
    for k, (a, b) in enumerate(data):
        corners = [Fraction(s) / (Fraction(s) + Fraction(t)) for s, t in product(a, b)]
        (x_low, x_high), (y_low, y_high) = ends(x, k), ends(y, k)
        low, high = ends(result, k)
        assert -SLACK <= low <= min(corners)
        assert max(corners) <= high <= 1 + SLACK
        assert x_low <= 0 or low >= x_low / (x_low + y_high) - SLACK
        assert y_low < 0 or high <= x_high / (x_high + y_low) + SLACK


@pytest.mark.parametrize(("backend", "precision"), [("fast", 64), ("arb", 32), ("arb", 64), ("arb", 128)])
@given(pairs=st.lists(st.tuples(sizes, sizes), min_size=1, max_size=6))
def test_shares_of_points_are_enclosed_to_the_last_bit(backend: str, precision: int, pairs: list[Pair]) -> None:
    activate(backend, precision)
    pairs = [*pairs, (1.0, 2.0), (2.0, 1.0), (1.0, 1.0), (1.0, 1023.0)]
    result = intervals(backend, [(a, a) for a, _ in pairs]).share(intervals(backend, [(b, b) for _, b in pairs]))
    for k, (a, b) in enumerate(pairs):
        low, high = ends(result, k)
        assert low <= Fraction(a) / (Fraction(a) + Fraction(b)) <= high
        assert high - low <= SLACK


@pytest.mark.parametrize("backend", BACKENDS)
def test_shares_of_enclosures_that_reach_below_zero(backend: str) -> None:
    """What is enclosed is ≥ 0 by hypothesis; the enclosure itself may reach below, and then says nothing on that side."""
    activate(backend, 64)
    cases = [
        ((-1.0, 2.0), (1.0, 3.0)),
        ((1.0, 2.0), (-1.0, 3.0)),
        ((-1.0, 2.0), (-1.0, 3.0)),
        ((-8.0, 1.0), (-8.0, 1.0)),
        ((-4.0, 1.0), (0.5, 2.0)),
    ]
    result = intervals(backend, [x for x, _ in cases]).share(intervals(backend, [y for _, y in cases]))
    for k, (x, y) in enumerate(cases):
        low, high = ends(result, k)
        for a, b in product((max(x[0], 0.0), x[1]), (max(y[0], 0.0), y[1])):
            if a + b > 0:
                assert low <= Fraction(a) / (Fraction(a) + Fraction(b)) <= high
        assert low >= -SLACK
        assert high <= 1 + SLACK
    assert ends(result, 0)[1] <= Fraction(2, 3) + SLACK
    assert ends(result, 1)[0] >= Fraction(1, 4) - SLACK


@pytest.mark.parametrize("backend", BACKENDS)
@given(x=st.floats(2.0**-30, 2.0**-10), y=st.floats(0, 2.0**-10))
def test_shares_of_nothing_and_of_all(backend: str, x: float, y: float) -> None:
    activate(backend, 64)
    zero, point = intervals(backend, [(0.0, 0.0)]), intervals(backend, [(x, x)])
    assert max(map(abs, ends(zero.share(point), 0))) <= SLACK
    low, high = ends(point.share(zero), 0)
    assert 1 - SLACK <= low <= 1 <= high <= 1 + SLACK
    assert ends(point.share(intervals(backend, [(y, y)])), 0)[0] >= Fraction(x) / (Fraction(x) + Fraction(y)) - SLACK


def broken(backend: str) -> list[Intervals]:
    """One-entry enclosures that say nothing, or nothing on one side."""
    if backend == "fast":
        return [FloatIntervals(np.array([lo]), np.array([hi])) for lo, hi in ((np.nan, np.nan), (-np.inf, np.inf))]
    found = []
    for entry in (arb("nan"), arb(0, "inf"), arb(1) / 0):
        entries = np.empty(1, dtype=object)
        entries[0] = entry
        found.append(BallIntervals(entries))
    return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_certain_about_results_with_broken_operands(backend: str) -> None:
    """For every point of a sound operand, some point of the broken one leads to either sign (maximum: not below the sound operand)."""
    activate(backend, 64)
    low, high = intervals(backend, [(-3.0, -2.0)]), intervals(backend, [(2.0, 3.0)])
    for bad in broken(backend):
        for sound in (low, high):
            for result in (bad + sound, sound + bad, bad - sound, sound - bad, bad * sound, sound * bad):
                assert not (result.certainly_positive() | result.certainly_negative() | result.certainly_at_most_zero()).any()
        for result in (bad.maximum(low), low.maximum(bad)):
            assert not (result.certainly_positive() | result.certainly_negative() | result.certainly_at_most_zero()).any()
        for result in (bad.maximum(high), high.maximum(bad)):
            assert not (result.certainly_negative() | result.certainly_at_most_zero()).any()
        pairs = [np.concatenate([bad.entries, sound.entries]) for sound in (low, high)] if backend == "arb" else []  # type: ignore[attr-defined]
        for pair in pairs:
            for order in (pair, pair[::-1]):
                row = BallIntervals(order)
                for result in (row.max(axis=0), row.min(axis=0), row.sum(axis=0), row.running_min(axis=0)[1]):
                    assert not (result.certainly_positive() | result.certainly_negative() | result.certainly_at_most_zero()).any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_shares_with_broken_operands_are_somewhere_between_0_and_1(backend: str) -> None:
    activate(backend, 64)
    sound = intervals(backend, [(2.0, 3.0)])
    for bad in broken(backend):
        for result in (bad.share(sound), sound.share(bad), bad.share(bad)):
            low, high = ends(result, 0)
            assert -SLACK <= low <= 0
            assert 1 <= high <= 1 + SLACK
