"""Roots rounded up, running maxima with places, and the piecewise functions of enclosures."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofcheck.arithmetic import Arithmetic, DyadicArray
from proofcheck.arithmetic.piecewise import at_least_zero, at_most_zero, joined
from proofcheck.arithmetic.roots import leaders, root_above


def exact(integers: list[int], exponent: int) -> DyadicArray:
    entries = np.empty(len(integers), dtype=object)
    entries[:] = integers
    return DyadicArray(entries, exponent)


@given(st.lists(st.integers(0, 2**90) | st.integers(0, 20), min_size=1, max_size=6), st.integers(-301, 40))
def test_roots_are_above_and_near(integers: list[int], exponent: int) -> None:
    for x, r in zip(exact(integers, exponent).fractions(), root_above(exact(integers, exponent)).fractions(), strict=True):
        assert r >= 0
        assert r * r >= x
        assert r * r <= x * (1 + Fraction(1, 2**60))


def test_squares_have_exact_roots_and_negative_numbers_none() -> None:
    assert root_above(exact([0, 1, 4, 9], 0)).fractions().tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="nonnegative"):
        root_above(exact([4, -1], 0))


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12))
def test_leaders(values: list[int]) -> None:
    assert leaders(exact(values, 5)).tolist() == [values.index(max(values[: k + 1])) for k in range(len(values))]


@pytest.mark.parametrize("backend", ["fast", "arb"])
def test_piecewise(backend: str) -> None:
    arithmetic = Arithmetic(backend, 64)  # type: ignore[arg-type]
    x = arithmetic.enclose(DyadicArray.from_integers(np.array([[-2, 0, 3], [5, -1, 1]])))
    for part, signs in ((at_most_zero(x), [-1, 0, 0, 0, -1, 0]), (at_least_zero(x), [0, 0, 1, 1, 0, 1])):
        assert part.certainly_positive().ravel().tolist() == [sign > 0 for sign in signs]
        assert part.certainly_negative().ravel().tolist() == [sign < 0 for sign in signs]
    both = joined([x, -x], axis=1)
    assert both.shape == (2, 6)
    assert (both[:, :3].certainly_positive() == both[:, 3:].certainly_negative()).all()
    with pytest.raises(TypeError):
        joined(
            [
                x,
                Arithmetic("arb" if backend == "fast" else "fast", 64).enclose(DyadicArray.zeros((2, 1))),
            ],
            axis=1,
        )
