"""`rerun FOLDER MODEL STRATEGY…`: rows of a study's table searched, verified and compared again."""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import sys
import tempfile
from pathlib import Path

from strategies.cli.options import add_search_options, limits_of
from strategies.max_of_k.registry import STRATEGIES
from strategies.study.table import Result, read
from strategies.sweep import Pair, Sweep

COUNTS = ("proved", "wrong", "undecided", "published", "flops", "unexplained_dimension", "operations")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FOLDER, MODEL, STRATEGY and the options of a search."""
    parser.add_argument("study", type=Path, metavar="FOLDER", help="folder of the study, with the tables that `collect` writes")
    parser.add_argument("model", type=Path, metavar="MODEL", help="weight file of the row's network")
    parser.add_argument("strategy", metavar="GLOB", help="name of the row's strategy, or a pattern for several")
    add_search_options(parser)


def run(options: argparse.Namespace) -> int:
    """Exit status 0 if all integers are equal, 1 if one differs, 2 if there is no such row or other weights."""
    limits = limits_of(options)
    if limits is None:
        return 2
    try:
        study = read(options.study)
        digest = hashlib.sha256(options.model.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    network = study.networks.get(options.model.stem)
    if network is None or network.sha256 != digest:
        print(f"{options.model} is not the file of a network in {options.study}", file=sys.stderr)
        return 2
    rows = [r for r in (*study.results, *study.refused) if r.model == network.model and fnmatch.fnmatchcase(r.strategy, options.strategy)]
    rows = [row for row in rows if row.strategy in STRATEGIES]
    if not rows:
        print(f"no row of {network.model} is about {options.strategy!r}", file=sys.stderr)
        return 2
    different = 0
    with tempfile.TemporaryDirectory(prefix="proofcheck-") as folder:
        sweep = Sweep(Path(folder), limits=limits, search_seconds=options.search_seconds)
        expected = {row.strategy: row for row in rows}
        for pair, result in sweep.run([Pair(options.model, row.strategy) for row in rows]):
            found = sweep.row(pair, result)
            again = Result(network.model, pair.strategy, found["code"], *(int(found[name]) for name in COUNTS))
            same = again == expected[pair.strategy]
            different += not same
            verdict = "same" if same else "DIFFERENT"
            print(f"{verdict:9} {pair.strategy}: proved {again.proved} of {network.total}, {again.operations} operations")
            if not same:
                print(f"          the table has {expected[pair.strategy]}", file=sys.stderr)
    return 1 if different else 0
