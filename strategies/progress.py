"""Progress with the time left, on standard error: a line that redraws itself on a terminal, lines elsewhere if they are asked for."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

WIDTH = 30
SECONDS_BETWEEN_DRAWS = 0.1
SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Progress over `total` steps. Drawn where standard error is a terminal, and erased at the end; `shown` asks for lines elsewhere too.

    budget: seconds after which the work stops whatever is left; the time left is never said to be more.
    """

    def __init__(self, title: str, total: int, stream: TextIO | None = None, *, shown: bool = False, budget: float = float("inf")) -> None:
        self.title, self.total, self.done = title, total, 0
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._shown = shown or self._terminal
        self._pause = SECONDS_BETWEEN_DRAWS if self._terminal else SECONDS_BETWEEN_LINES
        self._budget = budget
        self._started = self._drawn = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._terminal:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def step(self, steps: int = 1) -> None:
        """Count steps, and redraw if the last time is long enough ago."""
        self.done += steps
        self.refresh()

    def refresh(self) -> None:
        """Redraw in the middle of a long step."""
        now = time.monotonic()
        if not self._shown or now - self._drawn < self._pause:
            return
        self._drawn = now
        filled = WIDTH * self.done // max(1, self.total)
        bar = "#" * filled + "." * (WIDTH - filled)
        text = f"{self.title} [{bar}] {self.done}/{self.total}{self._left(now - self._started)}"
        self._stream.write(f"\r\033[K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()

    def _left(self, spent: float) -> str:
        """ " 12 s left", or "" while nothing is known."""
        by_budget = max(0.0, self._budget - spent)
        by_rate = spent * (self.total - self.done) / self.done if self.done else float("inf")
        if min(by_budget, by_rate) == float("inf"):
            return ""
        at_most = " at most" if by_budget < by_rate else ""
        return f" {min(by_budget, by_rate):.0f} s left{at_most}"
