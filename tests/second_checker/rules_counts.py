"""`count-classes` and `sum-blocks`: integers only."""

from __future__ import annotations

from math import comb

from tests.second_checker.facts import Context, ProvedBlocks, ProvedClasses, ProvedCount

Counts = dict[tuple[int, int], int]


class ContradictionError(Exception):
    """A proved count exceeds what can be true: some rule is unsound, or this checker is wrong."""


def count_classes(context: Context, classes: ProvedClasses) -> ProvedBlocks:
    """counts[q, m] = Σ_p C(n−1, p) choices^p over the proved p."""
    counts = {block: members(context.network.n_ctx, choices) for block, choices in classes.choices.items()}
    published = 0 if classes.published is None else sum(members(context.network.n_ctx, choices) for choices in classes.published.values())
    return ProvedBlocks(counts, published=published)


def members(n: int, choices: list[int]) -> int:
    """Σ_p C(n−1, p) choices[p]^p over the p with choices ≥ 0."""
    return sum(comb(n - 1, p) * tokens**p for p, tokens in enumerate(choices) if tokens >= 0)


def sum_blocks(context: Context, *premises: ProvedBlocks) -> ProvedCount:
    """The sum over the blocks of the best premise; what one premise leaves open another may decide, or leave open again."""
    inputs = context.task.total
    totals = [0, 0, 0, 0]
    for (q, m), size in context.block_sizes().items():
        found = [max(table.get((q, m), 0) for table in tables) for tables in zip(*map(tables_of, premises), strict=True)]
        least, most, surely_wrong, most_wrong = found
        if not (0 <= least <= most <= size and 0 <= surely_wrong <= most_wrong <= size and least + surely_wrong <= size):
            raise ContradictionError(f"block ({q}, {m}) of {size}: right {least} … {most}, wrong {surely_wrong} … {most_wrong}")
        totals = [total + part for total, part in zip(totals, found, strict=True)]
    right, wrong = (totals[0], totals[1]), (totals[2], totals[3])
    open_least = min(sum(left_open(premise, surely=False) for premise in premises), inputs - right[1] - wrong[1])
    open_most = min(sum(left_open(premise, surely=True) for premise in premises), inputs - right[0] - wrong[0])
    return ProvedCount(right, wrong, (max(0, open_least), open_most), premises[0].published if len(premises) == 1 else 0)


def tables_of(fact: ProvedBlocks) -> tuple[Counts, Counts, Counts, Counts]:
    """Least and most right, least and most wrong."""
    return fact.least or fact.counts, fact.counts, fact.surely_wrong, fact.wrong


def left_open(fact: ProvedBlocks, surely: bool) -> int:
    """Examined sequences that one premise proves neither right nor wrong, by what it proves surely, or at most."""
    least, most, surely_wrong, most_wrong = tables_of(fact)
    decided = sum((least if surely else most).values()) + sum((surely_wrong if surely else most_wrong).values())
    return max(0, fact.examined - decided)
