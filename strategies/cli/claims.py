"""`claims MODEL… -o FILE.csv`: what the published programs claim in float32, beside what their proofs prove and what is true."""

from __future__ import annotations

import argparse
from dataclasses import astuple
from pathlib import Path
from typing import Any

from strategies.cli import rows_by_model
from strategies.cli.rows_by_model import Rows, add_arguments
from strategies.max_of_k.strategy import Problem
from strategies.study.claims import COLUMNS, claims

__all__ = ["add_arguments", "run", "work"]


def work(model: Path) -> list[tuple[Any, ...]]:
    """The rows of one model."""
    return [astuple(row) for row in claims(Problem(model))]


ROWS = Rows("claims", COLUMNS, 102, "the published programs know no biases", work)


def run(options: argparse.Namespace) -> int:
    """Add 102 rows for each model that the file does not have."""
    return rows_by_model.run(options, ROWS)
