"""Interval arrays of both backends: every operation encloses the exact result at every point of its operands."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from arithmetic.enclosures import EDGES, PRECISIONS, activate, doubles, dyadic, encloses, fractions, intervals, moderate, pairs, points
from hypothesis import given, settings
from hypothesis import strategies as st

from proofcheck.arithmetic import Arithmetic, DyadicArray, Intervals, ball_intervals, float_intervals
from proofcheck.arithmetic.float_intervals import FloatIntervals

BACKENDS = [("fast", 64), *(("arb", bits) for bits in PRECISIONS)]
Pair = tuple[float, float]

BINARY: dict[str, tuple[Callable[[Any, Any], Intervals], Callable[[Fraction, Fraction], Fraction]]] = {
    "+": (lambda x, y: x + y, lambda a, b: a + b),
    "-": (lambda x, y: x - y, lambda a, b: a - b),
    "*": (lambda x, y: x * y, lambda a, b: a * b),
    "maximum": (lambda x, y: x.maximum(y), max),
}
REDUCTIONS: dict[str, Callable[[list[Fraction]], Fraction]] = {"max": max, "min": min, "sum": lambda row: sum(row, Fraction(0))}


def binary_violations(name: str, backend: str, data: list[tuple[Pair, Pair]]) -> list[Any]:
    """Points whose exact result is outside."""
    ours, exact = BINARY[name]
    result = ours(intervals(backend, [x for x, _ in data]), intervals(backend, [y for _, y in data]))
    return [(a, b) for k, (x, y) in enumerate(data) for a, b in product(points(*x), points(*y)) if not encloses(result, k, exact(a, b))]


def edge_data() -> list[tuple[Pair, Pair]]:
    ends = [(x, y) for x, y in zip(EDGES, EDGES[7:], strict=False)] + [(x, x) for x in EDGES]
    return list(zip(ends, [*ends[31:], *ends[:31]], strict=True)) + list(zip(ends[::5], reversed(ends[::5]), strict=True))


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
@pytest.mark.parametrize("name", BINARY)
@given(data=st.lists(st.tuples(pairs(doubles), pairs(doubles)), min_size=1, max_size=4))
def test_binary_operations(name: str, backend: str, precision: int, data: list[tuple[Pair, Pair]]) -> None:
    activate(backend, precision)
    assert binary_violations(name, backend, data) == []


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
@pytest.mark.parametrize("name", BINARY)
def test_binary_operations_at_edges(name: str, backend: str, precision: int) -> None:
    activate(backend, precision)
    assert binary_violations(name, backend, edge_data()) == []


def test_nonnegative_factors_take_the_short_path_and_enclose() -> None:
    """`FloatIntervals.__mul__` has a branch for a nonnegative left factor."""
    data = [(x, y) for x, y in edge_data() if x[0] >= 0]
    assert any(y[0] < 0 < y[1] for _, y in data)
    assert binary_violations("*", "fast", data) == []


def test_broken_products_and_balls_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks of this file fail on wrong code: a product without multiplication; maxima that forget one end."""
    with monkeypatch.context() as patch:
        patch.setattr(FloatIntervals, "__mul__", lambda x, y: FloatIntervals(np.minimum(x.lo, y.lo), x.hi))
        assert binary_violations("*", "fast", edge_data())
    activate("arb", 64)
    with monkeypatch.context() as patch:
        patch.setattr(ball_intervals, "_maximum", np.frompyfunc(max, 2, 1))  # the order-dependent built-in
        assert binary_violations("maximum", "arb", edge_data())
    with monkeypatch.context() as patch:
        patch.setattr(ball_intervals.BallIntervals, "__add__", lambda x, y: ball_intervals.BallIntervals((x.entries + y.entries).copy()))
        assert not binary_violations("+", "arb", edge_data())  # the twin: this one is right
        midpoints = np.frompyfunc(lambda x: x.mid(), 1, 1)
        patch.setattr(ball_intervals.BallIntervals, "__add__", lambda x, y: ball_intervals.BallIntervals(midpoints(x.entries + y.entries)))
        assert binary_violations("+", "arb", edge_data())


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
@pytest.mark.parametrize("name", REDUCTIONS)
@given(data=st.lists(st.tuples(pairs(doubles), pairs(doubles), pairs(doubles)), min_size=1, max_size=3))
def test_reductions(name: str, backend: str, precision: int, data: list[tuple[Pair, ...]]) -> None:
    activate(backend, precision)
    x = intervals(backend, [pair for row in data for pair in row], (len(data), 3))
    across, down = getattr(x, name)(axis=1), getattr(x, name)(axis=0)
    assert across.shape == (len(data),)
    for a, row in enumerate(data):
        for choice in product(*([Fraction(lo), Fraction(hi)] for lo, hi in row)):
            assert encloses(across, a, REDUCTIONS[name](list(choice)))
    for k in range(3):
        assert encloses(down, k, REDUCTIONS[name]([Fraction(row[k][0]) for row in data]))
        assert encloses(down, k, REDUCTIONS[name]([Fraction(row[k][1]) for row in data]))


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
@given(row=st.lists(pairs(doubles), min_size=1, max_size=5))
def test_running_minimum_and_negation(backend: str, precision: int, row: list[Pair]) -> None:
    activate(backend, precision)
    x = intervals(backend, row)
    running, negative = x.running_min(axis=0), -x
    for k, (lo, hi) in enumerate(row):
        for end in (0, 1):
            assert encloses(running, k, min(Fraction(pair[end]) for pair in row[: k + 1]))
        assert all(encloses(negative, k, -a) for a in points(lo, hi))


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
@given(row=st.lists(pairs(doubles), min_size=1, max_size=6))
def test_certain_signs_are_true(backend: str, precision: int, row: list[Pair]) -> None:
    """Exact knowledge of the ends: certain exactly where every point has the sign."""
    activate(backend, max(precision, 64))  # 64 bits hold every double, so nothing is lost
    x = intervals(backend, row)
    for k, (lo, hi) in enumerate(row):
        if backend == "fast" or lo == hi:
            assert bool(x.certainly_positive()[k]) == (lo > 0)
            assert bool(x.certainly_negative()[k]) == (hi < 0)
            assert bool(x.certainly_at_most_zero()[k]) == (hi <= 0)
        else:
            assert not x.certainly_positive()[k] or lo > 0
            assert not x.certainly_negative()[k] or hi < 0
            assert not x.certainly_at_most_zero()[k] or hi <= 0


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
@given(values=st.lists(st.one_of(doubles, st.floats(-1e9, 1e9)), min_size=1, max_size=5), shift=st.integers(-200, 0))
def test_exact_values_are_enclosed(backend: str, precision: int, values: list[float], shift: int) -> None:
    arithmetic = activate(backend, precision)
    exact = dyadic(values) + dyadic([1.0]).times_power_of_two(shift)
    try:
        x = arithmetic.enclose(exact)
    except ArithmeticError:
        assert backend == "fast"
        assert max(abs(a) for a in exact.fractions().tolist()) > Fraction(EDGES[-1])
        return
    assert all(encloses(x, k, a) for k, a in enumerate(exact.fractions().tolist()))
    balls = arithmetic.balls(exact)
    assert all(encloses(ball_intervals.BallIntervals(balls), k, a) for k, a in enumerate(exact.fractions().tolist()))


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
@given(ends=st.lists(pairs(moderate), min_size=6, max_size=6))
def test_moving_entries_about(backend: str, precision: int, ends: list[Pair]) -> None:
    arithmetic = activate(backend, precision)
    x = intervals(backend, ends, (2, 3))
    assert x.size == 6
    wide = x[:, None].broadcast_to((2, 4, 3))
    assert wide.shape == (2, 4, 3)
    for a, b, c in product(range(2), range(4), range(3)):
        assert all(encloses(wide, (a, b, c), p) for p in points(*ends[3 * a + c]))
    picked = x[np.array([1, 0]), np.array([2, 1])]
    assert all(encloses(picked, k, Fraction(ends[j][0])) for k, j in enumerate((5, 1)))
    total = x + arithmetic.enclose(DyadicArray.zeros((2, 1))) + arithmetic.enclose(DyadicArray.from_integers(np.array([0, 1, -1])))
    assert all(encloses(total, (a, c), Fraction(ends[3 * a + c][1]) + (0, 1, -1)[c]) for a in range(2) for c in range(3))


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
def test_sums_over_nothing_are_zero_and_extremes_are_refused(backend: str, precision: int) -> None:
    arithmetic = activate(backend, precision)
    nothing = arithmetic.enclose(DyadicArray.zeros((2, 3)))[:, :0]
    total = nothing.sum(axis=1)
    assert total.certainly_at_most_zero().all()
    assert not total.certainly_negative().any()
    for name in ("max", "min"):
        with pytest.raises(ValueError, match=r"empty axis|zero-size"):
            getattr(nothing, name)(axis=1)
        assert getattr(arithmetic.enclose(DyadicArray.zeros((2, 3))), name)(axis=1).shape == (2,)


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
def test_enclosures_cannot_be_compared_or_used_as_truth(backend: str, precision: int) -> None:
    activate(backend, precision)
    x = intervals(backend, [(1.0, 2.0)])
    for misuse in (lambda: x == x, lambda: bool(x), lambda: hash(x)):
        with pytest.raises(TypeError):
            misuse()
    with pytest.raises(TypeError):
        _ = x < x  # type: ignore[operator]
    assert x.certainly_positive()[0]


@settings(max_examples=80)
@given(data=st.lists(st.tuples(pairs(moderate), pairs(moderate), pairs(moderate)), min_size=1, max_size=3), seed=st.integers(0, 9))
def test_chains_of_operations_agree_between_backends(data: list[tuple[Pair, Pair, Pair]], seed: int) -> None:
    """Both backends enclose the same exact value of a longer expression; where both are certain of a sign, it is the same."""
    results = []
    exact = []
    for a, b, c in data:
        u, v, w = Fraction(a[seed % 2]), Fraction(b[seed // 2 % 2]), Fraction(c[seed // 4 % 2])
        exact.append(max(u * v - w, (u + w) * v) - u)
    for backend, precision in BACKENDS:
        activate(backend, precision)
        x, y, z = (intervals(backend, [row[k] for row in data]) for k in range(3))
        result = (x * y - z).maximum((x + z) * y) - x
        results.append(result)
        for k, value in enumerate(exact):
            assert encloses(result, k, value)
            assert not result.certainly_positive()[k] or value > 0
            assert not result.certainly_negative()[k] or value < 0


def test_nan_is_never_certain() -> None:
    activate("arb", 64)
    nan = FloatIntervals(np.array([np.nan]), np.array([np.nan]))
    infinite = intervals("arb", [(0.0, 0.0)])
    infinite.entries[0] = infinite.entries[0] / 0  # type: ignore[attr-defined]
    for x in (nan, infinite):
        assert not (x.certainly_positive() | x.certainly_negative() | x.certainly_at_most_zero()).any()
        with pytest.raises(ArithmeticError):
            x.fixed_point(20)


def test_unknown_backends_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown backend"):
        Arithmetic("float", 64)  # type: ignore[arg-type]


def test_a_platform_that_flushes_subnormals_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Arithmetic("fast", 64).backend == "fast"
    monkeypatch.setattr("proofcheck.arithmetic.backend.check_platform", lambda: ["float64 subnormals are flushed to zero"])
    for backend in ("fast", "arb"):
        with pytest.raises(ArithmeticError, match="flushed"):
            Arithmetic(backend, 64)  # type: ignore[arg-type]
    assert float_intervals.check_platform() == []
    assert fractions([0.5]) == [Fraction(1, 2)]
