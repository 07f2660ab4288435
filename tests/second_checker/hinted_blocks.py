"""The hint `blocks`: rows that begin with query and max token; and the boxes of a block."""

from __future__ import annotations

from tests.second_checker.certificate_format import Array
from tests.second_checker.outcome import rejected

Box = tuple[tuple[int, int], ...]  # lo ≤ t < hi of each position before the last


def read_blocks(hint: Array, d: int, at_least: int = 0) -> list[list[int]]:
    """Rows with q ≤ m < d, increasing in (m, q)."""
    rows = [[int(entry) for entry in row] for row in hint.rows()]
    if len(rows) < at_least:
        raise rejected("bad-hint", "blocks", "empty")
    last = (-1, -1)
    for q, m, *_ in rows:
        if not 0 <= q <= m < d or (m, q) <= last:
            raise rejected("bad-hint", "blocks", (q, m))
        last = (m, q)
    return rows


def whole_boxes(q: int, m: int, n: int) -> list[Box]:
    """The block as disjoint boxes: one if q = m, else one for the first position that holds m."""
    if q == m:
        return [((0, m + 1),) * (n - 1)]
    return [((0, m),) * p + ((m, m + 1),) + ((0, m + 1),) * (n - 2 - p) for p in range(n - 1)]
