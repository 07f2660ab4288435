"""`rival-tree` with random hints against ground truth, block by block, and that broken versions would be seen."""

from __future__ import annotations

import numpy as np
import pytest
from soundness.subcubic_steps import apply
from soundness.window_hints import tree_hints
from soundness.windows_cases import LONG, MODELS, context, model, true_blocks

from proofcheck.arithmetic.operations import counting
from proofcheck.limits import Limits
from proofcheck.rules import RULES

PARTS = 6


def proved(k: int, seed: int, backend: str = "fast") -> np.ndarray:
    where = context(k, backend)
    hints = tree_hints(where.model, np.random.default_rng(4000 * k + seed))
    with counting() as counter:
        fact = apply(where, "rival-tree", (), hints)
    assert counter.total <= RULES["rival-tree"].cost(where.model.dimensions, Limits(), **hints).operations
    return np.array(fact.counts)


def cases() -> list[int]:
    """Scores of 10^5 have no float weights relative to the max token's: the rule refuses them (`out-of-range`)."""
    return [k for k in range(MODELS + LONG) if "scores" not in model(k)[0]]


@pytest.mark.parametrize("part", range(PARTS))
def test_never_more_than_the_truth(part: int) -> None:
    total = 0
    for k in cases()[part::PARTS]:
        for seed in range(3):
            counts = proved(k, seed)
            assert (counts <= true_blocks(k)[0]).all(), (model(k)[0], seed)
            total += int(counts.sum())
    assert total > 0


def test_without_floats() -> None:
    for k in cases()[5::23]:
        assert (proved(k, 0, "arb") <= true_blocks(k)[0]).all(), model(k)[0]
