"""Counts of inputs by block (last token, answer), frozen into a fact."""

from __future__ import annotations

import numpy as np

from proofcheck.arithmetic import Booleans, Integers
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.sweep import Part
from proofcheck.tasks import Task

MOST_OF_A_PART = 2**53  # inputs: so sums of 2^9 parts are below 2^63


class BlockTally:
    """Inputs of each block; int64 counts of single inputs, of which there are fewer than 2^63.

    undecided: inputs that were looked at and are neither right nor wrong; the caller counts them.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._shape = (task.d_vocab, task.answers)
        self._right = np.zeros(self._shape, dtype=np.int64)
        self._wrong = np.zeros(self._shape, dtype=np.int64)
        self._listed = np.zeros(self._shape, dtype=np.int64)
        self.undecided = 0

    @property
    def wrong(self) -> int:
        """The number of inputs that are answered wrongly."""
        return int(self._wrong.sum())

    @property
    def listed(self) -> int:
        """The number of inputs that `add` was told of, right, wrong or neither."""
        return int(self._listed.sum())

    @property
    def neither(self) -> int:
        """The number of inputs that are neither right nor wrong."""
        return self.listed - int(self._right.sum()) - self.wrong

    def add(self, queries: Integers, answers: Integers, right: Booleans, wrong: Booleans) -> None:
        """One input for each entry, right, wrong or neither (those are the caller's to count as undecided)."""
        np.add.at(self._listed, (queries, answers), 1)
        self.settle(queries, answers, right, wrong)

    def settle(self, queries: Integers, answers: Integers, right: Booleans, wrong: Booleans) -> None:
        """Inputs that `add` was told of as neither are right, wrong, or still neither."""
        np.add.at(self._right, (queries[right], answers[right]), 1)
        np.add.at(self._wrong, (queries[wrong], answers[wrong]), 1)

    def part(self) -> Part:
        """The counts as one vector: the number of blocks with inputs, their places, then how many are listed, right and wrong in each."""
        places = np.flatnonzero(self._listed)
        return np.concatenate([[len(places)], places, *(table.ravel()[places] for table in self._tables)]).astype(np.int64)

    def add_part(self, part: Part) -> Part:
        """Add the counts of another tally, and return what stands behind them. RuntimeError if they are none. At most 2^9 parts.

        Proof: counts of disjoint sets of inputs add.  ∎
        """
        blocks = int(part[0]) if len(part) else -1
        if not 0 <= 4 * blocks < len(part):
            raise RuntimeError("a part without its counts")
        places, *counts = part[1 : 1 + 4 * blocks].reshape(4, blocks)
        ascending = blocks == 0 or (places[0] >= 0 and places[-1] < self._listed.size and bool((places[1:] > places[:-1]).all()))
        listed, right, wrong = counts
        possible = (right >= 0) & (wrong >= 0) & (listed >= 0) & (listed < MOST_OF_A_PART) & (right <= listed - wrong)
        if not (ascending and possible.all()):
            raise RuntimeError("a part with impossible counts")
        for table, more in zip(self._tables, counts, strict=True):
            table.ravel()[places] += more  # ravel of a contiguous array is a view
        return part[1 + 4 * blocks :]

    def require_all_listed(self) -> None:
        """RuntimeError unless `add` and `add_part` were told of as many inputs of each block as there are.

        Proof: no block has more than there are, and the sums are equal.  ∎
        """
        for q, y in np.argwhere(self._listed).tolist():
            if self._listed[q, y] > self._task.block_size(q, y):
                raise RuntimeError(f"block ({q}, {y}) has {self._task.block_size(q, y)} inputs, {self._listed[q, y]} were counted")
        if self.listed != self._task.total():
            raise RuntimeError(f"there are {self._task.total()} inputs, {self.listed} were counted")

    def fact(self) -> ProvedBlocks:
        return ProvedBlocks(frozen(self._right.tolist()), undecided=self.undecided, wrong=frozen(self._wrong.tolist()))

    @property
    def _tables(self) -> tuple[Integers, Integers, Integers]:
        return self._listed, self._right, self._wrong


def frozen(counts: list[list[int]]) -> tuple[tuple[int, ...], ...]:
    """Rows that nobody changes."""
    return tuple(tuple(row) for row in counts)
