"""`sweep MODEL… -o FOLDER`: certificates of many strategies, searched, verified and named one by one, and a table of them."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from proofcheck.report import escape
from strategies.cli.options import add_search_options, limits_of
from strategies.lock import FolderLock, Locked
from strategies.max_of_k.strategy import Problem
from strategies.models.load import ModelError
from strategies.names import NAMES, matching, suggestion
from strategies.progress import Progress
from strategies.suitability import remarks
from strategies.sweep import Pair, Result, Sweep
from strategies.sweep_table import NAME, SweepTable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL…, --output, --strategies, --jobs, --force and the options of a search."""
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="safetensors files")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help=f"folder for certificates and the table {NAME}")
    parser.add_argument("--strategies", default="*", metavar="GLOB", help="names, aliases or published names as in `list` (default: all)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--force", action="store_true", help="search again for certificates that are already there")
    parser.add_argument("--dask", metavar="ADDRESS", help="search and verify on the workers of a Dask cluster, which are then trusted")
    add_search_options(parser)


def run(options: argparse.Namespace) -> int:
    """Only verified certificates get their names; what is there stays, so that a rerun goes on where the last one stopped."""
    names = matching(options.strategies)
    problem = _problem(options, names)
    limits = limits_of(options)
    if problem or limits is None:
        print(problem, end="\n" if problem else "", file=sys.stderr)
        return 2
    sweep = Sweep(options.output, options.jobs, limits, options.search_seconds)
    ordered = sorted(names, key=lambda name: name.rpartition("--")[2])  # strategies of one QK error share its directions
    pairs = [Pair(model, name) for model in options.models for name in ordered]
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        with FolderLock(options.output), SweepTable(options.output) as table:
            missing = sweep.missing(pairs, table, force=options.force)
            for model in dict.fromkeys(pair.model for pair in missing):
                for remark in remarks(Problem(model)):
                    print(f"{model}: {escape(remark)}", file=sys.stderr)
            return _sweep(sweep, pairs, missing, table, options)
    except Locked as error:
        print(error, file=sys.stderr)
        return 2
    except sqlite3.Error as error:
        print(f"cannot read or write {options.output / NAME}: {error}", file=sys.stderr)
        return 2
    except ImportError as error:
        print(f"--dask needs the package distributed (pip install 'proofcheck-nn[dask]'): {error}", file=sys.stderr)
        return 2
    except (OSError, ModelError) as error:
        print(f"cannot read or write: {error}", file=sys.stderr)
        return 2


def _sweep(sweep: Sweep, pairs: list[Pair], missing: list[Pair], table: SweepTable, options: argparse.Namespace) -> int:
    written, search_seconds, check_seconds = 0, 0.0, 0.0
    kept = len(pairs) - len(missing)
    failed: list[str] = []
    unknown = {pair for pair in missing if not sweep.final(pair).exists()}  # of these a certificate can appear before its result does
    try:
        with Progress("sweep", len(missing), shown=options.progress) as progress, closing(_results(sweep, missing, options)) as results:
            for pair, result in results:
                table.put(sweep.row(pair, result), None if result.code else sweep.final(pair))
                written += not result.code
                unknown.discard(pair)
                search_seconds += result.search_seconds
                check_seconds += result.check_seconds
                if result.code:
                    failed.append(f"{pair.model.stem}--{pair.strategy}: {result.message}")
                progress.step()
    except KeyboardInterrupt:
        written += sum(sweep.final(pair).exists() for pair in unknown)
        drafts = sum(sweep.hidden(pair).exists() for pair in missing)
        print(
            f"interrupted: {written} certificates written and {kept} kept from before are in {sweep.folder}, with {drafts} drafts "
            "that are not verified yet; run the same command again for the others",
            file=sys.stderr,
        )
        return 130
    print(
        f"{options.output}: {written} certificates written, {kept} kept, {len(failed)} failed; "
        f"search and emit {search_seconds:.1f} s, check {check_seconds:.1f} s"
    )
    for line in failed:
        print(escape(line), file=sys.stderr)
    return 1 if failed else 0


def _results(sweep: Sweep, missing: list[Pair], options: argparse.Namespace) -> Generator[tuple[Pair, Result], None, None]:
    """From local processes or a cluster. What a killed sweep has left in the folder is verified here in either case."""
    if options.dask is None:
        yield from sweep.run(missing)
        return
    from strategies import cluster

    print(
        f"the workers of {options.dask} are trusted: they search and they verify. To trust nobody: proofcheck verify {options.output}",
        file=sys.stderr,
    )
    here = [pair for pair in missing if sweep.hidden(pair).exists() or (not pair.fresh and sweep.final(pair).exists())]
    there = [pair for pair in missing if pair not in set(here)]
    yield from sweep.run(here)
    yield from cluster.run(sweep, there, options.dask)


def _problem(options: argparse.Namespace, names: list[str]) -> str:
    """What is wrong with the command; "" if nothing is."""
    if not names:
        return f"no strategy matches {options.strategies!r}{suggestion(options.strategies, NAMES)}; `list` prints them"
    if options.jobs < 1:
        return "--jobs must be at least 1"
    stems = [model.stem for model in options.models]
    twice = next((stem for stem in stems if stems.count(stem) > 1), "")
    if twice:
        return f"two models are called {twice}, and certificates are named after them: rename one, or use two folders"
    return ""
