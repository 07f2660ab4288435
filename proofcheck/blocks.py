"""What a proof says block by block: where the inputs are that it proves right, proves wrong, or leaves open. No mathematics of its own.

Theorem (blocks). Let `facts` be made by rules for a network and `task` (`ProvedBlocks`). Of the size[q][y] inputs with last token q and
right answer y, at least right[q][y] are answered correctly and at least wrong[q][y] wrongly.
Proof: each fact is a pair of lower bounds on the same two numbers; so is their largest.  ∎
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.fact import Fact
from proofcheck.tasks import Task

Counts = tuple[tuple[int, ...], ...]  # [d_vocab][answers]: last token, right answer


class Block(NamedTuple):
    """One block: size = right + wrong + undecided."""

    query: int
    answer: int
    right: int
    wrong: int
    undecided: int
    size: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """Counts for each block (last token q, right answer y); the blocks partition the inputs. Computed when they are asked for.

    `blocks[q, y]` is one of them, iterating gives those that have inputs; right, wrong, undecided, size: tables [d_vocab][answers].
    Right and wrong are meant as in the claim: where that has a margin, right means ahead by more than it.
    undecided: neither proved right nor proved wrong, whether a rule examined them or not; a claim counts them as wrong.
    """

    task: Task
    facts: tuple[ProvedBlocks, ...]

    @property
    def right(self) -> Counts:
        return self._table("right")

    @property
    def wrong(self) -> Counts:
        return self._table("wrong")

    @property
    def undecided(self) -> Counts:
        return self._table("undecided")

    @property
    def size(self) -> Counts:
        return self._table("size")

    def __getitem__(self, place: tuple[int, int]) -> Block:
        """IndexError unless (last token, right answer) are below (d_vocab, answers)."""
        q, y = place
        if not (0 <= q < self.task.d_vocab and 0 <= y < self.task.answers):
            raise IndexError(f"no block {place}: last tokens are below {self.task.d_vocab}, answers below {self.task.answers}")
        right = max(fact.counts[q][y] for fact in self.facts)
        wrong = max((fact.wrong[q][y] for fact in self.facts if fact.wrong), default=0)
        size = self.task.block_size(q, y)
        return Block(q, y, right, wrong, size - right - wrong, size)

    def __iter__(self) -> Iterator[Block]:
        found = (self[q, y] for q in range(self.task.d_vocab) for y in range(self.task.answers))
        return (block for block in found if block.size)

    def __len__(self) -> int:
        """The number of blocks that have inputs."""
        return sum(1 for _ in self)

    def _table(self, name: str) -> Counts:
        return tuple(tuple(getattr(self[q, y], name) for y in range(self.task.answers)) for q in range(self.task.d_vocab))


class BlocksOf:
    """An observer of `kernel.replay`: collects the facts about blocks, and hands everything on to another observer."""

    __slots__ = ("_facts", "_observe")

    def __init__(self, observe: Callable[[Any, Any], object] | None) -> None:
        self._facts: list[ProvedBlocks] = []
        self._observe = observe

    def __call__(self, step: Any, fact: Fact) -> None:
        if isinstance(fact, ProvedBlocks):
            self._facts.append(fact)
        if self._observe is not None:
            self._observe(step, fact)

    def blocks(self, task: Task) -> Blocks | None:
        """None where no step is about blocks. Call it only for a replay that returned."""
        return Blocks(task, tuple(self._facts)) if self._facts else None
