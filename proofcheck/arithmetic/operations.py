"""The checker's own operation count: arithmetic operations on entries, counted where they are executed.

One addition, subtraction, multiplication, comparison, absolute value or exponential of one entry is one operation; a reduction of k
entries is k − 1; a matrix product [a, b] @ [b, c] is a·c·(2b − 1). Indexing, reshaping and changes of representation are free.
Each `counting` block has a counter of its own, so threads and nested computations do not mix.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Counter:
    """A running total."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0


_COUNTER: ContextVar[Counter | None] = ContextVar("operations", default=None)


@contextmanager
def counting() -> Iterator[Counter]:
    """The operations executed inside the block, in this thread; they are not added to the surrounding count."""
    counter = Counter()
    token = _COUNTER.set(counter)
    try:
        yield counter
    finally:
        _COUNTER.reset(token)


def count(operations: int) -> None:
    """Add `operations` to the count of the innermost block, if there is one."""
    counter = _COUNTER.get()
    if counter is not None:
        counter.total += operations
