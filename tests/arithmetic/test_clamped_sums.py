"""Counts of tuples with sums kept in a few bins against looking at every tuple: never too few, exact where the bins suffice."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofcheck.arithmetic.clamped_sums import Bins, clamped_operations, clamped_tuples
from proofcheck.arithmetic.operations import counting

Case = tuple[np.ndarray, np.ndarray, int, bool]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """levels, sizes, base, first_required."""
    positions, many = draw(st.integers(0, 5)), draw(st.integers(1, 4))
    entries = draw(st.sampled_from([st.integers(-6, 6), st.integers(-6, 6) | st.integers(-(2**40), 2**40)]))
    levels = draw(st.lists(entries, min_size=positions * many, max_size=positions * many))
    sizes = draw(st.lists(st.integers(1, 5), min_size=many, max_size=many))
    base = draw(st.integers(-20, 20) | st.integers(-(2**41), 2**41))
    return np.array(levels, dtype=np.int64).reshape(positions, many), np.array(sizes), base, draw(st.booleans())


def number(levels: np.ndarray, sizes: np.ndarray, base: int, *, required: bool) -> int:
    return sum(
        int(np.prod([sizes[l] for l in t], dtype=object))
        for t in product(range(len(sizes)), repeat=len(levels))
        if base + sum(int(levels[i, l]) for i, l in enumerate(t)) <= 0 and (not required or 0 in t)
    )


@given(cases(), st.integers(1, 40), st.integers(0, 60), st.integers(1, 60))
def test_never_too_small(case: Case, fine: int, below: int, above: int) -> None:
    levels, sizes, base, required = case
    bins = Bins(fine, below, above)
    with counting() as counter:
        found = clamped_tuples(levels, sizes, base, bins, first_required=required)
    assert counter.total <= clamped_operations(len(levels), sizes, bins, first_required=required)
    every = int(sizes.sum()) ** len(levels)
    assert number(levels, sizes, base, required=required) <= found <= every


@given(cases())
def test_exact_where_bins_have_width_one_and_reach_everything(case: Case) -> None:
    levels, sizes, base, required = case
    if np.abs(levels).max(initial=0) <= 6 and abs(base) <= 20:
        found = clamped_tuples(levels, sizes, base, Bins(8, 60, 60), first_required=required)
        assert found == number(levels, sizes, base, required=required)


@pytest.mark.parametrize("bins", [Bins(0, 1, 1), Bins(1, -1, 1), Bins(1, 1, 0)])
def test_bad_bins_are_refused(bins: Bins) -> None:
    with pytest.raises(OverflowError):
        clamped_tuples(np.zeros((2, 2), dtype=np.int64), np.ones(2, dtype=np.int64), 1, bins, first_required=False)


def test_levels_beyond_62_bits_are_refused() -> None:
    with pytest.raises(OverflowError):
        clamped_tuples(np.full((2, 2), 2**60, dtype=np.int64), np.ones(2, dtype=np.int64), 1, Bins(1, 1, 1), first_required=False)
