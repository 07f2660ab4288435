"""Rule `evaluation`: every input of the task, by the network's own semantics. Any network, any task."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from proofcheck.arithmetic import Arithmetic, Booleans, Decided, Integers, Intervals
from proofcheck.arithmetic.operations import count, counting
from proofcheck.limits import Limits
from proofcheck.models import Dimensions, Model
from proofcheck.rules.counting.block_tally import BlockTally
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.reading import REALS_AND_MARGINS, Reading
from proofcheck.rules.rule import SINGLE_WORK, Context, Cost, Rule
from proofcheck.tasks import Task

BATCH_LOGITS = 1 << 17  # logits of one batch of inputs
MOST_AT_ONCE = 1 << 13  # inputs of one batch
SETTLED_AT_ONCE = 64


def evaluation(context: Context[Model, Task]) -> ProvedBlocks:
    """Statement (evaluation). For each block (q, y), last token q and right answer y: counts[q][y] of its inputs have
    logit[y] > logit[j] for all j ≠ y, and wrong[q][y] have logit[j] ≥ logit[y] for some j ≠ y. If undecided = 0, these are all.
    With a margin δ, logit[y] − δ stands for logit[y].

    Hypotheses: none.
    Hints: none.
    Proof: the task yields each input once, with its answer (`Task.batches`). Its logits are enclosed by the
    semantics of the network (`Model.evaluator`), so a difference that is certainly positive, or certainly at most zero, is so.  ∎
    Evaluation: inputs that are neither right nor wrong in the chosen arithmetic are evaluated once more in balls, up to the limit
    `settled_in_balls` and to a quarter of the limit `work`; the rest is undecided.
    Cost: inputs·(forward + 2·logits), and the same in balls for what is settled there.
    Source: docs/rules/evaluation.md.
    Machine-checked: docs/proofs/Evaluation.v, evaluation.
    """
    evaluate = context.model.evaluator(context.arithmetic)
    margin = Margin(context.reading, context.arithmetic)
    tally = BlockTally(context.task)
    settling = _Settling(context)
    logits = context.model.dimensions.get("d_vocab_out", context.task.answers)  # of one input, as far as that is known here
    for tokens, answers in context.task.batches(max(1, min(MOST_AT_ONCE, BATCH_LOGITS // logits))):
        if not len(answers):
            continue
        right, wrong = decide(evaluate(tokens), answers, margin)
        tally.add(tokens[:, -1], answers, right, wrong)
        open_inputs = np.flatnonzero(~(right | wrong))
        if len(open_inputs):
            right_there, wrong_there = settling.decide(tokens[open_inputs], answers[open_inputs])
            tally.add(tokens[open_inputs, -1], answers[open_inputs], right_there, wrong_there)
            tally.undecided += len(open_inputs) - int((right_there | wrong_there).sum())
    return tally.fact()


class Margin:
    """The margin of a reading, exact and enclosed by an arithmetic."""

    def __init__(self, reading: Reading, arithmetic: Arithmetic) -> None:
        self.exact = reading.dyadic()
        self.enclosed = arithmetic.enclose(self.exact.reshape(1)) if reading.margin else None


def decide(logits: Intervals | Decided, answers: Integers, margin: Margin | None = None) -> tuple[Booleans, Booleans]:
    """Where each input is certainly right, and where it is certainly wrong: logits [B, A], answers [B] → [B], [B].

    Without a margin it is 0, the plain reading.
    Proof: (own − δ) − rival encloses the exact difference; right needs all of them certainly > 0, wrong one certainly ≤ 0. NaN is neither.
    """
    if not isinstance(logits, Intervals):
        return logits.decide(answers) if margin is None or margin.enclosed is None else logits.decide(answers, margin.exact)
    rows, columns = np.arange(len(answers)), np.arange(logits.shape[1])
    rivals = np.where(columns[None, :-1] >= answers[:, None], columns[None, 1:], columns[None, :-1])  # all but the answer, [B, A − 1]
    own = logits[rows, answers]
    own = own if margin is None or margin.enclosed is None else own - margin.enclosed
    margins = own[:, None] - logits[rows[:, None], rivals]
    right, wrong = margins.certainly_positive().all(axis=1), margins.certainly_at_most_zero().any(axis=1)
    return np.asarray(right), np.asarray(wrong)


class _Settling:
    """Evaluation in balls of a limited number of inputs, and with a limited number of operations."""

    def __init__(self, context: Context[Model, Task]) -> None:
        self._context = context
        self._left = context.limits.settled_in_balls
        self._operations = _settling_operations(context.limits)
        self._evaluate: Callable[[Integers], Intervals | Decided] | None = None
        self._arithmetic = Arithmetic("arb", context.arithmetic.precision)
        self._margin = Margin(context.reading, self._arithmetic)

    def decide(self, tokens: Integers, answers: Integers) -> tuple[Booleans, Booleans]:
        """As `decide`; what can no longer be afforded is neither right nor wrong."""
        right, wrong = np.zeros(len(answers), dtype=np.bool_), np.zeros(len(answers), dtype=np.bool_)
        for start in range(0, min(len(answers), self._left), SETTLED_AT_ONCE):
            if self._operations <= 0:
                break
            part = slice(start, min(start + SETTLED_AT_ONCE, len(answers), start + self._left))
            with counting() as counter:
                right[part], wrong[part] = decide(self._evaluator()(tokens[part]), answers[part], self._margin)
            count(counter.total)
            self._operations -= counter.total
            self._left -= part.stop - part.start
        return right, wrong

    def _evaluator(self) -> Callable[[Integers], Intervals | Decided]:
        if self._evaluate is None:  # most proofs need none
            self._evaluate = self._context.model.evaluator(self._arithmetic)
        return self._evaluate


def _settling_operations(limits: Limits) -> int:
    """A quarter of the work that is allowed."""
    return limits.work // (4 * SINGLE_WORK)


def _cost(sizes: Dimensions, limits: Limits) -> Cost:
    each = sizes.forward + 3 * sizes.answers + 2  # 2: the margin
    most = min(sizes.inputs, limits.settled_in_balls)
    settled = min(most * each, _settling_operations(limits) + min(most, SETTLED_AT_ONCE) * each + sizes.prepare)
    whole = 2 * sizes.prepare + sizes.inputs * each + settled
    floats = sizes.inputs * (each - sizes.products) if sizes.products else 0
    return Cost(whole, singles=sizes.prepare + settled, products=sizes.inputs * sizes.products, floats=floats)


RULE = Rule(name="evaluation", apply=evaluation, premises=(), cost=_cost, readings=REALS_AND_MARGINS, model=object, task=Task)
