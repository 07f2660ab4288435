"""Rule `sum-blocks`: from proved blocks to a proved count."""

from __future__ import annotations

from proofcheck.limits import Limits
from proofcheck.models import Dimensions, Model
from proofcheck.rules.counting.facts import ProvedBlocks, ProvedCount
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Context, Cost, Rule
from proofcheck.tasks import Task


def sum_blocks(context: Context[Model, Task], *premises: ProvedBlocks) -> ProvedCount:
    """Statement (sum over blocks). correct = Σ_{q, y} max_k counts_k[q][y] over the premises k, and wrong the same with wrong_k.

    Hypotheses: every premise is `ProvedBlocks`.
    Hints: none.
    Proof: the blocks (last token q, right answer y) partition the inputs, and each count_k[q][y] is a lower bound on the same number;
    so is each wrong_k[q][y]. If correct + wrong is the number of inputs, both are exact.  ∎
    undecided = min(Σ_k undecided_k, inputs − correct − wrong): what one premise leaves open another may decide, or leave open again.
    A count above the size of its block would contradict its own fact; it raises an internal error and proves nothing.
    Cost: (number of premises)·d_vocab·answers.
    Source: docs/rules/sum-blocks.md.
    Machine-checked: docs/proofs/SumBlocks.v, sum_parts.
    """
    task = context.task
    nothing = (0,) * task.answers
    correct = wrong = 0
    for q in range(task.d_vocab):
        right = _largest([facts.counts[q] for facts in premises])
        wrongly = _largest([facts.wrong[q] for facts in premises if facts.wrong] or [nothing])
        for y, (best, most_wrong) in enumerate(zip(right, wrongly, strict=True)):  # exact integers
            if best or most_wrong:
                if best + most_wrong > task.block_size(q, y):
                    raise RuntimeError(f"block ({q}, {y}) has {task.block_size(q, y)} inputs, {best} proved right and {most_wrong} wrong")
                correct += best
                wrong += most_wrong
    return ProvedCount(
        correct,
        undecided=min(sum(facts.undecided for facts in premises), task.total() - correct - wrong),
        wrong=wrong,
    )


def _largest(rows: list[tuple[int, ...]]) -> list[int]:
    """The largest of each column."""
    return [max(column) for column in zip(*rows, strict=True)] if len(rows) > 1 else list(rows[0])


def _cost(dimensions: Dimensions, limits: Limits) -> Cost:
    blocks = dimensions.d_vocab * dimensions.answers
    return Cost(blocks, singles=blocks)


RULE = Rule(
    name="sum-blocks",
    apply=sum_blocks,
    premises=(ProvedBlocks,),
    cost=_cost,
    readings=ALL_READINGS,
    variadic=True,
    model=object,
    task=Task,
)
