"""`ablations MODEL… -o FILE.csv`: exact counts of right answers without some paths of the network, for all 32 sets of paths."""

from __future__ import annotations

import argparse
from dataclasses import astuple
from pathlib import Path
from typing import Any

from strategies.cli import rows_by_model
from strategies.cli.rows_by_model import Rows, add_arguments
from strategies.study.ablation import ABLATIONS, COLUMNS, ablations

__all__ = ["add_arguments", "run", "work"]


def work(model: Path) -> list[tuple[Any, ...]]:
    """The rows of one model."""
    return [astuple(row) for row in ablations(model)]


ROWS = Rows("ablations", COLUMNS, len(ABLATIONS), "the five paths leave out biases", work)


def run(options: argparse.Namespace) -> int:
    """Add 32 rows for each model that the file does not have."""
    return rows_by_model.run(options, ROWS)
