"""Facts: what a step has proved. Only a rule that the kernel is applying can construct one.

The seal is a guard against mistakes in this code base, not against a hostile Python program in the same process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

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
