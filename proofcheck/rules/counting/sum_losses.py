"""Rule `sum-losses`: from bounds on the losses of blocks to bounds on the sum of all losses."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions, Model
from proofcheck.rules.counting.loss_facts import LossBlocks, LossSum
from proofcheck.rules.rule import Context, Cost, Rule
from proofcheck.tasks import Task


def sum_losses(context: Context[Model, Task], *premises: LossBlocks) -> LossSum:
    """Statement (sum of losses). Σ_b max_k lower_k(b) ≤ Σ_x loss(x) ≤ Σ_b min_k upper_k(b), over the blocks b of the task, where k runs
    over the premises that list b; and each loss is at most max_b min_k largest_k(b).

    Hypotheses: every premise is `LossBlocks`; each block that has inputs is listed by one of them (else wrong-premise).
    Hints: none.
    Proof: the blocks (last token q, right answer y) partition the inputs, and each premise bounds the same sum and the same losses.  ∎
    Bounds that contradict each other, max lower > min upper, would contradict a fact; they raise an internal error and prove nothing.
    Cost: (number of premises)·d_vocab·answers.
    Source: docs/rules/sum-losses.md.
    Machine-checked: docs/proofs/Loss.v, sum_of_blocks.
    """
    task = context.task
    lower = upper = largest = Fraction(0)
    for block in product(range(task.d_vocab), range(task.answers)):
        if not task.block_size(*block):
            continue
        found = [facts.blocks[block] for facts in premises if block in facts.blocks]
        if not found:
            raise Rejected(
                Reason.WRONG_PREMISE,
                "a block of inputs has no bound on its losses",
                expected="bounds for every pair (last token, right answer) that has inputs",
                found=f"none for {block}",
                hint="add a step that bounds the losses of that block: `evaluation-losses` bounds all of them",
            )
        least, most = max(bound.lower for bound in found), min(bound.upper for bound in found)  # exact rationals
        if least > most:
            raise RuntimeError(f"the losses of block {block} sum to at least {float(least)} and at most {float(most)}")
        lower, upper = lower + least, upper + most
        largest = max(largest, min(bound.largest for bound in found))
    return LossSum(lower, upper, largest)


def _cost(dimensions: Dimensions, limits: Limits) -> Cost:
    blocks = 8 * dimensions.d_vocab * dimensions.answers  # rationals of some thousand bits
    return Cost(blocks, singles=blocks)


RULE = Rule(
    name="sum-losses",
    apply=sum_losses,
    premises=(LossBlocks,),
    cost=_cost,
    variadic=True,
    model=object,
    task=Task,
)
