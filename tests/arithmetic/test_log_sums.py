"""log(1 + y), bounds on log(1 + Σ exp(x)) and cross-entropies against balls: over their ranges, at the seams, where nothing is known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx

from proofcheck.arithmetic import exclusive_precision
from proofcheck.arithmetic.ball_intervals import BallIntervals
from proofcheck.arithmetic.cross_entropy import cross_entropies, exact_bounds, log_sum_ball, sums_by_key, wide
from proofcheck.arithmetic.float_columns import FloatLogits
from proofcheck.arithmetic.float_intervals import FloatIntervals
from proofcheck.arithmetic.log_sums import LOG_ERROR, log_one_plus, log_sum_above, log_sum_below


def exact_loss(x: list[float]) -> arb:
    """log(1 + Σ exp(x)) in 300 bits."""
    return sum((arb(value).exp() for value in x), arb(0)).log1p()


def test_log_one_plus() -> None:
    rng = np.random.default_rng(1)
    nodes = np.arange(32, 65) / 32 - 1
    y = np.concatenate([np.ldexp(rng.uniform(1, 2, 3000), rng.integers(-1070, 999, 3000)), nodes, np.nextafter(nodes, 9), nodes * 4 + 3])
    y = np.concatenate(
        [y, rng.uniform(0, 4, 2000), rng.uniform(0, 2.0**-4, 2000), [0.0, 2.0**-5, np.nextafter(2.0**-5, 0), 2.0**1000, 5e-324]]
    )
    with exclusive_precision():
        ctx.prec = 1400
        for argument, value in zip(y.tolist(), log_one_plus(y).tolist(), strict=True):
            assert abs(arb(value) - arb(argument).log1p()) <= LOG_ERROR / 2 * arb(argument).log1p() + arb(2) ** -1073


CASES = {
    "small": (-30.0, -5.0),
    "around zero": (-3.0, 3.0),
    "large": (-2.0, 300.0),
    "beyond the range of exp": (-9000.0, 4000.0),
    "beyond the range of bounds": (-9000.0, 90000.0),
    "tiny": (-1500.0, -600.0),
    "shift of almost nothing": (-1e-300, 1e-300),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rivals", [1, 2, 63])
def test_bounds_hold_and_are_close(case: str, rivals: int) -> None:
    low, high = CASES[case]
    x = np.random.default_rng(rivals).uniform(low, high, (60, rivals))
    x[::3, :1] = high  # one rival far above the others
    above, below = log_sum_above(x), log_sum_below(x)
    with exclusive_precision():
        ctx.prec = 1600
        for row, upper, lower in zip(x.tolist(), above.tolist(), below.tolist(), strict=True):
            exact = exact_loss(row)
            assert arb(lower) <= exact <= arb(upper)
            crude = case == "beyond the range of bounds" and max(row) > 4096
            assert arb(upper) <= exact * (1 + arb(2) ** -33) + arb(2) ** -900 + (rivals + 1 if crude else 0)
            assert arb(lower) >= exact * (1 - arb(2) ** -33) - arb(2) ** -900 - (rivals + 1 if crude else 0)


def test_where_nothing_is_known() -> None:
    x = np.array([[np.nan, 1.0], [np.inf, 1.0], [1.0, np.nan], [-np.inf, -np.inf], [-np.inf, np.nan]])
    above, below = log_sum_above(x), log_sum_below(x)
    assert (np.isinf(above) == [True, True, True, False, True]).all()
    assert not np.isnan(below).any() and (below >= 0).all() and below[3] == 0 and below[4] == 0
    assert below[0] <= np.log1p(np.e) and below[1] <= np.log1p(np.e)  # the other difference is known
    assert log_sum_above(np.zeros((2, 0))).max() < 1e-300 and (log_sum_below(np.zeros((2, 0))) == 0).all()
    with pytest.raises(ArithmeticError):
        log_sum_above(np.zeros((1, 8193)))


def test_factor_of_the_radius_is_the_root_of_two() -> None:
    """Logits at distance r whose difference moves by √2·r: a bound with factor 1 does not contain their loss."""
    r = 0.5
    exact = np.array([[0.0 - r / np.sqrt(2), 3.0 + r / np.sqrt(2)]])  # at distance r of (0, 3)
    logits = FloatLogits(np.array([[0.0], [3.0]]), np.array([r]))
    enclosed = cross_entropies(logits, np.array([0]))
    assert isinstance(enclosed, FloatIntervals)
    loss = float(np.log1p(np.exp(exact[0, 1] - exact[0, 0])))
    assert enclosed.lo[0] <= loss <= enclosed.hi[0]
    assert loss > np.log1p(np.exp(3.0)) + r * 1.3  # factor 1 would say at most log(1 + e³) + r
    unknown = cross_entropies(FloatLogits(np.array([[0.0], [3.0]]), np.array([np.nan])), np.array([0]))
    assert isinstance(unknown, FloatIntervals) and np.isinf(unknown.hi[0]) and unknown.lo[0] == 0


def test_intervals_and_balls_enclose_every_point() -> None:
    rng = np.random.default_rng(5)
    middle, radius = rng.normal(0, 20, (40, 6)), rng.uniform(0, 1e-3, (40, 1))
    answers = rng.integers(0, 6, 40)
    point = middle + radius * rng.choice([-1.0, 1.0], (40, 6))
    floats = cross_entropies(FloatIntervals(np.nextafter(middle - radius, -99), np.nextafter(middle + radius, 99)), answers)
    with exclusive_precision():
        ctx.prec = 200
        entries = np.empty((40, 6), dtype=object)
        for index, value in np.ndenumerate(middle):
            entries[index] = arb(float(value), float(radius[index[0], 0]) * 1.01)
        balls = cross_entropies(BallIntervals(entries), answers)
        for k, answer in enumerate(answers.tolist()):
            exact = sum(((arb(x) - arb(float(point[k, answer]))).exp() for x in point[k].tolist()), arb(0)).log()
            for low, high in (exact_bounds(floats)[k], exact_bounds(balls)[k]):
                assert arb(low.numerator) / arb(low.denominator) <= exact <= arb(high.numerator) / arb(high.denominator)
    assert not wide(balls).any() and wide(floats).sum() > 0


def test_sums_by_key_are_outward() -> None:
    rng = np.random.default_rng(2)
    losses = np.ldexp(rng.uniform(1, 2, 4096), rng.integers(-40, 4, 4096))
    keys = rng.integers(0, 7, 4096)
    found = sums_by_key(FloatIntervals(losses, losses), keys)
    for key, (lower, upper, largest) in found.items():
        exact = sum((Fraction(x) for x in losses[keys == key].tolist()), Fraction(0))
        assert lower < exact < upper and upper - lower < exact / 2**37
        assert largest == Fraction(float(losses[keys == key].max()))
    assert sums_by_key(FloatIntervals(np.zeros(0), np.zeros(0)), np.zeros(0, dtype=np.int64)) == {}
    with pytest.raises(ArithmeticError):
        sums_by_key(FloatIntervals(np.zeros(1), np.full(1, np.inf)), np.zeros(1, dtype=np.int64))


def test_a_loss_of_exp_of_minus_ten_to_the_eleven_is_not_written_out() -> None:
    """Its ends have 10^11 binary digits as exact numbers; they are rounded outward, to 0 and 2^−4096."""
    with exclusive_precision():
        ctx.prec = 128
        losses = np.empty(4, dtype=object)
        losses[:] = [log_sum_ball([arb(x)]) for x in (-(10**11), -4000, -2000, 3)]
        bounds = exact_bounds(BallIntervals(losses))
    assert bounds[0] == bounds[1] == (0, Fraction(1, 2**4096))  # e^−4000 is below 2^−5770
    assert all(0 < low <= high and high - low <= high / 2**100 for low, high in bounds[2:])
