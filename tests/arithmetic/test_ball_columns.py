"""Column arithmetic in balls: what it refuses."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import arb

from proofcheck.arithmetic import Scale, exclusive_precision
from proofcheck.arithmetic.ball_columns import BallColumnArithmetic, BallColumns
from proofcheck.arithmetic.float_columns import FloatColumns


def one(*entries: object) -> BallColumns:
    """One column."""
    column = np.empty((len(entries), 1), dtype=object)
    column[:, 0] = entries
    return BallColumns(column)


@pytest.mark.parametrize("score", [arb(2) ** 40, -(arb(2) ** 40), arb(2) ** 5000, arb("nan"), arb("inf"), arb(0, 2.0**41)])
def test_scores_that_are_too_large_to_exponentiate_are_refused(score: arb) -> None:
    """Their exponentials would have exponents of thousands of digits."""
    attend = BallColumnArithmetic().attention(1, Scale(Fraction(1), 1))
    with exclusive_precision():
        for keys in ([one(score), one(arb(1))], [one(arb(1)), one(score)]):
            with pytest.raises(ArithmeticError, match="too large to exponentiate"):
                attend(one(arb(1)), None, keys, [one(arb(1)), one(arb(2))], [None, None])
        found = attend(one(arb(1)), None, [one(arb(2) ** 39), one(arb(0))], [one(arb(1)), one(arb(2))], [None, None])
        assert isinstance(found, BallColumns) and abs(found.entries[0, 0] - 1) < 1e-9


def test_what_is_no_activation_and_what_are_no_balls_is_refused() -> None:
    with pytest.raises(ValueError, match="tanh"):
        one(arb(1)).activated("tanh")
    floats = FloatColumns(np.ones((1, 1)), np.ones(1))
    with pytest.raises(TypeError, match="another arithmetic"):
        BallColumnArithmetic().average([floats], [None])


def test_what_may_have_either_sign_is_cut_at_zero_and_keeps_its_upper_end() -> None:
    for middle, radius in ((0.0, 1.0), (0.25, 0.5), (-0.25, 0.5), (1.0, 1.0), (-1.0, 1.0), (3.0, 1.0), (-3.0, 1.0)):
        with exclusive_precision():
            (found,) = one(arb(middle, radius)).activated("relu").entries.ravel().tolist()
            low, high = max(middle - radius, 0.0), max(middle + radius, 0.0)
            assert found.contains(arb(low)) and found.contains(arb(high)) and found.contains(arb((low + high) / 2))
            assert not found.contains(arb(high + 1e-6)) and not found.contains(arb(low - 1e-6))
    with exclusive_precision():
        assert not one(arb("nan")).activated("relu").entries[0, 0].is_finite()
