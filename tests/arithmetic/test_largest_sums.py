"""The two largest sums contain the exact maxima, in both backends."""

from fractions import Fraction

import numpy as np
import pytest
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
