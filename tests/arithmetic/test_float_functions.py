"""Elementary functions of float64 against balls, over their whole range and at the ends; Lipschitz constants by subdivision."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import arb, ctx

from proofcheck.arithmetic import exclusive_precision
from proofcheck.arithmetic import float_functions as functions
from proofcheck.arithmetic.ball_columns import BallColumns
from proofcheck.arithmetic.float_functions import ACTIVATION_ERROR, EXPONENTIAL_ERROR, LIPSCHITZ


def samples(low: float, high: float, seed: int, count: int = 4000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    near = np.ldexp(rng.uniform(1, 2, count // 4), rng.integers(-60, 3, count // 4))
    found = np.concatenate([rng.uniform(low, high, count), near, -near, [low, high, 0.0]])
    return found[(found >= low) & (found <= high)]


def test_exponentials() -> None:
    halves = (np.arange(0, 1009) + 0.5) * -math.log(2)  # where k jumps
    x = np.concatenate([samples(-700, 0, 1), halves[halves > -700], np.nextafter(halves[:1000], 0)])
    found = functions.exponentials(x.copy())
    with exclusive_precision():
        ctx.prec = 120
        for argument, value in zip(x.tolist(), found.tolist(), strict=True):
            exact = arb(argument).exp()
            assert abs(arb(value) / exact - 1) < EXPONENTIAL_ERROR / 4  # the proved bound is pessimistic
    assert (functions.exponentials(np.array([-701.0, -1e300, -np.inf])) == functions.exponentials(np.array([-700.0]))[0]).all()
    assert np.isnan(functions.exponentials(np.array([np.nan]))).all()
    assert functions.exponentials(np.array([-0.0]))[0] == 1


def test_the_constants_of_the_exponential() -> None:
    with exclusive_precision():
        ctx.prec = 200
        assert abs(arb(2).log() - arb(functions._LN2_HIGH) - arb(functions._LN2_LOW)) < arb(2) ** -85
        assert abs(arb(functions._LOG2_E) * arb(2).log() - 1) < 2.0**-53
        assert abs(arb(functions._GELU_NEW_FACTOR) / (2 * (2 / arb.pi()).sqrt()) - 1) < 2.0**-53
        assert int(functions._LN2_HIGH * 2**32) == functions._LN2_HIGH * 2**32


@pytest.mark.parametrize(("name", "bound"), [("sigmoid", 2.0**-47), ("normal_distribution", 2.0**-50)])
def test_distribution_functions(name: str, bound: float) -> None:
    grid = np.arange(-545, 546) / 64
    x = np.concatenate([samples(-40, 40, 2), samples(-9, 9, 3), grid, grid + 1 / 128, np.nextafter(grid + 1 / 128, 99)])
    found = getattr(functions, name)(x)
    with exclusive_precision():
        ctx.prec = 150
        for argument, value in zip(x.tolist(), found.tolist(), strict=True):
            t = arb(argument)
            exact = (1 + (t / 2).tanh()) / 2 if name == "sigmoid" else (1 + (t / arb(2).sqrt()).erf()) / 2
            assert abs(arb(value) - exact) < bound
    ends = getattr(functions, name)(np.array([-np.inf, np.inf, np.nan, -1e9, 1e9]))
    assert (np.abs(ends[[0, 3]]) < 2.0**-50).all() and (np.abs(ends[[1, 4]] - 1) < 2.0**-50).all() and np.isnan(ends[2])


@pytest.mark.parametrize("name", ["relu", "gelu", "gelu_new", "silu"])
def test_activations(name: str) -> None:
    x = np.concatenate([samples(-12, 12, 4), samples(-1e3, 1e3, 5, 400), np.array([1e80, -1e80, 2.0**299, -(2.0**299)])])
    found = functions.activated(name, x)
    with exclusive_precision():
        ctx.prec = 400
        entries = np.array([arb(value) for value in x.tolist()], dtype=object)[:, None]
        exact = BallColumns(entries).activated(name).entries[:, 0]
        for argument, value, truth in zip(x.tolist(), found.tolist(), exact.tolist(), strict=True):
            assert abs(arb(value) - truth) <= arb(ACTIVATION_ERROR) * abs(arb(argument))
    assert np.isnan(functions.activated(name, np.array([np.nan]))).all()


def test_unknown_activations_are_refused() -> None:
    with pytest.raises(ValueError, match="tanh"):
        functions.activated("tanh", np.zeros(1))


def derivative(name: str, x: arb) -> arb:
    """f'(x) in balls, from the formulas of docs/rules/evaluation.md."""
    if name == "gelu":
        return (1 + (x / arb(2).sqrt()).erf()) / 2 + x * (-x * x / 2).exp() / (2 * arb.pi()).sqrt()
    cubic = arb(44_715) / 1_000_000
    factor = 2 * (2 / arb.pi()).sqrt()
    z, slope = (x, arb(1)) if name == "silu" else (factor * (x + cubic * x**3), factor * (1 + 3 * cubic * x * x))
    share = (1 + (z / 2).tanh()) / 2
    return share + x * share * (1 - share) * slope


@pytest.mark.parametrize(("name", "largest"), [("gelu", 1.128905), ("gelu_new", 1.128994), ("silu", 1.099840)])
def test_lipschitz_constants_by_subdivision(name: str, largest: float) -> None:
    """On [0, 5] in 2^14 pieces; beyond, x·σ'(z)·z' ≤ x·e^−z·z' decreases and is below 0.06."""
    pieces = 2**14
    with exclusive_precision():
        ctx.prec = 80
        most = 0.0
        for k in range(pieces):
            x = arb(arb(5) * k / pieces).union(arb(5) * (k + 1) / pieces)
            bound = float(derivative(name, x).upper())
            assert bound < LIPSCHITZ[name]
            most = max(most, bound)
        tail = arb(5) * (-arb(5)).exp() * 2
        assert tail < 0.07
    assert abs(most - largest) < 1e-3
    values = np.linspace(-30, 30, 20001)
    slopes = np.diff(functions.activated(name, values)) / np.diff(values)
    assert np.abs(slopes).max() <= LIPSCHITZ[name]
