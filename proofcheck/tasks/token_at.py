"""Token-at: the right answer is the token at one position."""

from __future__ import annotations

from dataclasses import dataclass

from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import IntegerKind, Kind
from proofcheck.tasks.alphabets import Alphabets, AlphabetsKind, answers_below, required
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.explore import explore
from proofcheck.tasks.task import Task, TaskKind


@dataclass(frozen=True)
class TokenAt(Task):
    """Words over alphabets by position; 0 ≤ position < n_ctx."""

    n_ctx: int
    d_vocab: int
    position: int
    alphabets: Alphabets = ()

    def __post_init__(self) -> None:
        """Rejected(bad-string, bad-number) unless the alphabets fit and there is such a position."""
        object.__setattr__(self, "alphabets", required(self.alphabets, self.n_ctx, self.d_vocab))
        if self.position >= self.n_ctx:
            expected = f"0 … {self.n_ctx - 1}"
            raise Rejected(Reason.BAD_NUMBER, "no such position", path="$.task.position", expected=expected, found=str(self.position))

    @property
    def answers(self) -> int:
        return answers_below(self.alphabets, (self.position,))

    def answer(self, x: tuple[int, ...]) -> int:
        return x[self.position]

    def automaton(self) -> Automaton:
        """The state is the token, once it was read."""
        return explore(self.alphabets, self.d_vocab, -1, lambda s, i, t: t if i == self.position else s, lambda s: s)


_FIELDS: dict[str, Kind] = {"n_ctx": IntegerKind(1), "d_vocab": IntegerKind(2), "position": IntegerKind(0), "alphabets": AlphabetsKind()}
KIND = TaskKind("token-at", _FIELDS, TokenAt)
