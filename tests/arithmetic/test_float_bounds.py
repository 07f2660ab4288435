"""Norms, spectral norms and exact doubles: bounds against exact arithmetic; samples of the linked matrix product."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from proofcheck.arithmetic import DyadicArray, blas
from proofcheck.arithmetic.float_bounds import (
    HUGE,
    TINY,
    capped,
    column_norms,
    exact_doubles,
    gamma,
    head_norms,
    norm_above,
    spectral_norm_above,
)


def exact_square(column: np.ndarray) -> Fraction:
    return sum((Fraction(x) ** 2 for x in column.tolist()), Fraction(0))


@pytest.mark.parametrize("seed", range(20))
def test_norms_are_above(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, width = int(rng.integers(1, 300)), int(rng.integers(1, 5))
    values = np.ldexp(rng.normal(size=(k, width)), rng.integers(-320, 280, (1, width)))
    norms = column_norms(values)
    for b in range(width):
        assert Fraction(norms[b]) ** 2 >= exact_square(values[:, b])
    assert Fraction(norm_above(values)) ** 2 >= exact_square(values.ravel())
    heads = head_norms(values.reshape(1, k, width))
    assert (heads[0] >= np.sqrt(np.array([float(exact_square(values[:, b])) for b in range(width)])) * (1 - 1e-15)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
def test_norms_of_what_is_not_finite_or_huge_are_infinite(bad: float) -> None:
    values = np.ones((3, 2))
    values[1, 1] = bad
    norms = column_norms(values)
    assert np.isfinite(norms[0]) and np.isposinf(norms[1])
    with pytest.raises(ArithmeticError):
        norm_above(values)


@pytest.mark.parametrize("shape", [(1, 1), (7, 7), (30, 4), (4, 30), (64, 64), (100, 1)])
@pytest.mark.parametrize("size", [1.0, 2.0**-290, 2.0**250])
def test_spectral_norms_are_above_and_close(shape: tuple[int, int], size: float) -> None:
    rng = np.random.default_rng(0)
    for rank in (1, 3, 100):
        left, right = rng.normal(size=(shape[0], min(rank, *shape))), rng.normal(size=(min(rank, *shape), shape[1]))
        matrix = left @ right / np.linalg.norm(left @ right) * size
        true = np.linalg.norm(matrix / size, 2) * size
        found = spectral_norm_above(matrix)
        assert true * (1 - 1e-13) <= found <= true * 1.06
    assert spectral_norm_above(np.zeros(shape)) < 2.0**-290
    assert spectral_norm_above(np.zeros((0, 3))) == TINY


def test_spectral_norm_of_known_matrices() -> None:
    for k in (1, 2, 5, 60):
        assert 1 <= spectral_norm_above(np.eye(k)) < 1 + k / 100
        assert k <= spectral_norm_above(np.ones((k, k))) < k * 1.0001
    for exponent in range(-8, 8):  # squares that underflow beside squares that do not
        matrix = np.diag([2.0 ** (280 + exponent), 2.0**-299, 2.0 ** -(290 + exponent)])
        assert spectral_norm_above(matrix) >= 2.0 ** (280 + exponent)


def test_gamma() -> None:
    assert gamma(10) >= 10 * 2.0**-52
    with pytest.raises(ArithmeticError):
        gamma(2**31)


def test_exact_doubles() -> None:
    rng = np.random.default_rng(1)
    values = np.ldexp(rng.normal(size=(5, 7)), rng.integers(-300, 290, (5, 7)))
    values[0, 0] = 0.0
    assert (exact_doubles(DyadicArray.from_floats(values)) == values).all()
    for bad in (2.0**300, 2.0**-901, 5e-324):
        with pytest.raises(ArithmeticError):
            exact_doubles(DyadicArray.from_floats(np.array([1.0, bad])))
    with pytest.raises(ArithmeticError):
        exact_doubles(DyadicArray(np.array([2**53 + 1], dtype=object), 0))
    with pytest.raises(ArithmeticError):
        exact_doubles(DyadicArray(np.array([3**5000], dtype=object), 0))
    assert HUGE * TINY == 1
    for least in (2.0**-900, -(2.0**-900), 2.0**300 * (1 - 2.0**-53)):
        assert exact_doubles(DyadicArray.from_floats(np.array([least]))).tolist() == [least]


@pytest.mark.parametrize("inexact", [2**53 + 1, 2**61 + 1, 2**62 + 1, 3**60, -(2**63) - 1, 3**600])
@pytest.mark.parametrize("exact", [1, 2**62, -(2**63), 2**70, 2**200])
def test_one_integer_that_is_no_double_is_enough(inexact: int, exact: int) -> None:
    """Beside one that is, of every size: words, words too large for the quick comparison, and longer ones."""
    assert exact_doubles(DyadicArray(np.array([exact, exact], dtype=object), 0)).tolist() == [float(exact)] * 2
    for pair in ([inexact, exact], [exact, inexact]):
        with pytest.raises(ArithmeticError):
            exact_doubles(DyadicArray(np.array(pair, dtype=object), 0))


def test_bounds_are_infinite_from_huge_on() -> None:
    assert capped(np.array([HUGE, np.nextafter(HUGE, 0), np.nan, np.inf])).tolist() == [np.inf, np.nextafter(HUGE, 0), np.inf, np.inf]


def test_this_machine_has_conventional_products() -> None:
    assert blas.blas_failures() == []


class Strange(np.ndarray):
    """Arrays whose matrix product is another algorithm's."""

    algorithm = staticmethod(lambda a, b: a @ b)

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        return self.algorithm(np.asarray(self), np.asarray(other))


def strassen(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """One level of Strassen's algorithm where sizes are even."""
    if any(size % 2 for size in (*a.shape, b.shape[1])):
        return a @ b
    (m, k), n = a.shape, b.shape[1]
    a11, a12, a21, a22 = a[: m // 2, : k // 2], a[: m // 2, k // 2 :], a[m // 2 :, : k // 2], a[m // 2 :, k // 2 :]
    b11, b12, b21, b22 = b[: k // 2, : n // 2], b[: k // 2, n // 2 :], b[k // 2 :, : n // 2], b[k // 2 :, n // 2 :]
    p1, p2, p3, p4 = (a11 + a22) @ (b11 + b22), (a21 + a22) @ b11, a11 @ (b12 - b22), a22 @ (b21 - b11)
    p5, p6, p7 = (a11 + a12) @ b22, (a21 - a11) @ (b11 + b12), (a12 - a22) @ (b21 + b22)
    return np.block([[p1 + p4 - p5 + p7, p3 + p5], [p2 + p4, p1 - p2 + p3 + p6]])


def single(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return (a.astype(np.float32) @ b.astype(np.float32)).astype(np.float64)


def split(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Emulation by integers of one scale for each matrix: 40 bits of the largest entry."""
    scales = [2.0 ** (np.frexp(np.abs(part).max())[1] - 40) for part in (a, b)]
    return (np.rint(a / scales[0]) @ np.rint(b / scales[1])) * scales[0] * scales[1]


@pytest.mark.parametrize("algorithm", [strassen, single, split])
def test_other_algorithms_are_found_out(algorithm: object, monkeypatch: pytest.MonkeyPatch) -> None:
    mixed, zeros = blas._mixed, np.zeros

    class Other(Strange):
        pass

    Other.algorithm = staticmethod(algorithm)  # type: ignore[assignment]
    monkeypatch.setattr(blas, "_mixed", lambda rows, columns: mixed(rows, columns).view(Other))
    monkeypatch.setattr(blas.np, "zeros", lambda *shape, **more: zeros(*shape, **more).view(Other))
    assert blas.blas_failures()


def test_the_conventional_algorithm_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed, zeros = blas._mixed, np.zeros
    monkeypatch.setattr(blas, "_mixed", lambda rows, columns: mixed(rows, columns).view(Strange))
    monkeypatch.setattr(blas.np, "zeros", lambda *shape, **more: zeros(*shape, **more).view(Strange))
    assert blas.blas_failures() == []
