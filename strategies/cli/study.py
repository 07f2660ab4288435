"""`study FOLDER`: the page and the figures of a study from its tables."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from strategies.study.figures import draw, draw_newer
from strategies.study.page import LENGTHS, page
from strategies.study.table import NEWER, read, with_newer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FOLDER."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="the tables of `collect`; the page README.md and the figures go there too"
    )
    parser.add_argument("--no-figures", action="store_true", help="the page alone")


def run(options: argparse.Namespace) -> int:
    """Write README.md and one SVG for each figure and length."""
    try:
        study = read(options.folder)
        (options.folder / "README.md").write_text(page(options.folder), encoding="utf-8")
        files = []
        for n_ctx in () if options.no_figures else LENGTHS:
            part = study.of(n_ctx)
            files += draw(part, options.folder, f"n{n_ctx}") if part.networks else []
        newer = None if options.no_figures else with_newer(options.folder, study)
        files += [draw_newer(newer, options.folder, f"{NEWER}-bound-against-operations")] if newer else []
    except (OSError, ValueError) as error:
        print(f"no page: {error}", file=sys.stderr)
        return 2
    print(f"{options.folder}: README.md, {len(files)} figures")
    return 0
