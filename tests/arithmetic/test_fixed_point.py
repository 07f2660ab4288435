"""Fixed point: one positive scale for each row explains all integers; sums of integers are exact."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from arithmetic.enclosures import PRECISIONS, activate, doubles, intervals, pairs
from hypothesis import given
from hypothesis import strategies as st

from proofcheck.arithmetic import DyadicArray, FixedPoint, float_intervals, smallest_sums
from proofcheck.arithmetic.fixed_point import _split
from proofcheck.arithmetic.float_intervals import FloatIntervals

BACKENDS = [("fast", 64), *(("arb", bits) for bits in PRECISIONS)]
Pair = tuple[float, float]


def fits(fixed: FixedPoint, row: int, values: list[Pair]) -> bool:
    """Is there a scale s > 0 with lower ≤ s·x ≤ lower + width for both ends of every entry of the row? Exact linear constraints on s."""
    least, most = Fraction(0), None
    for lower, pair in zip(fixed.lower[row].ravel().tolist(), values, strict=True):
        for x in map(Fraction, pair):
            if x == 0:
                if not lower <= 0 <= lower + fixed.width:
                    return False
                continue
            ends = sorted([Fraction(lower) / x, Fraction(lower + fixed.width) / x])
            least = max(least, ends[0])
            most = ends[1] if most is None else min(most, ends[1])
    return most is None or (most > 0 and least <= most)


TINY = [
    [(1.0, 1.0), (-(2.0**-1074), -(2.0**-1074)), (2.0**-1074, 2.0**-1074)],
    [(1e308, 1e308), (-1e-308, -1e-308), (-1e-308, 1e-308)],
    [(2.0**1023, 2.0**1023), (-(2.0**-60), -(2.0**-60)), (0.0, 2.0**-1074)],
    [(-0.0, -0.0), (0.0, 0.0), (-(2.0**-1074), 0.0)],
    [(-(2.0**-1074), -(2.0**-1074)), (-0.0, 0.0), (0.0, 0.0)],
]
"""Negative values that scale to −0.0: their floor is −1 all the same."""


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
@pytest.mark.parametrize("rows", [[row] for row in TINY] + [TINY])
def test_tiny_values_beside_large_ones(backend: str, precision: int, rows: list[list[Pair]]) -> None:
    activate(backend, precision)
    fixed = intervals(backend, [pair for row in rows for pair in row], (len(rows), 3)).fixed_point(20)
    assert all(fits(fixed, a, row) for a, row in enumerate(rows))


def test_forgetting_the_lost_sign_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(float_intervals, "_floor", lambda scaled, unscaled: np.floor(scaled).astype(np.int64))
    monkeypatch.setattr(float_intervals, "_ceil", lambda scaled, unscaled: np.ceil(scaled).astype(np.int64))
    row = [(1e308, 1e308), (-1e-308, -1e-308)]
    fixed = intervals("fast", row, (1, 2)).fixed_point(20)
    assert not (int(fixed.lower[0, 1]) < 0 and fits(fixed, 0, row))


@pytest.mark.parametrize(("backend", "precision"), BACKENDS)
@given(data=st.lists(st.tuples(*[pairs(doubles)] * 3), min_size=1, max_size=3), bits=st.integers(8, 40))
def test_one_scale_for_each_row(backend: str, precision: int, data: list[tuple[Pair, ...]], bits: int) -> None:
    activate(backend, precision)
    fixed = intervals(backend, [pair for row in data for pair in row], (len(data), 3)).fixed_point(bits)
    assert fixed.bits == bits
    assert fixed.width >= 0
    assert int(np.abs(fixed.lower).max()) <= 2**bits
    assert all(fits(fixed, a, list(row)) for a, row in enumerate(data))


@pytest.mark.parametrize("backend", ["fast", "arb"])
def test_exact_small_integers_have_no_width(backend: str) -> None:
    activate(backend, 64)
    fixed = intervals(backend, [(float(k), float(k)) for k in (-3, 0, 5)], (1, 3)).fixed_point(10)
    assert fixed.width == 0
    assert fits(fixed, 0, [(float(k), float(k)) for k in (-3, 0, 5)])


@pytest.mark.parametrize("ends", [(-np.inf, 0.0), (0.0, np.inf), (np.nan, 0.0), (0.0, np.nan), (-np.inf, np.inf)])
@pytest.mark.parametrize("place", [0, 3])
def test_an_end_that_is_not_finite_is_refused(ends: Pair, place: int) -> None:
    lo, hi = np.zeros((2, 2)), np.ones((2, 2))
    assert FloatIntervals(lo, hi).fixed_point(20).width > 0
    lo.flat[place], hi.flat[place] = ends
    with pytest.raises(ArithmeticError, match="range of float64"):
        FloatIntervals(lo, hi).fixed_point(20)


@pytest.mark.parametrize("backend", ["fast", "arb"])
def test_rows_have_their_own_scale_and_the_largest_entry_fills_it(backend: str) -> None:
    """bits are used: the largest entry of a row has at least half of 2^bits, so little is lost; rows of zeros are zeros."""
    activate(backend, 64)
    rows = [[(3.0, 3.0), (-1.0, -0.5)], [(-1e-200, -1e-200), (0.0, 1e-201)], [(0.0, 0.0), (0.0, 0.0)], [(-7e99, -7e99), (6e99, 7e99)]]
    fixed = intervals(backend, [pair for row in rows for pair in row], (4, 2)).fixed_point(20)
    sizes = np.abs(fixed.lower).max(axis=1).tolist()
    assert all(2**19 <= sizes[a] <= 2**20 for a in (0, 1, 3))
    assert sizes[2] == 0
    assert fixed.width <= 2**18 + 2


@pytest.mark.parametrize("backend", ["fast", "arb"])
def test_empty_tables(backend: str) -> None:
    arithmetic = activate(backend, 64)
    for shape in ((0, 3), (2, 0)):
        fixed = arithmetic.enclose(DyadicArray.zeros((2, 3)))[: shape[0], : shape[1]].fixed_point(10)
        assert fixed.lower.shape == shape
        assert fixed.width == 0


def collected(base: np.ndarray, terms: list[np.ndarray]) -> np.ndarray:
    """All blocks of `smallest_sums`, as one table [A, ΠT]."""
    blocks = []
    for start, block in smallest_sums(base, terms):
        assert start == sum(done.shape[1] for done in blocks)
        blocks.append(block.copy())
    return np.concatenate(blocks, axis=1)


@pytest.mark.parametrize("sizes", [(), (1,), (5,), (3, 2), (2, 3, 4), (2,) * 7, (40, 30), (70, 1, 33)])
@pytest.mark.parametrize(("rows", "rivals"), [(1, 1), (2, 3)])
def test_smallest_sums_are_the_minimum_over_j(sizes: tuple[int, ...], rows: int, rivals: int) -> None:
    generator = np.random.default_rng(len(sizes) + rows)
    base = generator.integers(-(10**7), 10**7, (rows, rivals))
    terms = [generator.integers(-(10**7), 10**7, (rows, rivals, size)) for size in sizes]
    table = collected(base, terms)
    indices = list(product(*(range(size) for size in sizes)))
    assert table.shape == (rows, len(indices))
    for a in range(rows):
        for k in range(0, len(indices), 1 + len(indices) // 100):
            sums = [int(base[a, j]) + sum(int(term[a, j, t]) for term, t in zip(terms, indices[k], strict=True)) for j in range(rivals)]
            assert table[a, k] == min(sums)


def test_sums_that_could_overflow_are_refused() -> None:
    most = (2**31 - 1) // 3
    base, terms = np.full((1, 2), most), [np.full((1, 2, 2), most)] * 2
    assert collected(base, terms).tolist() == [[3 * most] * 4]
    assert collected(-base, [-term for term in terms]).tolist() == [[-3 * most] * 4]
    for bad in (np.full((1, 2), most + 2), np.full((1, 2), -(2**31)), np.full((1, 2), 2**40)):
        with pytest.raises(OverflowError, match="31 bits"):
            list(smallest_sums(bad, terms))


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("sign", [1, -1])
def test_one_large_entry_is_enough_to_be_refused(place: int, sign: int) -> None:
    """The size of a table is that of its largest entry, whatever its sign and that of the others."""
    for fill in (0, 1, -1):
        for where in range(3):
            parts = [np.full((1, 4), fill), np.full((1, 4, 2), fill), np.full((1, 4, 2), fill)]
            parts[where][0, place] = sign * ((2**31 - 1) // 3)
            assert len(collected(parts[0], parts[1:])) == 1
            parts[where][0, place] = sign * 2**31 // 3 + sign
            with pytest.raises(OverflowError, match="31 bits"):
                collected(parts[0], parts[1:])


@pytest.mark.parametrize(
    ("sizes", "split"),
    [
        ([], 0),
        ([5], 0),
        ([2000], 0),
        ([15, 64, 1023], 2),  # 15 rows would remain
        ([16, 64, 1023], 1),
        ([16, 64, 1024], 2),  # the last term is long enough
        ([16, 2, 512, 2], 2),
        ([16, 2, 511, 2], 1),
        ([17, 3, 3, 3, 3, 3, 3], 1),
        ([16, 1, 1, 5], 1),
        ([1, 1, 1, 1], 3),
        ([64, 64, 64, 64], 2),
    ],
)
def test_columns_are_long_and_rows_remain(sizes: list[int], split: int) -> None:
    assert _split(sizes) == split


def test_smallest_sums_over_nothing() -> None:
    assert list(smallest_sums(np.zeros((1, 2), np.int64), [np.zeros((1, 2, 0), np.int64)])) == []
    assert list(smallest_sums(np.zeros((0, 2), np.int64), [])) == []
