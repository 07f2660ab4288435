"""`zoo FOLDER`: the networks of the published study, trained where they are missing, with certified accuracies and a manifest."""

from __future__ import annotations

import argparse
import fnmatch
import sys
from contextlib import closing
from pathlib import Path

from strategies.cli.options import add_search_options, limits_of
from strategies.lock import FolderLock, Locked
from strategies.models.load import ModelError
from strategies.models.zoo import MANIFEST, RECIPES, file_of, strategy_of, train_missing, write_manifest
from strategies.progress import Progress
from strategies.sweep import Pair, Sweep
from strategies.sweep_table import SweepTable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FOLDER, --certificates, --models, --jobs and the options of a search."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder for the weight files and the manifest")
    parser.add_argument("--certificates", type=Path, metavar="FOLDER", help="certify accuracies too, with certificates here")
    parser.add_argument("--models", default="*", metavar="GLOB", help="names such as max-of-5-seed-* (default: all)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that certify (default: 1)")
    add_search_options(parser)


def run(options: argparse.Namespace) -> int:
    """Everything that is there stays; a rerun goes on where the last one stopped."""
    recipes = [recipe for recipe in RECIPES if fnmatch.fnmatchcase(recipe.name, options.models)]
    limits = limits_of(options)
    if not recipes or limits is None or options.jobs < 1:
        if limits is not None:
            print("--jobs must be at least 1" if recipes else f"no model matches {options.models!r}", file=sys.stderr)
        return 2
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        trained = 0
        with FolderLock(options.folder), Progress("models", len(recipes), shown=options.progress) as progress:
            for _, new in train_missing(options.folder, recipes):
                trained += new
                progress.step()
        print(f"{options.folder}: {trained} models trained, {len(recipes) - trained} kept")
        if options.certificates is None:
            return 0
        options.certificates.mkdir(parents=True, exist_ok=True)
        sweep = Sweep(options.certificates, options.jobs, limits, options.search_seconds)
        pairs = [Pair(file_of(options.folder, recipe), strategy_of(recipe)) for recipe in recipes]
        with FolderLock(options.certificates), SweepTable(options.certificates) as table:
            missing = sweep.missing(pairs, table, force=False)
            failed = 0
            with Progress("certificates", len(missing), shown=options.progress) as progress, closing(sweep.run(missing)) as results:
                for pair, result in results:
                    table.put(sweep.row(pair, result), None if result.code else sweep.final(pair))
                    failed += bool(result.code)
                    if result.code:
                        print(f"{pair.model.stem}: {result.message}", file=sys.stderr)
                    progress.step()
            rows = {(row["model"], row["strategy"]): row for row in table.rows()}
        whole = {recipe.name: rows[recipe.name, strategy_of(recipe)] for recipe in RECIPES if (recipe.name, strategy_of(recipe)) in rows}
        there = [recipe for recipe in RECIPES if file_of(options.folder, recipe).exists()]
        write_manifest(options.folder, there, whole)
    except KeyboardInterrupt:
        print("interrupted; finished models and certificates stay, run the same command again for the others", file=sys.stderr)
        return 130
    except (OSError, ModelError) as error:
        print(error if isinstance(error, Locked) else f"cannot read or write: {error}", file=sys.stderr)
        return 2
    print(f"{options.folder / MANIFEST}: {len(there)} models, {failed} without a certified accuracy")
    return 1 if failed else 0
