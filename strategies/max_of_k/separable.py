"""Proofs by separability: the margin is a sum of one-token terms, so blocks have minima and fixed-point sums can be counted."""

from __future__ import annotations

import numpy as np

from proofcheck import Dimensions, Step
from strategies.max_of_k.separable_groups import HOPELESS, find_groups
from strategies.max_of_k.separable_terms import FloatTerms
from strategies.max_of_k.strategy import Problem, Proposal, Strategy

TABLES = Step("tables", "path-expansion")
MOST_REFINED = 200_000  # triples (query, max token, rival) looked at position by position
EARLY_BINS = 1024
BINS = ((1e-5, 2048), (1e-6, 512), (0.0, 128))  # least share of all inputs, bins for such a block
MOST_ADDITIONS = 15 * 10**10  # that all counts of a certificate may cost
SMALLEST_BLOCK = 1e-9  # share of all inputs below which a block is not worth counting
SMALLEST_BLOCK_LARGE = 2e-6  # the same for d_vocab > 256, where there are 10^5 blocks


def propose_minimum(problem: Problem) -> Proposal:
    """Every block as a whole, by one-token minima."""
    return Proposal(
        (
            TABLES,
            Step("blocks", "separable-minimum", ("tables",), {"refined": MOST_REFINED}),
            Step("count", "sum-blocks", ("blocks",)),
        )
    )


def propose_early_maximum(problem: Problem) -> Proposal:
    """Rivals minimised token by token; the blocks that are then not proved whole are counted."""
    dimensions = problem.dimensions
    smallest = SMALLEST_BLOCK if dimensions.d_vocab <= 256 else SMALLEST_BLOCK_LARGE
    rows = [(q, m, EARLY_BINS) for q, m in worthy_blocks(dimensions, smallest)]
    hints = {"blocks": np.array(rows, dtype=np.int64).reshape(-1, 3), "additions": MOST_ADDITIONS}
    return Proposal(
        (
            TABLES,
            Step("blocks", "separable-early-maximum", ("tables",), hints),
            Step("count", "sum-blocks", ("blocks",)),
        )
    )


def propose_counting(problem: Problem) -> Proposal:
    """Whole blocks where one-token minima do; elsewhere the failing sequences are counted, rivals that fail together in one group."""
    terms = FloatTerms(problem.model)
    generator = np.random.default_rng(0)
    blocks: list[tuple[int, int, int]] = []
    groups: list[tuple[int, int, int]] = []
    for q, m in worthy_blocks(problem.dimensions, SMALLEST_BLOCK):
        rivals = np.flatnonzero(~(terms.minima(q, m) > 0))
        share = block_share(problem.dimensions, q, m)
        grouping = find_groups(terms, q, m, rivals, share, generator)
        if len(rivals) == 0 or grouping.failing > HOPELESS:
            continue
        named = {rival: number for number, group in enumerate(grouping.groups) for rival in group if number > 0}
        groups += [(len(blocks), named[rival], rival) for rival in sorted(named)]
        blocks.append((q, m, next(bins for least, bins in BINS if share >= least)))
    tables = {"blocks": np.array(blocks, dtype=np.int64), "groups": np.array(groups, dtype=np.int64)}
    hints = {**{name: rows.reshape(-1, 3) for name, rows in tables.items()}, "additions": MOST_ADDITIONS}
    return Proposal(
        (
            TABLES,
            Step("whole", "separable-minimum", ("tables",), {"refined": MOST_REFINED}),
            Step("counted", "separable-counting", ("tables",), hints),
            Step("count", "sum-blocks", ("whole", "counted")),
        )
    )


def worthy_blocks(dimensions: Dimensions, smallest: float) -> list[tuple[int, int]]:
    """(query, max token) of the blocks whose share of all inputs is at least `smallest`, by max token."""
    d = dimensions.d_vocab
    return [(q, m) for m in range(d) for q in range(m + 1) if block_share(dimensions, q, m) >= smallest]


def block_share(dimensions: Dimensions, query: int, max_token: int) -> float:
    """The block's share of all inputs."""
    free, d = dimensions.n_ctx - 1, dimensions.d_vocab
    below = 0.0 if query == max_token else (max_token / d) ** free
    return (((max_token + 1) / d) ** free - below) / d


STRATEGIES = (
    Strategy("separable-minimum", "whole blocks (query, max token) by one-token minima", propose_minimum),
    Strategy("separable-early-maximum", "one sum for all rivals, counted in bins", propose_early_maximum),
    Strategy("separable-counting", "blocks less an exact count of what may fail, rivals in groups", propose_counting),
)
