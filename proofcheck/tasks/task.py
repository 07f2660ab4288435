"""What a task is: inputs, right answers, exact counts. A new named task is a file with a `TaskKind`, and a line in the catalogue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from proofcheck.arithmetic import Integers
from proofcheck.kinds import Kind
from proofcheck.tasks.automaton import Automaton, Piece


class Task(ABC):
    """Words over alphabets by position, some of which are inputs with one right answer each.

    An input is answered correctly iff the logit of its answer is strictly larger than every other logit, so a tie is wrong.
    All counts are exact Python integers.
    """

    n_ctx: int
    d_vocab: int

    @property
    def answers(self) -> int:
        """Every answer is below this number; the network may have more logits."""
        return self.d_vocab

    @abstractmethod
    def answer(self, x: tuple[int, ...]) -> int | None:
        """The definition: the right answer of a word of the alphabets, None where it is no input. The machine is tested against it."""

    @abstractmethod
    def automaton(self) -> Automaton:
        """The machine that reads it."""

    @cached_property
    def machine(self) -> Automaton:
        """`automaton()`, made once."""
        return self.automaton()

    def batches(self, size: int) -> Iterator[tuple[Integers, Integers]]:
        """All inputs in lexicographic order, in batches made of at most `size` words: tokens [B, n_ctx] and answers [B]."""
        for piece in self.pieces(size, 1):
            yield from self.listed(piece, size)

    def pieces(self, size: int, most: int) -> list[Piece]:
        """At most `most` pieces of the list of inputs, in order: the concatenation of their `listed` is all inputs, each once."""
        return self.machine.pieces(size, most)

    def listed(self, piece: Piece, size: int) -> Iterator[tuple[Integers, Integers]]:
        """`batches`, of one piece."""
        yield from self.machine.listed(piece, size)

    def candidates(self) -> int:
        """How many words are tried to list the inputs, at most; for costs."""
        return self.machine.words()

    def total(self) -> int:
        """The number of inputs."""
        return sum(self.machine.block_sizes.values())

    def block_size(self, query: int, answer: int) -> int:
        """The number of inputs with this last token and this answer. Blocks partition the inputs."""
        return self.machine.block_sizes.get((query, answer), 0)


@dataclass(frozen=True, slots=True)
class TaskKind:
    """A named task: the fields that a certificate gives for it, and how they make one."""

    name: str
    fields: Mapping[str, Kind]
    build: Callable[..., Task]
