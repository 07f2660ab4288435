"""Tasks in local processes: one at a time each, results as they come, a process that dies costs its task and no other."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Protocol, TypeVar

ATTEMPTS = 2  # of a task whose process died; then it is lost


class Task(Protocol):
    """group: tasks of one group share what a process keeps, so one process does them all where that is possible."""

    @property
    def group(self) -> Hashable: ...


T = TypeVar("T", bound=Task)
R = TypeVar("R")


@dataclass(slots=True, eq=False)
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
    waiting = _Waiting(tasks)
    attempts: dict[int, int] = {}
    workers: list[_Worker[T]] = [_start(setup) for _ in range(min(jobs, len(tasks)))]
    try:
        for worker in workers:
            _give(worker, waiting, workers)
        while busy := {worker.connection: worker for worker in workers if worker.task is not None}:
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                task = worker.task
                assert task is not None
                try:
                    result = worker.connection.recv()
                except (EOFError, OSError):
                    status = _end(worker)
                    attempts[id(task)] = attempts.get(id(task), 0) + 1
                    fresh: _Worker[T] = _start(setup)
                    fresh.task = task  # so that it goes on with the same group
                    workers[workers.index(worker)] = worker = fresh
                    if attempts[id(task)] < ATTEMPTS:
                        waiting.put_back(task)
                    else:
                        yield task, lost(task, f"the process ended with status {status}, {ATTEMPTS} times")
                else:
                    if isinstance(result, BaseException):
                        raise result
                    yield task, result
                _give(worker, waiting, workers)
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            _end(worker)


class _Waiting(Generic[T]):
    """Tasks that no process has, by group, in their order."""

    def __init__(self, tasks: Sequence[T]) -> None:
        self._groups: dict[Hashable, deque[T]] = {}
        for task in tasks:
            self._groups.setdefault(task.group, deque()).append(task)

    def put_back(self, task: T) -> None:
        self._groups.setdefault(task.group, deque()).appendleft(task)

    def take(self, group: Hashable, others: set[Hashable]) -> T | None:
        """The next of this group, else of the first group that no other process is at, else the last of the longest group."""
        if group in self._groups:
            return self._pop(group, last=False)
        free = next((name for name in self._groups if name not in others), None)
        if free is not None:
            return self._pop(free, last=False)
        if not self._groups:
            return None
        return self._pop(max(self._groups, key=lambda name: len(self._groups[name])), last=True)

    def _pop(self, group: Hashable, *, last: bool) -> T:
        tasks = self._groups[group]
        task = tasks.pop() if last else tasks.popleft()
        if not tasks:
            del self._groups[group]
        return task


def _give(worker: _Worker[T], waiting: _Waiting[T], workers: list[_Worker[T]]) -> None:
    others = {other.task.group for other in workers if other is not worker and other.task is not None}
    worker.task = waiting.take(None if worker.task is None else worker.task.group, others)
    if worker.task is not None:
        with suppress(OSError):  # a process that died while it was idle: seen when its answer is read
            worker.connection.send(worker.task)


def _start(setup: Callable[[], Callable[[T], Any]]) -> _Worker[T]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, setup, os.getpid()), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _end(worker: _Worker[T]) -> int | None:
    """The exit status of a process that is ending."""
    worker.process.join()
    worker.connection.close()
    return worker.process.exitcode


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
        time.sleep(0.2)
    os._exit(1)
