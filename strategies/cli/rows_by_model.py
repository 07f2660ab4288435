"""What the commands share that fill a CSV file with the rows of one network after another: `claims`, `ablations`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from strategies.max_of_k.strategy import Problem
from strategies.models.load import ModelError
from strategies.study.resumable import Work, fill


@dataclass(frozen=True, slots=True)
class Rows:
    """name: what they are, for messages. number: of one model. no_biases: why the networks may have none. work: a module's function."""

    name: str
    columns: Sequence[str]
    number: int
    no_biases: str
    work: Work


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL…, --output, --jobs, --progress."""
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="safetensors files of Max-of-K networks without biases")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="CSV file; models that it has already are kept")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--progress", action="store_true", help="progress on standard error also where it is no terminal")


def run(options: argparse.Namespace, rows: Rows) -> int:
    """Add the rows of each model that the file does not have."""
    try:
        for model in options.models:
            weights = Problem(model).model
            if any(bool(bias.any()) for bias in (weights.b_Q, weights.b_K, weights.b_V, weights.b_O, weights.b_U)):
                raise ModelError(f"{model}: {rows.no_biases}")
        added, kept = fill(options.models, options.output, rows.columns, rows.number, rows.work, options.jobs, progress=options.progress)
    except (OSError, ModelError, RuntimeError) as error:
        print(f"no {rows.name}: {error}", file=sys.stderr)
        return 2
    print(f"{options.output}: {added} models added, {kept} kept")
    return 0
