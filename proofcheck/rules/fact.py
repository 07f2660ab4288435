"""Facts: what a step has proved. Only a rule that the kernel is applying can construct one.

The seal is a guard against mistakes in this code base, not against a hostile Python program in the same process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F")

_APPLYING: ContextVar[bool] = ContextVar("a rule is being applied", default=False)


@contextmanager
def rule_application() -> Iterator[None]:
    """Inside this context facts may be constructed. Used by the kernel alone."""
    token = _APPLYING.set(True)
    try:
        yield
    finally:
        _APPLYING.reset(token)


@dataclass(frozen=True, slots=True)
class Fact:
    """Base of all facts. Each subclass says in its docstring what is true about the network when one exists."""

    def __post_init__(self) -> None:
        if not _APPLYING.get():
            raise TypeError(f"{type(self).__name__} is a fact: only a rule applied by the kernel can make one")


def sealed(fact: F) -> F:
    """The same fact, and every array inside of it is read-only: observers are handed facts, and later steps and replays read them."""
    waiting: list[Any] = [fact]
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        elif isinstance(value, int | str | type) or id(value) in seen:
            continue
        else:
            seen.add(id(value))
            waiting += _parts(value)
    return fact


def _parts(value: Any) -> list[Any]:
    if isinstance(value, tuple | list | set | frozenset):
        return [part for part in value if not isinstance(part, int)]
    if isinstance(value, dict):
        return list(value.values())
    declared = [getattr(kind, "__slots__", ()) for kind in type(value).__mro__]
    slots = [name for names in declared for name in ((names,) if isinstance(names, str) else names)]
    return [getattr(value, name) for name in slots if hasattr(value, name)] + list(getattr(value, "__dict__", {}).values())
