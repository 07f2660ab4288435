"""Tables of rows: aligned text, CSV, Markdown. Bounds are rounded down."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from proofcheck.report import decimal
from strategies.metrics.rows import Row

COLUMNS = {
    "strategy": "strategy",
    "class": "published class",
    "leading": "leading terms of the checker's cost",
    "flops": "FLOPs (published convention)",
    "dimension": "unexplained dimension",
    "operations": "checker's operations",
    "bound": "bound",
    "published": "published count",
    "code": "published code's claim",
    "gain": "published count − claim",
    "normalized": "normalized bound",
    "seconds": "seconds",
}
NUMBERS = ("flops", "dimension", "operations", "bound", "published", "code", "gain", "normalized", "seconds")


def cells(row: Row) -> dict[str, str]:
    """The cells of one row; empty where there is nothing to say."""
    normalized = "" if row.normalized is None else decimal(row.normalized.numerator, row.normalized.denominator).rstrip("…")
    return {
        "strategy": row.strategy,
        "class": row.published_class or "new",
        "leading": row.leading,
        "flops": str(row.flops) if row.flops else "",
        "dimension": str(row.dimension) if row.dimension else "",
        "operations": str(row.operations),
        "bound": decimal(row.correct, row.total).rstrip("…"),
        "published": decimal(row.published, row.total).rstrip("…") if row.published else "",
        "code": decimal(row.published_code, row.total).rstrip("…") if row.published_code else "",
        "gain": f"{(row.published - row.published_code) / row.total:+.4f}" if row.published_code and row.published else "",
        "normalized": normalized,
        "seconds": f"{row.seconds:.2f}",
    }


def used(rows: Sequence[Row]) -> tuple[str, ...]:
    """The columns in which some row has something to say."""
    table = list(map(cells, rows))
    return tuple(name for name in COLUMNS if any(line[name] for line in table))


def as_text(rows: Sequence[Row], columns: Sequence[str] = tuple(COLUMNS)) -> str:
    """Aligned columns."""
    table = [dict(zip(COLUMNS, COLUMNS, strict=True)), *map(cells, rows)]
    width = {name: max(len(line[name]) for line in table) for name in columns}
    return "\n".join("  ".join(_padded(name, line[name], width[name]) for name in columns).rstrip() for line in table)


def as_csv(rows: Sequence[Row], columns: Sequence[str] = tuple(COLUMNS)) -> str:
    """One header line; also the exact counts."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns, "correct", "total", "model"])
    for row in rows:
        texts = cells(row)
        writer.writerow([*(texts[name] for name in columns), row.correct, row.total, row.model])
    return out.getvalue().rstrip("\n")


def as_markdown(rows: Sequence[Row], columns: Sequence[str] = tuple(COLUMNS)) -> str:
    """A Markdown table with full column names."""
    lines = [
        f"| {' | '.join(COLUMNS[name] for name in columns)} |",
        "|" + "".join("---:|" if name in NUMBERS else "---|" for name in columns),
    ]
    for texts in map(cells, rows):
        lines.append(f"| {' | '.join(texts[name] for name in columns)} |")
    return "\n".join(lines)


def _padded(name: str, text: str, width: int) -> str:
    return text.rjust(width) if name in NUMBERS else text.ljust(width)
