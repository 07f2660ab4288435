"""Rule `sum-blocks`: from proved blocks to a proved count."""

from __future__ import annotations

from typing import Any

from proofcheck.rules.facts import ProvedBlocks, ProvedCount
from proofcheck.rules.rule import Context, Hints, Rule


def sum_blocks(context: Context, premises: tuple[Any, ...], hints: Hints) -> ProvedCount:
    """Theorem (sum over blocks). correct = Σ_{q ≤ m} max_k counts_k[q][m] over the premises k.

    Hypotheses: every premise is `ProvedBlocks`. Hints: none.
    Proof: the blocks (last token q, maximum m) partition the inputs, and each count_k[q][m] is a lower bound on the same number.  ∎
    A count above the size of its block would contradict its own fact; it raises an internal error and proves nothing.
    Cost: (number of premises)·d². Source: docs/rules/sum-blocks.md.
    """
    task = context.task
    correct = 0
    for m in range(task.d_vocab):
        for q in range(m + 1):
            best = max(facts.counts[q][m] for facts in premises)  # exact integers
            if best > task.block_size(q, m):
                raise RuntimeError(f"block ({q}, {m}) has {task.block_size(q, m)} sequences, {best} proved")
            correct += best
    return ProvedCount(
        correct,
        undecided=sum(facts.undecided for facts in premises),
        published=premises[0].published if len(premises) == 1 else 0,
    )


RULE = Rule(
    name="sum-blocks",
    apply=sum_blocks,
    premises=(ProvedBlocks,),
    operations=lambda dimensions, hints: dimensions.d_vocab**2,
    variadic=True,
)
