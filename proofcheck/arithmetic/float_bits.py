"""IEEE floats as integers: no float operation, so no rounding or flush-to-zero mode of the processor can change what is read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_FRACTION_BITS = {"f2": 10, "f4": 23, "f8": 52}  # of IEEE binary16, binary32, binary64


def float_fields(values: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64], int]:
    """Sign, exponent field and fraction field of each entry of a float16/32/64 array, and the width of the fraction field.

    TypeError for other dtypes.
    """
    kind = values.dtype.str[1:]
    if kind not in _FRACTION_BITS:
        raise TypeError(f"{values.dtype} is not float16, float32 or float64")
    fraction_bits, width = _FRACTION_BITS[kind], 8 * values.dtype.itemsize
    native = values.astype(values.dtype.newbyteorder("="))  # a copy; swaps bytes at most
    bits = native.view(f"u{values.dtype.itemsize}").astype(np.uint64)
    exponents = (bits >> np.uint64(fraction_bits)) & np.uint64((1 << (width - 1 - fraction_bits)) - 1)
    fractions = bits & np.uint64((1 << fraction_bits) - 1)
    signs = bits >> np.uint64(width - 1) != 0
    return signs, exponents.astype(np.int64), fractions.astype(np.int64), fraction_bits


def is_finite(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a float array holds neither NaN nor an infinity."""
    _, exponents, _, fraction_bits = float_fields(values)
    return np.asarray(exponents != _all_ones(values, fraction_bits))


def split_floats(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Integers s, e with value = s · 2^e for each entry, |s| < 2^53. ValueError on NaN and infinities.

    Proof: IEEE-754 §3.4: with bias b and p fraction bits a normal float is ±(2^p + fraction) · 2^(exponent − b − p), a subnormal one
    (exponent field 0) ±fraction · 2^(1 − b − p).  ∎
    """
    signs, exponents, fractions, fraction_bits = float_fields(values)
    top = _all_ones(values, fraction_bits)
    if (exponents == top).any():
        raise ValueError("NaN or infinity has no exact value")
    normal = exponents > 0
    sizes = np.where(normal, fractions | np.int64(1 << fraction_bits), fractions)
    scale = np.where(normal, exponents, 1) - (top >> 1) - fraction_bits  # the bias is half of the field of all ones
    return np.where(signs, -sizes, sizes), scale


def largest_exponent(values: NDArray[Any]) -> int:
    """The smallest E ≥ 0 with 2^−E ≤ |x| < 2^E for every nonzero entry x of a finite IEEE float array.

    So the integers of a `DyadicArray` made of them have at most 2·E + 53 bits: what it will cost is known before it is made.
    """
    significands, exponents = split_floats(values)
    nonzero = significands != 0
    if not nonzero.any():
        return 0
    sizes, powers = np.abs(significands[nonzero]), exponents[nonzero]
    # the floats of one format are ordered like (exponent, significand), so the extremes are at the extremes of these pairs
    order = np.lexsort((sizes, powers))
    least, most = (int(sizes[k]).bit_length() + int(powers[k]) for k in (order[0], order[-1]))  # 2^(b − 1) ≤ |x| < 2^b
    return max(0, 1 - least, most)


def _all_ones(values: NDArray[Any], fraction_bits: int) -> int:
    return (1 << (8 * values.dtype.itemsize - 1 - fraction_bits)) - 1
