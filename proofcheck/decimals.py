"""Exact ratios as decimals for people."""

from __future__ import annotations

from fractions import Fraction


def decimal(part: int, whole: int, digits: int = 6) -> str:
    """part/whole with `digits` decimals, rounded down; "…" follows unless it is exact."""
    if whole <= 0:
        return "0"
    scaled, rest = divmod(part * 10**digits, whole)
    return f"{scaled // 10**digits}.{scaled % 10**digits:0{digits}d}{'…' if rest else ''}"


def signed(number: Fraction, *, up: bool, digits: int = 6) -> str:
    """A rational with so many decimals, rounded up or down."""
    top = number.numerator * 10**digits
    scaled = -(-top // number.denominator) if up else top // number.denominator
    sign, size = "-" if scaled < 0 else "", abs(scaled)
    return f"{sign}{size // 10**digits}.{size % 10**digits:0{digits}d}"


def significant(number: Fraction, digits: int = 6) -> str:
    """A number ≥ 0 with at least `digits` significant decimals, rounded down; "…" follows unless it is exact."""
    zeros = 0
    while number and number * 10 ** (zeros + 1) < 1 and zeros < 400:
        zeros += 1
    return decimal(number.numerator, number.denominator, zeros + digits)
