"""Moore machines: a finite task read token by token. Everything a rule asks about a task follows from its machine, in exact integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod

import numpy as np

from proofcheck.arithmetic import Integers
from proofcheck.errors import Reason, Rejected

Piece = tuple[int, int]  # numbers first, …, last − 1 of a list

NO_ANSWER = -1
NO_QUERY = -1


@dataclass(frozen=True)
class Automaton:
    """Words x with x_i in alphabets[i] are read from position 0 on, or in `order`: s' = step[i][s, x_i] at position i, `start` first.

    out[s]: the answer of words that end in s, or −1 where such words are no inputs. step[i] [states, letters] (one array may stand for
    several positions); entries outside the alphabet of a position are never used. Total: every entry of step is a state.
    """

    alphabets: tuple[tuple[int, ...], ...]
    start: int
    step: tuple[Integers, ...]
    out: Integers
    order: tuple[int, ...] = ()  # in which positions are read; () from the first to the last

    def __post_init__(self) -> None:
        """Rejected(bad-array) unless alphabets, states and answers fit together."""
        states, letters = len(self.out), self.step[0].shape[1]
        good = len(self.step) == len(self.alphabets) >= 1 and 0 <= self.start < states
        good = good and all(table.shape == (states, letters) for table in self.step)
        good = good and all(0 <= int(table.min()) <= int(table.max()) < states for table in set_of(self.step))
        good = good and all(sigma and all(a < b for a, b in pairwise(sigma)) for sigma in self.alphabets)
        good = good and all(sigma[0] >= 0 and sigma[-1] < letters for sigma in self.alphabets)
        good = good and (not self.order or sorted(self.order) == list(range(len(self.alphabets))))
        if not good or int(self.out.min()) < NO_ANSWER:
            raise Rejected(Reason.BAD_ARRAY, "not a Moore machine", path="$.task", expected="states, letters and answers that fit together")

    @property
    def n_ctx(self) -> int:
        return len(self.alphabets)

    @property
    def reading_order(self) -> tuple[int, ...]:
        """A permutation of the positions."""
        return self.order or tuple(range(self.n_ctx))

    def words(self) -> int:
        """The number of words, inputs or not."""
        return prod(len(sigma) for sigma in self.alphabets)

    def batches(self, size: int) -> Iterator[tuple[Integers, Integers]]:
        """All inputs in lexicographic order, in batches made of at most `size` words: tokens [B, n_ctx] and answers [B]."""
        yield from self.listed((0, self.words()), size)

    def pieces(self, size: int, most: int) -> list[Piece]:
        """At most `most` runs of words that partition all words, in order; each but the last is a multiple of `size` words."""
        return cut(self.words(), size, most)

    def listed(self, piece: Piece, size: int) -> Iterator[tuple[Integers, Integers]]:
        """`batches`, of the words with these numbers in lexicographic order."""
        letters = [np.array(sigma, dtype=np.int64) for sigma in self.alphabets]
        for first in range(*piece, size):
            numbers = np.arange(first, min(first + size, piece[1]))
            columns = np.empty((self.n_ctx, len(numbers)), dtype=np.int64)
            for i in reversed(range(self.n_ctx)):
                numbers, places = np.divmod(numbers, len(letters[i]))
                np.take(letters[i], places, out=columns[i], mode="clip")
            tokens = columns.T
            answers = self._answers(tokens)
            inputs = answers >= 0
            yield (tokens, answers) if inputs.all() else (tokens[inputs], answers[inputs])

    def answers(self, tokens: Integers) -> Integers:
        """The answer of each word, −1 where it is no input: [B, n_ctx] → [B]. IndexError for what is no letter."""
        if tokens.size and not (int(tokens.min()) >= 0 and int(tokens.max()) < self.step[0].shape[1]):
            raise IndexError("a token that is no letter of the machine")
        return self._answers(tokens)

    def _answers(self, tokens: Integers) -> Integers:
        state = np.full(len(tokens), self.start, dtype=np.int64)
        for i in self.reading_order:
            state = np.take(self.step[i], state * self.step[i].shape[1] + tokens[:, i])  # row-major places
        return np.take(self.out, state)

    @cached_property
    def block_sizes(self) -> dict[tuple[int, int], int]:
        """(last token q, answer y) -> number of inputs, where there are any. Blocks partition the inputs."""
        runs = {(self.start, NO_QUERY): 1}  # (state, last token if it was read) -> words of the positions so far that lead there
        for i in self.reading_order:
            longer: dict[tuple[int, int], int] = {}
            for (state, query), count in runs.items():
                row = self.step[i][state]
                if i == self.n_ctx - 1:
                    ends = [((int(row[letter]), letter), 1) for letter in self.alphabets[i]]
                else:
                    found, times = np.unique(row[list(self.alphabets[i])], return_counts=True)
                    ends = [((end, query), k) for end, k in zip(found.tolist(), times.tolist(), strict=True)]
                for end, k in ends:
                    longer[end] = longer.get(end, 0) + count * k
            runs = longer
        sizes: dict[tuple[int, int], int] = {}
        for (state, query), count in runs.items():
            answer = int(self.out[state])
            if answer >= 0:
                sizes[query, answer] = sizes.get((query, answer), 0) + count
        return sizes

    def block(self, query: int, answer: int) -> BlockMachine:
        """The machine of the words before `query` that make inputs with this answer, minimised backward, dead states dropped.

        Its levels are the positions but the last, in reading order. Postcondition: `BlockMachine.count` is the block's size.
        Proof: by induction from the last level, two states of a level are in one class iff the same continuations lead to an input of the
        block; a class without continuation is dead (−1). The last token is `query`, so its level is one step for each state.  ∎
        """
        last = self.n_ctx - 1
        alive = self.out == answer if query in self.alphabets[last] else np.zeros(len(self.out), dtype=bool)
        classes = np.where(alive, 0, -1)
        levels: list[Integers] = []
        for i in reversed(self.reading_order):
            if i == last:
                classes = classes[self.step[i][:, query]] if query in self.alphabets[last] else np.full(len(classes), -1)
                continue
            following = np.full(self.step[i].shape, -1, dtype=np.int64)
            letters = list(self.alphabets[i])
            following[:, letters] = classes[self.step[i][:, letters]]
            rows, classes = np.unique(following, axis=0, return_inverse=True)
            classes = classes.reshape(-1)
            dead = (rows < 0).all(axis=1)
            names = np.where(dead, -1, np.cumsum(~dead) - 1)
            levels.append(rows[~dead])
            classes = names[classes]
        return BlockMachine(tuple(reversed(levels)), int(classes[self.start]))


@dataclass(frozen=True, slots=True)
class BlockMachine:
    """The words of the positions before the query that belong to one block, read in the machine's order.

    levels[i] [states of level i, letters]: the state of level i + 1 after a letter, or −1 where no word of the block goes on so. start: the
    state of level 0, −1 if the block is empty. Every state has a letter that leads on; at the end there is one state.
    """

    levels: tuple[Integers, ...]
    start: int

    def count(self) -> int:
        """The number of words: exact integers."""
        if self.start < 0:
            return 0
        counts = [1]  # of continuations, for each state of the level after the one at hand
        for rows in reversed(self.levels):
            counts = [sum(times * counts[end] for end, times in _ends(row)) for row in rows]
        return counts[self.start]


def _ends(row: Integers) -> list[tuple[int, int]]:
    """(state, number of letters that lead there)."""
    ends, times = np.unique(row[row >= 0], return_counts=True)
    return list(zip(ends.tolist(), times.tolist(), strict=True))


def cut(length: int, size: int, most: int) -> list[Piece]:
    """At most `most` runs that partition 0, …, length − 1, in order; each but the last is the same multiple of `size` long."""
    step = size * max(1, -(-length // (size * most)))
    return [(first, min(first + step, length)) for first in range(0, length, step)]


def set_of(tables: tuple[Integers, ...]) -> list[Integers]:
    """Each array once, however many positions it stands for."""
    return list({id(table): table for table in tables}.values())
