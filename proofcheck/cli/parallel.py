"""`--jobs N`: certificates in N processes. Imported only then, since the process machinery costs more to import than many a check."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from typing import Any

from proofcheck.cli.main import INTERNAL
from proofcheck.report import Report
from proofcheck.verification import verify


def in_processes(jobs: list[tuple[Any, ...]], processes: int) -> Iterator[Report]:
    """`verify(*job)` for each job, in order. A killed worker ends the run with exit code 3."""
    pool = ProcessPoolExecutor(min(processes, len(jobs)), mp_context=get_context("spawn"))
    try:
        futures = [pool.submit(verify, *job) for job in jobs]
        for future in futures:
            yield future.result()
        pool.shutdown()  # all is done: waiting costs nothing, and not waiting races with the interpreter's own exit
    except BrokenProcessPool as error:
        print("proofcheck: a worker process was killed (out of memory?)", file=sys.stderr)
        raise SystemExit(INTERNAL) from error
    except BaseException:  # Ctrl-C: this process would wait for workers in the middle of a certificate
        for worker in active_children():
            worker.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
