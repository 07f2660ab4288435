"""Proofs by separability: the margin is a sum of one-token terms, so blocks have minima and fixed-point sums can be counted."""

from __future__ import annotations

import numpy as np

from proofcheck import Step
from strategies.max_of_k.separable_groups import HOPELESS, find_groups
from strategies.max_of_k.separable_terms import FloatTerms, block_minimum
from strategies.max_of_k.strategy import Problem, Proposal, Strategy

TABLES = Step("tables", "path-expansion")
MOST_REFINED = 200_000  # triples (query, max token, rival) looked at position by position
EARLY_BINS = 1024
BINS = 2048
SMALLEST_BLOCK = 1e-9  # share of all inputs below which a block is not worth counting


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
    terms = FloatTerms(problem.model)
    rows = [(q, m, EARLY_BINS) for q, m in worthy_blocks(terms) if not block_minimum(terms.early_terms(q, m), q, m) > 0]
    hints = {"blocks": np.array(rows, dtype=np.int64).reshape(-1, 3)}
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
    for q, m in worthy_blocks(terms):
        rivals = np.flatnonzero(~(terms.minima(q, m) > 0))
        grouping = find_groups(terms, q, m, rivals, generator)
        if len(rivals) == 0 or grouping.failing > HOPELESS:
            continue
        named = {rival: number for number, group in enumerate(grouping.groups) for rival in group if number > 0}
        groups += [(len(blocks), named[rival], rival) for rival in sorted(named)]
        blocks.append((q, m, BINS))
    tables = {"blocks": np.array(blocks, dtype=np.int64), "groups": np.array(groups, dtype=np.int64)}
    hints = {name: rows.reshape(-1, 3) for name, rows in tables.items()}
    return Proposal(
        (
            TABLES,
            Step("whole", "separable-minimum", ("tables",), {"refined": MOST_REFINED}),
            Step("counted", "separable-counting", ("tables",), hints),
            Step("count", "sum-blocks", ("whole", "counted")),
        )
    )


def worthy_blocks(terms: FloatTerms) -> list[tuple[int, int]]:
    """(query, max token) of the blocks that are at least SMALLEST_BLOCK of all inputs, by max token."""
    return [(q, m) for m in range(terms.d_vocab) for q in range(m + 1) if block_share(terms, q, m) >= SMALLEST_BLOCK]


def block_share(terms: FloatTerms, query: int, max_token: int) -> float:
    """The block's share of all inputs."""
    free, d = terms.n_ctx - 1, terms.d_vocab
    below = 0.0 if query == max_token else (max_token / d) ** free
    return (((max_token + 1) / d) ** free - below) / d


STRATEGIES = (
    Strategy("separable-minimum", "whole blocks (query, max token) by one-token minima", propose_minimum),
    Strategy("separable-early-maximum", "one sum for all rivals, counted in bins", propose_early_maximum),
    Strategy("separable-counting", "blocks less an exact count of what may fail, rivals in groups", propose_counting),
)
