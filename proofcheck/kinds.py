"""Kinds of the values that a certificate may give for a model's options, a task's fields or a claim's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits

Value = Any  # int, str, a tuple of values, or an array: what the certificate's decoder makes


class Kind(Protocol):
    """What a value must be, and what is made of it."""

    def read(self, value: Value, path: str, limits: Limits) -> Any:
        """Rejected(wrong-type, bad-number, bad-string, bad-array) with the path, Declined(limit-exceeded)."""

    def words(self) -> str:
        """The kind in a few words, for people."""


@dataclass(frozen=True, slots=True)
class IntegerKind:
    """An integer from `least` on, to `most` if that is not None."""

    least: int = 0
    most: int | None = None

    def read(self, value: Value, path: str, limits: Limits) -> int:
        if not isinstance(value, int):
            raise wrong_type(value, path, "an integer")
        if value < self.least or (self.most is not None and value > self.most):
            raise Rejected(Reason.BAD_NUMBER, "the number is out of range", path=path, expected=self.words(), found=str(value)[:40])
        return value

    def words(self) -> str:
        return f"at least {self.least}" if self.most is None else f"{self.least} … {self.most}"


@dataclass(frozen=True, slots=True)
class ChoiceKind:
    """One of some words."""

    choices: tuple[str, ...]

    def read(self, value: Value, path: str, limits: Limits) -> str:
        if not isinstance(value, str):
            raise wrong_type(value, path, "a string")
        if value not in self.choices:
            raise Rejected(Reason.BAD_STRING, "not one of the allowed words", path=path, expected=self.words(), found=value[:80])
        return value

    def words(self) -> str:
        return ", ".join(self.choices)


@dataclass(frozen=True, slots=True)
class IntegersKind:
    """A list of integers from `least` to `most`."""

    least: int
    most: int

    def read(self, value: Value, path: str, limits: Limits) -> tuple[int, ...]:
        items = _list(value, path, self.words(), limits)
        return tuple(IntegerKind(self.least, self.most).read(item, f"{path}[{k}]", limits) for k, item in enumerate(items))

    def words(self) -> str:
        return f"a list of integers {self.least} … {self.most}"


@dataclass(frozen=True, slots=True)
class ChoicesKind:
    """A list of some words."""

    choices: tuple[str, ...]

    def read(self, value: Value, path: str, limits: Limits) -> tuple[str, ...]:
        items = _list(value, path, self.words(), limits)
        return tuple(ChoiceKind(self.choices).read(item, f"{path}[{k}]", limits) for k, item in enumerate(items))

    def words(self) -> str:
        return f"a list of {', '.join(self.choices)}"


def _list(value: Value, path: str, expected: str, limits: Limits) -> tuple[Value, ...]:
    """A list that is not empty."""
    if not isinstance(value, tuple):
        raise wrong_type(value, path, "a list")
    if not value:
        raise Rejected(Reason.BAD_NUMBER, "the list is empty", path=path, expected=expected)
    limits.require("sequence_length", len(value), path=path)
    return value


@dataclass(frozen=True, slots=True)
class RationalKind:
    """An exact rational "p/q" in lowest terms with q ≥ 1 ("p/1" for integers), at least `least`."""

    least: Fraction = Fraction(0)

    def read(self, value: Value, path: str, limits: Limits) -> Fraction:
        if not isinstance(value, str):
            raise wrong_type(value, path, "a string p/q")
        top, slash, bottom = value.partition("/")
        digits = top.removeprefix("-")
        if not (slash and digits.isascii() and digits.isdigit() and bottom.isascii() and bottom.isdigit() and bottom.strip("0")):
            raise Rejected(Reason.BAD_NUMBER, "not a rational", path=path, expected="p/q in lowest terms", found=value[:80])
        limits.require("integer_digits", max(len(digits), len(bottom)), path=path)
        number = Fraction(int(top), int(bottom))
        if value != f"{number.numerator}/{number.denominator}":
            raise Rejected(Reason.BAD_NUMBER, "not in lowest terms", path=path, expected=str(number), found=value[:80])
        if number < self.least:
            raise Rejected(Reason.BAD_NUMBER, "the number is too small", path=path, expected=f"at least {self.least}", found=value[:80])
        return number

    def words(self) -> str:
        return f"a rational p/q, at least {self.least}"


@dataclass(frozen=True, slots=True)
class TableKind:
    """An array of int64 with `axes` axes, entries from `least` to `most`."""

    axes: int
    least: int
    most: int

    def read(self, value: Value, path: str, limits: Limits) -> NDArray[np.int64]:
        if not isinstance(value, np.ndarray):
            raise wrong_type(value, path, "an array")
        if value.dtype.str != "<i8" or value.ndim != self.axes:
            found = f"{value.dtype} with {value.ndim} axes"
            raise Rejected(Reason.BAD_ARRAY, "an array of another kind", path=path, expected=self.words(), found=found)
        if value.size and not self.least <= int(value.min()) <= int(value.max()) <= self.most:
            found = f"{int(value.min())} … {int(value.max())}"
            raise Rejected(Reason.BAD_NUMBER, "entries are out of range", path=path, expected=self.words(), found=found)
        return value

    def words(self) -> str:
        return f"i64 array with {self.axes} axes, entries {self.least} … {self.most}"


def read_fields(
    fields: Mapping[str, Value], kinds: Mapping[str, Kind], path: str, limits: Limits, optional: Mapping[str, Kind] | None = None
) -> dict[str, Any]:
    """Exactly these fields in this order, then any of the optional ones in theirs.

    Rejected: missing-field, unknown-field, field-order, and what the kinds raise.
    """
    required, kinds = kinds, {**kinds, **{name: kind for name, kind in (optional or {}).items() if name in fields}}
    for name in required:
        if name not in fields:
            raise Rejected(Reason.MISSING_FIELD, f"the field {name!r} is missing", path=f"{path}.{name}", expected=kinds[name].words())
    for name in fields:
        if name not in kinds:
            expected = ", ".join(kinds) or "no fields"
            raise Rejected(Reason.UNKNOWN_FIELD, f"the field {name!r} does not belong here", path=f"{path}.{name}", expected=expected)
    if tuple(fields) != tuple(kinds):
        expected = ", ".join(kinds)
        raise Rejected(Reason.FIELD_ORDER, "the fields are in another order", path=path, expected=expected, found=", ".join(fields))
    return {name: kind.read(fields[name], f"{path}.{name}", limits) for name, kind in kinds.items()}


def wrong_type(value: object, path: str, expected: str) -> Rejected:
    """The refusal of a value of another type than `expected`."""
    kinds = {dict: "an object", list: "an array", tuple: "an array", str: "a string", int: "an integer", bool: "a boolean"}
    found = "a table" if isinstance(value, np.ndarray) else kinds.get(type(value), "null")
    return Rejected(Reason.WRONG_TYPE, "wrong type", path=path, expected=expected, found=found)
