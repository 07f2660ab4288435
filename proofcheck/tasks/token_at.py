"""Token-at: the right answer is the token at one position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import IntegerKind
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.task import Task, TaskKind


@dataclass(frozen=True)
class TokenAt(Task):
    """Sequences of n_ctx ≥ 1 tokens, each in 0 … d_vocab − 1, d_vocab ≥ 2; 0 ≤ position < n_ctx."""

    n_ctx: int
    d_vocab: int
    position: int

    def __post_init__(self) -> None:
        """Rejected(bad-number) if there is no such position."""
        if self.position >= self.n_ctx:
            expected = f"0 … {self.n_ctx - 1}"
            raise Rejected(Reason.BAD_NUMBER, "no such position", path="$.task.position", expected=expected, found=str(self.position))

    def answer(self, x: tuple[int, ...]) -> int:
        return x[self.position]

    def total(self) -> int:
        total: int = self.d_vocab**self.n_ctx
        return total

    def automaton(self) -> Automaton:
        """The state is the token, once it was read."""
        tokens = np.arange(self.d_vocab)
        keep = np.repeat(tokens[:, None], self.d_vocab, axis=1)
        take = np.repeat(tokens[None, :], self.d_vocab, axis=0)
        steps = tuple(take if i == self.position else keep for i in range(self.n_ctx))
        return Automaton((tuple(range(self.d_vocab)),) * self.n_ctx, 0, steps, tokens)


KIND = TaskKind("token-at", {"n_ctx": IntegerKind(1), "d_vocab": IntegerKind(2), "position": IntegerKind(0)}, TokenAt)
