"""Rule `loss-boxes`: Theorem B, bounds on the losses of whole boxes of sequences of Max-of-K."""

from __future__ import annotations

from fractions import Fraction
from types import MappingProxyType

import numpy as np

from proofcheck.arithmetic import DyadicArray, Integers, Intervals
from proofcheck.arithmetic.box_losses import BoxLosses, box_losses
from proofcheck.arithmetic.cross_entropy import weighted_sums
from proofcheck.arithmetic.log_sums import LOG_SUM_OPERATIONS
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import PathExpansion
from proofcheck.rules.attention_only.loss.plans import Plan, number_of_boxes, read_plans
from proofcheck.rules.attention_only.separable.separability import MarginTerms, shared_enclosures, table_exponentials
from proofcheck.rules.counting.loss_facts import BlockLoss, LossBlocks
from proofcheck.rules.hints import ExactHint, IntegerHint, IntegersHint
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def loss_boxes(
    context: MaxOfKContext, tables: PathExpansion, *, cells: Integers, classes: Integers, levels: DyadicArray, below: int
) -> LossBlocks:
    """Statement (Theorem B). For each block (q, m) of a max token m that `cells` lists:
    lower ≤ Σ loss(x) ≤ upper over its sequences x, and each loss(x) ≤ largest, in nats.

    Hypotheses: `tables` are those of the network (`PathExpansion`).
    Hints: cells [d_vocab, d_vocab]: row m puts m into cell 0 and the tokens below m into cells 1, 2, …; a row of −1 leaves m out.
    classes [d_vocab, n_ctx]: row m puts the positions before the last into classes 0, 1, …. levels [d_vocab, L, d_vocab]: L ≥ 1 levels for
    each m and rival j, added to EUPU[q, m] − EUPU[q, j]. below: 1 for lower bounds, else they are 0.
    Proof: with w, V of separability.md, Σ_i w_i (V_i[m] − V_i[j] − δ) = (M_j − δ) Σ_i w_i. A box says how many positions of each class hold
    tokens of each cell; on it the sum is at least G, Σ w between Z₋ and Z₊, so M_j ≥ δ + G/(Z₊ if G ≥ 0 else Z₋); −M_j likewise.
    The boxes are disjoint and cover the block, and a box holds Π_c multinomial · Π_k tokens^numbers sequences.  ∎
    Cost: for each block boxes·(d_vocab − 1)·(levels·(2·cells + classes + 6) + 64), and levels·2·n_ctx·d_vocab·(m + 1) for the terms; twice
    with lower bounds.
    Source: docs/rules/loss-boxes.md.
    Machine-checked: docs/proofs/Loss.v, box_lower.
    """
    terms = LossTerms(shared_enclosures(context, tables))
    blocks: dict[tuple[int, int], BlockLoss] = {}
    for m, plan in read_plans(cells, classes).items():
        terms.enter(m, plan)
        chosen = np.delete(np.arange(context.task.d_vocab), m)
        for query in range(m + 1) if context.task.n_ctx > 1 else [m]:
            blocks[query, m] = _block(terms.losses(query, levels[m][:, chosen]), plan, query, below=bool(below))
    return LossBlocks(MappingProxyType(blocks))


class LossTerms(MarginTerms):
    """What `box_losses` takes, for one max token at a time."""

    def enter(self, m: int, plan: Plan) -> None:
        """Prepare the tables of a max token."""
        self._m, self._plan, rivals = m, plan, self.rivals(m)
        tokens, positions = self._margins(self._EVOU[: m + 1], m, rivals), self._margins(self._PVOU, m, rivals)
        self._direct_values = self._margins(self._EUPU[: m + 1], m, rivals)
        self._last_values = positions[-1][None] + tokens  # [T, J]
        self._ordered = positions[:-1][:, None] + tokens[plan.order][None]  # [n − 1, T, J]
        self._block_weights: Intervals = self.weights(slice(0, m + 1), m)  # [Q, n, T]

    def losses(self, query: int, levels: DyadicArray) -> BoxLosses:
        """levels [L, J]: for the values without the direct path."""
        weights, at = self._block_weights[query], self._plan.arrangement
        ordered = weights[:-1][:, self._plan.order]
        return box_losses(ordered, weights[-1, query], self._ordered, self._last_values[query], self._direct_values[query], levels, at)


def _block(found: BoxLosses, plan: Plan, query: int, *, below: bool) -> BlockLoss:
    lower = upper = largest = Fraction(0)
    for chunk in plan.boxes(query):
        least, most, high = weighted_sums(found.losses(chunk.rows, below=below), chunk.sizes)
        lower, upper, largest = lower + least, upper + most, max(largest, high)
    return BlockLoss(lower, upper, largest)


def _cost(dimensions: Dimensions, limits: Limits, *, cells: Integers, classes: Integers, levels: Integers, below: int) -> Cost:
    n, d, many = dimensions.n_ctx, dimensions.d_vocab, max(1, levels.shape[1])
    sides = 1 + below
    boxes = operations = 0
    for m in range(d):
        if (cells[m] == -1).all():
            continue
        found = number_of_boxes(cells[m, : m + 1], classes[m, :-1])
        numbers = int(cells[m].max(initial=0)) + n + 1
        boxes += found
        each = (d - 1) * (sides * (many * (2 * numbers + 6) + LOG_SUM_OPERATIONS) + 4 * numbers)
        operations += (m + 1) * (found * each + 8 * sides * many * n * (m + 1) * d + 8 * n * (m + 1)) + 8 * n * (m + 1) * d
    singles = table_exponentials(dimensions) + boxes * n + 64 * d * d
    return Cost(operations + singles + 4 * d * d * (d + n), singles=singles, floats=operations)


RULE = Rule(
    name="loss-boxes",
    apply=loss_boxes,
    premises=(PathExpansion,),
    cost=_cost,
    hints={
        "cells": IntegersHint(("d_vocab", "d_vocab")),
        "classes": IntegersHint(("d_vocab", "n_ctx")),
        "levels": ExactHint(("d_vocab", "*", "d_vocab")),
        "below": IntegerHint(0, 1),
    },
)

__all__ = ["RULE", "loss_boxes"]
