"""Balanced: whether the operands, opening and closing brackets, are balanced; the two answers are tokens that the certificate names."""

from __future__ import annotations

from dataclasses import dataclass

from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import IntegerKind, Kind
from proofcheck.tasks.alphabets import Alphabets, AlphabetsKind, operands, require_operands, required
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.explore import explore
from proofcheck.tasks.task import Task, TaskKind

_UNBALANCED = -1  # a closing bracket came before its opening one


@dataclass(frozen=True)
class Balanced(Task):
    """Operands are `opening` or `closing`; other tokens only where they are fixed. The answer is `yes` if they are balanced, else `no`.

    An odd number of operands is never balanced. opening ≠ closing, yes ≠ no.
    """

    n_ctx: int
    d_vocab: int
    opening: int
    closing: int
    yes: int
    no: int
    alphabets: Alphabets = ()

    def __post_init__(self) -> None:
        """Rejected(bad-string, bad-number) unless alphabets and brackets fit."""
        brackets = tuple(sorted({self.opening, self.closing}))
        if len(brackets) != 2 or brackets[1] >= self.d_vocab or self.yes == self.no:
            expected = "two brackets below d_vocab, two answers"
            raise Rejected(Reason.BAD_NUMBER, "brackets or answers are equal, or no tokens", path="$.task.opening", expected=expected)
        object.__setattr__(self, "alphabets", required(self.alphabets or (brackets,) * self.n_ctx, self.n_ctx, self.d_vocab))
        if any(self.alphabets[i] != brackets for i in require_operands(self.alphabets, 1)):
            expected = f"operands {brackets[0]} and {brackets[1]}"
            raise Rejected(Reason.BAD_STRING, "an operand is no bracket", path="$.task.alphabets", expected=expected)

    @property
    def answers(self) -> int:
        return max(self.yes, self.no) + 1

    def answer(self, x: tuple[int, ...]) -> int:
        depth = 0
        for i in operands(self.alphabets):
            depth += 1 if x[i] == self.opening else -1
            if depth < 0:
                return self.no
        return self.yes if depth == 0 else self.no

    def automaton(self) -> Automaton:
        """The state is the depth so far, or that it was negative once."""
        counted = set(operands(self.alphabets))

        def step(s: int, i: int, t: int) -> int:
            if i not in counted or s == _UNBALANCED:
                return s
            return s + 1 if t == self.opening else s - 1  # from depth 0 to _UNBALANCED

        return explore(self.alphabets, self.d_vocab, 0, step, lambda s: self.yes if s == 0 else self.no)


_FIELDS: dict[str, Kind] = {
    "n_ctx": IntegerKind(1),
    "d_vocab": IntegerKind(2),
    "opening": IntegerKind(0),
    "closing": IntegerKind(0),
    "yes": IntegerKind(0, 4095),
    "no": IntegerKind(0, 4095),
    "alphabets": AlphabetsKind(),
}
KIND = TaskKind("balanced", _FIELDS, Balanced)
