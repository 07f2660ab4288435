"""First-unique: the right answer is the first operand that occurs exactly once; words without one are no inputs."""

from __future__ import annotations

from dataclasses import dataclass

from proofcheck.kinds import IntegerKind
from proofcheck.tasks.alphabets import Alphabets, AlphabetsKind, answers_below, operands, require_operands, required
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.explore import explore
from proofcheck.tasks.task import Task, TaskKind

_State = tuple[tuple[int, ...], frozenset[int]]  # tokens that occurred once, in order, and those that occurred more often


@dataclass(frozen=True)
class FirstUnique(Task):
    """Words over alphabets by position; operands are the tokens at positions with more than one token."""

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

    def answer(self, x: tuple[int, ...]) -> int | None:
        found = [x[i] for i in operands(self.alphabets)]
        return next((token for token in found if found.count(token) == 1), None)

    def automaton(self) -> Automaton:
        """The state is what occurred once, in order, and what occurred more often."""
        counted = set(operands(self.alphabets))

        def step(s: _State, i: int, t: int) -> _State:
            once, often = s
            if i not in counted or t in often:
                return s
            return (tuple(u for u in once if u != t), often | {t}) if t in once else ((*once, t), often)

        start: _State = ((), frozenset())
        return explore(self.alphabets, self.d_vocab, start, step, lambda s: s[0][0] if s[0] else None)


KIND = TaskKind("first-unique", {"n_ctx": IntegerKind(1), "d_vocab": IntegerKind(2), "alphabets": AlphabetsKind()}, FirstUnique)
