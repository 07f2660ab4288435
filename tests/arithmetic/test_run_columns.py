"""Radii of conforming evaluations, stage by stage: the worst that conform lie within them, and beyond what one would first write.

The exact vector is our own here (radius 2^−300), so that what is compared is the second radius alone.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from soundness import conforming
from soundness.conforming import MODES, Adversary

from proofcheck.arithmetic import DyadicArray, Scale
from proofcheck.arithmetic.blas import blas_failures
from proofcheck.arithmetic.float_bounds import TINY
from proofcheck.arithmetic.float_columns import FloatColumns
from proofcheck.arithmetic.run_columns import Conforming, OutsideFormatError, RunColumnArithmetic, RunColumns

Array = np.ndarray[Any, Any]
RUN = Conforming(unit=20, least=60, largest=1023, digits=53, roundings=2**10, tau=Fraction(1, 2**8), kappa=8, activation=Fraction(1, 2**9))
CLOSE = 1 - 1e-6


def by(mode: str, seed: int, run: Conforming = RUN) -> Adversary:
    """The worst of these assumptions."""
    rng = np.random.default_rng(seed)
    return Adversary(2.0**-run.unit, 2.0**-run.least, run.roundings, float(run.tau), run.kappa, float(run.activation), rng, mode)


def columns(exact: Array, reach: float = 0.0, run: Conforming = RUN) -> RunColumns:
    """One column, ours exact."""
    return RunColumns(run, FloatColumns(exact[:, None].copy(), np.full(1, TINY)), np.full(1, reach + TINY))


def away(rng: np.random.Generator, exact: Array, reach: float) -> Array:
    """A vector at that distance."""
    direction = rng.normal(size=exact.shape)
    return np.asarray(exact + direction / np.linalg.norm(direction) * reach * CLOSE)


def share(found: Any, pair: conforming.Pair) -> float:
    """The distance of an evaluation as a part of the radius."""
    assert isinstance(found, RunColumns)
    assert np.allclose(found.own.values[:, 0], pair[0], rtol=1e-9, atol=1e-12)
    return float(np.linalg.norm(pair[1] - found.own.values[:, 0]) / found.reach[0])


def dyadic(values: Array) -> DyadicArray:
    return DyadicArray.from_floats(np.ascontiguousarray(values, dtype=np.float64))


STAGES = ("affine", "diagonal", "relu", "gelu", "gelu_new", "silu", "LN", "RMS", "average", "attention", "sum")


def stage(name: str, rng: np.random.Generator, adversary: Adversary, run: Conforming) -> float:
    """One random instance of a stage: the part of the radius that the evaluation uses."""
    k, arithmetic = int(rng.integers(1, 6)), RunColumnArithmetic(run)
    size, reach = 2.0 ** rng.integers(-8, 8), float(rng.choice([0.0, 1e-6, 0.01, 1.0]))
    x = rng.normal(size=k) * size + rng.choice([0.0, 10.0])
    pair = x, away(rng, x, reach)
    held = columns(x, reach, run)
    if name == "affine":
        W, b = rng.normal(size=(k, 3)), rng.normal(size=3)
        return share(arithmetic.affine(dyadic(W), dyadic(b))(held), conforming.affine(pair, W, b, adversary))
    if name == "diagonal":
        w, b = rng.normal(size=k), rng.normal(size=k)
        return share(arithmetic.diagonal(dyadic(w), dyadic(b))(held), conforming.diagonal(pair, w, b, adversary))
    if name in ("relu", "gelu", "gelu_new", "silu"):
        return share(held.activated(name), conforming.activated(pair, name, adversary))
    if name in ("LN", "RMS"):
        eps = Fraction(1, 2 ** int(rng.integers(0, 20)))
        found = held.normalized(eps, centred=name == "LN")
        if not np.isfinite(found.reach[0]):
            return 0.0
        return share(found, conforming.normalized(pair, float(eps), name == "LN", adversary))
    others = [rng.normal(size=k) * size for _ in range(int(rng.integers(1, 4)))]
    pairs, helds = [(v, away(rng, v, reach)) for v in others], [columns(v, reach, run) for v in others]
    if name == "average":
        return share(arithmetic.average(helds, [None] * len(others)), conforming.averaged(pairs, adversary))
    if name == "sum":
        total, stream = held, conforming.Stream(x, [pair[1]])
        for other, one in zip(helds, pairs, strict=True):
            total, stream = total + other, conforming.joined(stream, one)
        return share(total, stream.read(adversary))
    keys = [rng.normal(size=k) * size for _ in others]
    key_pairs, key_columns = [(v, away(rng, v, reach)) for v in keys], [columns(v, reach, run) for v in keys]
    scale = float(rng.choice([0.0, 0.25, 1.0, 3.0]))
    heads = k if rng.random() < 0.5 else 1
    attention = arithmetic.attention(heads, Scale(Fraction(scale), 1))
    found = attention(held, None, key_columns, helds, [None] * len(keys))
    return share(found, conforming.mixed(pair, key_pairs, pairs, heads, scale, adversary))


@pytest.mark.parametrize("name", STAGES)
def test_evaluations_lie_within_the_radius(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    once = blas_failures()  # a product of sample matrices, which takes longer than a stage
    monkeypatch.setattr("proofcheck.arithmetic.float_columns.blas_failures", lambda: once)
    closest = 0.0
    for seed in range(240):
        rng = np.random.default_rng([seed, STAGES.index(name)])
        unit, least = int(rng.choice([12, 20, 40])), int(rng.choice([20, 60, 1000]))
        run = Conforming(
            unit, least, 1023, 53, 2 ** (unit - int(rng.integers(4, 11))), Fraction(1, 2 ** int(rng.integers(1, 12))), 8, Fraction(1, 64)
        )
        with np.errstate(all="ignore"):
            try:
                used = stage(name, rng, by(MODES[seed % len(MODES)], seed, run), run)
            except OutsideFormatError:
                continue  # a weight below 2^−20
        assert used <= 1, seed
        closest = max(closest, used)
    assert closest > 0.4  # no bound that is far from all


def test_the_variance_is_taken_at_the_least_norm_that_an_evaluation_can_have() -> None:
    """Held is −x/16 for x: the normalized vectors are nearly opposite, further apart than ρ over the standard deviation of x."""
    run = Conforming(53, 1022, 1023, 53, 100, Fraction(1, 2**40), 8, Fraction(0))
    x, rho, eps = np.array([1.0, -1.0]), 17 / 16 * math.sqrt(2), 2.0**-13
    found = columns(x, rho, run).normalized(Fraction(eps), centred=True)
    off = float(np.linalg.norm(x / np.sqrt(1 + eps) + x / 16 / np.sqrt(2.0**-8 + eps)))
    assert off <= found.reach[0] < np.inf
    assert off > 1.8 * rho / np.sqrt(1 + eps)


def test_a_large_mean_beside_a_small_variance() -> None:
    """The mean may be off by Γ·max|x|, which is much of the entries' differences."""
    x = np.array([1000.0, 1000.5, 999.5, 1000.0])
    found = columns(x).normalized(Fraction(1, 100), centred=True)
    gamma = by("ones", 0).gamma
    s = np.sqrt(0.125 + 0.01)
    shifted = (x - (1000.0 + gamma * 1000.5)) / s
    off = float(np.linalg.norm(shifted - (x - 1000.0) / s))
    assert off <= found.reach[0]
    relative_to_differences = 8 * gamma * np.linalg.norm(x - 1000.0) / s
    assert off > 100 * relative_to_differences


def test_the_error_of_a_mean_moves_every_entry() -> None:
    """One entry of 256 is large: Γ·max|x| on each of them is √256 times as long as one rounding of it."""
    run = Conforming(40, 1000, 1023, 53, 2**10, Fraction(1, 2**20), 8, Fraction(0))
    x, k = np.zeros(256), 256
    x[0] = 1.0
    gamma = by("ones", 0, run).gamma
    s = math.sqrt((x.var()) + 2.0**-30)
    off = float(np.linalg.norm(np.full(k, gamma) / s))  # all of them shifted
    found = columns(x, run=run).normalized(Fraction(1, 2**30), centred=True)
    assert off <= found.reach[0]
    one_rounding_each = 3 * gamma / s + 2 * gamma * math.sqrt(k)
    assert off > 3 * one_rounding_each


def test_the_error_of_a_variance_is_relative_to_the_mean_square() -> None:
    x = np.array([100.0, 100.5, 99.5, 100.0])
    run = Conforming(30, 60, 1023, 53, 2**10, Fraction(1, 2**8), 8, Fraction(0))
    found = columns(x, run=run).normalized(Fraction(1, 100), centred=True)
    gamma = 2.0**-20 * (1 + 2.0**-21)
    one_pass = 0.125 - gamma * (x * x).mean()
    off = float(np.linalg.norm((x - 100.0) / np.sqrt(one_pass + 0.01) - (x - 100.0) / np.sqrt(0.135)))
    assert off <= found.reach[0]
    assert off > 1000 * gamma * np.linalg.norm(x - 100.0) / np.sqrt(0.135) / 2


def test_roundings_are_relative_to_what_the_evaluation_holds() -> None:
    """Exact 0, held (1, 1)/√2·1.0: roundings of the products are as large as if it were the exact vector."""
    W = np.array([[1.0, 0.0], [-1.0, 0.0]])
    found = RunColumnArithmetic(RUN).affine(dyadic(W), None)(columns(np.zeros(2), 1.0))
    assert isinstance(found, RunColumns)
    gamma = by("ones", 0).gamma
    held = np.array([1.0, -1.0]) / math.sqrt(2)
    off = float(held @ W[:, 0]) + gamma * float(np.abs(held) @ np.abs(W[:, 0]))
    assert off <= found.reach[0]
    assert off > math.sqrt(2) + gamma  # σρ, and Γ of an exact vector of norm 0


def test_roundings_of_a_residual_stream_are_relative_to_its_terms() -> None:
    """1 − 1 + 1/1024 in any order: the sum is small, the roundings are not."""
    parts = [np.array([1.0]), np.array([-1.0]), np.array([1 / 1024])]
    total = columns(parts[0]) + columns(parts[1]) + columns(parts[2])
    gamma = by("ones", 0).gamma
    off = 2 * gamma
    assert off <= total.reach[0]
    assert off > 100 * gamma * float(total.norms()[0])


def test_heads_whose_values_are_off_at_different_keys() -> None:
    e = 0.125
    query = columns(np.array([100.0, 100.0]))
    keys = [columns(np.array(k)) for k in ([1.0, 0.0], [0.0, 1.0])]
    values = [columns(np.zeros(2), e) for _ in range(2)]
    run = RunColumnArithmetic(RUN)
    found = run.attention(2, Scale(Fraction(1), 1))(query, None, keys, values, [None, None])
    assert isinstance(found, RunColumns)
    assert 1.41 * e <= found.reach[0] <= 1.5 * e  # values (e, 0) at key 0 and (0, e) at key 1 make (e, e)


def test_exponentials_may_be_off_by_tau() -> None:
    run = Conforming(53, 1022, 1023, 53, 100, Fraction(1, 2**4), 0, Fraction(0))
    query, keys = columns(np.array([0.0]), run=run), [columns(np.array([0.0]), run=run) for _ in range(2)]
    values = [columns(np.array([v]), run=run) for v in (1.0, -1.0)]
    found = RunColumnArithmetic(run).attention(1, Scale(Fraction(1), 1))(query, None, keys, values, [None, None])
    assert isinstance(found, RunColumns)
    off = math.tanh(1 / 16)  # weights e^τ and e^−τ
    assert off <= found.reach[0] <= 1.1 * off


def test_what_leaves_the_format_has_no_radius() -> None:
    run = Conforming(24, 126, 127, 24, 100, Fraction(1, 2**18), 8, Fraction(0))
    W = dyadic(np.array([[2.0**100]]))
    maps = RunColumnArithmetic(run).affine(W, None)
    small, large = maps(columns(np.array([1.0]), run=run)), maps(columns(np.array([2.0**28]), run=run))
    assert isinstance(small, RunColumns) and isinstance(large, RunColumns)
    assert np.isfinite(small.reach[0])
    assert not np.isfinite(large.reach[0])  # 2^128 is infinite in binary32
    right, wrong = large.logits().decide(np.array([0]))
    assert not right[0] and not wrong[0]


@pytest.mark.parametrize(
    ("weight", "held"), [(1 + 2.0**-23, True), (1 + 2.0**-24, False), (2.0**-126, True), (2.0**-127, False), (0.0, True)]
)
def test_weights_are_numbers_of_the_format(weight: float, held: bool) -> None:
    run = Conforming(24, 126, 127, 24, 100, Fraction(1, 2**18), 8, Fraction(0))
    assert run.holds(np.array([weight])) == held
    if held:
        RunColumnArithmetic(run).diagonal(dyadic(np.array([weight])), None)
    else:
        with pytest.raises(OutsideFormatError):
            RunColumnArithmetic(run).diagonal(dyadic(np.array([weight])), None)


def test_the_smallest_lead_counts_only_beyond_both_radii() -> None:
    """A lead that our radius alone would decide is not decided where evaluations may be further away."""
    held = columns(np.array([1.0, 0.0]), 0.8)
    assert not held.logits().decide(np.array([0]))[0][0]  # √2·0.8 > 1
    assert columns(np.array([1.0, 0.0]), 0.7).logits().decide(np.array([0]))[0][0]  # √2·0.7 < 1


@pytest.mark.parametrize(("q", "k", "q_reach", "k_reach"), [(10.0, 0.0, 0.0, 0.01), (0.0, 10.0, 0.01, 0.0), (0.0, 0.0, 1.0, 0.1)])
def test_scores_are_off_by_queries_and_by_keys(q: float, k: float, q_reach: float, k_reach: float) -> None:
    """Scores 0.1 and −0.1 in place of two equal ones: a query and keys that are off, one of them or both."""
    run = Conforming(53, 1022, 1023, 53, 100, Fraction(0), 0, Fraction(0))
    query, keys = columns(np.array([q]), q_reach, run), [columns(np.array([sign * k]), k_reach, run) for sign in (1, -1)]
    values = [columns(np.array([v]), run=run) for v in (1.0, -1.0)]
    found = RunColumnArithmetic(run).attention(1, Scale(Fraction(1), 1))(query, None, keys, values, [None, None])
    assert isinstance(found, RunColumns)
    assert found.own.values[0, 0] == 0
    off = math.tanh(0.1)
    assert off <= found.reach[0] <= 1.1 * off


def test_both_radii_count_in_the_decision() -> None:
    """A lead of 1: more than √2·0.4 and √2·0.35 alone, less than √2 times their sum."""
    for ours, theirs, decided in ((0.4, 0.35, False), (0.4, 0.0, True), (0.0, 0.35, True)):
        held = RunColumns(RUN, FloatColumns(np.array([[1.0], [0.0]]), np.full(1, ours + TINY)), np.full(1, theirs + TINY))
        right, wrong = held.logits().decide(np.array([0]))
        assert (bool(right[0]), bool(wrong[0])) == (decided, False)


def two_keys(run: Conforming, keys: tuple[float, float], scale: int) -> float:
    """The reach of a mix of 1 and −1 by a query of 1."""
    query, held = columns(np.array([1.0]), run=run), [columns(np.array([k]), run=run) for k in keys]
    values = [columns(np.array([v]), run=run) for v in (1.0, -1.0)]
    found = RunColumnArithmetic(run).attention(1, Scale(Fraction(scale), 1))(query, None, held, values, [None, None])
    assert isinstance(found, RunColumns)
    return float(found.reach[0])


def test_exponentials_are_off_by_the_size_of_their_arguments() -> None:
    """Scores 0 and −1: the second exponent is off by κu."""
    run = Conforming(14, 1000, 1023, 53, 1, Fraction(0), 2**9, Fraction(0))
    off = 2 * (1 / (1 + math.exp(-1)) - 1 / (1 + math.exp(-1 + 2.0**-5)))
    assert 0.3 * 2.0**-5 < off <= two_keys(run, (0.0, -1.0), 1)


def test_scores_are_off_by_the_scale() -> None:
    """Two scores of 4: one is off by 4Γ, the other by −4Γ."""
    run = Conforming(14, 1000, 1023, 53, 2**9, Fraction(0), 0, Fraction(0))
    off = math.tanh(4 * by("ones", 0, run).gamma)
    assert 3.9 / 2**5 < off <= two_keys(run, (1.0, 1.0), 4)
