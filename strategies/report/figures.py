"""From gathered numbers to what the page's script draws: plain JSON. Counts beyond 2^53 travel as strings and stay exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from proofcheck.decimals import decimal
from strategies.report.circuits import Table
from strategies.report.gather import BlockTables, Entry

MOST_CELLS = 128  # on one axis of a heat map; more are summed (counts) or averaged (tables) over neighbours
ROUNDING = 1e-12  # of the largest singular value
_EXACT = 2**53

Figure = dict[str, Any]


def blocks_figure(blocks: BlockTables) -> Figure:
    """Counts by last token (rows) and right answer (columns)."""
    rows, columns = (_bins(count) for count in blocks.size.shape)
    parts = {name: _summed(getattr(blocks, name), rows, columns) for name in ("size", "right", "wrong")}
    counts = {name: [[_number(value) for value in row] for row in table.tolist()] for name, table in parts.items()}
    return {"kind": "blocks", "rows": _labels(rows), "columns": _labels(columns), **counts}


def table_figure(table: Table) -> Figure:
    """One table of a circuit, four significant digits."""
    rows, columns = (_bins(count) for count in table.values.shape)
    means = np.array([[table.values[a:b, c:d].mean() for c, d in columns] for a, b in rows])
    return {
        "kind": "table",
        "name": table.name,
        "row": table.rows,
        "column": table.columns,
        "unit": table.unit,
        "rows": _labels(rows),
        "columns": _labels(columns),
        "values": [[float(f"{value:.4g}") for value in row] for row in means.tolist()],
    }


def spectrum_figure(tables: Sequence[Table]) -> Figure:
    """Singular values of token tables, each a falling line; those that float64 cannot tell from 0 are left out."""
    lines = []
    for table in tables:
        values = table.singular_values()
        kept = values[values > ROUNDING * values[0]].tolist()
        lines.append({"name": table.name, "values": [float(f"{value:.4g}") for value in kept]})
    return {"kind": "spectrum", "lines": lines}


def cost_figure(entry: Entry) -> Figure:
    """Operations and seconds of each step."""
    steps = entry.report.steps
    return {
        "kind": "cost",
        "steps": [f"{step.id}: {step.rule}" for step in steps],
        "operations": [step.operations for step in steps],
        "seconds": [round(step.seconds, 4) for step in steps],
    }


def frontier_figure(entries: Sequence[Entry]) -> Figure:
    """Proved accuracy against the checker's operations; `best` are the points that nothing cheaper reaches."""
    points = sorted(entries, key=lambda entry: (entry.report.operations, -entry.report.accuracy))
    best, most = [], -1
    for k, entry in enumerate(points):
        if entry.report.accuracy > most:
            best.append(k)
            most = entry.report.accuracy
    return {
        "kind": "frontier",
        "names": [entry.report.strategy or entry.path.name for entry in points],
        "operations": [entry.report.operations for entry in points],
        "accuracy": [float(entry.report.accuracy) for entry in points],
        "words": [decimal(entry.report.proved, entry.report.total) for entry in points],
        "best": best,
    }


def largest_losses(blocks: BlockTables, most: int) -> list[tuple[int, int, int, int, int, int]]:
    """(last token, answer, size, right, wrong, left) of the blocks that lose most inputs."""
    loss = blocks.size - blocks.right
    order = sorted(((int(loss[q, y]), q, y) for q in range(loss.shape[0]) for y in range(loss.shape[1]) if loss[q, y]), reverse=True)
    order.sort(key=lambda item: (-item[0], item[1], item[2]))
    return [
        (q, y, int(blocks.size[q, y]), int(blocks.right[q, y]), int(blocks.wrong[q, y]), int(blocks.left[q, y])) for _, q, y in order[:most]
    ]


def _bins(count: int) -> list[tuple[int, int]]:
    """Half-open ranges of `count` places, at most MOST_CELLS of them."""
    width = -(-count // MOST_CELLS)
    return [(start, min(start + width, count)) for start in range(0, count, width)]


def _labels(bins: Sequence[tuple[int, int]]) -> list[str]:
    return [str(a) if b == a + 1 else f"{a}–{b - 1}" for a, b in bins]


def _summed(values: np.ndarray, rows: Sequence[tuple[int, int]], columns: Sequence[tuple[int, int]]) -> np.ndarray:
    halves = np.add.reduceat(values, [a for a, _ in rows], axis=0)
    return np.asarray(np.add.reduceat(halves, [a for a, _ in columns], axis=1))


def _number(value: int) -> int | str:
    return int(value) if value < _EXACT else str(value)
