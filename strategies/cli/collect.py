"""`collect FOLDER… -o FOLDER`: the tables of a study from its sweeps."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from pathlib import Path

from strategies.models.load import ModelError
from strategies.study import collect, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FOLDER…, --models, --output, --whole."""
    parser.add_argument("sweeps", type=Path, nargs="+", metavar="FOLDER", help="folders of `sweep`")
    parser.add_argument("--models", type=Path, required=True, metavar="FOLDER", help="folder of the networks, with manifest.json (`zoo`)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help=f"folder for {table.SWEEP} and {table.MODELS}")
    parser.add_argument(
        "--whole", action="store_true", help="leave out networks that a sweep has not done with, by the others of their task"
    )


def run(options: argparse.Namespace) -> int:
    """Write both files."""
    try:
        wanted = collect.models_of(options.sweeps, whole=options.whole)
        networks = list(collect.networks(options.models, wanted))
        digests = {network.model: network.sha256 for network in networks}
        results = [row for row in collect.results(options.sweeps, digests) if row.model in digests]
        options.output.mkdir(parents=True, exist_ok=True)
        table.save(options.output, networks, results)
    except (OSError, ModelError, KeyError, ValueError, sqlite3.Error) as error:
        print(f"no tables: {error}", file=sys.stderr)
        return 2
    print(f"{options.output}: {len(networks)} networks, {len(results)} rows")
    return 0
