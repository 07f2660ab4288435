"""Vectors of enclosures with one exponent each, in Python integers: entry i lies in (mid[i] ± rad[i])·2^exponent.

Weights are exact, however large or small. After each operation the integers are cut to `bits` bits, outward; so a vector has `bits` bits
relative to its largest entry, and nothing overflows or underflows.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tests.second_checker.weights import Matrix, Vector


@dataclass(frozen=True)
class ExactMatrix:
    """columns[j][i]·2^exponent, and the absolute values of the integers."""

    columns: list[list[int]]
    sizes: list[list[int]]
    exponent: int


@dataclass(frozen=True)
class Row:
    mid: list[int]
    rad: list[int]
    exponent: int

    def interval(self, i: int) -> tuple[Fraction, Fraction]:
        """The two ends of an entry."""
        unit = Fraction(2) ** self.exponent
        return (self.mid[i] - self.rad[i]) * unit, (self.mid[i] + self.rad[i]) * unit

    def part(self, indices: range) -> Row:
        return Row([self.mid[i] for i in indices], [self.rad[i] for i in indices], self.exponent)


def exponent_of(numbers: Vector) -> int:
    """The largest power of two of which all of these dyadic numbers are integer multiples, and at most 1."""
    return -max((number.denominator.bit_length() - 1 for number in numbers), default=0)


def integers(numbers: Vector, exponent: int) -> list[int]:
    found = [number / Fraction(2) ** exponent for number in numbers]
    if any(number.denominator != 1 for number in found):
        raise ValueError("not dyadic")
    return [number.numerator for number in found]


def exact_matrix(rows: Matrix) -> ExactMatrix:
    exponent = exponent_of([entry for row in rows for entry in row])
    columns = [integers(list(column), exponent) for column in zip(*rows, strict=True)]
    return ExactMatrix(columns, [[abs(entry) for entry in column] for column in columns], exponent)


def exact_row(entries: Vector) -> Row:
    exponent = exponent_of(entries)
    return Row(integers(entries, exponent), [0] * len(entries), exponent)


def cut(row: Row, bits: int) -> Row:
    """At most `bits` bits: each entry loses less than one unit of its midpoint and one of its radius."""
    longest = max((abs(entry).bit_length() for entry in row.mid), default=0)
    shift = max(longest, max((entry.bit_length() for entry in row.rad), default=0)) - bits
    if shift <= 0:
        return row
    return Row([entry >> shift for entry in row.mid], [(entry >> shift) + 2 for entry in row.rad], row.exponent + shift)


def shifted(row: Row, exponent: int) -> Row:
    """The same with a smaller exponent."""
    by = row.exponent - exponent
    return Row([entry << by for entry in row.mid], [entry << by for entry in row.rad], exponent)


def added(a: Row, b: Row, bits: int) -> Row:
    exponent = min(a.exponent, b.exponent)
    a, b = shifted(a, exponent), shifted(b, exponent)
    mid, rad = ([x + y for x, y in zip(p, q, strict=True)] for p, q in ((a.mid, b.mid), (a.rad, b.rad)))
    return cut(Row(mid, rad, exponent), bits)


def affine(row: Row, matrix: ExactMatrix, bias: Row, bits: int) -> Row:
    """row · matrix + bias."""
    mid = [sum(map(int.__mul__, row.mid, column)) for column in matrix.columns]
    rad = [sum(map(int.__mul__, row.rad, column)) for column in matrix.sizes] if any(row.rad) else [0] * len(mid)
    return added(Row(mid, rad, row.exponent + matrix.exponent), bias, bits)


def inner(a: Row, b: Row) -> tuple[Fraction, Fraction]:
    """Ends of an enclosure of the inner product."""
    mid = sum(map(int.__mul__, a.mid, b.mid))
    rad = sum(abs(x) * s + abs(y) * r + r * s for x, r, y, s in zip(a.mid, a.rad, b.mid, b.rad, strict=True))
    unit = Fraction(2) ** (a.exponent + b.exponent)
    return (mid - rad) * unit, (mid + rad) * unit


def from_intervals(ends: list[tuple[Fraction, Fraction]], bits: int) -> Row:
    """A row around these intervals."""
    largest = max(max(abs(low), abs(high)) for low, high in ends)
    if largest == 0:
        return Row([0] * len(ends), [0] * len(ends), 0)
    exponent = largest.numerator.bit_length() - largest.denominator.bit_length() - bits
    unit = Fraction(2) ** exponent
    mid, rad = [], []
    for low, high in ends:
        middle = round((low + high) / 2 / unit)
        mid.append(middle)
        rad.append(-(-max(high / unit - middle, middle - low / unit) // 1))
    return Row(mid, rad, exponent)


def times(a: Row, b: Row, bits: int) -> Row:
    """Entry by entry."""
    mid = [x * y for x, y in zip(a.mid, b.mid, strict=True)]
    rad = [abs(x) * s + abs(y) * r + r * s for x, r, y, s in zip(a.mid, a.rad, b.mid, b.rad, strict=True)]
    return cut(Row(mid, rad, a.exponent + b.exponent), bits)


def scaled(row: Row, ends: tuple[Fraction, Fraction], bits: int) -> Row:
    """Times a number between these ends."""
    factor = from_intervals([ends], bits)
    many = Row(factor.mid * len(row.mid), factor.rad * len(row.mid), factor.exponent)
    return times(row, many, bits)


def relu(row: Row) -> Row:
    """max(x, 0): an interval around 0 becomes one from 0 up."""
    ends = [(max(m - r, 0), max(m + r, 0)) for m, r in zip(row.mid, row.rad, strict=True)]
    return Row([low + high for low, high in ends], [high - low for low, high in ends], row.exponent - 1)
