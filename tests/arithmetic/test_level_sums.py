"""Counts of tuples of levels against looking at every tuple; bins never count too few."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofcheck.arithmetic import level_sums
from proofcheck.arithmetic.level_sums import is_listed, nonpositive_tuples, tuples_operations
from proofcheck.arithmetic.operations import counting

Case = tuple[np.ndarray, np.ndarray, int, bool]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """levels, sizes, base, first_required."""
    positions, many = draw(st.integers(0, 5)), draw(st.integers(1, 4))
    entries = st.integers(-6, 6) | st.integers(-(2**40), 2**40)
    levels = draw(st.lists(entries, min_size=positions * many, max_size=positions * many))
    required = draw(st.booleans())
    sizes = draw(st.lists(st.integers(1, 5), min_size=many, max_size=many))
    base = draw(st.integers(-8, 8) | st.integers(-(2**41), 2**41))
    return (
        np.array(levels, dtype=np.int64).reshape(positions, many),
        np.array([1 if required else sizes[0], *sizes[1:]]),
        base,
        required,
    )


def number(levels: np.ndarray, sizes: np.ndarray, base: int, *, required: bool) -> int:
    return sum(
        int(np.prod([sizes[l] for l in t], dtype=object))
        for t in product(range(len(sizes)), repeat=len(levels))
        if base + sum(int(levels[i, l]) for i, l in enumerate(t)) <= 0 and (not required or 0 in t)
    )


@given(cases(), st.sampled_from([1, 3, 64]))
def test_listed_counts_are_exact(case: Case, bins: int) -> None:
    levels, sizes, base, required = case
    assert is_listed(len(levels), sizes)
    with counting() as counter:
        found = nonpositive_tuples(levels, sizes, base, bins, first_required=required)
    assert counter.total <= tuples_operations(len(levels), sizes, bins, first_required=required)
    assert found == number(levels, sizes, base, required=required)


@given(cases(), st.sampled_from([1, 3, 64, 4096]))
def test_counts_in_bins_are_never_too_small(case: Case, bins: int) -> None:
    levels, sizes, base, required = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(level_sums, "MOST_LISTED", -1)
        with counting() as counter:
            found = nonpositive_tuples(levels, sizes, base, bins, first_required=required)
        assert counter.total <= tuples_operations(len(levels), sizes, bins, first_required=required)
    exact = number(levels, sizes, base, required=required)
    assert found >= exact
    window = -base - sum(int(row.min()) for row in levels)
    if window < bins:  # bins of one unit
        assert found == exact


def test_many_positions_and_large_sizes() -> None:
    """More than 2^62 tuples: in bins, and in integers of any size."""
    levels, sizes = np.zeros((20, 2), dtype=np.int64), np.array([1, 511])
    assert not is_listed(20, sizes)
    assert nonpositive_tuples(levels, sizes, 0, 16, first_required=False) == 512**20
    assert nonpositive_tuples(levels, sizes, 0, 16, first_required=True) == 512**20 - 511**20
    assert nonpositive_tuples(levels, sizes, 1, 16, first_required=False) == 0


@pytest.mark.parametrize(
    ("levels", "sizes", "base", "bins", "required"),
    [
        ([[2**61]], [1], 0, 4, False),
        ([[0]], [1], 2**61, 4, False),
        ([[0, 0]], [1, 0], 0, 4, False),
        ([[0, 0]], [2, 1], 0, 4, True),
        ([[0]], [1], 0, 0, False),
    ],
    ids=["large level", "large base", "no tokens", "two tokens in the required level", "no bins"],
)
def test_hypotheses_are_checked(levels: list[list[int]], sizes: list[int], base: int, bins: int, required: bool) -> None:
    with pytest.raises(OverflowError):
        nonpositive_tuples(np.array(levels), np.array(sizes), base, bins, first_required=required)
