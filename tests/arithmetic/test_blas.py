"""What Theorem E relies on in matrix products: γ_k entry by entry, whatever the threads and their modes; and the samples of the program."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from process.float_modes import flush_helper

from proofcheck.arithmetic import DyadicArray, blas
from proofcheck.arithmetic.float_columns import FloatColumnArithmetic

Matrix = np.ndarray[Any, Any]

# run in a process of its own: γ_k|A||B| + underflow against exact products of some entries
PROGRAM = """
import ctypes, sys
if sys.argv[1]:
    helper = ctypes.CDLL(sys.argv[1])
    helper.set(helper.get() | 0x8040)  # flush-to-zero, denormals-are-zero: threads that start now keep them
from fractions import Fraction
import numpy as np
if sys.argv[1]:
    np.ones((400, 400)) @ np.ones((400, 400))  # starts the threads of the library where they do not run yet
    helper.set(helper.get() & ~0x8040)
from proofcheck.arithmetic.blas import blas_failures, product_failures
from proofcheck.arithmetic.float_bounds import gamma
assert blas_failures() == [] and product_failures(400, 500, 600) == []
rng = np.random.default_rng(0)
worst = flushed = 0
for kind in ("gaussian", "cancelling", "mixed", "small"):
    m, k, n = 300, 400, 500
    A, B = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    if kind == "cancelling":  # Σ a b = 0 but for the last bits
        A[:, 1::2], B[1::2] = A[:, ::2], -B[::2] * (1 + rng.integers(-4, 5, B[::2].shape) * 2.0**-52)
    if kind == "mixed":
        A, B = np.ldexp(A, rng.integers(-60, 60, A.shape)), np.ldexp(B, rng.integers(-60, 60, B.shape))
    if kind == "small":  # products and sums are subnormal
        A, B = np.ldexp(A, -520), np.ldexp(B, rng.integers(-560, -500, B.shape))
    C = A @ B
    flushed += int((C == 0).sum())
    for i, j in zip(rng.integers(0, m, 60), rng.integers(0, n, 60)):
        terms = [Fraction(a) * Fraction(b) for a, b in zip(A[i].tolist(), B[:, j].tolist())]
        bound = Fraction(gamma(k)) * sum(map(abs, terms)) + 2 * k * Fraction(1, 2**1022)
        error = abs(Fraction(float(C[i, j])) - sum(terms))
        assert error <= bound, (kind, i, j)
        worst = max(worst, float(error / bound))
print(worst, flushed)
"""


def run(threads: int, helper: str = "") -> tuple[float, int]:
    """The largest error relative to its bound, and how many entries are 0."""
    environment = {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in ("OPENBLAS", "OMP", "MKL", "BLIS")}}
    command = [sys.executable, "-c", PROGRAM, helper]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    worst, flushed = found.stdout.split()
    return float(worst), int(flushed)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_products_have_the_error_of_conventional_ones(threads: int) -> None:
    worst, flushed = run(threads)
    assert 0.001 < worst <= 1 and flushed == 0


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_that_flush_are_covered(threads: int, tmp_path: Path) -> None:
    """Threads started under flush-to-zero and denormals-are-zero keep them when the main thread no longer has them."""
    if flush_helper(tmp_path) is None:
        pytest.skip("no compiler, or no such register")
    worst, flushed = run(threads, str(tmp_path / "flush.so"))
    assert worst <= 1
    assert threads == 1 or flushed > 0  # so it is not the main thread's mode that counts


def winograd(a: Matrix, b: Matrix) -> Matrix:
    """One level of Winograd's form of Strassen's algorithm, odd rows and columns apart."""
    m, k, n = (size - size % 2 for size in (*a.shape, b.shape[1]))
    out = a @ b
    if min(m, k, n) < 2:
        return out
    A, B = a[:m, :k], b[:k, :n]
    a11, a12, a21, a22 = A[: m // 2, : k // 2], A[: m // 2, k // 2 :], A[m // 2 :, : k // 2], A[m // 2 :, k // 2 :]
    b11, b12, b21, b22 = B[: k // 2, : n // 2], B[: k // 2, n // 2 :], B[k // 2 :, : n // 2], B[k // 2 :, n // 2 :]
    s1, t1 = a21 + a22, b12 - b11
    s2, t2 = s1 - a11, b22 - t1
    s3, t3, s4, t4 = a11 - a21, b22 - b12, a12 - s2, t2 - b21
    p1, p2, p3, p4, p5, p6, p7 = a11 @ b11, a12 @ b21, s4 @ b22, a22 @ t4, s1 @ t1, s2 @ t2, s3 @ t3
    u2 = p1 + p6
    u3 = u2 + p7
    block = np.block([[p1 + p2, u2 + p5 + p3], [u3 - p4, u3 + p5]])
    out[:m, :n] = block + a[:m, k:] @ b[k:, :n]
    return out


def sliced(a: Matrix, b: Matrix) -> Matrix:
    """Emulation by integers of one scale for each row of a and each column of b, 53 bits each."""
    rows = 2.0 ** (np.frexp(np.abs(a).max(axis=1, keepdims=True))[1] - 53)
    columns = 2.0 ** (np.frexp(np.abs(b).max(axis=0, keepdims=True))[1] - 53)
    return np.asarray((np.rint(a / rows) @ np.rint(b / columns)) * rows * columns)


def three_bfloats(a: Matrix, b: Matrix) -> Matrix:
    """Each number as three of 8 bits, the products summed."""

    def parts(x: Matrix) -> list[Matrix]:
        found = []
        for _ in range(3):
            significand, exponent = np.frexp(x)
            part = np.ldexp(np.rint(significand * 256) / 256, exponent)
            found.append(part)
            x = x - part
        return found

    return np.asarray(sum(p @ q for p in parts(a) for q in parts(b)))


def two_singles(a: Matrix, b: Matrix) -> Matrix:
    """The right factor as two numbers of 24 bits: 48 of 53."""
    with np.errstate(all="ignore"):
        significand, exponent = np.frexp(b)
        high = significand.astype(np.float32).astype(np.float64)
        low = (significand - high).astype(np.float32).astype(np.float64)
        low = np.ldexp(np.rint(np.ldexp(low, 48)), -48)
    return np.asarray(a @ np.ldexp(high, exponent) + a @ np.ldexp(low, exponent))


def only_large(algorithm: Callable[[Matrix, Matrix], Matrix]) -> Callable[[Matrix, Matrix], Matrix]:
    """As a library might: where all sizes are above 256."""
    return lambda a, b: algorithm(a, b) if min(*a.shape, b.shape[1]) > 256 else a @ b


ALGORITHMS = {"winograd": winograd, "sliced": sliced, "three bfloats": three_bfloats, "two singles": two_singles}


class Strange(np.ndarray):
    """Arrays whose matrix product is another algorithm's."""

    algorithm: Callable[[Matrix, Matrix], Matrix] = staticmethod(lambda a, b: a @ b)

    def __matmul__(self, other: Matrix) -> Matrix:
        return self.algorithm(np.asarray(self), np.asarray(other))


def replace_products(monkeypatch: pytest.MonkeyPatch, algorithm: Callable[[Matrix, Matrix], Matrix]) -> None:
    """In the samples."""
    mixed, zeros = blas._mixed, np.zeros

    class Other(Strange):
        pass

    Other.algorithm = staticmethod(algorithm)
    monkeypatch.setattr(blas, "_mixed", lambda rows, columns: mixed(rows, columns).view(Other))
    monkeypatch.setattr(blas.np, "zeros", lambda *shape, **more: zeros(*shape, **more).view(Other))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_samples_find_out_other_algorithms(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_products(monkeypatch, ALGORITHMS[name])
    assert blas.blas_failures()


def test_one_wrong_entry_of_products_of_one_layout_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a library might use another routine for products of transposed matrices."""
    for first in (True, False):

        def wrong(a: Matrix, b: Matrix, first: bool = first) -> Matrix:
            product = np.asarray(a @ b).copy()
            if a.flags.c_contiguous == first:
                product[-1, -1] = np.nextafter(product[-1, -1], np.inf)
            return product

        with monkeypatch.context() as patch:
            replace_products(patch, wrong)
            assert len(blas.blas_failures()) > 4


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_for_large_matrices_alone_is_found_out_where_the_network_has_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = (DyadicArray.from_floats(np.ones((size, 300))) for size in (257, 256))
    FloatColumnArithmetic().affine(large, None)
    replace_products(monkeypatch, only_large(ALGORITHMS[name]))
    arithmetic = FloatColumnArithmetic()  # its samples are not so large
    arithmetic.affine(small, None)
    with pytest.raises(ArithmeticError, match="conventional"):
        arithmetic.affine(large, None)


@pytest.mark.parametrize("name", ["winograd", "three bfloats"])
def test_such_algorithms_break_the_bound(name: str) -> None:
    """They would make the radius too small: the error of an entry is above γ_k Σ|a||b|."""
    rng = np.random.default_rng(0)
    k = 64
    A, B = rng.normal(size=(k, k)), rng.normal(size=(k, k))
    A[: k // 2], B[:, k // 2 :] = A[: k // 2] * 2.0**40, B[:, k // 2 :] * 2.0**40
    exact = A.astype(np.longdouble) @ B.astype(np.longdouble)
    bound = (k + 2) * 2.0**-52 * (np.abs(A) @ np.abs(B))
    assert (np.abs(A @ B - exact) <= bound).all()
    assert (np.abs(ALGORITHMS[name](A, B) - exact) > bound).any()
