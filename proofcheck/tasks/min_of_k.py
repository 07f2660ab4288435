"""Min-of-K: the right answer is the smallest operand."""

from __future__ import annotations

from dataclasses import dataclass

from proofcheck.kinds import IntegerKind
from proofcheck.tasks.alphabets import Alphabets, AlphabetsKind, answers_below, operands, require_operands, required
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.explore import explore
from proofcheck.tasks.task import Task, TaskKind


@dataclass(frozen=True)
class MinOfK(Task):
    """Words over alphabets by position; operands are the tokens at positions with more than one token, of which there is one at least."""

    n_ctx: int
    d_vocab: int
    alphabets: Alphabets = ()

    def __post_init__(self) -> None:
        """Rejected(bad-string) unless the alphabets fit."""
        object.__setattr__(self, "alphabets", required(self.alphabets, self.n_ctx, self.d_vocab))
        require_operands(self.alphabets, 1)

    @property
    def answers(self) -> int:
        return answers_below(self.alphabets, operands(self.alphabets))

    def answer(self, x: tuple[int, ...]) -> int:
        return min(x[i] for i in operands(self.alphabets))

    def automaton(self) -> Automaton:
        """The state is the smallest operand so far."""
        counted = set(operands(self.alphabets))
        return explore(self.alphabets, self.d_vocab, self.d_vocab, lambda s, i, t: min(s, t) if i in counted else s, lambda s: s)


KIND = TaskKind("min-of-k", {"n_ctx": IntegerKind(1), "d_vocab": IntegerKind(2), "alphabets": AlphabetsKind()}, MinOfK)
