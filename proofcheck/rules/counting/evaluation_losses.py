"""Rule `evaluation-losses`: the loss of every input of the task, by the network's own semantics. Any network, any task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np

from proofcheck.arithmetic import Arithmetic, Decided, Integers, Intervals
from proofcheck.arithmetic.cross_entropy import cross_entropies, packed_bounds, sums_by_key, unpacked_bounds, wide
from proofcheck.arithmetic.log_sums import LOG_SUM_OPERATIONS
from proofcheck.arithmetic.operations import count, counting
from proofcheck.limits import Limits
from proofcheck.models import Dimensions, Model
from proofcheck.rules.counting.evaluation import LISTING_OPERATIONS, MOST_PIECES, listed_at_once
from proofcheck.rules.counting.loss_facts import LossBlocks
from proofcheck.rules.counting.loss_tally import LossTally
from proofcheck.rules.rule import SINGLE_WORK, Context, Cost, Rule
from proofcheck.rules.sweep import Part, PartOf, checked
from proofcheck.tasks import Piece, Task

BATCH_LOGITS = 1 << 17  # logits of one batch of inputs
MOST_AT_ONCE = 1 << 12  # inputs of one batch
SETTLED_AT_ONCE = 64


def evaluation_losses(context: Context[Model, Task]) -> LossBlocks:
    """Statement (evaluation of losses). For each block (q, y) that has inputs:
    lower ≤ Σ loss(x) ≤ upper over its inputs x, and each loss(x) ≤ largest, in nats.

    Hypotheses: none.
    Hints: none.
    Proof: the task lists each input once, with its answer, in pieces (`Task.pieces`). Its logits are enclosed by the semantics of the
    network (`Model.evaluator`), so log(1 + Σ_{j≠y} exp(logit[j] − logit[y])) is enclosed; it increases in each difference, and differences
    of logits within a Euclidean distance r move by at most √2·r. Sums of lower and of upper ends are rounded outward, and those of
    disjoint sets of inputs add, exactly. Each piece is counted once (`checked`), and each block in full (`LossTally.fact`).  ∎
    Evaluation: inputs whose enclosure is wide in the chosen arithmetic are evaluated once more in balls, up to the limit
    `settled_in_balls` and to a quarter of the limit `work`; of the rest the wide enclosure counts. out-of-range if one is not finite.
    Pieces may be computed in other processes.
    Cost: inputs·(forward + 67·logits), and the same in balls for what is settled there.
    Source: docs/rules/evaluation-losses.md.
    Machine-checked: docs/proofs/Loss.v, box_loss.
    """
    tally, waiting, total = LossTally(context.task), _Waiting(context), context.task.total()
    pieces = context.task.pieces(listed_at_once(context), MOST_PIECES)
    with closing(checked(context.sweep, pieces, losses_of(context))) as parts:
        for index, part in parts:
            waiting.add(index, tally.add_part(part), tally)
            context.watch(tally.listed, total, 0)
    waiting.settle(tally)
    return tally.fact()


def losses_of(context: Context[Model, Task]) -> PartOf:
    """The function from a piece to its part: sums of its losses, then the inputs whose enclosures are wide, with these, as many as may be
    settled in balls.
    """
    evaluate, answers_in_all = context.model.evaluator(context.arithmetic), context.task.answers

    def part(piece: Piece) -> Part:
        tally, waiting = LossTally(context.task), _Waiting(context)
        for tokens, answers in _batches(context, piece):
            tally.listing(tokens[:, -1], answers)
            losses, blocks = cross_entropies(evaluate(tokens), answers), tokens[:, -1] * answers_in_all + answers
            again = waiting.keep(tokens, answers, losses)
            kept = np.ones(len(answers), dtype=np.bool_)
            kept[again] = False
            tally.add(sums_by_key(losses[kept], blocks[kept]))
        return np.concatenate([tally.part(), waiting.part()])

    return part


def _batches(context: Context[Model, Task], piece: Piece) -> Iterator[tuple[Integers, Integers]]:
    """The inputs of a piece and their answers, in order, at least one and at most 2^12 at once."""
    logits = context.model.dimensions.get("d_vocab_out", context.task.answers)  # of one input, as far as that is known here
    size = max(1, min(MOST_AT_ONCE, BATCH_LOGITS // logits))
    for tokens, answers in context.task.listed(piece, listed_at_once(context)):
        for start in range(0, len(answers), size):
            yield tokens[start : start + size], answers[start : start + size]


class _Waiting:
    """Inputs whose losses are enclosed widely, with these enclosures: the first of them, in the order of pieces, as many as may be settled.

    A row has the tokens, the answer, and the ends of the enclosure (`packed_bounds`).
    """

    def __init__(self, context: Context[Model, Task]) -> None:
        self._context = context
        self._most = context.limits.settled_in_balls
        self._kept: dict[int, Integers] = {}

    def keep(self, tokens: Integers, answers: Integers, losses: Intervals) -> Integers:
        """Which of these inputs of one piece are kept: the first wide ones, as far as there is room."""
        room = self._most - sum(map(len, self._kept.values()))
        again = np.flatnonzero(wide(losses))[: max(0, room)]
        if len(again):
            self._kept[len(self._kept)] = np.concatenate([tokens[again], answers[again, None], packed_bounds(losses[again])], axis=1)
        return again

    def part(self) -> Part:
        return np.concatenate([np.zeros(0, dtype=np.int64), *(rows.ravel() for rows in self._kept.values())])

    def add(self, index: int, part: Part, tally: LossTally) -> None:
        """Those of a piece's part; of what stands behind enough others the wide enclosure counts. RuntimeError if it is none."""
        task, width = self._context.task, self._context.task.n_ctx + 3
        if len(part) % width or len(part) > width * self._most:
            raise RuntimeError("a part without the inputs that it leaves open")
        rows = part.reshape(-1, width)
        most = np.array([task.d_vocab] * task.n_ctx + [task.answers])
        if bool(((rows[:, :-2] < 0) | (rows[:, :-2] >= most)).any()):
            raise RuntimeError("a part with inputs that are none")
        if not len(rows):
            return
        self._kept[index] = rows
        before = 0
        for number in sorted(self._kept):
            room = max(0, self._most - before)
            self._count(tally, self._kept[number][room:])
            self._kept[number] = self._kept[number][:room]
            before += len(self._kept[number])
        self._kept = {number: rows for number, rows in self._kept.items() if len(rows)}

    def settle(self, tally: LossTally) -> None:
        """Add the losses of the first of them in balls, as far as that can be afforded; of the rest the wide enclosures."""
        none = np.zeros((0, self._context.task.n_ctx + 3), dtype=np.int64)
        rows, operations = np.concatenate([none, *(self._kept[k] for k in sorted(self._kept))]), _settling_operations(self._context.limits)
        evaluate: Callable[[Integers], Intervals | Decided] | None = None
        done = 0
        while done < len(rows) and operations > 0:
            some = rows[done : done + SETTLED_AT_ONCE]
            with counting() as counter:
                if evaluate is None:  # most proofs need none
                    evaluate = self._context.model.evaluator(Arithmetic("arb", self._context.arithmetic.precision))
                tally.add(sums_by_key(cross_entropies(evaluate(some[:, :-3]), some[:, -3]), self._blocks(some)))
            count(counter.total)
            operations -= counter.total
            done += len(some)
        self._count(tally, rows[done:])

    def _count(self, tally: LossTally, rows: Integers) -> None:
        """The wide enclosures. ArithmeticError where one is not finite."""
        for start in range(0, len(rows), MOST_AT_ONCE):
            some = rows[start : start + MOST_AT_ONCE]
            tally.add(sums_by_key(unpacked_bounds(some[:, -2:]), self._blocks(some)))

    def _blocks(self, rows: Integers) -> Integers:
        return np.asarray(rows[:, -4] * self._context.task.answers + rows[:, -3])


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


RULE = Rule(name="evaluation-losses", apply=evaluation_losses, premises=(), cost=_cost, part=losses_of, model=object, task=Task)
