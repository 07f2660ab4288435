"""Tasks in local processes: one at a time each, results as they come, a process that dies costs its task and no other."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Protocol, TypeVar

ATTEMPTS = 2  # of a task whose process died; then it is lost


class Task(Protocol):
    """group: tasks of one group share searches, and go to one process where that is possible."""

    @property
    def group(self) -> Hashable: ...


T = TypeVar("T", bound=Task)
R = TypeVar("R")


@dataclass(slots=True)
class _Worker(Generic[T]):
    process: BaseProcess
    connection: Connection
    task: T | None = None


def run(tasks: Sequence[T], setup: Callable[[], Callable[[T], R]], lost: Callable[[T, str], R], jobs: int) -> Iterator[tuple[T, R]]:
    """(task, result) of each task as it is done. setup() runs once in each process and returns what does a task; both must pickle.

    jobs = 1 works in this process. A process that dies is replaced and its task given out once more; then the result is lost(task, why).
    """
    if jobs == 1 or len(tasks) <= 1:
        work = setup()
        for task in tasks:
            yield task, work(task)
        return
    waiting = list(tasks)
    attempts: dict[int, int] = {}
    workers = [_start(setup) for _ in range(min(jobs, len(tasks)))]
    try:
        for worker in workers:
            _give(worker, waiting, None)
        while busy := [worker for worker in workers if worker.task is not None]:
            ready = wait([worker.connection for worker in busy])
            for worker in (worker for worker in busy if worker.connection in ready):
                task = worker.task
                assert task is not None
                try:
                    result = worker.connection.recv()
                except (EOFError, OSError):
                    worker.process.join()
                    attempts[id(task)] = attempts.get(id(task), 0) + 1
                    status = worker.process.exitcode
                    workers[workers.index(worker)] = worker = _start(setup)
                    if attempts[id(task)] < ATTEMPTS:
                        waiting.insert(0, task)
                    else:
                        yield task, lost(task, f"the process ended with status {status}, {ATTEMPTS} times")
                else:
                    if isinstance(result, BaseException):
                        raise result
                    yield task, result
                _give(worker, waiting, task.group)
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join()
            worker.connection.close()


def _start(setup: Callable[[], Callable[[T], Any]]) -> _Worker[T]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, setup, os.getpid()), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker[T], waiting: list[T], group: Hashable) -> None:
    """The next task of the same group, else the first of a group that no one has begun, as the order of tasks suggests."""
    worker.task = None
    if waiting:
        index = next((k for k, task in enumerate(waiting) if task.group == group), 0)
        worker.task = waiting.pop(index)
        with suppress(OSError):  # a process that died while it was idle: seen when its answer is read
            worker.connection.send(worker.task)


def _serve(connection: Connection, setup: Callable[[], Callable[[T], Any]], parent: int) -> None:
    """A worker: tasks in, results or exceptions out. It ends with its parent, whatever kills that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    work = setup()
    with suppress(EOFError, BrokenPipeError):
        while True:
            task = connection.recv()
            try:
                result = work(task)
            except Exception as error:
                result = error
            connection.send(result)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
