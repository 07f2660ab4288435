"""`count-classes` and `sum-blocks`: integers only."""

from __future__ import annotations

from math import comb

from tests.second_checker.facts import Context, ProvedBlocks, ProvedClasses, ProvedCount


class ContradictionError(Exception):
    """A proved count exceeds what can be true: some rule is unsound, or this checker is wrong."""


def block_size(q: int, m: int, n: int) -> int:
    """Sequences of length n with last token q and maximum m."""
    return (m + 1) ** (n - 1) - (m ** (n - 1) if q < m else 0)


def count_classes(context: Context, classes: ProvedClasses) -> ProvedBlocks:
    """counts[q, m] = Σ_p C(n−1, p) choices^p over the proved p."""
    n = context.network.n_ctx
    counts = {}
    for block in context.blocks():
        counts[block] = sum(comb(n - 1, p) * choices**p for p, choices in enumerate(classes.choices[block]) if choices >= 0)
    return ProvedBlocks(counts)


def sum_blocks(context: Context, *premises: ProvedBlocks) -> ProvedCount:
    """The sum over the blocks of the best premise."""
    correct = surely = 0
    for q, m in context.blocks():
        best = max(premise.counts[q, m] for premise in premises)
        if not 0 <= best <= block_size(q, m, context.network.n_ctx):
            raise ContradictionError(f"block ({q}, {m}): {best} of {block_size(q, m, context.network.n_ctx)}")
        correct += best
        surely += max((premise.least or premise.counts)[q, m] for premise in premises)
    if surely > correct:
        raise ContradictionError(f"at least {surely} of at most {correct}")
    return ProvedCount(correct, surely)
