"""`evaluation-losses` and `sum-losses`: against the exact losses of small networks, steep ones too; claims one unit beyond the truth."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from models.transformer_reference import random_case
from rules.separable_cases import context, noisy
from rules.test_transformer_evaluation import CASES, certificate, inputs, kth_largest
from soundness.losses import EVALUATION, claim, require_true, run, true_losses
from soundness.small_models import Shape, random_model

import proofcheck
from proofcheck import Reason, Rejected, Verdict
from proofcheck.claims.mean_loss import MeanLossAtLeast, MeanLossAtMost
from proofcheck.rules.counting.loss_facts import BlockLoss, LossBlocks, LossSum
from proofcheck.rules.counting.sum_losses import sum_losses
from proofcheck.rules.fact import rule_application

SMALL = Shape(2, 4, 3, 2)
AT_MOST, AT_LEAST = "mean_loss_at_most", "mean_loss_at_least"


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0, 12.0])
def test_bounds_hold_of_exact_losses(backend: Any, scale: float, tmp_path: Path) -> None:
    """Scale 12 makes scores and logits of thousands: losses of thousands of nats, and others that are 0 to all digits."""
    tensors = random_model(SMALL, int(10 * scale), scale=scale)
    losses = true_losses(tensors)
    report, facts = run(tensors, SMALL, EVALUATION, AT_MOST, Fraction(10**6), tmp_path, backend=backend)
    report.raise_for_verdict()
    lower, upper = require_true(facts, losses)
    assert upper - lower <= upper / 2**20
    assert report.proved_words.startswith("mean loss from ")


def test_one_unit_beyond_the_truth_is_not_proved(tmp_path: Path) -> None:
    tensors = noisy(SMALL, 3)
    losses = true_losses(tensors)
    unit = Fraction(1, 10**9)
    low, high = (sum(pair[k] for pair in losses.values()) / 16 for k in (0, 1))
    above, below = (high // unit + 1) * unit, (low // unit) * unit  # the truth lies between neighbours of 9 digits
    for kind, good, bad in ((AT_MOST, above, below), (AT_LEAST, below, above)):
        report, _ = run(tensors, SMALL, EVALUATION, kind, good, tmp_path)
        assert report.verdict is Verdict.VERIFIED
        assert f"mean loss {'<=' if kind == AT_MOST else '>='} {good.numerator}/{good.denominator} nats" in report.line()
        assert "over 16 inputs" in report.line()
        report, _ = run(tensors, SMALL, EVALUATION, kind, bad, tmp_path)
        assert report.error is not None and report.error.code is Reason.NOT_PROVED
        report, _ = run(tensors, SMALL, EVALUATION, kind, 1 / good, tmp_path)  # numerator and denominator swapped
        assert (report.verdict is Verdict.VERIFIED) == (kind == AT_MOST and good < 1)


@pytest.mark.parametrize("seed", CASES[:12])
def test_transformers_agree_with_balls(seed: int, tmp_path: Path) -> None:
    """The float64 radii of Theorem E and balls of 128 bits enclose the same sum; the radii are close."""
    case = random_case(seed)
    task = kth_largest(case)
    words, _ = inputs(task)
    found = []
    for backend in ("fast", "arb"):
        (tmp_path / "m.safetensors").write_bytes(case.data())
        facts: list[Any] = []
        these = certificate(case, task, 0, len(words), claim=claim(AT_MOST, Fraction(10**6), len(words)), steps=EVALUATION)
        report = proofcheck.Checker(backend=backend).verify(  # type: ignore[arg-type]
            these, model=tmp_path / "m.safetensors", observe=lambda step, fact, facts=facts: facts.append(fact)
        )
        report.raise_for_verdict()
        found.append(facts[-1])
    fast, exact = found
    assert fast.lower <= exact.upper and exact.lower <= fast.upper
    assert fast.upper - fast.lower <= 2.0**-20 * fast.upper + Fraction(1, 10**9)


def test_wide_enclosures_are_settled_in_balls_while_the_limit_lasts(tmp_path: Path) -> None:
    """Softmax weights that float64 loses: scores of 10^5. Without balls the rule says that it knows nothing, or a wide bound."""
    tensors = random_model(SMALL, 8, scale=12.0)
    losses = true_losses(tensors)
    for settled in (0, 1, 20_000):
        limits = proofcheck.Limits(settled_in_balls=settled)
        report, facts = run(tensors, SMALL, EVALUATION, AT_MOST, Fraction(10**6), tmp_path, limits=limits)
        report.raise_for_verdict()
        require_true(facts, losses)


def test_totals_and_claims_of_another_kind(tmp_path: Path) -> None:
    tensors = noisy(SMALL, 1)
    (tmp_path / "weights.safetensors").write_bytes(b"")
    report, _ = run(tensors, Shape(2, 4, 3, 2), EVALUATION, AT_MOST, Fraction(-1), tmp_path)
    assert report.error is not None and report.error.code is Reason.BAD_NUMBER
    from dataclasses import replace

    from soundness.losses import loss_certificate

    good = loss_certificate(tensors, SMALL, EVALUATION, AT_MOST, Fraction(100))
    model = tmp_path / "weights.safetensors"
    for total in (15, 17, 1):
        wrong = proofcheck.verify(replace(good, claim=claim(AT_MOST, Fraction(100), total)), model=model)
        assert wrong.error is not None and wrong.error.code is Reason.WRONG_TOTAL
    accuracy = replace(good, claim=proofcheck.certificate.accuracy_at_least(0, 16))
    report = proofcheck.verify(accuracy, model=model)
    assert report.error is not None and report.error.code is Reason.NO_CONCLUSION


def test_sum_losses_takes_the_best_of_each_block() -> None:
    where = context(Shape(1, 2), random_model(Shape(1, 2), 0))
    with rule_application():
        one = LossBlocks(
            MappingProxyType(
                {(0, 0): BlockLoss(Fraction(1), Fraction(3), Fraction(2)), (1, 1): BlockLoss(Fraction(0), Fraction(9), Fraction(9))}
            )
        )
        two = LossBlocks(MappingProxyType({(0, 0): BlockLoss(Fraction(0), Fraction(2), Fraction(3))}))
        found = sum_losses(where, one, two)
        assert (found.lower, found.upper, found.largest) == (1, 11, 9)
        with pytest.raises(Rejected) as refused:
            sum_losses(where, two)
        assert refused.value.code is Reason.WRONG_PREMISE
        false = LossBlocks(MappingProxyType({(0, 0): BlockLoss(Fraction(4), Fraction(5), Fraction(5))}))
        with pytest.raises(RuntimeError):
            sum_losses(where, one, false)


def test_a_claim_is_compared_with_its_own_bound() -> None:
    """Between the bounds neither kind follows; another fact implies nothing."""
    with rule_application():
        found = LossSum(Fraction(2), Fraction(6), Fraction(5))
        other = LossBlocks(MappingProxyType({}))
    for claim_of, good, bad in ((MeanLossAtMost, (3, 4), (1, 2)), (MeanLossAtLeast, (1, 0), (2, 3))):
        for nats in good:
            claim_of(Fraction(nats), 2).compare(found)
        for nats in bad:
            with pytest.raises(Rejected) as refused:
                claim_of(Fraction(nats), 2).compare(found)
            assert refused.value.code is Reason.NOT_PROVED
        with pytest.raises(Rejected):
            claim_of(Fraction(good[0]), 2).compare(other)
