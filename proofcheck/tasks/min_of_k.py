"""Min-of-K: the right answer is the smallest token of the sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.kinds import IntegerKind
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.task import Task, TaskKind


@dataclass(frozen=True)
class MinOfK(Task):
    """Sequences of n_ctx ≥ 1 tokens, each in 0 … d_vocab − 1, d_vocab ≥ 2."""

    n_ctx: int
    d_vocab: int

    def answer(self, x: tuple[int, ...]) -> int:
        return min(x)

    def total(self) -> int:
        total: int = self.d_vocab**self.n_ctx
        return total

    def automaton(self) -> Automaton:
        """The state is the smallest token so far."""
        tokens = np.arange(self.d_vocab)
        step = np.minimum(tokens[:, None], tokens[None, :])
        return Automaton((tuple(range(self.d_vocab)),) * self.n_ctx, self.d_vocab - 1, (step,) * self.n_ctx, tokens)


KIND = TaskKind("min-of-k", {"n_ctx": IntegerKind(1), "d_vocab": IntegerKind(2)}, MinOfK)
