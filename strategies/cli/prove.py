"""`prove MODEL --strategy NAME -o CERT`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from proofcheck.report import decimal
from strategies.emit import ProveError, prove
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem
from strategies.models.load import ModelError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --strategy, --output."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="safetensors file")
    parser.add_argument("--strategy", required=True, metavar="NAME", help="a name from `python -m strategies list`")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="CERT", help="certificate file to write")


def run(options: argparse.Namespace) -> int:
    """Write a verified certificate, or nothing."""
    if options.strategy not in STRATEGIES:
        print(f"there is no strategy {options.strategy!r}; `python -m strategies list` prints them", file=sys.stderr)
        return 2
    try:
        proved = prove(Problem(options.model), STRATEGIES[options.strategy], options.output)
    except (OSError, ModelError) as error:
        print(f"cannot read or write: {error}", file=sys.stderr)
        return 2
    except ProveError as error:
        print(f"nothing was written: {error}", file=sys.stderr)
        return 1
    bound = f"{proved.correct}/{proved.total} ({decimal(proved.correct, proved.total)})"
    print(f"{proved.path}: accuracy >= {bound}; search {proved.search_seconds:.2f} s, check {proved.check_seconds:.2f} s")
    return 0
