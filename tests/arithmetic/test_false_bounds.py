"""What is false as one would first write it: each false form is shown to be false, and ours to hold there."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from process.float_modes import flush_helper, flushing

from proofcheck.arithmetic import DyadicArray, Scale
from proofcheck.arithmetic.float_columns import FloatColumnArithmetic, FloatColumns, FloatLogits, eps_below


def softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def test_softmax_moves_by_at_most_theta() -> None:
    rng = np.random.default_rng(0)
    closest = 0.0
    for _ in range(3000):
        scores, theta = rng.normal(size=rng.integers(1, 6)) * 4, rng.uniform(0, 3)
        signs = rng.choice([-1.0, 1.0], len(scores))
        moved = np.abs(softmax(scores + theta * signs) - softmax(scores)).sum()
        assert moved <= 2 * np.tanh(theta / 2) + 1e-12
        closest = max(closest, moved / (2 * np.tanh(theta / 2)))
    assert closest > 0.95
    t = 1.5
    assert min(2 * t / (1 - t), 2) == -6  # no bound


def test_heads_that_look_at_different_keys_need_the_root_of_their_number() -> None:
    """Two heads, two keys; the first head's values at key 0 are off by e, the second head's at key 1."""
    e = 1e-6
    query = FloatColumns(np.array([[100.0], [100.0]]), np.full(1, 1e-300))
    keys = [FloatColumns(np.array(k), np.full(1, 1e-300)) for k in ([[1.0], [0.0]], [[0.0], [1.0]])]
    values = [FloatColumns(np.zeros((2, 1)), np.full(1, e)) for _ in range(2)]
    found = FloatColumnArithmetic().attention(2, Scale(Fraction(1), 1))(query, None, keys, values, [None, None])
    assert isinstance(found, FloatColumns)
    exact = np.array([[e * (1 - 1e-40)], [e * (1 - 1e-40)]])  # values (e, 0) at key 0 and (0, e) at key 1, weights within e^−100 of 1
    error = float(np.linalg.norm(found.values - exact))
    assert error > 1.4 * e
    assert found.radius[0] >= error * (1 - 1e-9)


def test_the_variance_is_taken_at_the_least_norm() -> None:
    """With the variance at the centre the radius would be too small by far."""
    eps, r = Fraction(1, 100), 0.9
    c = np.array([[1.0], [-1.0]]) / np.sqrt(2)
    found = FloatColumns(c, np.full(1, r)).normalized(eps, centred=True)
    inner = c * (1 - r)
    true = inner / np.sqrt((inner**2).mean() + float(eps))
    error = float(np.linalg.norm(found.values - true))
    at_centre = r / np.sqrt((c**2).mean() + float(eps))
    larger = [float(np.linalg.norm(found.values - other)) for other in [true]]
    assert found.radius[0] >= error
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(2000):
        direction = rng.normal(size=(3, 1))
        centre = np.array([[1.0], [-1.0], [0.0]]) / np.sqrt(2)
        x = centre + 0.999 * direction / np.linalg.norm(direction)
        three = FloatColumns(centre, np.full(1, 1.0)).normalized(eps, centred=False)
        y = x / np.sqrt((x**2).mean() + float(eps))
        distance = float(np.linalg.norm(three.values - y))
        assert distance <= three.radius[0]
        worst = max(worst, distance / (1.0 / np.sqrt((centre**2).mean() + float(eps))))
    assert worst > 1  # the radius at the centre is exceeded
    assert at_centre > 0 and larger


@pytest.mark.parametrize(("margin", "right", "wrong"), [(1.5, True, False), (1.2, False, False), (-1.2, False, False), (-1.5, False, True)])
def test_margins_move_by_root_two(margin: float, right: bool, wrong: bool) -> None:
    """Errors (r, −r)/√2 move a margin by √2·r: a margin of 1.2 r decides nothing."""
    logits = FloatLogits(np.array([[margin], [0.0]]), np.full(1, 1.0))
    found = logits.decide(np.array([0]))
    assert (bool(found[0][0]), bool(found[1][0])) == (right, wrong)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.0, -3.0])
@pytest.mark.parametrize("radius", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_nothing_is_decided_without_a_finite_radius(value: float, radius: float, place: int) -> None:
    values = np.array([[1.0], [0.0], [0.0]])
    values[place, 0] = value
    for answer in range(3):
        right, wrong = FloatLogits(values, np.full(1, radius)).decide(np.array([answer]))
        assert not right[0] and not wrong[0]


def test_ties_are_not_right_and_single_logits_are() -> None:
    right, wrong = FloatLogits(np.zeros((2, 1)), np.full(1, 2.0**-300)).decide(np.array([0]))
    assert not right[0] and not wrong[0]  # exactly equal or not, within the radius
    right, wrong = FloatLogits(np.zeros((1, 1)), np.full(1, 1.0)).decide(np.array([0]))
    assert right[0] and not wrong[0]


def test_operands_read_as_zero_lose_more_than_results_that_underflow(tmp_path: Path) -> None:
    """A subnormal operand times a large weight is lost under denormals-are-zero: far more than k·2^−1021, less than the radius."""
    helper = flush_helper(tmp_path)
    if helper is None:
        pytest.skip("no compiler, or no such register")
    k = 4
    W, x = np.full((k, 1), 2.0**290), np.full((k, 1), 2.0**-1030)
    found = FloatColumnArithmetic().affine(DyadicArray.from_floats(W), None)(FloatColumns(x, np.full(1, 2.0**-300)))
    assert isinstance(found, FloatColumns)
    with flushing(helper, inputs=True, results=True):
        flushed = float((np.ascontiguousarray(W.T) @ x)[0, 0])
    exact = k * Fraction(2) ** -740
    error = abs(Fraction(flushed) - exact)
    assert error > k * Fraction(2) ** -1021  # the bound that forgets operands
    assert error <= Fraction(float(found.radius[0])) and abs(Fraction(float(found.values[0, 0])) - exact) <= Fraction(
        float(found.radius[0])
    )


def test_eps_is_rounded_down_in_the_bound_on_the_derivative() -> None:
    """At c = 0 the derivative is 1/√eps: with eps rounded up the radius would be too small, by one part in 2^53 and more."""
    for eps in (Fraction(1, 100_000), Fraction(1, 3), Fraction(1, 4), Fraction(2) ** -200, Fraction(10**30)):
        assert Fraction(eps_below(eps)) < eps
    eps, r = Fraction(1, 3), 2.0**-40
    found = FloatColumns(np.zeros((2, 1)), np.full(1, r)).normalized(eps, centred=False)
    moved = Fraction(r) ** 2 / (Fraction(r) ** 2 / 2 + eps)  # the square of the distance at (r, 0)
    assert Fraction(float(found.radius[0])) ** 2 >= moved
    with pytest.raises(ArithmeticError):
        eps_below(Fraction(2) ** -201)


def test_nan_is_not_lost_in_a_maximum() -> None:
    """NaN that reaches a maximum stays: `fmax` and negated comparisons would make a number of it."""
    assert np.isnan(np.maximum(np.nan, 1.0)) and np.fmax(np.nan, 1.0) == 1.0
    values = FloatColumns(np.array([[np.nan], [1.0]]), np.full(1, 1e-9))
    keys = [FloatColumns(np.ones((2, 1)), np.full(1, 1e-9))] * 2
    attend = FloatColumnArithmetic().attention(1, Scale(Fraction(1), 1))
    for query, key, value in ((values, keys, keys), (keys[0], [keys[0], values], keys), (keys[0], keys, [values, keys[0]])):
        found = attend(query, None, key, value, [None, None])
        assert isinstance(found, FloatColumns) and not np.isfinite(found.radius).any()
