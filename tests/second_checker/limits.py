"""The default limits of docs/limits.md that decide between DECLINED and a verdict."""

from __future__ import annotations

from fractions import Fraction

MOST_BYTES = 64 * 2**20
MOST_DEPTH = 16
MOST_DIGITS = 2_000
MOST_STRING = 65_536
MOST_STEPS = 1_000
MOST_ENTRIES = 2**24
MOST_WEIGHTS_BYTES = 64 * 2**20
MOST_WEIGHTS_HEADER_BYTES = 2**16
MOST_EXPONENT = 256
MOST_DIMENSION = 4_096
MOST_TABLE_ENTRIES = 2**20
MOST_SEQUENCE_LENGTH = 1_024
MOST_SETTLED = 20_000
MOST_MACHINE_ENTRIES = 2**21
MOST_MACHINE_PAIRS = 2**18


def out_of_exponent_range(x: Fraction) -> bool:
    """A nonzero number that is not at least 2^−256 and below 2^256 in size."""
    return x != 0 and not Fraction(1, 2**MOST_EXPONENT) <= abs(x) < 2**MOST_EXPONENT


LEAST_PRECISION, MOST_PRECISION = 32, 1_024
