"""Argmax-position: the right answer is the position of the largest operand; of equal ones the first, or the last."""

from __future__ import annotations

from dataclasses import dataclass

from proofcheck.kinds import ChoiceKind, IntegerKind, Kind
from proofcheck.tasks.alphabets import Alphabets, AlphabetsKind, operands, require_operands, required
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.explore import explore
from proofcheck.tasks.task import Task, TaskKind

FIRST, LAST = "first", "last"


@dataclass(frozen=True)
class ArgmaxPosition(Task):
    """Words over alphabets by position; answers are positions 0 … n_ctx − 1 of operands. ties: "first" or "last"."""

    n_ctx: int
    d_vocab: int
    ties: str
    alphabets: Alphabets = ()

    def __post_init__(self) -> None:
        """Rejected(bad-string) unless the alphabets fit."""
        object.__setattr__(self, "alphabets", required(self.alphabets, self.n_ctx, self.d_vocab))
        require_operands(self.alphabets, 1)

    @property
    def answers(self) -> int:
        return self.n_ctx

    def answer(self, x: tuple[int, ...]) -> int:
        found = operands(self.alphabets)
        largest = max(x[i] for i in found)
        places = [i for i in found if x[i] == largest]
        return places[0] if self.ties == FIRST else places[-1]

    def automaton(self) -> Automaton:
        """The state is the largest operand so far, and its position."""
        counted = set(operands(self.alphabets))

        def step(s: tuple[int, int], i: int, t: int) -> tuple[int, int]:
            better = t > s[0] or (t == s[0] and self.ties == LAST)
            return (t, i) if i in counted and better else s

        return explore(self.alphabets, self.d_vocab, (-1, 0), step, lambda s: s[1])


_FIELDS: dict[str, Kind] = {
    "n_ctx": IntegerKind(1),
    "d_vocab": IntegerKind(2),
    "ties": ChoiceKind((FIRST, LAST)),
    "alphabets": AlphabetsKind(),
}
KIND = TaskKind("argmax-position", _FIELDS, ArgmaxPosition)
