"""Values that certificates about one network share, computed once. Owned by a `Checker`; no module keeps state."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from typing import Any, TypeVar

from proofcheck.arithmetic.operations import count, counting

V = TypeVar("V")


class Memo:
    """The values of one network at a time.

    Hypothesis (the caller's): within one scope, a key stands for one computation that reads nothing but what the scope identifies (the
    exact network, the task, the limits, the reading) and what the key names; what it returns is never changed.
    """

    MOST_VALUES = 64  # the least recently used one goes; what is computed again counts the same operations

    __slots__ = ("_latest", "_scope", "_values")

    def __init__(self) -> None:
        self._scope: Hashable = None
        self._values: dict[Hashable, tuple[Any, int]] = {}
        self._latest: dict[Hashable, tuple[Any, int]] = {}  # the facts of the latest replay

    def enter(self, scope: Hashable) -> None:
        """What follows is about the network, task and reading that `scope` identifies; the values of another one are forgotten."""
        if scope != self._scope:
            self._values.clear()
            self._latest.clear()
            self._scope = scope

    def begin(self, steps: Collection[Hashable]) -> None:
        """A replay begins whose steps have these keys: of the facts of the last one, those stay that it makes too."""
        self._latest = {key: kept for key, kept in self._latest.items() if key in steps}

    def fact(self, key: Hashable, make: Callable[[], V], *, shared: bool) -> V:
        """make(), unless the last replay made the fact of this key too, or (`shared`) an earlier one; operations count as in `once`."""
        return self.once(("fact", key), make) if shared else _kept(self._latest, key, make)

    def once(self, key: tuple[Hashable, ...], compute: Callable[[], V]) -> V:
        """compute(), once for each key; a later call adds the same operations to the count, so costs do not depend on what ran before."""
        value = _kept(self._values, key, compute)
        if len(self._values) > self.MOST_VALUES:
            del self._values[next(iter(self._values))]
        return value


def _kept(values: dict[Hashable, tuple[Any, int]], key: Hashable, compute: Callable[[], V]) -> V:
    if key not in values:
        with counting() as counter:
            value = compute()
        values[key] = (value, counter.total)
    value, operations = values[key] = values.pop(key)  # now the most recently used one
    count(operations)
    return value
