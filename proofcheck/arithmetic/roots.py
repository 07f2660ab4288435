"""Square roots rounded up, and running maxima with their places, of exact arrays."""

from __future__ import annotations

from math import isqrt

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.operations import count

_ROOT_BITS = 64  # bits of a root beyond those of the smallest positive entry of its array


def root_above(exact: DyadicArray) -> DyadicArray:
    """Dyadic numbers r ≥ √x, entrywise, for x ≥ 0. One operation per entry. ValueError on a negative entry.

    Proof. x = N·2^(2e) with an integer N ≥ 0, and r = R·2^e with R = 0 if N = 0, else R = isqrt(N − 1) + 1,
    the least integer with
    R² ≥ N.  ∎ The scale is chosen so that N has at least 2·_ROOT_BITS bits where x is not zero, so r ≤ √x·(1
    + 2^−63).
    """
    integers, exponent = exact.integers, exact.exponent
    positive = [int(integer) for integer in integers.ravel().tolist() if integer]
    shift = max(0, 2 * _ROOT_BITS - min((integer.bit_length() for integer in positive), default=0))
    shift += (exponent - shift) % 2  # an even exponent remains
    count(exact.size)
    out = np.empty(exact.size, dtype=object)
    out[:] = [_ceiling_root(int(integer) << shift) for integer in integers.ravel().tolist()]
    return DyadicArray(out.reshape(exact.shape), (exponent - shift) // 2)


def _ceiling_root(integer: int) -> int:
    """The least R ≥ 0 with R² ≥ integer."""
    return isqrt(integer - 1) + 1 if integer else isqrt(integer)  # a negative integer is refused by isqrt in both branches


def leaders(exact: DyadicArray) -> NDArray[np.int64]:
    """For a vector, entry k: the first index of a largest entry among entries 0..k. One comparison per entry."""
    integers = exact.integers
    count(exact.size)
    largest = np.maximum.accumulate(integers)
    rises = np.ones(exact.size, dtype=np.bool_)
    rises[1:] = np.asarray(largest[1:] > largest[:-1], dtype=np.bool_)  # the comparison that found the maximum
    return np.asarray(np.maximum.accumulate(np.where(rises, np.arange(exact.size), 0)), dtype=np.int64)
