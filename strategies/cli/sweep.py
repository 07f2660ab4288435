"""`sweep MODEL -o FOLDER`: certificates of many strategies for one model, searched together and verified by one process of the checker."""

from __future__ import annotations

import argparse
import fnmatch
import sys
from pathlib import Path

from strategies.emit import ProveError
from strategies.max_of_k.registry import STRATEGIES
from strategies.models.load import ModelError
from strategies.sweep import Sweep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --output, --strategies, --jobs, --force."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="safetensors file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="folder for MODEL--STRATEGY.json files")
    parser.add_argument("--strategies", default="*", metavar="GLOB", help="names as in `python -m strategies list` (default: all)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--force", action="store_true", help="search again for certificates that are already there")


def run(options: argparse.Namespace) -> int:
    """Only verified certificates get their names; what is there stays, so that a rerun goes on where the last one stopped."""
    names = [name for name in STRATEGIES if fnmatch.fnmatchcase(name, options.strategies)]
    if not names:
        print(f"no strategy matches {options.strategies!r}; `python -m strategies list` prints them", file=sys.stderr)
        return 2
    if options.jobs < 1:
        print("--jobs must be at least 1", file=sys.stderr)
        return 2
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        done = Sweep(options.model, options.output, options.jobs).run(names, force=options.force)
    except (OSError, ModelError) as error:
        print(f"cannot read or write: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; finished certificates stay, run the same command again for the others", file=sys.stderr)
        return 130
    except ProveError as error:
        print(f"the sweep stopped: {error}", file=sys.stderr)
        return 1
    print(
        f"{options.output}: {done.written} certificates written, {done.kept} kept, {len(done.failed)} failed; "
        f"search and emit {done.search_seconds:.1f} s, check {done.check_seconds:.1f} s"
    )
    for name, reason in done.failed.items():
        print(f"{name}: {reason}", file=sys.stderr)
    return 1 if done.failed else 0
