"""Decisions about logits that are known up to a Euclidean radius, with a margin: never certain of what a point within the radius denies."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from proofcheck.arithmetic import dyadic_above
from proofcheck.arithmetic.float_bounds import ROOT_TWO, SLACK, TINY, U
from proofcheck.arithmetic.float_columns import FloatLogits


def certain(ahead: list[Fraction], radius: Fraction, margin: Fraction) -> tuple[bool, bool]:
    """Right: every v_y − v_j exceeds the margin by more than √2·r. Wrong: one is below it by at least that. By squares, exactly."""

    def above(gap: Fraction) -> bool:
        return gap > 0 and gap * gap > 2 * radius * radius

    def below(gap: Fraction) -> bool:
        return gap <= 0 and gap * gap >= 2 * radius * radius

    return all(above(gap - margin) for gap in ahead), any(below(gap - margin) for gap in ahead)


@pytest.mark.parametrize("seed", range(40))
def test_a_margin_is_never_certain_where_a_point_denies_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, B = int(rng.integers(2, 5)), 60
    values = rng.standard_normal((A, B)) * 10.0 ** rng.integers(-3, 4)
    answers = rng.integers(0, A, B)
    own = values[answers, np.arange(B)]
    best = np.where(np.arange(A)[:, None] == answers, -np.inf, values).max(axis=0)
    gap = np.abs(own - best)
    radius = np.where(rng.random(B) < 0.5, 2.0**-60, gap * rng.choice([2.0**-50, 0.1, 0.5], B))
    decided = 0
    for k in range(0, B, 3):
        near = Fraction(float(gap[k])) + Fraction(int(rng.integers(-2, 3)), 1) * Fraction(float(max(radius[k], gap[k] * 2.0**-51)))
        margin = max(Fraction(0), near) if rng.random() < 0.7 else Fraction(1, 3) * Fraction(float(gap[k]))
        exact = dyadic_above(margin, 80)
        rounded = exact.fractions().item()
        right, wrong = FloatLogits(values, radius).decide(answers, exact)
        for b in range(B):
            ahead = [Fraction(float(own[b])) - Fraction(float(values[j, b])) for j in range(A) if j != answers[b]]
            surely, never = certain(ahead, Fraction(float(radius[b])), rounded)
            assert surely or not right[b], (seed, k, b)
            assert never or not wrong[b], (seed, k, b)
            decided += bool(right[b] or wrong[b])
    assert decided > 200


def test_without_a_margin_it_is_a_margin_of_zero() -> None:
    rng = np.random.default_rng(1)
    logits = FloatLogits(rng.standard_normal((3, 200)), np.abs(rng.standard_normal(200)) * 0.1)
    answers = rng.integers(0, 3, 200)
    plain, zero = logits.decide(answers), logits.decide(answers, dyadic_above(Fraction(0), 4))
    assert all((a == b).all() for a, b in zip(plain, zero, strict=True))
    assert plain[0].any() and plain[1].any()


def bound_of(ahead: float, radius: float) -> float:
    """The formula of docs/rules/evaluation.md in doubles."""
    return float((ROOT_TWO * radius + 2 * U * abs(ahead) + TINY) * SLACK)


def test_the_edge_of_wrong_is_wrong_and_that_of_right_is_not() -> None:
    """Without a margin: a distance that equals its own bound."""
    rng = np.random.default_rng(2)
    for radius in rng.uniform(0.1, 10, 20).tolist():
        ahead = radius
        for _ in range(100):
            ahead = bound_of(ahead, radius)
        assert ahead == bound_of(ahead, radius)
        for value, right, wrong in ((-ahead, False, True), (ahead, False, False), (np.nextafter(ahead, 20), True, False)):
            found = FloatLogits(np.array([[value], [0.0]]), np.full(1, radius)).decide(np.array([0]))
            assert (bool(found[0][0]), bool(found[1][0])) == (right, wrong)


def test_sums_with_a_margin_are_rounded_outward() -> None:
    """Distances next to δ ± bound in doubles, on both sides: right and wrong only where the exact sum says so."""
    rng = np.random.default_rng(3)
    decided = set()
    for _ in range(400):
        margin, radius = dyadic_above(Fraction(int(rng.integers(1, 1000)), 4), 40), float(rng.uniform(0.01, 50))
        delta = margin.fractions().item()
        for sign in (1, -1):
            ahead = float(delta) + sign * radius
            for _ in range(60):
                ahead = float(delta) + sign * bound_of(ahead, radius)
            for value in (ahead + np.spacing(ahead) * np.arange(-4, 5)).tolist():
                found = FloatLogits(np.array([[value], [0.0]]), np.full(1, radius)).decide(np.array([0]), margin)
                right, wrong = bool(found[0][0]), bool(found[1][0])
                bound = Fraction(bound_of(value, radius))
                assert not right or Fraction(value) > delta + bound
                assert not wrong or Fraction(value) <= delta - bound
                decided.add((sign, right, wrong))
    assert decided >= {(1, True, False), (1, False, False), (-1, False, True), (-1, False, False)}
