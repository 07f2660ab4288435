"""The terminal: its width, colour, and a line of progress that never collides with other lines. Verdict lines pass by here untouched."""

from __future__ import annotations

import difflib
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import TextIO

NARROWEST = 40
ERASED = "\r\x1b[K"  # the line that the cursor is in
_COLOURS = {"VERIFIED": "32", "REJECTED": "31", "DECLINED": "33"}


def width(stream: TextIO, otherwise: int) -> int:
    """Columns of the terminal that the stream writes to; `otherwise` where it writes to none."""
    return max(NARROWEST, shutil.get_terminal_size((otherwise, 24)).columns) if stream.isatty() else otherwise


def painted(text: str, verdict: str, stream: TextIO) -> str:
    """The text in the colour of a verdict, on a terminal and unless NO_COLOR is set (https://no-color.org)."""
    plain = not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain or verdict not in _COLOURS else f"\x1b[{_COLOURS[verdict]}m{text}\x1b[0m"


def wrapped(lines: Iterable[str], columns: int) -> list[str]:
    """Lines that are no longer than `columns`, each with the indentation of the one that it continues."""
    out = []
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        parts = textwrap.wrap(line, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        out += [line] if len(line) <= columns else parts
    return out


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'cubic'?`, or nothing where nothing is near."""
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.55) or [name for name in known if len(word) > 2 and word in name][:3]
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


class Counter:
    """`3/129 checked, about 12 s left` on standard error while it is a terminal; `clear` before anything else is printed.

    The `Progress` of a step that begins meanwhile writes over it.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._shown = total > 1 and sys.stderr.isatty()
        self._start = monotonic()

    def show(self, done: int) -> None:
        if self._shown and done < self._total:
            left = f", about {(monotonic() - self._start) / done * (self._total - done):.0f} s left" if done else ""
            print(f"{ERASED}{done}/{self._total} checked{left}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            print(ERASED, end="", file=sys.stderr, flush=True)
