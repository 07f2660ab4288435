"""`--jobs N`: certificates in N processes (`isolated`). Imported only when more than one is asked for."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from queue import SimpleQueue
from threading import Thread
from typing import Any

from proofcheck.cli.isolated import answers, end, pipes, start
from proofcheck.cli.main import INTERNAL
from proofcheck.cli.settings import Settings
from proofcheck.report import Report
from proofcheck.verification import Checker

Job = tuple[Any, ...]  # arguments of Checker.verify


class WorkerKilled(RuntimeError):
    """A worker process ended without an answer."""


def in_processes(settings: Settings, jobs: list[Job], processes: int) -> Iterator[Report]:
    """`settings.checker().verify(*job)` for each job, in order. A killed worker ends the run with exit code 3."""
    waiting: SimpleQueue[tuple[Job, Future[Report]] | None] = SimpleQueue()
    futures: list[Future[Report]] = [Future() for _ in jobs]
    for entry in zip(jobs, futures, strict=True):
        waiting.put(entry)
    end_with_workers()
    workers = [start("proofcheck.cli.parallel") for _ in range(min(processes, len(jobs)))]
    threads = [Thread(target=_feed, args=(worker, settings, waiting), daemon=True) for worker in workers]
    try:
        for thread in threads:
            waiting.put(None)
            thread.start()
        for future in futures:
            yield future.result()
    except WorkerKilled as error:
        print("proofcheck: a worker process was killed (out of memory?)", file=sys.stderr)
        raise SystemExit(INTERNAL) from error
    finally:  # on Ctrl-C too: no worker outlives this process
        end(workers)


def end_with_workers() -> None:
    """SIGTERM ends this process in order, and so its workers."""
    signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def serve() -> None:
    """In a worker: answer pickled jobs on standard input with pickled reports on standard output, until the input ends."""
    out = answers()
    settings: Settings = pickle.load(sys.stdin.buffer)
    checker = settings.checker()
    while True:
        try:
            job: Job = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(_answer(checker, job), out)
        out.flush()


def _answer(checker: Checker, job: Job) -> Report | str:
    """The report, or the traceback of a bug."""
    try:
        return replace(checker.verify(*job), blocks=None)
    except Exception:
        return traceback.format_exc()


def _feed(worker: subprocess.Popen[bytes], settings: Settings, waiting: SimpleQueue[tuple[Job, Future[Report]] | None]) -> None:
    """One worker's jobs, one after another; in a thread of its own."""
    to_worker, from_worker = pipes(worker)
    first: list[object] = [settings]
    while (entry := waiting.get()) is not None:
        job, future = entry
        try:
            for message in (*first, job):
                pickle.dump(message, to_worker)
            first = []
            to_worker.flush()
            answer = pickle.load(from_worker)
            if isinstance(answer, Report):
                future.set_result(answer)
            else:
                future.set_exception(RuntimeError(answer))
        except (OSError, EOFError, pickle.UnpicklingError):
            future.set_exception(WorkerKilled())
            return
        except Exception as error:  # a bug: whoever waits for the report must hear of it
            future.set_exception(error)
