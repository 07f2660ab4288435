"""Kth-largest: the right answer is the k-th largest operand, equal ones counted as often as they occur. k = 1 is the maximum."""

from __future__ import annotations

from dataclasses import dataclass

from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import IntegerKind, Kind
from proofcheck.tasks.alphabets import Alphabets, AlphabetsKind, answers_below, operands, require_operands, required
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.explore import explore
from proofcheck.tasks.task import Task, TaskKind


@dataclass(frozen=True)
class KthLargest(Task):
    """Words over alphabets by position; operands are the tokens at positions with more than one token, of which there are k at least."""

    n_ctx: int
    d_vocab: int
    k: int
    alphabets: Alphabets = ()

    def __post_init__(self) -> None:
        """Rejected(bad-string, bad-number) unless alphabets and k fit."""
        object.__setattr__(self, "alphabets", required(self.alphabets, self.n_ctx, self.d_vocab))
        found = len(require_operands(self.alphabets, 1))
        if self.k > found:
            expected = f"1 … {found}"
            raise Rejected(Reason.BAD_NUMBER, "there are fewer operands", path="$.task.k", expected=expected, found=str(self.k))

    @property
    def answers(self) -> int:
        return answers_below(self.alphabets, operands(self.alphabets))

    def answer(self, x: tuple[int, ...]) -> int:
        return sorted((x[i] for i in operands(self.alphabets)), reverse=True)[self.k - 1]

    def automaton(self) -> Automaton:
        """The state is the k largest operands so far, descending."""
        counted = set(operands(self.alphabets))

        def step(s: tuple[int, ...], i: int, t: int) -> tuple[int, ...]:
            return tuple(sorted((*s, t), reverse=True)[: self.k]) if i in counted else s

        start: tuple[int, ...] = ()
        return explore(self.alphabets, self.d_vocab, start, step, lambda s: s[-1])


_FIELDS: dict[str, Kind] = {"n_ctx": IntegerKind(1), "d_vocab": IntegerKind(2), "k": IntegerKind(1), "alphabets": AlphabetsKind()}
KIND = TaskKind("kth-largest", _FIELDS, KthLargest)
