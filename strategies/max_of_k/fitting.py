"""Certificates that the checker's limit on work admits, decided before a search and during it by the checker's own bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from proofcheck import Declined, Step
from proofcheck.catalogue import BUILT_IN
from proofcheck.kernel import check_steps
from strategies.max_of_k.strategy import Problem

MOST_WORK = 1 << 100


class DoesNotFit(RuntimeError):
    """Not even the smallest certificate of a strategy is within the checker's limits."""


def fits(problem: Problem, steps: Sequence[Step], work: int | None = None) -> bool:
    """Whether the checker would look at these steps, with its limit on work or another one. Raises Declined for other limits."""
    limits = problem.limits if work is None else replace(problem.limits, work=work)
    try:
        check_steps(steps, problem.sizes, BUILT_IN, limits, "fast")
    except Declined as error:
        if "--limit work=" not in error.hint:
            raise
        return False
    return True


def work_of(problem: Problem, steps: Sequence[Step]) -> int:
    """The checker's bound on the work of these steps."""
    low, high = 0, MOST_WORK
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(problem, steps, middle) else (middle + 1, high)
    return low


def require_fit(problem: Problem, steps: Sequence[Step]) -> None:
    """DoesNotFit, naming the flag, if these steps, the least that a strategy needs, are beyond the limit on work."""
    if not fits(problem, steps):
        needed = work_of(problem, steps)
        raise DoesNotFit(
            f"a network of this size needs work of at least {needed} from the checker, above its limit {problem.limits.work}: "
            f"raise it with --limit work={needed}, here and for proofcheck verify, or use a cheaper strategy"
        )


def largest_prefix(count: int, steps_of: Callable[[int], Sequence[Step]], problem: Problem, work: int | None = None) -> int:
    """The most k ≤ count such that steps_of(k), which grows with k, fits; steps_of(0) is taken to fit."""
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(problem, steps_of(middle), work) else (low, middle - 1)
    return low
