"""`separable-early-maximum`: its terms are below every rival's, its counts below the truth and rising with the bins."""

from __future__ import annotations

import numpy as np
import pytest
from rules.separable_cases import applied, blocks, context, noisy, total
from soundness.small_models import Shape, trained_like

SHAPES = (Shape(1, 4), Shape(2, 7), Shape(3, 6), Shape(4, 5), Shape(5, 3))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shape", SHAPES)
def test_counts_are_truly_correct_and_the_work_is_bounded(shape: Shape, seed: int) -> None:
    where = context(shape, noisy(shape, seed))
    true, _, _ = applied(where, "enumeration", {})
    for bins in (1, 16, 8192):
        fact, operations, bound = applied(where, "separable-early-maximum", {"additions": 10**12, "blocks": blocks(shape.d_vocab, bins)})
        assert operations <= bound
        assert (np.array(fact.counts) <= np.array(true.counts)).all()


def test_an_easy_network_is_proved_without_counting() -> None:
    shape = Shape(3, 6)
    fact, _, _ = applied(
        context(shape, trained_like(shape, 1)), "separable-early-maximum", {"additions": 10**12, "blocks": blocks(6, 1)[:0]}
    )
    assert total(fact) == 6**3


def test_counting_proves_what_minima_cannot() -> None:
    shape, gains = Shape(4, 5), []
    for seed in range(6):
        where = context(shape, noisy(shape, seed))
        whole, counted = (
            total(applied(where, "separable-early-maximum", {"additions": 10**12, "blocks": rows})[0])
            for rows in (blocks(5, 1)[:0], blocks(5, 4096))
        )
        gains.append(counted - whole)
    assert min(gains) >= 0
    assert max(gains) > 0


@pytest.mark.parametrize("bins", [1, 3, 50, 8192])
def test_bins_only_tighten(bins: int) -> None:
    """With bins of width 1 the count is the number of sequences with a sum of integers ≤ 0; fewer bins never prove more."""
    shape = Shape(3, 4)
    for seed in range(4):
        where = context(shape, noisy(shape, seed))
        coarse, fine = (
            applied(where, "separable-early-maximum", {"additions": 10**12, "blocks": blocks(4, number)})[0] for number in (bins, 8192)
        )
        assert total(coarse) <= total(fine) + 1  # one sequence may sit at the edge of a bin
