"""Rule `evaluation`: every input of the task, by the network's own semantics. Any network, any task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np

from proofcheck.arithmetic import Arithmetic, Booleans, Decided, Integers, Intervals
from proofcheck.arithmetic.operations import count, counting
from proofcheck.limits import Limits
from proofcheck.models import Dimensions, Model
from proofcheck.rules.counting.block_tally import BlockTally
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.counting.float_evaluations import evaluator
from proofcheck.rules.reading import ALL_READINGS, Reading
from proofcheck.rules.rule import SINGLE_WORK, Context, Cost, Rule
from proofcheck.rules.sweep import Part, PartOf, checked
from proofcheck.tasks import Piece, Task

BATCH_ENTRIES = 1 << 17  # of the widest array of one batch of inputs: it fits a processor's second cache
MOST_AT_ONCE = 1 << 13  # inputs of one batch, words that are listed at once
LISTED_FOR_BALLS = 1 << 8
MOST_PIECES = 1 << 8
SETTLED_AT_ONCE = 64
LISTING_OPERATIONS = 16  # of one token of one word that is tried


def evaluation(context: Context[Model, Task]) -> ProvedBlocks:
    """Statement (evaluation). For each block (q, y), last token q and right answer y: counts[q][y] of its inputs have
    logit[y] > logit[j] for all j ≠ y, and wrong[q][y] have logit[j] ≥ logit[y] for some j ≠ y. If undecided = 0, these are all.
    With a margin δ, logit[y] − δ stands for logit[y]. In a claim about floats it is said of every conforming evaluation of a transformer.

    Hypotheses: none over the reals; of claims about floats see `float_evaluations.evaluator` (else rule-not-applicable).
    Hints: none.
    Proof: the task lists each input once, with its answer, in pieces (`Task.pieces`). The logits of an input are enclosed by the
    semantics of the network (`Model.evaluator`), so a difference that is certainly positive, or certainly at most zero, is so. Each piece
    is counted once (`checked`), and each block in full (`require_all_listed`).  ∎
    Evaluation: inputs that are neither right nor wrong in the chosen arithmetic are evaluated once more in balls, up to the limit
    `settled_in_balls` and to a quarter of the limit `work`; the rest is undecided, and so are all of them in claims about floats.
    Pieces may be counted in other processes.
    Cost: inputs·(forward + 2·logits), and the same in balls for what is settled there.
    Source: docs/rules/evaluation.md, docs/rules/evaluation-floats.md.
    Machine-checked: docs/proofs/Evaluation.v, evaluation.
    """
    tally, waiting, total = BlockTally(context.task), _Waiting(context), context.task.total()
    pieces = context.task.pieces(listed_at_once(context), MOST_PIECES)
    with closing(checked(context.sweep, pieces, evaluated(context))) as parts:
        for index, part in parts:
            waiting.add(index, tally.add_part(part))
            context.watch(tally.listed, total, tally.wrong)
    tally.require_all_listed()
    if waiting.found != tally.neither:
        raise RuntimeError(f"{tally.neither} inputs are neither right nor wrong, {waiting.found} were counted")
    tokens, answers = waiting.inputs()
    right, wrong = _settled(context, tokens, answers)
    tally.settle(tokens[:, -1], answers, right, wrong)
    tally.undecided = tally.neither
    return tally.fact()


def evaluated(context: Context[Model, Task]) -> PartOf:
    """The function from a piece to its part: the counts of its inputs, then how many are neither right nor wrong, and the first of these
    with their answers, as many as may be settled in balls.
    """
    evaluate, margin = evaluator(context), Margin(context.reading, context.arithmetic)

    def part(piece: Piece) -> Part:
        tally, waiting = BlockTally(context.task), _Waiting(context)
        for tokens, answers in batches(context, piece):
            right, wrong = decide(evaluate(tokens), answers, margin)
            tally.add(tokens[:, -1], answers, right, wrong)
            neither = np.flatnonzero(~(right | wrong))
            waiting.keep(tokens[neither], answers[neither])
        return np.concatenate([tally.part(), waiting.part()])

    return part


def batches(context: Context[Model, Task], piece: Piece) -> Iterator[tuple[Integers, Integers]]:
    """The inputs of a piece and their answers, in order, at least one and at most `batch_size` at once."""
    size = batch_size(context)
    for tokens, answers in context.task.listed(piece, listed_at_once(context)):
        for start in range(0, len(answers), size):
            yield tokens[start : start + size], answers[start : start + size]


def listed_at_once(context: Context[Model, Task]) -> int:
    """Words: few calls where evaluation is fast, small pieces where it is slow."""
    return MOST_AT_ONCE if context.arithmetic.backend == "fast" else min(MOST_AT_ONCE, LISTED_FOR_BALLS)


def batch_size(context: Context[Model, Task]) -> int:
    """How many inputs are evaluated at once: a matter of speed and memory alone."""
    sizes = context.model.dimensions
    widths = [sizes.get(name, 1) for name in ("d_model", "d_mlp")]  # of one input's vectors, as far as they are known here
    return max(1, min(MOST_AT_ONCE, BATCH_ENTRIES // max(*widths, sizes.get("d_vocab_out", context.task.answers))))


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


class _Waiting:
    """Inputs that are neither right nor wrong: how many, and the first of them, in the order of pieces, as many as may be settled."""

    def __init__(self, context: Context[Model, Task]) -> None:
        self._task = context.task
        self._most = context.limits.settled_in_balls
        self._kept: dict[int, Integers] = {}  # rows of tokens and answer
        self.found = 0

    def keep(self, tokens: Integers, answers: Integers) -> None:
        """More inputs [k, n_ctx] and answers [k] of one piece."""
        left = max(0, self._most - self.found)
        self.found += len(answers)
        if left and len(answers):
            self._kept[len(self._kept)] = np.concatenate([tokens[:left], answers[:left, None]], axis=1)

    def part(self) -> Part:
        """How many there are, then the tokens and the answer of each that is kept."""
        return np.concatenate([[self.found], *(rows.ravel() for rows in self._kept.values())]).astype(np.int64)

    def add(self, index: int, part: Part) -> None:
        """Those of a piece's part. RuntimeError if it is none."""
        width, found = self._task.n_ctx + 1, int(part[0]) if len(part) else -1
        rows = part[1:]
        if found < 0 or len(rows) != width * min(found, self._most):
            raise RuntimeError("a part without the inputs that it leaves open")
        rows = rows.reshape(-1, width)
        most = np.array([self._task.d_vocab] * self._task.n_ctx + [self._task.answers])
        if bool(((rows < 0) | (rows >= most)).any()):
            raise RuntimeError("a part with inputs that are none")
        self.found += found
        if not len(rows):
            return
        self._kept[index] = rows
        before = 0
        for number in sorted(self._kept):  # what stands behind enough others is never settled
            if before >= self._most:
                del self._kept[number]
            else:
                before += len(self._kept[number])

    def inputs(self) -> tuple[Integers, Integers]:
        """[k, n_ctx] tokens and [k] answers, the first of all pieces."""
        none = np.zeros((0, self._task.n_ctx + 1), dtype=np.int64)
        rows = np.concatenate([none, *(self._kept[index] for index in sorted(self._kept))])[: self._most]
        return rows[:, :-1], rows[:, -1]


def _settled(context: Context[Model, Task], tokens: Integers, answers: Integers) -> tuple[Booleans, Booleans]:
    """As `decide`, in balls; what the limits do not afford is neither right nor wrong."""
    right, wrong = np.zeros(len(answers), dtype=np.bool_), np.zeros(len(answers), dtype=np.bool_)
    if context.reading.floats is not None:
        return right, wrong  # balls are about the reals
    operations = _settling_operations(context.limits)
    arithmetic = Arithmetic("arb", context.arithmetic.precision)
    margin = Margin(context.reading, arithmetic)
    evaluate: Callable[[Integers], Intervals | Decided] | None = None
    for start in range(0, len(answers), SETTLED_AT_ONCE):
        if operations <= 0:
            break
        part = slice(start, start + SETTLED_AT_ONCE)
        with counting() as counter:
            if evaluate is None:  # most proofs need none
                evaluate = context.model.evaluator(arithmetic)
            right[part], wrong[part] = decide(evaluate(tokens[part]), answers[part], margin)
        count(counter.total)
        operations -= counter.total
    return right, wrong


def _settling_operations(limits: Limits) -> int:
    """A quarter of the work that is allowed."""
    return limits.work // (4 * SINGLE_WORK)


def _cost(sizes: Dimensions, limits: Limits) -> Cost:
    each = sizes.forward + 3 * sizes.answers + 2  # 2: the margin
    most = min(sizes.inputs, limits.settled_in_balls)
    settled = min(most * each, _settling_operations(limits) + min(most, SETTLED_AT_ONCE) * each + sizes.prepare)
    listing = LISTING_OPERATIONS * sizes.n_ctx * sizes.candidates
    whole = 2 * sizes.prepare + sizes.inputs * each + settled + listing
    floats = sizes.inputs * (each - sizes.products) if sizes.products else 0
    return Cost(whole, sums=listing, singles=sizes.prepare + settled, products=sizes.inputs * sizes.products, floats=floats)


RULE = Rule(name="evaluation", apply=evaluation, premises=(), cost=_cost, part=evaluated, readings=ALL_READINGS, model=object, task=Task)
