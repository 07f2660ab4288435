"""Multifun: the first token chooses which function of the operands after it is the right answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import ChoicesKind, IntegerKind, Kind
from proofcheck.tasks.alphabets import Alphabets, AlphabetsKind, answers_below, operands, require_operands, required
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.explore import explore
from proofcheck.tasks.task import Task, TaskKind

_FUNCTIONS: dict[str, Callable[[Sequence[int]], int]] = {
    "max": max,
    "min": min,
    "first": lambda found: found[0],
    "last": lambda found: found[-1],
}
_NOTHING = -1


@dataclass(frozen=True)
class Multifun(Task):
    """functions[j] is chosen by the j-th token of the first position's alphabet, ascending; it is applied to the operands after it."""

    n_ctx: int
    d_vocab: int
    functions: tuple[str, ...]
    alphabets: Alphabets

    def __post_init__(self) -> None:
        """Rejected(bad-string) unless there is one function for each token of the first position, and an operand after it."""
        object.__setattr__(self, "alphabets", required(self.alphabets, self.n_ctx, self.d_vocab))
        if len(self.functions) != len(self.alphabets[0]) or len(self.functions) < 2:
            expected = "one function for each token of the first position, two at least"
            raise Rejected(Reason.BAD_STRING, "functions and first tokens differ", path="$.task.functions", expected=expected)
        require_operands(self.alphabets, 2)

    @property
    def answers(self) -> int:
        return answers_below(self.alphabets, operands(self.alphabets)[1:])

    def answer(self, x: tuple[int, ...]) -> int:
        function = _FUNCTIONS[self.functions[self.alphabets[0].index(x[0])]]
        return function([x[i] for i in operands(self.alphabets)[1:]])

    def automaton(self) -> Automaton:
        """The state is the chosen function, and its value so far."""
        counted = set(operands(self.alphabets)[1:])

        def step(s: tuple[str, int], i: int, t: int) -> tuple[str, int]:
            if i == 0:
                return self.functions[self.alphabets[0].index(t)], _NOTHING
            if i not in counted:
                return s
            return (s[0], t) if s[1] == _NOTHING else (s[0], _FUNCTIONS[s[0]]([s[1], t]))

        return explore(self.alphabets, self.d_vocab, ("", _NOTHING), step, lambda s: s[1])


_FIELDS: dict[str, Kind] = {
    "n_ctx": IntegerKind(2),
    "d_vocab": IntegerKind(2),
    "functions": ChoicesKind(tuple(_FUNCTIONS)),
    "alphabets": AlphabetsKind(),
}
KIND = TaskKind("multifun", _FIELDS, Multifun)
