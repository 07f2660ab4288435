"""`DyadicArray` against `fractions.Fraction`: every operation is exact."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from arithmetic.enclosures import EDGES, doubles, dyadic, fractions
from hypothesis import given
from hypothesis import strategies as st

from proofcheck.arithmetic import DyadicArray, concatenate, largest_exponent
from proofcheck.arithmetic.operations import counting

BINARY: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Fraction, Fraction], Fraction]]] = {
    "+": (lambda x, y: x + y, lambda a, b: a + b),
    "-": (lambda x, y: x - y, lambda a, b: a - b),
    "*": (lambda x, y: x * y, lambda a, b: a * b),
    "maximum": (lambda x, y: x.maximum(y), max),
    "minimum": (lambda x, y: x.minimum(y), min),
}
REDUCTIONS: dict[str, Callable[[list[Fraction]], Fraction]] = {
    "max": max,
    "min": min,
    "sum": lambda row: sum(row, Fraction(0)),
    "range": lambda row: max(row) - min(row),
}


@pytest.mark.parametrize("name", BINARY)
@given(data=st.lists(st.tuples(doubles, doubles), min_size=1, max_size=6))
def test_binary_operations(name: str, data: list[tuple[float, float]]) -> None:
    ours, exact = BINARY[name]
    xs, ys = [a for a, _ in data], [b for _, b in data]
    with counting() as counter:
        result = ours(dyadic(xs), dyadic(ys))
    assert counter.total == len(data)
    assert result.fractions().tolist() == [exact(Fraction(a), Fraction(b)) for a, b in data]


@pytest.mark.parametrize("name", REDUCTIONS)
@given(data=st.lists(st.tuples(doubles, doubles, doubles), min_size=1, max_size=4))
def test_reductions(name: str, data: list[tuple[float, ...]]) -> None:
    table = dyadic([x for row in data for x in row], (len(data), 3))
    assert getattr(table, name)(axis=1).fractions().tolist() == [REDUCTIONS[name](fractions(list(row))) for row in data]
    columns = [fractions([row[k] for row in data]) for k in range(3)]
    assert getattr(table, name)(axis=0).fractions().tolist() == [REDUCTIONS[name](column) for column in columns]


@given(row=st.lists(doubles, min_size=1, max_size=6))
def test_unary_operations_and_signs(row: list[float]) -> None:
    x, exact = dyadic(row), fractions(row)
    assert x.fractions().tolist() == exact
    assert (-x).fractions().tolist() == [-a for a in exact]
    assert x.abs().fractions().tolist() == [abs(a) for a in exact]
    assert x.is_positive().tolist() == [a > 0 for a in exact]
    assert x.is_negative().tolist() == [a < 0 for a in exact]
    assert x.running_max(axis=0).fractions().tolist() == [max(exact[: k + 1]) for k in range(len(row))]
    assert x.running_min(axis=0).fractions().tolist() == [min(exact[: k + 1]) for k in range(len(row))]
    assert x.times_power_of_two(-7).fractions().tolist() == [a / 128 for a in exact]
    lower = x.exponent - 3
    assert [a * Fraction(2) ** lower for a in x.at_exponent(lower).tolist()] == exact
    with pytest.raises(ValueError, match="rounding"):
        x.at_exponent(x.exponent + 1)


@given(data=st.data(), rows=st.integers(1, 3), inner=st.integers(1, 4), columns=st.integers(1, 3))
def test_matrix_products(data: st.DataObject, rows: int, inner: int, columns: int) -> None:
    a = data.draw(st.lists(doubles, min_size=rows * inner, max_size=rows * inner))
    b = data.draw(st.lists(doubles, min_size=inner * columns, max_size=inner * columns))
    with counting() as counter:
        product = dyadic(a, (rows, inner)) @ dyadic(b, (inner, columns))
    assert counter.total == rows * columns * (2 * inner - 1)
    exact = [
        [sum(Fraction(a[i * inner + k]) * Fraction(b[k * columns + j]) for k in range(inner)) for j in range(columns)] for i in range(rows)
    ]
    assert product.fractions().tolist() == exact


@given(data=st.lists(st.tuples(doubles, doubles), min_size=1, max_size=4))
def test_entries_only_move(data: list[tuple[float, float]]) -> None:
    table = dyadic([x for row in data for x in row], (len(data), 2))
    rows = [fractions(list(row)) for row in data]
    assert table.T.fractions().tolist() == [list(column) for column in zip(*rows, strict=True)]
    assert table[-1].fractions().tolist() == rows[-1]
    assert table[:, 1].fractions().tolist() == [row[1] for row in rows]
    assert table[0, 1].fractions()[()] == rows[0][1]
    assert table.reshape(-1).fractions().tolist() == [a for row in rows for a in row]
    assert concatenate([table, -table], axis=1).fractions().tolist() == [[a, b, -a, -b] for a, b in rows]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_float_type_is_exact(dtype: type) -> None:
    bits = np.random.default_rng(1).integers(0, 256, 400 * np.dtype(dtype).itemsize, dtype=np.uint8).view(dtype)
    values = np.concatenate([bits[np.isfinite(bits)], np.array([0.0, -0.0], dtype=dtype)])
    assert DyadicArray.from_floats(values).fractions().tolist() == [Fraction(float(x)) for x in values.tolist()]


def test_edges_and_integers_are_exact() -> None:
    assert dyadic(EDGES).fractions().tolist() == fractions(EDGES)
    integers = np.array([0, 1, -1, 2**62, -(2**63)], dtype=np.int64)
    assert DyadicArray.from_integers(integers).fractions().tolist() == integers.tolist()
    assert DyadicArray.zeros((2, 2)).fractions().tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("value", [1.5, 0.0, -0.0, -(2.0**-1074)])
def test_arrays_without_axes(value: float) -> None:
    x = DyadicArray.from_floats(np.array(value))
    for result, exact in ((x, value), (-x, -value), (x.abs(), abs(value)), (x + x, 2 * value), (x * x, Fraction(value) ** 2)):
        assert result.shape == ()
        assert result.fractions()[()] == Fraction(exact)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinities_are_refused(bad: float) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        with pytest.raises(ValueError, match="NaN or infinity"):
            DyadicArray.from_floats(np.array([1.0, bad], dtype=dtype))
        assert DyadicArray.from_floats(np.array([1.0, 2.0], dtype=dtype)).shape == (2,)


def test_misuse_is_refused() -> None:
    with pytest.raises(TypeError, match="object array"):
        DyadicArray(np.array([1, 2]), 0)
    with pytest.raises(ValueError, match="do not multiply"):
        dyadic([1.0, 2.0], (1, 2)) @ dyadic([1.0, 2.0], (1, 2))
    with pytest.raises(ValueError, match="empty axis"):
        DyadicArray.zeros((0, 2)).max(axis=0)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=6))
def test_exponents_and_bits_bound_the_values(values: list[float]) -> None:
    array = np.array(values, dtype=np.float64)
    E = largest_exponent(array)
    sizes = [abs(Fraction(value)) for value in values if value]
    assert all(Fraction(2) ** -E <= size < Fraction(2) ** E for size in sizes)
    assert E == 0 or not all(Fraction(2) ** (1 - E) <= size < Fraction(2) ** (E - 1) for size in sizes)
    exact = DyadicArray.from_floats(array)
    assert all(size < Fraction(2) ** (exact.exponent + exact.bits()) for size in sizes)
    assert exact.bits() <= 2 * E + 53
    assert exact.bits() == max((int(k).bit_length() for k in exact.integers), default=0)
