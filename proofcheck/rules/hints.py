"""The kinds of hints: what a certificate's value must be, and what a rule gets. Decoded once, here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import DyadicArray, largest_exponent
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions

Hint = NDArray[Any] | int  # as the certificate's decoder made it


class HintKind(Protocol):
    """What a hint must be (`check`, before any work is done) and what the rule gets (`decode`)."""

    def check(self, name: str, value: Hint, dimensions: Dimensions, limits: Limits) -> None:
        """Rejected(bad-hint) or Declined(limit-exceeded) unless the value is of this kind."""

    def decode(self, value: Hint) -> Any:
        """What a rule gets of a value that was checked."""

    def words(self) -> str:
        """The kind in a few words, for people."""


@dataclass(frozen=True, slots=True)
class IntegerHint:
    """One integer between least and most; decoded as int."""

    least: int
    most: int

    def check(self, name: str, value: Hint, dimensions: Dimensions, limits: Limits) -> None:
        if isinstance(value, np.ndarray):
            raise Rejected(Reason.BAD_HINT, f"hint {name} is not an integer", path=name, expected="an integer", found="an array")
        if not self.least <= value <= self.most:
            raise Rejected(
                Reason.BAD_HINT,
                f"hint {name} is out of range",
                path=name,
                expected=f"{self.least} … {self.most}",
                found=str(value),
            )

    def decode(self, value: Hint) -> int:
        return int(value)

    def words(self) -> str:
        return f"integer {self.least} … {self.most}"


@dataclass(frozen=True, slots=True)
class IntegersHint:
    """An array of int64 with axes named by dimensions ("d_vocab"), of a given size ("3"), or free ("*"); decoded as it is, read-only."""

    axes: tuple[str, ...]

    def check(self, name: str, value: Hint, dimensions: Dimensions, limits: Limits) -> None:
        _check_array(name, value, "i64", self.axes, dimensions)

    def decode(self, value: Hint) -> NDArray[np.int64]:
        return np.asarray(value, dtype=np.int64)

    def words(self) -> str:
        return f"i64 [{', '.join(self.axes)}]"


@dataclass(frozen=True, slots=True)
class ExactHint:
    """An array of float64 with such axes; decoded as the exact reals that its floats are."""

    axes: tuple[str, ...]

    def check(self, name: str, value: Hint, dimensions: Dimensions, limits: Limits) -> None:
        limits.require("exponent", largest_exponent(_check_array(name, value, "f64", self.axes, dimensions)), path=name)

    def decode(self, value: Hint) -> DyadicArray:
        return DyadicArray.from_floats(np.asarray(value, dtype=np.float64))

    def words(self) -> str:
        return f"f64 [{', '.join(self.axes)}]"


_DTYPES = {"i64": "<i8", "f64": "<f8"}


def _check_array(name: str, value: Hint, dtype: str, axes: tuple[str, ...], dimensions: Dimensions) -> NDArray[Any]:
    """The array; Rejected(bad-hint) if it is none, of another dtype, or of another shape."""
    if not isinstance(value, np.ndarray) or value.dtype.str != _DTYPES[dtype]:
        found = f"array of {value.dtype}" if isinstance(value, np.ndarray) else "an integer"
        raise Rejected(Reason.BAD_HINT, f"hint {name} is not an array of {dtype}", path=name, expected=dtype, found=found)
    shape = [axis if axis == "*" or axis.isdigit() else str(dimensions.size(axis)) for axis in axes]
    fits = len(shape) == value.ndim and all(want in ("*", str(have)) for want, have in zip(shape, value.shape, strict=False))
    if not fits:
        raise Rejected(
            Reason.BAD_HINT,
            f"hint {name} has the wrong shape",
            path=name,
            expected=f"[{', '.join(axes)}] = [{', '.join(shape)}]",
            found=str(list(value.shape)),
        )
    return value
