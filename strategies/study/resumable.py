"""A CSV file that is filled network by network, in several processes, and can be stopped at any moment and gone on with."""

from __future__ import annotations

import csv
import gc
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strategies import workers
from strategies.progress import Progress

Work = Callable[[Path], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class _Task:
    model: Path

    @property
    def group(self) -> Path:
        return self.model


@dataclass(frozen=True, slots=True)
class _Setup:
    """What a process does with a model; `work` is a function of a module, so that it can go to another process."""

    work: Work

    def __call__(self) -> Callable[[_Task], list[tuple[Any, ...]] | str]:
        import torch

        torch.set_num_threads(1)
        gc.freeze()  # torch's modules are half a million objects, which no collection needs to look at
        return lambda task: self.work(task.model)


def fill(
    models: Sequence[Path], output: Path, columns: Sequence[str], rows: int, work: Work, jobs: int, *, progress: bool
) -> tuple[int, int]:
    """Add the `rows` rows of each model that the file does not have; (added, kept). First column: the model's name.

    A model is written when all its rows are there, and half a model, which a kill leaves, is cut off by the next call.
    Raises OSError, and RuntimeError for a process that died.
    """
    done = _whole(output, columns, rows)
    missing = [_Task(model) for model in models if model.stem not in done]
    with output.open("a", newline="", encoding="utf-8") as file, Progress(output.stem, len(missing), shown=progress) as bar:
        writer = csv.writer(file, lineterminator="\n")
        if file.tell() == 0:
            writer.writerow(columns)
        for task, result in workers.run(missing, _Setup(work), _lost, jobs):
            if isinstance(result, str):
                raise RuntimeError(f"{task.model}: {result}")
            writer.writerows(result)
            file.flush()
            bar.step()
    return len(missing), len(models) - len(missing)


def _lost(task: _Task, why: str) -> list[tuple[Any, ...]] | str:
    return why


def _whole(path: Path, columns: Sequence[str], count: int) -> set[str]:
    """Models with all their rows; the file is left with these alone."""
    if not path.exists():
        return set()
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if len(row) == len(columns) and row != list(columns)]
    found = Counter(row[0] for row in rows)
    whole = {model for model, times in found.items() if times == count}
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *(row for row in rows if row[0] in whole)])
    return whole
