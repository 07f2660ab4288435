"""Rule `evaluation-losses`: the loss of every input of the task, by the network's own semantics. Any network, any task."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from proofcheck.arithmetic import Arithmetic, Decided, Integers, Intervals
from proofcheck.arithmetic.cross_entropy import cross_entropies, sums_by_key, wide
from proofcheck.arithmetic.log_sums import LOG_SUM_OPERATIONS
from proofcheck.arithmetic.operations import count, counting
from proofcheck.limits import Limits
from proofcheck.models import Dimensions, Model
from proofcheck.rules.counting.evaluation import LISTING_OPERATIONS
from proofcheck.rules.counting.loss_facts import BlockLoss, LossBlocks
from proofcheck.rules.rule import SINGLE_WORK, Context, Cost, Rule
from proofcheck.tasks import Task

BATCH_LOGITS = 1 << 17  # logits of one batch of inputs
MOST_AT_ONCE = 1 << 12  # inputs of one batch
SETTLED_AT_ONCE = 64

_Sums = dict[int, tuple[Fraction, Fraction, Fraction]]


def evaluation_losses(context: Context[Model, Task]) -> LossBlocks:
    """Statement (evaluation of losses). For each block (q, y) that has inputs:
    lower ≤ Σ loss(x) ≤ upper over its inputs x, and each loss(x) ≤ largest, in nats.

    Hypotheses: none.
    Hints: none.
    Proof: the task yields each input once, with its answer (`Task.batches`). Its logits are enclosed by the semantics of the network
    (`Model.evaluator`), so log(1 + Σ_{j≠y} exp(logit[j] − logit[y])) is enclosed; it increases in each difference, and differences of
    logits within a Euclidean distance r move by at most √2·r. Sums of lower and of upper ends are rounded outward.  ∎
    Evaluation: inputs whose enclosure is wide in the chosen arithmetic are evaluated once more in balls, up to the limit
    `settled_in_balls` and to a quarter of the limit `work`; of the rest the wide enclosure counts. out-of-range if one is not finite.
    Cost: inputs·(forward + 67·logits), and the same in balls for what is settled there.
    Source: docs/rules/evaluation-losses.md.
    Machine-checked: docs/proofs/Loss.v, box_loss.
    """
    evaluate = context.model.evaluator(context.arithmetic)
    answers_in_all = context.task.answers
    sums: _Sums = {}
    settling = _Settling(context)
    logits = context.model.dimensions.get("d_vocab_out", answers_in_all)  # of one input, as far as that is known here
    for tokens, answers in context.task.batches(max(1, min(MOST_AT_ONCE, BATCH_LOGITS // logits))):
        if not len(answers):
            continue
        keys = tokens[:, -1] * answers_in_all + answers
        losses = cross_entropies(evaluate(tokens), answers)
        again = np.flatnonzero(wide(losses))
        again = again[: settling.add(sums, tokens[again], answers[again], keys[again])]
        if len(again):
            kept = np.ones(len(answers), dtype=np.bool_)
            kept[again] = False
            losses, keys = losses[kept], keys[kept]
        _add(sums, sums_by_key(losses, keys))
    return LossBlocks(MappingProxyType({divmod(key, answers_in_all): BlockLoss(*bounds) for key, bounds in sums.items()}))


def _add(sums: _Sums, more: _Sums) -> None:
    for key, (lower, upper, largest) in more.items():
        low, high, most = sums.get(key, (Fraction(0), Fraction(0), Fraction(0)))
        sums[key] = (low + lower, high + upper, max(most, largest))


class _Settling:
    """Evaluation in balls of a limited number of inputs, and with a limited number of operations."""

    def __init__(self, context: Context[Model, Task]) -> None:
        self._context = context
        self._left = context.limits.settled_in_balls
        self._operations = _settling_operations(context.limits)
        self._evaluate: Callable[[Integers], Intervals | Decided] | None = None

    def add(self, sums: _Sums, tokens: Integers, answers: Integers, keys: Integers) -> int:
        """Add the losses of the first of these inputs, in balls, as far as that can be afforded; how many there were."""
        done, most = 0, min(len(answers), self._left)
        while done < most and self._operations > 0:
            part = slice(done, min(done + SETTLED_AT_ONCE, most))
            with counting() as counter:
                _add(sums, sums_by_key(cross_entropies(self._evaluator()(tokens[part]), answers[part]), keys[part]))
            count(counter.total)
            self._operations -= counter.total
            done = part.stop
        self._left -= done
        return done

    def _evaluator(self) -> Callable[[Integers], Intervals | Decided]:
        if self._evaluate is None:  # most proofs need none
            self._evaluate = self._context.model.evaluator(Arithmetic("arb", self._context.arithmetic.precision))
        return self._evaluate


def _settling_operations(limits: Limits) -> int:
    """A quarter of the work that is allowed."""
    return limits.work // (4 * SINGLE_WORK)


def _cost(sizes: Dimensions, limits: Limits) -> Cost:
    each = sizes.forward + (LOG_SUM_OPERATIONS * 2 + 8) * sizes.answers
    most = min(sizes.inputs, limits.settled_in_balls)
    settled = min(most * each, _settling_operations(limits) + SETTLED_AT_ONCE * each + sizes.prepare)
    listing = LISTING_OPERATIONS * sizes.n_ctx * sizes.candidates
    whole = 2 * sizes.prepare + sizes.inputs * each + settled + listing
    floats = sizes.inputs * (each - sizes.products) if sizes.products else 0
    return Cost(whole, sums=listing, singles=sizes.prepare + settled, products=sizes.inputs * sizes.products, floats=floats)


RULE = Rule(name="evaluation-losses", apply=evaluation_losses, premises=(), cost=_cost, model=object, task=Task)
