"""`claims MODEL… -o FILE.csv`: what the published programs claim in float32, beside what their proofs prove and what is true."""

from __future__ import annotations

import argparse
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any

from strategies.max_of_k.strategy import Problem
from strategies.models.load import ModelError
from strategies.study.claims import COLUMNS, claims
from strategies.study.resumable import fill

ROWS = 102  # of a model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL…, --output, --jobs."""
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="safetensors files of Max-of-K networks without biases")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="CSV file; models that it has already are kept")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--progress", action="store_true", help="progress on standard error also where it is no terminal")


def run(options: argparse.Namespace) -> int:
    """Add 102 rows for each model that the file does not have."""
    try:
        for model in options.models:
            weights = Problem(model).model
            if any(bool(bias.any()) for bias in (weights.b_Q, weights.b_K, weights.b_V, weights.b_O, weights.b_U)):
                raise ModelError(f"{model}: the published programs know no biases")
        added, kept = fill(options.models, options.output, COLUMNS, ROWS, work, options.jobs, progress=options.progress)
    except (OSError, ModelError, RuntimeError) as error:
        print(f"no claims: {error}", file=sys.stderr)
        return 2
    print(f"{options.output}: {added} models added, {kept} kept")
    return 0


def work(model: Path) -> list[tuple[Any, ...]]:
    """The rows of one model."""
    return [astuple(row) for row in claims(Problem(model))]
