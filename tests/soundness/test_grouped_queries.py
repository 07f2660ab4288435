"""`grouped-queries` with random hints against ground truth, block by block, and that broken versions would be
seen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from soundness.subcubic_steps import apply
from soundness.window_hints import grouped_hints
from soundness.windows_cases import LONG, MODELS, context, model, true_blocks

from proofcheck.arithmetic.operations import counting
from proofcheck.limits import Limits
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.windows import jobs
from proofcheck.rules.attention_only.windows.grouped_weights import GroupedWeights

PARTS = 6


def proved(k: int, seed: int, backend: str = "fast") -> np.ndarray:
    where = context(k, backend)
    hints = grouped_hints(where.model, np.random.default_rng(3000 * k + seed))
    with counting() as counter:
        fact = apply(where, "grouped-queries", (), hints)
    assert counter.total <= RULES["grouped-queries"].cost(where.model.dimensions, Limits(), **hints).operations
    return np.array(fact.counts)


def cases() -> list[int]:
    """Scores of 10^5 have no float weights relative to the max token's: the rule refuses them
    (`out-of-range`).
    """
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


def _without_residuals(self, *arguments):  # type: ignore[no-untyped-def]
    """Coefficients are taken for exact."""
    _INIT(self, *arguments)
    self.residuals = self.residuals - self.residuals


def _mixed_corners(self, label):  # type: ignore[no-untyped-def]
    """The maximum of one corner less the maximum of another."""
    running, single = _CORNERS(self, label)
    return running.max(axis=0).reshape(1, -1), single.max(axis=0).reshape(1, -1)


_INIT, _CORNERS = GroupedWeights.__init__, GroupedWeights._at_corners


@pytest.mark.parametrize(
    ("place", "name", "broken"),
    [
        (GroupedWeights, "__init__", _without_residuals),
        (GroupedWeights, "_at_corners", _mixed_corners),
        (jobs, "at_most_zero", lambda x: x),
    ],
    ids=["no residuals", "corners mixed", "no minimum with 0"],
)
def test_a_broken_rule_would_be_seen(place: object, name: str, broken: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, name, broken)
    assert any((proved(k, seed) > true_blocks(k)[0]).any() for seed in range(8) for k in cases())
