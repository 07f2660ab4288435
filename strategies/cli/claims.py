"""`claims MODEL… -o FILE.csv`: what the published programs claim in float32, beside what their proofs prove and what is true."""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

from strategies import workers
from strategies.max_of_k.strategy import Problem
from strategies.models.load import ModelError
from strategies.progress import Progress
from strategies.study.claims import COLUMNS, Row, claims

ROWS = 102  # of a model


@dataclass(frozen=True, slots=True)
class _Task:
    model: Path

    @property
    def group(self) -> Path:
        return self.model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL…, --output, --jobs."""
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="safetensors files of Max-of-K networks without biases")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="CSV file; models that it has already are kept")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--progress", action="store_true", help="progress on standard error also where it is no terminal")


def run(options: argparse.Namespace) -> int:
    """Add 102 rows for each model that the file does not have; a model is written when all its rows are there."""
    try:
        done = _read(options.output)
        missing = [_Task(model) for model in options.models if done[model.stem] != ROWS]
        for task in missing:
            if any(bool(bias.any()) for bias in (Problem(task.model).model.b_Q, Problem(task.model).model.b_V)):
                raise ModelError(f"{task.model}: the published programs know no biases")
        with (
            options.output.open("a", newline="", encoding="utf-8") as file,
            Progress("claims", len(missing), shown=options.progress) as progress,
        ):
            writer = csv.writer(file, lineterminator="\n")
            if file.tell() == 0:
                writer.writerow(COLUMNS)
            for task, result in workers.run(missing, _setup, partial(_lost), options.jobs):
                if isinstance(result, str):
                    print(f"{task.model}: {result}", file=sys.stderr)
                    return 1
                writer.writerows(astuple(row) for row in result)
                file.flush()
                progress.step()
    except (OSError, ModelError, RuntimeError) as error:
        print(f"no claims: {error}", file=sys.stderr)
        return 2
    print(f"{options.output}: {len(missing)} models added, {len(options.models) - len(missing)} kept")
    return 0


def _setup() -> Callable[[_Task], list[Row] | str]:
    import torch

    torch.set_num_threads(1)
    return lambda task: list(claims(Problem(task.model)))


def _lost(task: _Task, why: str) -> list[Row] | str:
    return why


def _read(path: Path) -> Counter[str]:
    """Rows of each model. What a kill left of an incomplete model is cut off."""
    if not path.exists():
        return Counter()
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if len(row) == len(COLUMNS)]
    found = Counter(row[0] for row in rows[1:])
    whole = [row for row in rows if row[0] == "model" or found[row[0]] == ROWS]
    if len(whole) != len(rows):
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(whole)
    return Counter({model: count for model, count in found.items() if count == ROWS})
