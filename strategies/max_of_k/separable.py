"""Proofs by separability: the margin is a sum of one-token terms, so blocks have minima and fixed-point sums can be counted."""

from __future__ import annotations

from proofcheck import Step
from strategies.max_of_k.strategy import Problem, Proposal, Strategy

TABLES = Step("tables", "path-expansion")
MOST_REFINED = 200_000  # triples (query, max token, rival) looked at position by position


def propose_minimum(problem: Problem) -> Proposal:
    """Every block as a whole, by one-token minima."""
    return Proposal(
        (
            TABLES,
            Step("blocks", "separable-minimum", ("tables",), {"refined": MOST_REFINED}),
            Step("count", "sum-blocks", ("blocks",)),
        )
    )


STRATEGIES = (Strategy("separable-minimum", "whole blocks (query, max token) by one-token minima", propose_minimum),)
