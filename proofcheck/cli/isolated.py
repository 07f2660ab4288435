"""Worker processes: this interpreter in isolated mode, which sees no file of the working folder.

-I: no working folder, no PYTHON… variables, no user site; the module path is that of this process, less what is relative. multiprocessing
would start its workers with the working folder first on the path.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

_START = """
import sys
sys.path[:] = {path!r}
sys.set_int_max_str_digits({digits}) if hasattr(sys, "set_int_max_str_digits") else None
from {module} import serve
serve()
"""


def start(module: str) -> subprocess.Popen[bytes]:
    """A process that runs `serve()` of this module of the package, with pipes; Ctrl-C is the parent's."""
    path = [entry for entry in sys.path if Path(entry).is_absolute()]
    digits = getattr(sys, "get_int_max_str_digits", int)()
    command = [sys.executable, "-I", "-c", _START.format(path=path, digits=digits, module=module)]
    environment = {**dict.fromkeys(BLAS_THREADS, "1"), **os.environ}  # as `entry` sets it: products are small
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, env=environment)


def pipes(worker: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """To the worker, and from it."""
    if worker.stdin is None or worker.stdout is None:
        raise RuntimeError("a worker has no pipes")
    return worker.stdin, worker.stdout


def answers() -> IO[bytes]:
    """In a worker: where to answer. Whatever else prints, prints to stderr."""
    found = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return found


def end(workers: list[subprocess.Popen[bytes]]) -> None:
    """None of them outlives this call."""
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.wait()
        for pipe in pipes(worker):
            with suppress(OSError):  # what was not yet sent
                pipe.close()
