"""Rule `evaluation`: every input of the task, by the network's own semantics. Any network, any task."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from proofcheck.arithmetic import Arithmetic, Booleans, Integers, Intervals
from proofcheck.limits import Limits
from proofcheck.models import Dimensions, Model
from proofcheck.rules.counting.block_tally import BlockTally
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.rule import Context, Cost, Rule
from proofcheck.tasks import Task

BATCH_LOGITS = 1 << 16  # logits of one batch of inputs


def evaluation(context: Context[Model, Task]) -> ProvedBlocks:
    """Statement (evaluation). For each block (q, y), last token q and right answer y: counts[q][y] of its inputs have
    logit[y] > logit[j] for all j ≠ y, and wrong[q][y] have logit[j] ≥ logit[y] for some j ≠ y. If undecided = 0, these are all.

    Hypotheses: none.
    Hints: none.
    Proof: the machine of the task yields each input once, with its answer (`Automaton.batches`). Its logits are enclosed by the
    semantics of the network (`Model.evaluator`), so a difference that is certainly positive, or certainly at most zero, is so.  ∎
    Evaluation: inputs that are neither right nor wrong in the chosen arithmetic are evaluated once more in balls, up to the limit
    `settled_in_balls`; the rest is undecided.
    Cost: inputs·(forward + 2·logits), and the same in balls for what is settled there.
    Source: docs/rules/evaluation.md.
    Machine-checked: docs/proofs/Evaluation.v, evaluation.
    """
    evaluate = context.model.evaluator(context.arithmetic)
    tally = BlockTally(context.task)
    settling = _Settling(context)
    for tokens, answers in context.task.machine.batches(max(1, BATCH_LOGITS // context.task.answers)):
        if not len(answers):
            continue
        right, wrong = decide(evaluate(tokens), answers)
        tally.add(tokens[:, -1], answers, right, wrong)
        open_inputs = np.flatnonzero(~(right | wrong))
        if len(open_inputs):
            settled = settling.affordable(open_inputs)
            right_there, wrong_there = settling.decide(tokens[settled], answers[settled])
            tally.add(tokens[settled, -1], answers[settled], right_there, wrong_there)
            tally.undecided += len(open_inputs) - int((right_there | wrong_there).sum())
    return tally.fact()


def decide(logits: Intervals, answers: Integers) -> tuple[Booleans, Booleans]:
    """Where each input is certainly right, and where it is certainly wrong: logits [B, A], answers [B] → [B], [B].

    Proof: own − rival encloses the exact difference; right needs all of them certainly > 0, wrong one certainly ≤ 0. NaN is neither.
    """
    rows, columns = np.arange(len(answers)), np.arange(logits.shape[1])
    rivals = np.where(columns[None, :-1] >= answers[:, None], columns[None, 1:], columns[None, :-1])  # all but the answer, [B, A − 1]
    margins = logits[rows, answers][:, None] - logits[rows[:, None], rivals]
    right, wrong = margins.certainly_positive().all(axis=1), margins.certainly_at_most_zero().any(axis=1)
    return np.asarray(right), np.asarray(wrong)


class _Settling:
    """Evaluation in balls of a limited number of inputs."""

    def __init__(self, context: Context[Model, Task]) -> None:
        self._context = context
        self._left = context.limits.settled_in_balls
        self._evaluate: Callable[[Integers], Intervals] | None = None

    def affordable(self, places: Integers) -> Integers:
        """The first of these that may still be settled."""
        chosen = places[: self._left]
        self._left -= len(chosen)
        return chosen

    def decide(self, tokens: Integers, answers: Integers) -> tuple[Booleans, Booleans]:
        if self._evaluate is None:  # most proofs need none
            self._evaluate = self._context.model.evaluator(Arithmetic("arb", self._context.arithmetic.precision))
        return decide(self._evaluate(tokens), answers)


def _cost(sizes: Dimensions, limits: Limits) -> Cost:
    each = sizes.forward + 3 * sizes.answers
    settled = min(sizes.inputs, limits.settled_in_balls) * each
    return Cost(2 * sizes.prepare + sizes.inputs * each + settled, singles=sizes.prepare + settled)


RULE = Rule(name="evaluation", apply=evaluation, premises=(), cost=_cost, model=object, task=Task)
