"""Facts about the loss of any network on any task: by block, and in all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from proofcheck.rules.fact import Fact


@dataclass(frozen=True, slots=True)
class BlockLoss:
    """lower ≤ Σ loss(x) ≤ upper over the inputs x of a block, and each loss(x) ≤ largest; nats, exact."""

    lower: Fraction
    upper: Fraction
    largest: Fraction


@dataclass(frozen=True, slots=True)
class LossBlocks(Fact):
    """Bounds on sums of losses. loss(x) = −log softmax(logits)[y] = log(1 + Σ_{j≠y} exp(logit[j] − logit[y])), over all logits.

    ∀ (q, y) in blocks: `BlockLoss` holds of the inputs with last token q and right answer y. Blocks that are not listed: no statement.
    """

    blocks: Mapping[tuple[int, int], BlockLoss]


@dataclass(frozen=True, slots=True)
class LossSum(Fact):
    """lower ≤ Σ loss(x) ≤ upper over all inputs x of the task, and each loss(x) ≤ largest; nats, exact."""

    lower: Fraction
    upper: Fraction
    largest: Fraction
