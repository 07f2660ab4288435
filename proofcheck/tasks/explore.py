"""From a task's step function to its machine: the states that words reach, found level by level."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

import numpy as np

from proofcheck.errors import Declined, Reason
from proofcheck.tasks.alphabets import Alphabets
from proofcheck.tasks.automaton import NO_ANSWER, Automaton

S = TypeVar("S", bound=Hashable)

MOST_STEPS = 2**21  # (state, token) pairs that are tried, and entries of all tables


def explore(
    alphabets: Alphabets,
    d_vocab: int,
    start: S,
    step: Callable[[S, int, int], S],
    out: Callable[[S], int | None],
    order: tuple[int, ...] = (),
) -> Automaton:
    """The machine that starts in `start`, goes from s to step(s, i, token) at position i, and answers out(s) after the last position.

    order: in which positions are read; () from the first to the last. Declined(limit-exceeded) if the machine is too large.
    """
    names: dict[S, int] = {start: 0}
    level: list[S] = [start]
    found: list[tuple[int, dict[tuple[int, int], int]]] = []
    tried = 0
    for i in order or range(len(alphabets)):
        tried += len(level) * len(alphabets[i])
        require_small(tried)
        steps: dict[tuple[int, int], int] = {}
        following: dict[S, None] = {}
        for state in level:
            for token in alphabets[i]:
                end = step(state, i, token)
                following[end] = None
                steps[names[state], token] = names.setdefault(end, len(names))
        level = list(following)
        found.append((i, steps))
    require_small(len(alphabets) * len(names) * d_vocab // 8)
    tables = {i: np.zeros((len(names), d_vocab), dtype=np.int64) for i, _ in found}
    for i, steps in found:
        for (name, token), following_name in steps.items():
            tables[i][name, token] = following_name
    answers = np.full(len(names), NO_ANSWER, dtype=np.int64)
    for state in level:
        answer = out(state)
        answers[names[state]] = NO_ANSWER if answer is None else answer
    return Automaton(alphabets, 0, tuple(tables[i] for i in range(len(alphabets))), answers, order)


def require_small(steps: int) -> None:
    """Declined(limit-exceeded) if there are more steps than a machine may have."""
    if steps > MOST_STEPS:
        raise Declined(
            Reason.LIMIT_EXCEEDED,
            "the machine of this task has too many states",
            path="$.task",
            expected=f"at most {MOST_STEPS} pairs of a state and a token",
            found=str(steps),
            hint="a smaller vocabulary or fewer operands; `finite-automaton` takes a smaller machine of the same task",
        )
