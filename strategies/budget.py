"""How long a search may take. Nothing here is trusted."""

from __future__ import annotations

import math
import time

DEFAULT_SECONDS = 60.0


class OutOfTime(Exception):
    """The budget of a search is spent: write what has been found."""


class Budget:
    """Seconds of wall time from `start`. progress: show it also where standard error is no terminal."""

    def __init__(self, seconds: float = math.inf, *, progress: bool = False) -> None:
        self.seconds, self.progress = seconds, progress
        self.start()

    def start(self) -> None:
        """A search begins."""
        self._end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Raises OutOfTime when nothing is left."""
        if time.monotonic() > self._end:
            raise OutOfTime
