"""The two published strategies without hints: brute force and the cubic proof."""

from __future__ import annotations

from proofcheck import Step
from strategies.max_of_k.strategy import Problem, Proposal, Strategy

TABLES = Step("tables", "path-expansion")


def propose_brute_force(problem: Problem) -> Proposal:
    """Every sequence, by separability: d_vocab^n_ctx · (d_vocab − 1) sums."""
    return Proposal((TABLES, Step("blocks", "enumeration", ("tables",)), Step("count", "sum-blocks", ("blocks",))))


def propose_cubic(problem: Problem) -> Proposal:
    """Sequences of the max token and one other token, pessimised over everything else."""
    return Proposal(
        (
            TABLES,
            Step("classes", "cubic", ("tables",)),
            Step("blocks", "count-classes", ("classes",)),
            Step("count", "sum-blocks", ("blocks",)),
        )
    )


STRATEGIES = (
    Strategy("brute-force", "every sequence, by separability", propose_brute_force, published_name="brute-force"),
    Strategy("cubic", "the published cubic proof, in sign form", propose_cubic, published_name="cubic"),
)
