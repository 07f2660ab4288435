"""Tasks in processes: all results, in groups, and none lost to a process that dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from strategies import workers


@dataclass(frozen=True)
class Number:
    """kill: whether the first attempt, or every attempt, kills its process."""

    value: int
    group: int
    kill: str = ""


def setup(folder: Path) -> Callable[[Number], tuple[int, int]]:
    def work(task: Number) -> tuple[int, int]:
        marker = folder / f"attempt-{task.value}"
        if task.kill == "always" or (task.kill == "once" and not marker.exists()):
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if task.kill == "raise":
            raise ValueError("a bug")
        return task.value**2, os.getpid()

    return work


def lost(task: Number, why: str) -> tuple[int, int]:
    assert "status -9" in why
    return -1, 0


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_every_task_has_its_result(jobs: int, tmp_path: Path) -> None:
    tasks = [Number(k, k % 2) for k in range(10)]
    results = list(workers.run(tasks, partial(setup, tmp_path), lost, jobs))
    assert sorted((task.value, square) for task, (square, _) in results) == [(k, k * k) for k in range(10)]
    assert len({process for _, (_, process) in results}) <= jobs
    assert (os.getpid() in {process for _, (_, process) in results}) is (jobs == 1)


def test_a_process_that_dies_is_replaced(tmp_path: Path) -> None:
    tasks = [Number(0, 0), Number(1, 0, "once"), Number(2, 1, "always"), Number(3, 1)]
    results = {task.value: square for task, (square, _) in workers.run(tasks, partial(setup, tmp_path), lost, 2)}
    assert results == {0: 0, 1: 1, 2: -1, 3: 9}


def test_an_error_in_a_process_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a bug"):
        list(workers.run([Number(0, 0), Number(1, 0, "raise")], partial(setup, tmp_path), lost, 2))
