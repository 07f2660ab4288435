"""Max-of-K: the right answer is the largest token of the sequence."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from proofcheck.kinds import IntegerKind
from proofcheck.tasks.automaton import Automaton, BlockMachine
from proofcheck.tasks.task import Task, TaskKind


@dataclass(frozen=True)
class MaxOfK(Task):
    """Sequences of n_ctx ≥ 1 tokens, each in 0 … d_vocab − 1, d_vocab ≥ 2."""

    n_ctx: int
    d_vocab: int

    def answer(self, x: tuple[int, ...]) -> int:
        return max(x)

    def automaton(self) -> Automaton:
        """The state is the largest token so far."""
        tokens = np.arange(self.d_vocab)
        step = np.maximum(tokens[:, None], tokens[None, :])
        return Automaton((tuple(range(self.d_vocab)),) * self.n_ctx, 0, (step,) * self.n_ctx, tokens)

    def total(self) -> int:
        total: int = self.d_vocab**self.n_ctx
        return total

    def block_size(self, query: int, answer: int) -> int:
        """Number of sequences of the block (query, answer); 0 if query > answer.

        Proof: the n_ctx − 1 tokens before the query are at most m = answer, in (m + 1)^(n_ctx − 1) ways; where the query is below m, one
        of them is m, which excludes m^(n_ctx − 1) ways.  ∎
        """
        before = self.n_ctx - 1
        size: int = 0 if query > answer else (answer + 1) ** before - (answer**before if query < answer else 0)
        return size

    def block_machine(self, query_is_max: bool, max_token: int) -> BlockMachine:
        """Two live states before the query: the maximum is still to come (0), or has been seen (1). `Automaton.block` finds the same."""
        seen = np.where(np.arange(self.d_vocab) <= max_token, 0, -1)
        if query_is_max:
            return BlockMachine((seen[None],) * (self.n_ctx - 1), 0)
        waiting = np.where(np.arange(self.d_vocab) == max_token, 1, seen)
        levels = [np.stack([waiting, np.where(seen == 0, 1, -1)])] * (self.n_ctx - 1)
        if levels:  # at the end one state is left: the maximum was seen
            levels[-1] = np.where(levels[-1] == 1, 0, -1)
        return BlockMachine(tuple(levels), 0 if levels else -1)

    def class_size(self, others: int, choices: int) -> int:
        """Ways to choose which `others` of the n_ctx − 1 non-query positions hold a non-max token, and one of `choices` tokens for each.

        With choices = max_token this is the size of the class (query, max_token, others), and classes partition the block.
        """
        fillings: int = choices**others
        return comb(self.n_ctx - 1, others) * fillings


KIND = TaskKind("max-of-k", {"n_ctx": IntegerKind(1), "d_vocab": IntegerKind(2)}, MaxOfK)
