"""Exact arrays of dyadic rationals: integers times one power of two. Nothing in this file rounds."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from proofcheck.arithmetic.float_bits import split_floats
from proofcheck.arithmetic.operations import count


class DyadicArray:
    """An immutable array of exact values integers · 2^exponent, of any shape.

    `integers` is a numpy object array of Python integers (arbitrary size), so numpy only moves entries about and Python adds and
    multiplies them; matrix products go through flint's `fmpz_mat`. Broadcasting and indexing are numpy's.
    """

    __slots__ = ("_exponent", "_integers")

    def __init__(self, integers: NDArray[Any], exponent: int) -> None:
        """`integers`: object array of Python ints (not checked entry by entry: callers pass the results of integer operations)."""
        if integers.dtype != object:
            raise TypeError("DyadicArray takes an object array of Python integers")
        self._integers = integers
        self._exponent = exponent

    @classmethod
    def from_floats(cls, values: NDArray[Any]) -> DyadicArray:
        """The exact values of an IEEE float array (float16/32/64, any shape), from its bits. ValueError on NaN and infinities."""
        significands, exponents = split_floats(values)
        nonzero = significands != 0
        if not nonzero.any():
            return cls(_as_objects(np.zeros(values.shape, dtype=np.int64)), 0)
        low_bits = np.where(nonzero, significands & -significands, 1)  # lowest set bit, a power of two
        trailing = (low_bits.astype(np.float64).view(np.int64) >> 52) - 1023  # exact: the exponent field of a power of two
        exponents += trailing
        lowest = int(exponents[nonzero].min())
        shifts = np.where(nonzero, exponents - lowest, 0)
        return cls(np.asarray(_as_objects(significands >> trailing) << _as_objects(shifts), dtype=object), lowest)

    @classmethod
    def zeros(cls, shape: tuple[int, ...]) -> DyadicArray:
        """An array of exact zeros."""
        return cls(_as_objects(np.zeros(shape, dtype=np.int64)), 0)

    @classmethod
    def from_integers(cls, values: NDArray[np.int64]) -> DyadicArray:
        """The exact values of an integer array."""
        return cls(_as_objects(np.asarray(values, dtype=np.int64)), 0)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._integers.shape

    @property
    def size(self) -> int:
        return self._integers.size

    @property
    def exponent(self) -> int:
        return self._exponent

    @property
    def integers(self) -> NDArray[Any]:
        """The object array of Python integers; values are integers · 2^exponent."""
        return self._integers

    def bits(self) -> int:
        """The number of bits of the largest integer; every |value| < 2^(exponent + bits)."""
        return max(int(self._integers.max()).bit_length(), int(self._integers.min()).bit_length()) if self.size else 0

    @property
    def T(self) -> DyadicArray:
        return DyadicArray(self._integers.T, self._exponent)

    def __getitem__(self, index: Any) -> DyadicArray:
        picked = self._integers[index]
        if not isinstance(picked, np.ndarray):
            scalar = np.empty((), dtype=object)
            scalar[()] = picked
            picked = scalar
        return DyadicArray(picked, self._exponent)

    def reshape(self, *shape: int) -> DyadicArray:
        return DyadicArray(self._integers.reshape(*shape), self._exponent)

    def fractions(self) -> NDArray[Any]:
        """The same values as an object array of `fractions.Fraction`, for reports and tests."""
        scale = Fraction(2) ** self._exponent
        out = np.empty(self.shape, dtype=object)
        for index, value in np.ndenumerate(self._integers):
            out[index] = value * scale
        return out

    def times_power_of_two(self, power: int) -> DyadicArray:
        return DyadicArray(self._integers, self._exponent + power)

    def at_exponent(self, exponent: int) -> NDArray[Any]:
        """The integers that represent the same values with a lower (or equal) exponent."""
        if exponent > self._exponent:
            raise ValueError("a higher exponent would need rounding")
        shift = self._exponent - exponent
        return self._integers << shift if shift else self._integers

    def __neg__(self) -> DyadicArray:
        return DyadicArray(np.asarray(-self._integers, dtype=object), self._exponent)

    def __add__(self, other: DyadicArray) -> DyadicArray:
        return _elementwise(np.add, self, other)

    def __sub__(self, other: DyadicArray) -> DyadicArray:
        return _elementwise(np.subtract, self, other)

    def __mul__(self, other: DyadicArray) -> DyadicArray:
        product = np.asarray(self._integers * other._integers, dtype=object)
        count(product.size)
        return DyadicArray(product, self._exponent + other._exponent)

    def __matmul__(self, other: DyadicArray) -> DyadicArray:
        """The exact matrix product [a, b] @ [b, c]; a·c·(2b − 1) operations."""
        (rows, inner), (inner_other, columns) = self.shape, other.shape
        if inner != inner_other:
            raise ValueError(f"shapes {self.shape} and {other.shape} do not multiply")
        left = fmpz_mat(rows, inner, self._integers.ravel().tolist())  # also of no rows
        product = left * fmpz_mat(inner, columns, other._integers.ravel().tolist())
        out = np.empty(rows * columns, dtype=object)
        out[:] = [int(entry) for entry in product.entries()]
        count(rows * columns * (2 * inner - 1))
        return DyadicArray(out.reshape(rows, columns), self._exponent + other._exponent)

    def abs(self) -> DyadicArray:
        count(self.size)
        return DyadicArray(np.asarray(np.abs(self._integers), dtype=object), self._exponent)

    def max(self, axis: int) -> DyadicArray:
        return self._reduce(np.maximum, axis)

    def min(self, axis: int) -> DyadicArray:
        return self._reduce(np.minimum, axis)

    def sum(self, axis: int) -> DyadicArray:
        return self._reduce(np.add, axis)

    def range(self, axis: int) -> DyadicArray:
        """max − min along `axis`."""
        return self.max(axis) - self.min(axis)

    def running_max(self, axis: int) -> DyadicArray:
        count(self.size)
        return DyadicArray(np.maximum.accumulate(self._integers, axis=axis), self._exponent)

    def running_min(self, axis: int) -> DyadicArray:
        count(self.size)
        return DyadicArray(np.minimum.accumulate(self._integers, axis=axis), self._exponent)

    def running_argmax(self, axis: int) -> NDArray[np.int64]:
        """Entry k along `axis`: the index of a largest entry among entries 0..k."""
        return self._running_index(np.maximum, axis)

    def running_argmin(self, axis: int) -> NDArray[np.int64]:
        """Entry k along `axis`: the index of a smallest entry among entries 0..k."""
        return self._running_index(np.minimum, axis)

    def maximum(self, other: DyadicArray) -> DyadicArray:
        return _elementwise(np.maximum, self, other)

    def minimum(self, other: DyadicArray) -> DyadicArray:
        return _elementwise(np.minimum, self, other)

    def is_positive(self) -> NDArray[np.bool_]:
        count(self.size)
        return np.asarray(self._integers > 0, dtype=np.bool_)

    def is_negative(self) -> NDArray[np.bool_]:
        count(self.size)
        return np.asarray(self._integers < 0, dtype=np.bool_)

    def _running_index(self, ufunc: np.ufunc, axis: int) -> NDArray[np.int64]:
        extremes = ufunc.accumulate(self._integers, axis=axis)
        attained = np.asarray(self._integers == extremes, dtype=np.bool_)  # the last attained index up to k attains the extreme of 0..k
        steps = np.arange(self.shape[axis]).reshape([-1 if k == axis % len(self.shape) else 1 for k in range(len(self.shape))])
        count(2 * self.size)
        return np.asarray(np.maximum.accumulate(np.where(attained, steps, 0), axis=axis), dtype=np.int64)

    def _reduce(self, ufunc: np.ufunc, axis: int) -> DyadicArray:
        if self.shape[axis] == 0:
            raise ValueError("reduction over an empty axis")
        reduced = ufunc.reduce(self._integers, axis=axis)
        if not isinstance(reduced, np.ndarray):
            scalar = np.empty((), dtype=object)
            scalar[()] = reduced
            reduced = scalar
        count(self.size - reduced.size)
        return DyadicArray(reduced, self._exponent)


def concatenate(parts: list[DyadicArray], axis: int) -> DyadicArray:
    """Join arrays along `axis`, exactly."""
    exponent = min(part.exponent for part in parts)
    return DyadicArray(np.concatenate([part.at_exponent(exponent) for part in parts], axis=axis), exponent)


def reciprocal_below(divisor: int) -> DyadicArray:
    """An exact dyadic number in (1/divisor − 2^−32, 1/divisor], shape []; 1/divisor itself for powers of two up to 2^32."""
    if divisor < 1:
        raise ValueError("the divisor must be positive")
    integer, exponent = (1 << 32) // divisor, -32
    trailing = max((integer & -integer).bit_length() - 1, 0)
    scalar = np.empty((), dtype=object)
    scalar[()] = integer >> trailing
    return DyadicArray(scalar, exponent + trailing if integer else 0)


def _elementwise(operation: Callable[..., Any], left: DyadicArray, right: DyadicArray) -> DyadicArray:
    exponent = min(left.exponent, right.exponent)
    result = np.asarray(operation(left.at_exponent(exponent), right.at_exponent(exponent)), dtype=object)
    count(result.size)
    return DyadicArray(result, exponent)


def _as_objects(values: NDArray[np.int64]) -> NDArray[Any]:
    return values.astype(object)  # Python integers
