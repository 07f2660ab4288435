"""Exact counts of bounded sums, against enumeration and against Python integers."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofcheck.arithmetic.bounded_sums import LIMB_BITS, MOST_BINS, MOST_COLUMNS, count_bounded_sums


def by_enumeration(bins: np.ndarray, most: int, last_required: bool) -> int:
    positions, columns = bins.shape
    tuples = product(range(columns), repeat=positions)
    return sum(
        sum(int(bins[i, t]) for i, t in enumerate(tokens)) <= most and (not last_required or columns - 1 in tokens) for tokens in tuples
    )


def by_python_integers(bins: np.ndarray, most: int) -> int:
    counts = {0: 1}
    for row in bins.tolist():
        new: dict[int, int] = {}
        for total, number in counts.items():
            for bin_ in row:
                if total + bin_ <= most:
                    new[total + bin_] = new.get(total + bin_, 0) + number
        counts = new
    return sum(counts.values())


@given(
    st.integers(0, 4)
    .flatmap(lambda p: st.tuples(st.just(p), st.integers(1, 4)))
    .flatmap(
        lambda shape: st.tuples(
            st.lists(st.lists(st.integers(0, 9), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]),
            st.just(shape),
        )
    ),
    st.integers(0, 30),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_counts_as_enumeration_does(rows_and_shape: tuple[list[list[int]], tuple[int, int]], most: int, last_required: bool) -> None:
    rows, shape = rows_and_shape
    bins = np.array(rows, dtype=np.int64).reshape(shape)
    assert count_bounded_sums(bins, most, last_required=last_required) == by_enumeration(bins, most, last_required)


@pytest.mark.parametrize(("positions", "columns", "most"), [(19, 64, 300), (40, 97, 150), (3, 512, 40), (4, 1500, 40), (130, 3, 60)])
def test_counts_of_hundreds_of_bits_are_exact(positions: int, columns: int, most: int) -> None:
    rng = np.random.default_rng(positions)
    bins = rng.integers(0, 2 + 2 * most // positions, (positions, columns))
    full, below = by_python_integers(bins, most), by_python_integers(bins[:, :-1], most)
    assert count_bounded_sums(bins, most, last_required=False) == full
    assert count_bounded_sums(bins, most, last_required=True) == full - below


def test_nothing_overflows_at_the_limits() -> None:
    """The largest tables: all columns in one bin, so every limb receives as much as it can."""
    bins = np.zeros((12, MOST_COLUMNS), dtype=np.int64)
    assert count_bounded_sums(bins, 0, last_required=False) == MOST_COLUMNS**12
    assert count_bounded_sums(bins, 3, last_required=True) == MOST_COLUMNS**12 - (MOST_COLUMNS - 1) ** 12
    spread = np.tile(np.arange(2, dtype=np.int64), (2 * LIMB_BITS, 1))
    assert count_bounded_sums(spread, MOST_BINS - 1, last_required=False) == 2 ** (2 * LIMB_BITS)


def test_bins_above_the_bound_never_count() -> None:
    bins = np.array([[0, 2**62], [5, 2**63 - 1]], dtype=np.int64)
    assert count_bounded_sums(bins, 5, last_required=False) == 1
    assert count_bounded_sums(bins, 4, last_required=False) == 0


@pytest.mark.parametrize(
    ("bins", "most"),
    [
        (np.array([[0, -1]]), 3),
        (np.zeros((2, MOST_COLUMNS + 1), dtype=np.int64), 3),
        (np.zeros((2, 0), dtype=np.int64), 3),
        (np.zeros((2, 2), dtype=np.int64), MOST_BINS),
        (np.zeros((2, 2), dtype=np.int64), -1),
        (np.zeros((2, 2), dtype=np.int32), 3),
    ],
)
def test_out_of_range_is_refused(bins: np.ndarray, most: int) -> None:
    with pytest.raises(ValueError, match=r"bins|bounded"):
        count_bounded_sums(bins, most, last_required=False)
    assert count_bounded_sums(np.zeros((2, 2), dtype=np.int64), 3, last_required=False) == 4
