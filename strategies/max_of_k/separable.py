"""Proofs by separability: the margin is a sum of one-token terms, so blocks have minima and fixed-point sums can be counted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofcheck import Dimensions, Step
from proofcheck.rules.attention_only.separable.block_counts import failing_at_most
from proofcheck.rules.budget import Exhausted
from strategies.budget import Budget, OutOfTime
from strategies.max_of_k.fitting import fits, largest_prefix, require_fit
from strategies.max_of_k.separable_groups import HOPELESS, find_groups
from strategies.max_of_k.separable_terms import FloatTerms
from strategies.max_of_k.strategy import Problem, Proposal, Strategy
from strategies.progress import Progress

TABLES = Step("tables", "path-expansion")
MOST_REFINED = 200_000  # triples (query, max token, rival) looked at position by position
EARLY_BINS = 1024
BINS = ((1e-5, 2048), (1e-6, 512), (0.0, 128))  # least share of all inputs, bins for such a block
MOST_ADDITIONS = 15 * 10**10  # that all counts of an early-maximum certificate may cost
ROOM_IN_ADDITIONS = 1.05  # of a counting certificate, beyond what the search computed
BLOCKS_BETWEEN_CHECKS = 64  # of the limit on work
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
    require_fit(problem, counting_steps([]))
    search = CountingSearch(problem)
    ended = search.run()
    kept = search.found[: largest_prefix(len(search.found), lambda count: counting_steps(search.found[:count]), problem)]
    reasons = [ended] if ended else []
    if len(kept) < len(search.found):
        reasons.append("the checker's limit on work is reached; --limit work=N raises it, here and for proofcheck verify")
    unseen = f", {search.unseen} other blocks were not looked at" if search.unseen else ""
    left_out = f"{search.open_blocks - len(kept)} of {search.open_blocks} open blocks are not counted{unseen}: {'; '.join(reasons)}"
    return Proposal(counting_steps(kept), left_out=left_out if reasons else "")


@dataclass(frozen=True, slots=True)
class Counted:
    """A block with its bins, its rivals in groups 1, 2, … (those of group 0 are not named), and the additions that its counts take."""

    query: int
    max_token: int
    bins: int
    groups: dict[int, int]
    additions: int


class CountingSearch:
    """found: blocks to count, the largest first. open_blocks: those worth counting that the minimum leaves open.

    unseen: blocks of which it is not known whether the minimum leaves them open.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.found: list[Counted] = []
        self.open_blocks = 0
        self.unseen = problem.dimensions.d_vocab * (problem.dimensions.d_vocab + 1) // 2

    def run(self) -> str:
        """Why it ended early; "" when every block has been looked at."""
        waiting: list[tuple[float, int, int, NDArray[np.int64]]] = []
        terms, budget = self.problem.float_terms(), self.problem.budget
        with suppress(OutOfTime):  # and then the next question about the time ends the search
            self._find_open_blocks(terms, waiting)
        self.open_blocks = len(waiting)
        waiting.sort(key=lambda block: -block[0])
        with Progress("blocks", len(waiting), shown=budget.progress, budget=budget.left) as progress:
            for number, (share, q, m, rivals) in enumerate(waiting):
                if budget.left <= 0:
                    return _out_of_time(budget)
                if number % BLOCKS_BETWEEN_CHECKS == 0 and not fits(self.problem, counting_steps(self.found)):
                    return ""
                grouping = find_groups(terms, q, m, rivals, share, np.random.default_rng((q, m)))
                if grouping.failing <= HOPELESS:
                    bins = next(bins for least, bins in BINS if share >= least)
                    additions = counting_additions(terms, q, m, grouping.groups, bins)
                    named = {rival: number for number, group in enumerate(grouping.groups) for rival in group if number > 0}
                    self.found.append(Counted(q, m, bins, named, additions))
                else:
                    self.open_blocks -= 1
                progress.step()
        return _out_of_time(budget) if self.unseen else ""

    def _find_open_blocks(self, terms: FloatTerms, waiting: list[tuple[float, int, int, NDArray[np.int64]]]) -> None:
        d, budget, refined = terms.d_vocab, self.problem.budget, MOST_REFINED
        with Progress("minimum", d, shown=budget.progress, budget=budget.left) as progress:
            for m in reversed(range(d)):
                budget.check()
                rivals, refined = terms.open_rivals(m, refined)
                for q in range(m + 1):
                    share = block_share(self.problem.dimensions, q, m)
                    if len(rivals[q]) and share >= SMALLEST_BLOCK:
                        waiting.append((share, q, m, rivals[q]))
                self.unseen -= m + 1
                progress.step()


def _out_of_time(budget: Budget) -> str:
    return f"the search ended after {budget.seconds:g} s; --search-seconds S gives it more"


def counting_steps(counted: Sequence[Counted]) -> tuple[Step, ...]:
    """The certificate's steps. The additions have a little room: the checker's integers are not those of the search."""
    ordered = sorted(counted, key=lambda block: (block.max_token, block.query))
    blocks = [(block.query, block.max_token, block.bins) for block in ordered]
    groups = [(row, block.groups[rival], rival) for row, block in enumerate(ordered) for rival in sorted(block.groups)]
    tables = {"blocks": np.array(blocks, dtype=np.int64), "groups": np.array(groups, dtype=np.int64)}
    additions = int(ROOM_IN_ADDITIONS * sum(block.additions for block in ordered)) + 10**6
    hints = {**{name: rows.reshape(-1, 3) for name, rows in tables.items()}, "additions": additions}
    return (
        TABLES,
        Step("whole", "separable-minimum", ("tables",), {"refined": MOST_REFINED}),
        Step("counted", "separable-counting", ("tables",), hints),
        Step("count", "sum-blocks", ("whole", "counted")),
    )


def counting_additions(terms: FloatTerms, query: int, max_token: int, groups: Sequence[Sequence[int]], bins: int) -> int:
    """What the counts of a block take from the hint `additions`, by the checker's own formula on the search's terms."""
    total = 0
    for group in groups:
        lower = terms.terms(query, max_token, np.array(group)).min(axis=0)  # [n, m + 1]
        scale = 2.0**26 / float(np.abs(lower).max(initial=1e-300))
        meter = _Meter()
        with suppress(Exhausted):
            failing_at_most(np.floor(lower * scale).astype(np.int64), query, bins, meter)
        total += meter.spent
    return total


class _Meter:
    """In place of the rule's budget: notes what a count would cost, and stops it."""

    def __init__(self) -> None:
        self.spent = 0

    def spend(self, additions: int) -> None:
        self.spent = additions
        raise Exhausted


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
