"""`table CERT-OR-FOLDER…`: bounds, costs and seconds, all as the checker derives them; what is refused is left out and said."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from proofcheck.escape import escape
from strategies.metrics.render import COLUMNS, as_csv, as_markdown, as_text, used
from strategies.metrics.rows import NotVerified, Row, published_claims, rows
from strategies.write import certificate_files

ORDERS: dict[str, Callable[[Row], object]] = {
    "bound": lambda row: (row.model, -row.bound),
    "flops": lambda row: (row.model, row.flops, -row.bound),
    "strategy": lambda row: (row.model, row.strategy),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CERT-OR-FOLDER…, --jobs, --sort, --csv, --markdown."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="CERT-OR-FOLDER", help="certificates, or folders with *.json and *.json.gz")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes of the checker (default: 1)")
    parser.add_argument("--sort", choices=tuple(ORDERS), default="bound", help="order within a model (default: bound, best first)")
    parser.add_argument(
        "--columns",
        type=_columns,
        metavar="NAME,…",
        help=f"some of {', '.join(COLUMNS)} (default: all that are not empty; with --csv: all)",
    )
    parser.add_argument(
        "--published", type=Path, metavar="FILE", help="counts that the published code claims, as JSON: total, cubic, subcubic"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_const", dest="render", const=as_csv, help="comma-separated, with exact counts")
    form.add_argument("--markdown", action="store_const", dest="render", const=as_markdown, help="a Markdown table")
    parser.set_defaults(render=as_text)


def run(options: argparse.Namespace) -> int:
    """Verify all, then print the table of those that verify. 1 where one does not, 2 where there is nothing to verify."""
    files = certificate_files(options.paths)
    if not files:
        print("there are no certificates", file=sys.stderr)
        return 2
    left_out: list[str] = []

    def refused(file: Path, report: dict[str, Any]) -> None:
        error = report["error"]
        left_out.append(f"left out: {file}: {report['verdict']} {error['code']}: {error['message']}")

    try:
        table = rows(files, options.jobs, published_claims(options.published) if options.published else None, refused)
    except NotVerified as error:
        print(f"no table: {error}", file=sys.stderr)
        return 1
    except (OSError, ValueError, KeyError) as error:  # ValueError, KeyError: the file of --published is another one
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    if table:
        columns = options.columns or (tuple(COLUMNS) if options.render is as_csv else used(table))
        print(options.render(sorted(table, key=ORDERS[options.sort]), columns), flush=True)
    for line in left_out:
        print(escape(line), file=sys.stderr)
    return 1 if left_out else 0


def _columns(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no column {unknown[0]!r}; there are {', '.join(COLUMNS)}")
    return names
