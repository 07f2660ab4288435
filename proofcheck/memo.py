"""Values that certificates about one network share, computed once. Owned by a `Checker`; no module keeps state."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from proofcheck.arithmetic.operations import count, counting

V = TypeVar("V")


class Memo:
    """The values of one network at a time.

    Hypothesis (the caller's): within one scope, a key stands for one computation that reads nothing but what the scope identifies (the
    exact network, the limits, the reading) and what the key names; what it returns is never changed.
    """

    MOST_VALUES = 64  # the least recently used one goes; what is computed again counts the same operations

    __slots__ = ("_scope", "_values")

    def __init__(self) -> None:
        self._scope: Hashable = None
        self._values: dict[tuple[Hashable, ...], tuple[Any, int]] = {}

    def enter(self, scope: Hashable) -> None:
        """What follows is about the network and reading that `scope` identifies; the values of another one are forgotten."""
        if scope != self._scope:
            self._values.clear()
            self._scope = scope

    def once(self, key: tuple[Hashable, ...], compute: Callable[[], V]) -> V:
        """compute(), once for each key; a later call adds the same operations to the count, so costs do not depend on what ran before."""
        if key not in self._values:
            with counting() as counter:
                value = compute()
            self._values[key] = (value, counter.total)
        value, operations = self._values[key] = self._values.pop(key)  # now the most recently used one
        if len(self._values) > self.MOST_VALUES:
            del self._values[next(iter(self._values))]
        count(operations)
        return value
