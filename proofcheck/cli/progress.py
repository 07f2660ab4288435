"""How far a long step is, on stderr: one line that is written over on a terminal, a `c ` line now and then elsewhere with --progress."""

from __future__ import annotations

import sys
from time import perf_counter

from proofcheck.certificate import Step
from proofcheck.cli.terminal import ERASED, width
from proofcheck.decimals import duration
from proofcheck.escape import escape

_WIDTH = 79
_FIRST, _ON_TERMINALS, _ELSEWHERE = 1.0, 0.5, 10.0  # seconds before the first line, and between lines


class Progress:
    """Called with a step, inputs done and all inputs. `close` erases the line, so that whatever follows has one of its own."""

    def __init__(self, *, always: bool) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = always or self._terminal
        self._step: Step | None = None
        self._begun = self._last = 0.0
        self._open = False

    def __call__(self, step: Step, done: int, whole: int) -> None:
        now = perf_counter()
        if step is not self._step:
            self._step, self._begun, self._last = step, now, now + _FIRST
        if not self._shown or not done or now < self._last:
            return
        self._last = now + (_ON_TERMINALS if self._terminal else _ELSEWHERE)
        left = (now - self._begun) * (whole - done) / done
        line = f"c progress {escape(step.id)[:24]}: {100 * done // whole} % of {whole} inputs, {duration(round(left))} left"
        line = line[: width(sys.stderr, _WIDTH) - 1]
        print(f"{ERASED}{line}" if self._terminal else line, end="" if self._terminal else "\n", file=sys.stderr, flush=True)
        self._open = self._terminal

    def close(self) -> None:
        if self._open:
            print(ERASED, end="", file=sys.stderr, flush=True)
            self._open = False
