"""Vectors and matrices of Fractions: lists, and lists of rows."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from tests.second_checker.weights import Matrix, Vector


def scaled(A: Matrix) -> tuple[list[list[int]], int]:
    """Integers and one denominator: the same matrix, quicker to multiply."""
    denominator = lcm(*(entry.denominator for row in A for entry in row))
    return [[entry.numerator * (denominator // entry.denominator) for entry in row] for row in A], denominator


def product(A: Matrix, B: Matrix) -> Matrix:
    """A B."""
    left, left_denominator = scaled(A)
    right, right_denominator = scaled(B)
    columns = list(zip(*right, strict=True))
    denominator = left_denominator * right_denominator
    return [[Fraction(sum(map(int.__mul__, row, column)), denominator) for column in columns] for row in left]


def transpose(A: Matrix) -> Matrix:
    return [list(column) for column in zip(*A, strict=True)]


def plus(a: Vector, b: Vector) -> Vector:
    return [x + y for x, y in zip(a, b, strict=True)]


def add_row(A: Matrix, row: Vector) -> Matrix:
    """A with `row` added to each of its rows."""
    return [plus(a, row) for a in A]


def minus(A: Matrix, B: Matrix) -> Matrix:
    return [[x - y for x, y in zip(a, b, strict=True)] for a, b in zip(A, B, strict=True)]


def dot(a: Vector, b: Vector) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def outer(a: Vector, b: Vector) -> Matrix:
    """a ⊗ b."""
    return [[x * y for y in b] for x in a]


def plus_all(terms: list[Matrix]) -> Matrix:
    """The sum of matrices of one shape."""
    return [[sum(entries, Fraction(0)) for entries in zip(*rows, strict=True)] for rows in zip(*terms, strict=True)]
