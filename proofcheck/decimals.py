"""Exact ratios as decimals, and times, for people."""

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


def duration(seconds: int) -> str:
    """12 s, 3 min, 2 h 10 min, 5 days, 7 years."""
    minutes, hours, days = (seconds + 30) // 60, seconds // 3600, seconds // 86_400
    if seconds < 90:
        return f"{seconds} s"
    if minutes < 90:
        return f"{minutes} min"
    if hours < 48:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{days} days" if days < 730 else f"{days // 365} years" if days < 10**9 else "millions of years"
