"""Task `toy/parity`: the right answer is the parity of the sum of the tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.kinds import IntegerKind
from proofcheck.tasks import Automaton, Task, TaskKind


@dataclass(frozen=True)
class Parity(Task):
    """Sequences of n_ctx ≥ 1 tokens in 0 … d_vocab − 1; answers 0 and 1."""

    n_ctx: int
    d_vocab: int

    @property
    def answers(self) -> int:
        return 2

    def answer(self, x: tuple[int, ...]) -> int:
        return sum(x) % 2

    def automaton(self) -> Automaton:
        """The state is the parity so far."""
        step = (np.arange(2)[:, None] + np.arange(self.d_vocab)) % 2
        return Automaton((tuple(range(self.d_vocab)),) * self.n_ctx, 0, (step,) * self.n_ctx, np.arange(2))


KIND = TaskKind("toy/parity", {"n_ctx": IntegerKind(1), "d_vocab": IntegerKind(2)}, Parity)
