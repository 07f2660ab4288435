"""How much a hint lets a rule spend, so that its work is bounded before any arithmetic."""

from __future__ import annotations


class Exhausted(Exception):
    """More would be spent than the hint allows."""


class Budget:
    """Operations that may still be spent."""

    __slots__ = ("left", "most")

    def __init__(self, most: int) -> None:
        self.most = self.left = most

    def spend(self, operations: int) -> None:
        """Raises Exhausted, and spends nothing, if so many are not left."""
        if operations > self.left:
            raise Exhausted
        self.left -= operations
