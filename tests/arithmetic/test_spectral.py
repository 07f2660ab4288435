"""The spectral-norm check, √2 from above: against exact rationals and against float singular values with room to spare."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_mat

from proofcheck.arithmetic import Arithmetic, DyadicArray, root_two_above
from proofcheck.arithmetic.spectral import norm_certainly_below


def exact(values: object) -> DyadicArray:
    return DyadicArray.from_floats(np.asarray(values, dtype=np.float64))


def at_most(left: np.ndarray, right: np.ndarray, bound: float, precision: int = 128) -> bool:
    return Arithmetic("arb", precision).norm_certainly_below(exact(left), exact(right), exact(bound))


def norm_is_below(left: np.ndarray, right: np.ndarray, bound: float) -> bool:
    """Exactly: bound² I − MᵀM has positive leading minors (Sylvester), M = left @ right."""
    matrix = exact(left) @ exact(right)
    gram = (matrix.T @ matrix).fractions()
    size = gram.shape[0]
    for k in range(1, size + 1):
        entries = [Fraction(bound) ** 2 * (i == j) - gram[i, j] for i in range(k) for j in range(k)]
        if not fmpq_mat(k, k, [fmpq(x.numerator, x.denominator) for x in entries]).det() > 0:
            return False
    return True


def test_root_two_from_above() -> None:
    value = root_two_above().fractions().item()
    assert 2 < value**2 < 2 + Fraction(1, 2**58)


@pytest.mark.parametrize("seed", range(30))
def test_agrees_with_the_exact_decision(seed: int) -> None:
    generator = np.random.default_rng(seed)
    a, D, b = (int(k) for k in generator.integers(1, 6, 3))
    scale = 2.0 ** generator.integers(-40, 40)
    left, right = scale * generator.standard_normal((a, D)), generator.standard_normal((D, b))
    if seed % 4 == 0:
        right[:, 0] = 0
    if seed % 5 == 0:
        left = np.outer(left[:, 0], left[0])
    norm = float(np.linalg.norm(left @ right, 2))
    for factor in (0.5, 1 - 1e-6, 1 - 1e-10, 1 + 1e-10, 1 + 1e-6, 2.0):
        assert at_most(left, right, norm * factor) is norm_is_below(left, right, norm * factor) is (factor > 1)


@pytest.mark.parametrize("precision", [32, 53, 64])
def test_a_small_precision_never_accepts_a_false_bound(precision: int) -> None:
    for seed in range(20):
        generator = np.random.default_rng(seed)
        left, right = generator.standard_normal((4, 3)), generator.standard_normal((3, 5))
        norm = float(np.linalg.norm(left @ right, 2))
        assert not at_most(left, right, norm * (1 - 1e-12), precision)
        assert at_most(left, right, norm * 1.01, precision)


def test_zero_factors_and_negative_bounds() -> None:
    zero, one = np.zeros((2, 3)), np.ones((3, 2))
    assert at_most(zero, one, 0.0)
    assert at_most(one, zero, 0.0)
    assert not at_most(zero, one, -1.0)
    assert not at_most(one, one.T, 0.0)
    assert not at_most(one, one.T, -100.0)


def test_orthogonal_factors_whose_product_is_zero() -> None:
    left, right = np.array([[1.0, 0.0]]), np.array([[0.0], [1.0]])
    assert at_most(left, right, 2.0**-30)
    assert not at_most(left, right, 0.0), "equality is not decided"


def test_an_elimination_that_fails_decides_nothing() -> None:
    """The regularisation of 128 bits is lost in balls of 32: a factor of lower rank has no certain pivot, so no bound is accepted."""
    left, right = np.ones((2, 3)), np.outer([1.0, 1 / 3, 1 / 7], [1.0, 0.3])
    assert at_most(left, right, 100.0)
    assert not norm_certainly_below(exact(left), exact(right), exact(100.0), 1024)
    Arithmetic("arb", 32)
    assert not norm_certainly_below(exact(left), exact(right), exact(100.0), 128)
