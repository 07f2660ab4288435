"""All limits in one place. Exceeding one is DECLINED `limit-exceeded`, naming the limit, the value found and the flag that raises it."""

from __future__ import annotations

from dataclasses import dataclass

from proofcheck.errors import Declined, Reason


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a certificate may ask for; defaults verify every shipped certificate on a laptop."""

    certificate_bytes: int = 64 * 2**20
    json_depth: int = 16
    json_tokens: int = 1_000_000  # strings, numbers, brackets, commas, colons, runs of white space
    steps: int = 1_000
    array_entries: int = 2**24
    integer_digits: int = 2_000
    string_length: int = 65_536
    precision_least: int = 32
    precision_most: int = 1_024
    exponent: int = 256  # nonzero floats of weights and hints are from 2^-exponent to 2^exponent in size; every float32 is
    weights_bytes: int = 64 * 2**20  # float64 weights of the largest dimensions that `table_entries` allows
    weights_header_bytes: int = 65_536
    dimension: int = 4_096
    sequence_length: int = 1_024
    work: int = 4 * 10**11  # arithmetic operations weighted by their time (`Rule.work`), computed from shapes before any arithmetic
    table_entries: int = 2**20  # entries of one exact table: the square of the largest dimension
    table_bits: int = 2**29  # bits of one exact table, bounded from the exponents of the weights before the table is made
    settled_in_balls: int = 20_000  # sequences that enumeration may settle one by one; the rest count as wrong

    def require(self, name: str, value: int, *, path: str = "") -> None:
        """Declined(limit-exceeded) if `value` is above the limit called `name`."""
        most = getattr(self, name)
        if value > most:
            raise Declined(
                Reason.LIMIT_EXCEEDED,
                f"{name.removesuffix('_most').replace('_', ' ')} is {shown(value)}, above the limit {shown(most)}",
                path=path,
                expected=f"at most {shown(most)}",
                found=shown(value),
                hint=f"raise it with --limit {name}={shown(value)} if you trust the source",
            )


def shown(value: int) -> str:
    """A decimal integer, or its size where the digits would flood the terminal."""
    return str(value) if value.bit_length() <= 256 else f"about 2^{value.bit_length()}"
