"""A one-line progress bar that shows itself to people only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

WIDTH = 30
SECONDS_BETWEEN_DRAWS = 0.1


class Progress:
    """Progress over `total` steps on standard error, drawn only when that is a terminal; erased at the end."""

    def __init__(self, title: str, total: int, stream: TextIO | None = None) -> None:
        self.title, self.total, self.done = title, total, 0
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty()
        self._started = self._drawn = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._shown:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def step(self) -> None:
        """Count one step and redraw at most ten times a second."""
        self.done += 1
        now = time.monotonic()
        if not self._shown or now - self._drawn < SECONDS_BETWEEN_DRAWS:
            return
        self._drawn = now
        filled = WIDTH * self.done // self.total
        left = (now - self._started) * (self.total - self.done) / self.done
        bar = "#" * filled + "." * (WIDTH - filled)
        self._stream.write(f"\r\033[K{self.title} [{bar}] {self.done}/{self.total} {left:.0f} s left")
        self._stream.flush()
