"""Whether numpy's matrix products are conventional float64 ones, as Theorem E assumes: a test of samples, not a proof."""

from __future__ import annotations

import numpy as np

_SHAPES = ((1, 1, 1), (3, 5, 7), (64, 64, 64), (33, 130, 257), (256, 256, 256), (128, 32, 2048), (64, 257, 1), (1, 64, 257))
LARGEST_SAMPLE = 256  # of `blas_failures`: an algorithm may be another one where all three sizes are larger


def blas_failures() -> list[str]:
    """What is wrong with products of sample matrices; empty where nothing is.

    A row of a permutation matrix times a matrix is a row of it, exactly, in any order of summation and with fused operations; so products
    must return the entries unchanged. Entries from 2^−200 to 2^200 side by side show algorithms that mix entries of different rows or
    columns (Strassen, Winograd) and those that split numbers into pieces of a common scale; 53-bit entries show reduced precision.
    """
    return [failure for shape in _SHAPES for failure in product_failures(*shape)]


def product_failures(m: int, k: int, n: int) -> list[str]:
    """The same for products [m, k] @ [k, n] and their transposes: one failure or none."""
    right = _mixed(k, n)
    chosen = np.arange(m) * 7 % k
    left = np.zeros((m, k))
    left[np.arange(m), chosen] = 1.0
    rows = right[chosen]
    if (left @ right != rows).any() or (right.T @ left.T != rows.T).any():  # rows are not 0, and NaN differs from everything
        return [f"a float64 matrix product [{m}, {k}] @ [{k}, {n}] does not have the rounding error of the conventional one"]
    return []


def _mixed(rows: int, columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Fixed doubles with full significands, of very different sizes in every block."""
    numbers = np.arange(1, rows * columns + 1, dtype=np.uint64).reshape(rows, columns) * np.uint64(0x9E3779B97F4A7C15)
    significands = 1.0 + (numbers >> np.uint64(12)).astype(np.float64) * 2.0**-52
    exponents = (numbers & np.uint64(0xFF)).astype(np.int64) * 400 // 255 - 200
    return np.asarray(np.ldexp(significands, exponents), dtype=np.float64)
