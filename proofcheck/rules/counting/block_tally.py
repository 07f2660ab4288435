"""Counts of inputs by block (last token, answer), frozen into a fact."""

from __future__ import annotations

import numpy as np

from proofcheck.arithmetic import Booleans, Integers
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.tasks import Task


class BlockTally:
    """Decided inputs of each block; int64 counts of single inputs, of which there are fewer than 2^63."""

    def __init__(self, task: Task) -> None:
        self._shape = (task.d_vocab, task.answers)
        self._right = np.zeros(self._shape, dtype=np.int64)
        self._wrong = np.zeros(self._shape, dtype=np.int64)
        self.undecided = 0

    def add(self, queries: Integers, answers: Integers, right: Booleans, wrong: Booleans) -> None:
        """One input for each entry, right, wrong or neither (those are the caller's to count as undecided)."""
        np.add.at(self._right, (queries[right], answers[right]), 1)
        np.add.at(self._wrong, (queries[wrong], answers[wrong]), 1)

    def fact(self) -> ProvedBlocks:
        return ProvedBlocks(frozen(self._right.tolist()), undecided=self.undecided, wrong=frozen(self._wrong.tolist()))


def frozen(counts: list[list[int]]) -> tuple[tuple[int, ...], ...]:
    """Rows that nobody changes."""
    return tuple(tuple(row) for row in counts)
