"""Rule `toy/sample`: the hinted inputs, by the network's own semantics."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from proofcheck.arithmetic import Integers
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions, Model
from proofcheck.rules.counting.block_tally import BlockTally
from proofcheck.rules.counting.evaluation import decide
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.hints import IntegersHint
from proofcheck.rules.rule import Context, Cost, Rule
from proofcheck.tasks import Task


def sample(context: Context[Model, Task], *, inputs: Integers) -> ProvedBlocks:
    """Statement (sample). counts[q][y] of the listed inputs of the block (q, y) are answered correctly.

    Hypotheses: none. Hints: inputs [k, n_ctx], distinct inputs of the task in increasing order; Rejected(bad-hint) otherwise.
    Proof: distinct inputs of a block that are answered correctly are at most as many as all that are.  ∎
    Cost: k·(forward + 3·answers). Source: an example.
    """
    task = context.task
    inside = ((inputs >= 0) & (inputs < task.d_vocab)).all()
    rows = inputs.tolist()
    if not inside or any(not a < b for a, b in pairwise(rows)):
        raise Rejected(Reason.BAD_HINT, "not a list of distinct inputs in increasing order", path="inputs")
    answers = task.machine.answers(inputs)
    if (answers < 0).any():
        raise Rejected(Reason.BAD_HINT, "a word that is no input of the task", path="inputs")
    tally = BlockTally(task)
    if len(rows):
        right, wrong = decide(context.model.evaluator(context.arithmetic)(inputs), answers)
        tally.add(inputs[:, -1], answers, right, wrong)
        tally.undecided = int(np.count_nonzero(~(right | wrong)))
    return tally.fact()


def _cost(sizes: Dimensions, limits: Limits, *, inputs: Integers) -> Cost:
    return Cost(sizes.prepare + len(inputs) * (sizes.forward + 3 * sizes.answers), singles=sizes.prepare)


RULE = Rule(
    name="toy/sample",
    apply=sample,
    premises=(),
    cost=_cost,
    hints={"inputs": IntegersHint(("*", "n_ctx"))},
    model=object,
    task=Task,
)
