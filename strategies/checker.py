"""The checker in a process of its own, which loads no strategy and no torch; certificates go in one after another, reports come out.

One process shares the exact tables of a model among its certificates. It runs isolated from the working folder and the environment.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
_SERVE = "import sys; sys.path.append(sys.argv[1]); from strategies.checker import serve; serve()"


class CheckerEnded(RuntimeError):
    """The process of the checker is gone; nothing is known about the certificate."""


class CheckerProcess:
    """`with CheckerProcess(limits) as checker: checker.verify(path)`. limits: a `proofcheck.Limits`."""

    def __init__(self, limits: Any) -> None:
        self._limits = asdict(limits)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> CheckerProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def verify(self, certificate: Path, model: Path | None = None) -> dict[str, Any]:
        """The report (`Report.as_json`) of `proofcheck.verify` on a file, and `published`, its count by the published convention.

        Raises CheckerEnded if the process dies; the next call starts another.
        """
        process = self._process or self._start()
        self._process = process
        asked = {"certificate": str(certificate), "model": None if model is None else str(model)}
        try:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        except BaseException:  # half a question has been asked
            self.close()
            raise
        if not answer.endswith("\n"):
            status = process.wait()
            self._process = None
            raise CheckerEnded(f"the checker's process ended with status {status}")
        report: dict[str, Any] = json.loads(answer)
        return report

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-I", "-c", _SERVE, str(_ROOT)]
        process = subprocess.Popen(  # in a session of its own: Ctrl-C is for the process that asks, which then ends this one
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(self._limits) + "\n")
        return process


def serve() -> None:
    """The process: the limits, then a JSON line for each question on stdin, one for each answer on stdout, until stdin ends."""
    import proofcheck
    from strategies.metrics.published_count import PublishedCount

    limits = proofcheck.Limits(**json.loads(sys.stdin.readline()))
    checker = proofcheck.Checker(limits=limits)
    gc.freeze()  # what is imported by now stays
    try:
        for line in sys.stdin:
            asked = json.loads(line)
            published = PublishedCount()
            report = checker.verify(asked["certificate"], asked["model"], observe=published)
            print(json.dumps(report.as_json() | {"published": published.total}), flush=True)
    except BrokenPipeError:  # who asked is gone
        os._exit(1)
