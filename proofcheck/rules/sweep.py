"""How a rule goes over the pieces of a list: here, or in other processes. A piece's result is a vector of integers.

Postcondition of a sweep, which `checked` enforces: each piece once, in any order. Whoever computes a part elsewhere is trusted to compute
it as `here` does (docs/soundness.md, Processes); whatever a rule can check of a part, it checks.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from proofcheck.tasks import Piece

Part = NDArray[np.int64]  # [any length]
PartOf = Callable[[Piece], Part]


class Sweep(Protocol):
    """(pieces, here) ↦ (index of a piece, here(piece)), each piece once, in any order."""

    def __call__(self, pieces: Sequence[Piece], here: PartOf) -> Iterator[tuple[int, Part]]: ...


class Watch(Protocol):
    """Is told how far a rule is: `done` of `whole` inputs, of which `wrong` are proved to be answered wrongly.

    It may raise a refusal: what no fact can prove any more need not be computed.
    """

    def __call__(self, done: int, whole: int, wrong: int) -> None: ...


def in_turn(pieces: Sequence[Piece], here: PartOf) -> Iterator[tuple[int, Part]]:
    """One piece after another, in this process."""
    for index, piece in enumerate(pieces):
        yield index, here(piece)


def unwatched(done: int, whole: int, wrong: int) -> None:
    """Nobody asks."""


def checked(sweep: Sweep, pieces: Sequence[Piece], here: PartOf) -> Generator[tuple[int, Part], None, None]:
    """The same, and RuntimeError unless each piece comes exactly once and each part is a vector of int64."""
    waited = set(range(len(pieces)))
    for index, part in sweep(pieces, here):
        if index not in waited:
            raise RuntimeError(f"piece {index} was not asked for, or came twice")
        if not isinstance(part, np.ndarray) or part.dtype != np.int64 or part.ndim != 1:
            raise RuntimeError(f"the part of piece {index} is not a vector of int64")
        waited.remove(index)
        yield index, part
    if waited:
        raise RuntimeError(f"{len(waited)} pieces did not come")
