"""The interface of interval arrays: enclosures of real arrays, one implementation per backend.

Semantics: an `Intervals` X of shape s encloses a real array x of shape s iff x[k] lies in the closed interval X[k] for every k.
Postcondition of every operation f:  ∀ x ∈ X, y ∈ Y:  f(x, y) ∈ f(X, Y).
An entry that overflowed or became NaN encloses every real number and no comparison is certain about it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.fixed_point import FixedPoint, IntegerArray

if TYPE_CHECKING:
    from typing_extensions import Self


class Intervals(ABC):
    """An array of enclosures with numpy's broadcasting and indexing."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]: ...

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @abstractmethod
    def __getitem__(self, index: Any) -> Self:
        """numpy indexing; entries move, nothing is computed."""

    @abstractmethod
    def broadcast_to(self, shape: tuple[int, ...]) -> Self: ...

    @abstractmethod
    def __neg__(self) -> Self: ...

    @abstractmethod
    def __add__(self, other: Self) -> Self: ...

    @abstractmethod
    def __sub__(self, other: Self) -> Self: ...

    @abstractmethod
    def __mul__(self, other: Self) -> Self: ...

    @abstractmethod
    def maximum(self, other: Self) -> Self:
        """Entrywise max: ∀ x, y: max(x, y) ∈ result."""

    @abstractmethod
    def max(self, axis: int) -> Self: ...

    @abstractmethod
    def min(self, axis: int) -> Self: ...

    @abstractmethod
    def running_min(self, axis: int) -> Self:
        """Entry k along `axis` encloses the minimum of entries 0..k."""

    @abstractmethod
    def sum(self, axis: int) -> Self:
        """The sum along `axis`; an empty axis gives exact zeros."""

    @abstractmethod
    def share(self, other: Self) -> Self:
        """x / (x + y) for x ∈ self, y ∈ other of one shape, within [0, 1] (balls: up to the rounding of radii).

        Hypothesis (the caller's): the enclosed reals satisfy x ≥ 0, y ≥ 0, x + y > 0; so the share is in [0, 1], which is also the answer
        where nothing better is known. Three operations per entry.
        """

    @abstractmethod
    def multiples_below(self, bits: int) -> NDArray[np.int64]:
        """Integers k with k·2^−bits ≤ every point of the enclosure. ArithmeticError unless every |entry| is at most 2^(62 − bits)."""

    @abstractmethod
    def multiples_above(self, bits: int) -> NDArray[np.int64]:
        """Integers k with k·2^−bits ≥ every point of the enclosure. ArithmeticError unless every |entry| is at most 2^(62 − bits)."""

    @abstractmethod
    def certainly_positive(self) -> NDArray[np.bool_]:
        """True where every point of the enclosure is > 0; False is no statement."""

    @abstractmethod
    def certainly_negative(self) -> NDArray[np.bool_]:
        """True where every point of the enclosure is < 0; False is no statement."""

    @abstractmethod
    def certainly_at_most_zero(self) -> NDArray[np.bool_]:
        """True where every point of the enclosure is ≤ 0; False is no statement."""

    @abstractmethod
    def fixed_point(self, bits: int) -> FixedPoint:
        """Integers below 2^bits in size that enclose the entries, with one power of two for each index of axis 0.

        Postconditions: see `FixedPoint`. ArithmeticError if an entry is not finite.
        """

    def fixed_point_product(self, first: Self, second: Self, bits: int) -> FixedPoint:
        """`fixed_point` of self · (first + second), broadcast; axis 0 of self is axis 0 of the result. Two operations per entry.

        A backend may evaluate it in another way: what holds is the postcondition of `FixedPoint` about the exact values. 8 ≤ bits ≤ 29.
        """
        return (self * (first + second)).fixed_point(bits)

    def lower_product(self, first: Self, second: Self, bits: int) -> IntegerArray:
        """The lower ends of `fixed_point_product` alone, each from the ends of its own entry, for self ≥ 0: integers L with
        L ≤ scale_a·w·(u + v) for all w, u, v of the enclosures, and |L| ≤ 2^bits. Two operations per entry.
        """
        return (self * (first + second)).fixed_point(bits).lower

    def __eq__(self, other: object) -> bool:
        raise TypeError("enclosures are compared with certainly_positive / certainly_negative, never with ==")

    def __bool__(self) -> bool:
        raise TypeError("an enclosure has no truth value: use certainly_positive / certainly_negative")


class PositiveTable(ABC):
    """Enclosures of positive reals of any size, kept as significand · 2^exponent so that nothing under- or overflows.

    exponent[k] is an integer with significand[k] of order 1; it carries no claim, so choosing a shift by it is never a soundness matter.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def exponent(self) -> NDArray[np.int64]: ...

    @abstractmethod
    def __getitem__(self, index: Any) -> Self: ...

    @abstractmethod
    def __mul__(self, other: Self) -> Self: ...

    @abstractmethod
    def relative_to(self, exponent: NDArray[np.int64]) -> Intervals:
        """Enclosures of value · 2^−exponent (broadcast)."""
