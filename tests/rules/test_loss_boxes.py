"""`loss-boxes`: against exact losses, with random hints and steep networks; the false forms of Theorem B; plans that are none."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rules.separable_cases import context, noisy
from soundness.loss_hints import boxes_steps, random_plan, single_tokens
from soundness.losses import block_truth, require_true, run, true_losses
from soundness.small_models import Shape, Tensors, random_model
from soundness.subcubic_steps import apply

from proofcheck import Limits, Reason, Verdict
from proofcheck.arithmetic.operations import counting
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.loss.plans import Plan, read_plans
from proofcheck.tasks import MaxOfK

AT_MOST = "mean_loss_at_most"
LARGE = Fraction(10**6)
SHAPES = (Shape(1, 3), Shape(2, 4), Shape(3, 4), Shape(4, 3))


def model(shape: Shape, seed: int, scale: float) -> Tensors:
    return random_model(shape, seed, scale=scale, biases=seed % 2 == 1)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_bounds_hold_of_exact_losses_with_any_hints(shape: Shape, scale: float, tmp_path: Path) -> None:
    for seed in range(3):
        tensors = model(shape, seed, scale)
        losses = true_losses(tensors)
        for k in range(4):
            hints = random_plan(shape, 10 * seed + k, scale=3 * scale)
            report, facts = run(tensors, shape, boxes_steps(hints), AT_MOST, LARGE, tmp_path)
            if report.error is not None:
                assert report.error.code in (Reason.NOT_PROVED, Reason.OUT_OF_RANGE)
            if len(facts) == 3:
                require_true(facts, losses)


@pytest.mark.parametrize("scale", [5.0, 9.0])
def test_steep_networks(scale: float, tmp_path: Path) -> None:
    """Scores of hundreds: weights underflow, Z₋ can be 0. The bound is then nothing (−∞), never NaN, and never false."""
    shape = Shape(3, 4)
    refused = 0
    for seed in range(6):
        tensors = random_model(shape, seed, scale=scale)
        losses = true_losses(tensors)
        report, facts = run(tensors, shape, boxes_steps(random_plan(shape, seed, scale=scale)), AT_MOST, Fraction(10**9), tmp_path)
        if len(facts) == 3:
            require_true(facts, losses)
        else:
            assert report.error is not None and report.error.code is Reason.OUT_OF_RANGE
            refused += 1
    assert refused < 6


def test_single_sequences_at_their_own_level_are_exact(tmp_path: Path) -> None:
    shape = Shape(2, 4)
    tensors = noisy(shape, 2)
    losses = true_losses(tensors)
    levels = np.linspace(-30, 60, 400)[None, :, None] * np.ones((4, 1, 4))
    report, facts = run(tensors, shape, boxes_steps(single_tokens(shape, levels)), AT_MOST, LARGE, tmp_path)
    report.raise_for_verdict()
    lower, upper = require_true(facts, losses)
    truth = sum(low for low, _ in losses.values())
    assert upper - lower < truth / 10**8 + Fraction(1, 10**9)


@pytest.mark.parametrize("shape", [Shape(2, 3), Shape(3, 3)], ids=str)
def test_balls_alone(shape: Shape, tmp_path: Path) -> None:
    for seed in range(2):
        tensors = model(shape, seed, 1.0)
        losses = true_losses(tensors)
        hints = random_plan(shape, seed)
        sums = []
        for backend in ("fast", "arb"):
            report, facts = run(tensors, shape, boxes_steps(hints), AT_MOST, LARGE, tmp_path, backend=backend)
            report.raise_for_verdict()
            sums.append(require_true(facts, losses))
        (low, high), (exact_low, exact_high) = sums  # the same theorem, so nearly the same numbers
        assert abs(high - exact_high) < exact_high / 10**6
        assert abs(low - exact_low) < exact_high / 10**6


def theorem_b(w: Any, D: Any, box: list[list[int]], delta: float, *, swapped: bool) -> float:
    """The lower bound of Theorem B in floats; swapped: with Z₊ and Z₋ exchanged, as the mirror image of the upper bound would have it."""
    G = sum(min(w[i][t] * (D[i][t] - delta) for t in cell) for i, cell in enumerate(box))
    least, most = (sum(f(w[i][t] for t in cell) for i, cell in enumerate(box)) for f in (min, max))
    divisor = (least if G >= 0 else most) if swapped else (most if G >= 0 else least)
    return float(delta + G / divisor)


def test_the_swap_of_the_two_sums_is_false() -> None:
    """The literal mirror image is above the true margin in many boxes; Theorem B is in none."""
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(500):
        w, D = np.exp(2 * rng.standard_normal((3, 4))), 3 * rng.standard_normal((3, 4))
        box = [[0, 1], [1, 2, 3], [2]]
        true = min(
            sum(w[i, t] * D[i, t] for i, t in enumerate(x)) / sum(w[i, t] for i, t in enumerate(x))
            for x in ((a, b, 2) for a in box[0] for b in box[1])
        )
        delta = 3 * float(rng.standard_normal())
        assert theorem_b(w, D, box, delta, swapped=False) <= true + 1e-12
        false += theorem_b(w, D, box, delta, swapped=True) > true + 1e-9
    assert false > 100


@pytest.mark.parametrize("shape", [Shape(1, 4), Shape(3, 4), Shape(4, 3), Shape(5, 3)], ids=str)
def test_boxes_cover_each_block_once(shape: Shape) -> None:
    task = MaxOfK(shape.n_ctx, shape.d_vocab)
    for seed in range(6):
        hints = random_plan(shape, seed)
        for m, plan in read_plans(hints["cells"], hints["classes"]).items():
            for q in range(m + 1) if shape.n_ctx > 1 else [m]:
                sizes = sum(float(chunk.sizes.sum()) for chunk in plan.boxes(q))
                assert sizes == task.block_size(q, m)


def test_all_rivals_count(tmp_path: Path) -> None:
    """A network that prefers no token: the loss is log d for every input, which needs all d − 1 rivals."""
    shape = Shape(2, 4)
    tensors = {name: 0 * array for name, array in random_model(shape, 0).items()}
    hints = single_tokens(shape, np.zeros((4, 1, 4)))
    report, facts = run(tensors, shape, boxes_steps(hints), AT_MOST, LARGE, tmp_path)
    report.raise_for_verdict()
    assert abs(float(facts[-1].upper) / 16 - np.log(4)) < 1e-9
    assert abs(float(facts[-1].lower) / 16 - np.log(4)) < 1e-9


def test_a_max_token_left_out_has_no_bound(tmp_path: Path) -> None:
    shape = Shape(2, 3)
    tensors = noisy(shape, 1)
    hints = random_plan(shape, 0)
    hints["cells"][1] = -1
    report, _ = run(tensors, shape, boxes_steps(hints), AT_MOST, LARGE, tmp_path)
    assert report.error is not None and report.error.code is Reason.WRONG_PREMISE


EDITS: dict[str, tuple[str, tuple[int, int], int]] = {
    "the max token in another cell": ("cells", (2, 2), 1),
    "a token in the cell of the max token": ("cells", (2, 0), 0),
    "a cell left out": ("cells", (2, 0), 7),
    "a token above the max token": ("cells", (1, 2), 1),
    "the query in a class": ("classes", (2, 1), 0),
    "a class left out": ("classes", (2, 0), 1),
    "a position in no class": ("classes", (2, 0), -1),
    "a token in no cell": ("cells", (2, 1), -1),
}


@pytest.mark.parametrize("edit", EDITS)
def test_plans_that_are_none(edit: str, tmp_path: Path) -> None:
    shape = Shape(2, 3)
    hints = random_plan(shape, 3)
    name, place, value = EDITS[edit]
    good, _ = run(noisy(shape, 0), shape, boxes_steps(hints), AT_MOST, LARGE, tmp_path)
    assert good.verdict is Verdict.VERIFIED
    hints[name][place] = value
    report, _ = run(noisy(shape, 0), shape, boxes_steps(hints), AT_MOST, LARGE, tmp_path)
    assert report.error is not None and report.error.code is Reason.BAD_HINT


def test_too_many_boxes_are_refused_before_they_are_made(tmp_path: Path) -> None:
    shape = Shape(12, 30)
    hints = single_tokens(shape, np.zeros((30, 1, 30)))
    report, _ = run(random_model(shape, 0, scale=0.1), shape, boxes_steps(hints), AT_MOST, LARGE, tmp_path)
    assert report.error is not None and report.error.code in (Reason.LIMIT_EXCEEDED, Reason.BAD_HINT)


def test_bounds_of_blocks_are_of_that_block(tmp_path: Path) -> None:
    shape = Shape(2, 4)
    tensors = noisy(shape, 5)
    truth = block_truth(true_losses(tensors))
    _, facts = run(tensors, shape, boxes_steps(random_plan(shape, 1)), AT_MOST, LARGE, tmp_path)
    assert set(facts[1].blocks) == set(truth)
    assert isinstance(read_plans(*(random_plan(shape, 1)[name] for name in ("cells", "classes")))[3], Plan)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_operations_stay_below_the_cost(shape: Shape) -> None:
    for seed in range(4):
        for below in (0, 1):
            hints = random_plan(shape, seed, below=below)
            larger = Shape(shape.n_ctx, shape.d_vocab, 4, 3)
            where = context(larger, noisy(larger, seed))
            premise = apply(where, "path-expansion")
            with counting() as counter:
                apply(where, "loss-boxes", (premise,), hints)
            bound = RULES["loss-boxes"].cost(where.model.dimensions, Limits(), **hints)
            assert 0 < counter.total <= bound.operations
