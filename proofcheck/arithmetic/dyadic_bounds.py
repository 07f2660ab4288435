"""Dyadic numbers just above others: exact integer arithmetic, rounded up."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.fixed_point import Integers
from proofcheck.arithmetic.operations import count


def dyadic_above(value: Fraction, bits: int) -> DyadicArray:
    """The least multiple of 2^−bits that is at least `value`, shape []."""
    scalar = np.empty((), dtype=object)
    scalar[()] = _ceiling(value.numerator << bits, value.denominator)
    return DyadicArray(scalar, -bits)


def multiples_above(exact: DyadicArray, bits: int) -> DyadicArray:
    """Entrywise the least multiple of 2^−bits that is at least the entry. One operation per entry."""
    drop = -bits - exact.exponent
    if drop <= 0:
        return exact
    out = np.empty(exact.size, dtype=object)
    out[:] = [-(-integer >> drop) for integer in exact.integers.ravel().tolist()]  # outward: up
    count(exact.size)
    return DyadicArray(out.reshape(exact.shape), -bits)


def reciprocals_above(integers: Integers, bits: int) -> DyadicArray:
    """Entrywise the least multiple of 2^−bits that is at least 1/k, for integers k ≥ 1."""
    out = np.empty(integers.size, dtype=object)
    out[:] = [_ceiling(1 << bits, integer) for integer in integers.ravel().tolist()]
    count(integers.size)
    return DyadicArray(out.reshape(integers.shape), -bits)


def _ceiling(numerator: int, denominator: int) -> int:
    """⌈numerator / denominator⌉ for a denominator ≥ 1."""
    if denominator < 1:
        raise ValueError("the denominator must be positive")
    return -(-numerator // denominator)


def significant_bits(exact: DyadicArray) -> tuple[int, int, int]:
    """(digits, least, most) of the nonzero entries: each is an integer of at most `digits` bits times a power of two, at least 2^least and
    below 2^most in size. (0, 0, 0) if there is none.
    """
    sizes = [abs(integer) for integer in exact.integers.ravel().tolist() if integer]
    if not sizes:
        return 0, 0, 0
    digits = max((size // (size & -size)).bit_length() for size in sizes)
    lengths = [size.bit_length() for size in sizes]
    return digits, min(lengths) - 1 + exact.exponent, max(lengths) + exact.exponent
