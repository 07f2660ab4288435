"""The two largest sums contain the exact maxima, in both backends."""

from fractions import Fraction

import numpy as np
import pytest
from arithmetic.enclosures import activate, intervals
from hypothesis import given
from hypothesis import strategies as st

from proofcheck.arithmetic import Arithmetic, DyadicArray
from proofcheck.arithmetic.ball_intervals import BallIntervals, ends
from proofcheck.arithmetic.float_intervals import FloatIntervals
from proofcheck.arithmetic.intervals import Intervals
from proofcheck.arithmetic.largest_sums import largest_two_sums


def interval(values: Intervals, place: tuple[int, ...]) -> tuple[Fraction, Fraction]:
    if isinstance(values, FloatIntervals):
        return Fraction(float(values.lo[place])), Fraction(float(values.hi[place]))
    assert isinstance(values, BallIntervals)
    low, high = ends(values.entries[place])
    return low[0] * Fraction(2) ** low[1], high[0] * Fraction(2) ** high[1]


entries = st.one_of(
    st.integers(-3, 3).map(Fraction),
    st.builds(lambda a, b: Fraction(a) * Fraction(2) ** b, st.integers(-(2**70), 2**70), st.integers(-90, 20)),
)


@pytest.mark.parametrize("backend", ["fast", "arb"])
@given(st.data())
def test_maxima_are_enclosed(backend: str, data: st.DataObject) -> None:
    tokens, rows, choices = (data.draw(st.integers(least, 4)) for least in (1, 1, 2))
    exact = []
    for shape in ((tokens, choices), (rows, choices)):
        integers = np.empty(shape, dtype=object)
        for place in np.ndindex(shape):
            value = data.draw(entries)
            integers[place] = int(value * Fraction(2) ** 90)
        exact.append(DyadicArray(integers, -90))
    arithmetic = Arithmetic(backend, 64)  # type: ignore[arg-type]
    index, sums = largest_two_sums(arithmetic.enclose(exact[0]), arithmetic.enclose(exact[1]))
    left, right = (table.fractions() for table in exact)
    for r in range(rows):
        for t in range(tokens):
            chosen = int(index[r, t])
            totals = [left[t, k] + right[r, k] for k in range(choices)]
            for which, truth in enumerate((max(totals), max(x for k, x in enumerate(totals) if k != chosen))):
                low, high = interval(sums, (which, r, t))
                assert low <= truth <= high


def test_a_broken_entry_proves_nothing() -> None:
    """NaN and infinities widen; the twin with finite entries is tight."""
    table = FloatIntervals(np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 2.0, 3.0]]))
    index, sums = largest_two_sums(table, table)
    assert index[0, 0] == 2
    assert sums.certainly_positive().all()
    for bad in (np.nan, np.inf):
        broken = FloatIntervals(np.array([[1.0, 2.0, bad]]), np.array([[1.0, 2.0, bad]]))
        _, sums = largest_two_sums(broken, table)
        assert not sums[0].certainly_negative().any()
        assert not (-sums[0]).certainly_positive().any()


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("seed", range(10))
def test_maxima_over_wide_entries(backend: str, seed: int) -> None:
    """Contains the maxima of lower and of upper ends, and is wider than the widest pair of entries by hardly anything."""
    activate(backend, 64)
    rng = np.random.default_rng(seed)
    tokens, rows, choices = 3, 4, 2 + seed % 4
    low = [rng.integers(-50, 50, shape).astype(float) for shape in ((tokens, choices), (rows, choices))]
    high = [part + rng.integers(0, 9, part.shape) for part in low]
    left, right = (
        intervals(backend, list(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)), a.shape) for a, b in zip(low, high, strict=True)
    )
    index, sums = largest_two_sums(left, right)
    slack = Fraction(1, 2**15)
    for r in range(rows):
        for t in range(tokens):
            lows, highs = low[0][t] + low[1][r], high[0][t] + high[1][r]
            width = (high[0][t] - low[0][t]).max() + (high[1][r] - low[1][r]).max()
            others = np.arange(choices) != index[r, t]
            for which, kept in enumerate((np.ones(choices, dtype=bool), others)):
                found = interval(sums, (which, r, t))
                assert found[0] <= lows[kept].max()
                assert highs[kept].max() <= found[1] <= highs[kept].max() + slack
                assert found[0] >= highs[kept].max() - width - slack


def test_many_rows_go_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    left, right = (Arithmetic("fast", 64).enclose(DyadicArray.from_floats(rng.standard_normal((k, 3)))) for k in (4, 11))
    index, sums = largest_two_sums(left, right)
    for chunk in (1, 30, 50):
        monkeypatch.setattr("proofcheck.arithmetic.largest_sums._CHUNK", chunk)
        again, parts = largest_two_sums(left, right)
        assert (again == index).all()
        assert (parts.lo == sums.lo).all()  # type: ignore[attr-defined]
        assert (parts.hi == sums.hi).all()  # type: ignore[attr-defined]


def test_tables_of_different_backends_are_refused() -> None:
    fast, balls = (Arithmetic(backend, 64).enclose(DyadicArray.zeros((2, 3))) for backend in ("fast", "arb"))  # type: ignore[arg-type]
    for pair in ((fast, balls), (balls, fast)):
        with pytest.raises(TypeError, match="different backends"):
            largest_two_sums(*pair)
