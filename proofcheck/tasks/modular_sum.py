"""Modular sum: the right answer is the sum of the tokens modulo d_vocab."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.kinds import IntegerKind
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.task import Task, TaskKind


@dataclass(frozen=True)
class ModularSum(Task):
    """Sequences of n_ctx ≥ 1 tokens, each in 0 … d_vocab − 1, d_vocab ≥ 2."""

    n_ctx: int
    d_vocab: int

    def answer(self, x: tuple[int, ...]) -> int:
        return sum(x) % self.d_vocab

    def total(self) -> int:
        total: int = self.d_vocab**self.n_ctx
        return total

    def automaton(self) -> Automaton:
        """The state is the sum so far."""
        tokens = np.arange(self.d_vocab)
        step = (tokens[:, None] + tokens[None, :]) % self.d_vocab
        return Automaton((tuple(range(self.d_vocab)),) * self.n_ctx, 0, (step,) * self.n_ctx, tokens)


KIND = TaskKind("modular-sum", {"n_ctx": IntegerKind(1), "d_vocab": IntegerKind(2)}, ModularSum)
