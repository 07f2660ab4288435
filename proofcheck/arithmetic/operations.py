"""The checker's own operation count: arithmetic operations on entries, counted where they are executed.

One addition, subtraction, multiplication, comparison, absolute value or exponential of one entry is one operation; a reduction of k
entries is k − 1; a matrix product [a, b] @ [b, c] is a·c·(2b − 1). Indexing, reshaping and changes of representation are free.
The count is process-global, like flint's precision: one certificate at a time in one process.
"""


class _Counter:
    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0


_counter = _Counter()


def count(operations: int) -> None:
    """Add `operations` to the running total."""
    _counter.total += operations


def counted() -> int:
    """The running total of this process (take differences)."""
    return _counter.total
