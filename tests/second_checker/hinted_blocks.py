"""The hint `blocks`: rows that begin with query and max token."""

from __future__ import annotations

from tests.second_checker.certificate_format import Array
from tests.second_checker.outcome import rejected


def read_blocks(hint: Array, d: int) -> list[list[int]]:
    """Rows with q ≤ m < d, increasing in (m, q)."""
    rows = [[int(entry) for entry in row] for row in hint.rows()]
    last = (-1, -1)
    for q, m, *_ in rows:
        if not 0 <= q <= m < d or (m, q) <= last:
            raise rejected("bad-hint", "blocks", (q, m))
        last = (m, q)
    return rows
