"""Finite automaton: the task of a Moore machine that the certificate carries; the verdict prints the digests of its tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import Integers
from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import IntegerKind, Kind, TableKind
from proofcheck.tasks.alphabets import Alphabets, AlphabetsKind, required
from proofcheck.tasks.automaton import NO_ANSWER, Automaton
from proofcheck.tasks.explore import require_small
from proofcheck.tasks.task import Task, TaskKind

MOST_STATES = 65_536


@dataclass(frozen=True, eq=False)
class FiniteAutomaton(Task):
    """Words over alphabets by position, read from the first position on.

    step [1 or n_ctx, states, d_vocab]: the next state, one table for all positions or one for each. start: a state.
    out [states]: the answer of words that end there, −1 where they are no inputs.
    """

    n_ctx: int
    d_vocab: int
    start: int
    step: Integers
    out: Integers
    alphabets: Alphabets = ()

    def __post_init__(self) -> None:
        """Rejected(bad-array, bad-string) unless tables and alphabets fit together and every state is one that some word reaches.

        Declined(limit-exceeded) for more than 2^18 pairs of a position and a state.
        """
        object.__setattr__(self, "alphabets", required(self.alphabets, self.n_ctx, self.d_vocab))
        tables, states, letters = self.step.shape
        good = tables in (1, self.n_ctx) and len(self.out) == states and letters == self.d_vocab and self.step.size > 0
        if not good or (tables == self.n_ctx > 1 and bool((self.step == self.step[:1]).all())):
            expected = "step [1 or n_ctx, states, d_vocab] (1 if all tables are equal), out [states]"
            raise Rejected(Reason.BAD_ARRAY, "the tables do not fit together", path="$.task.step", expected=expected)
        require_small(8 * self.n_ctx * states)  # blocks are counted state by state
        unreachable = sorted(set(range(states)) - self._reached())
        if unreachable:
            message = f"state {unreachable[0]} is reached by no word"
            raise Rejected(Reason.BAD_ARRAY, message, path="$.task.step", expected="reachable states only, so that a machine has one form")

    def _reached(self) -> set[int]:
        """States that a prefix of a word reaches."""
        machine = self.machine  # refuses states that are not there
        level = np.array([self.start])
        reached = {self.start}
        for sigma, table in zip(machine.alphabets, machine.step, strict=True):
            level = np.unique(table[level][:, list(sigma)])
            reached |= set(level.tolist())
        return reached

    @property
    def answers(self) -> int:
        return max(0, int(self.out.max())) + 1

    def answer(self, x: tuple[int, ...]) -> int | None:
        state = self.start
        for i, token in enumerate(x):
            state = int(self.step[i if len(self.step) > 1 else 0, state, token])
        return None if self.out[state] == NO_ANSWER else int(self.out[state])

    def automaton(self) -> Automaton:
        tables = tuple(self.step) if len(self.step) > 1 else (self.step[0],) * self.n_ctx
        return Automaton(self.alphabets, self.start, tables, self.out)


_FIELDS: dict[str, Kind] = {
    "n_ctx": IntegerKind(1),
    "d_vocab": IntegerKind(2),
    "start": IntegerKind(0, MOST_STATES - 1),
    "step": TableKind(3, 0, MOST_STATES - 1),
    "out": TableKind(1, NO_ANSWER, 4095),
    "alphabets": AlphabetsKind(),
}
KIND = TaskKind("finite-automaton", _FIELDS, FiniteAutomaton)
