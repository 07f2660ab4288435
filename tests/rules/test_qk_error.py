"""The ten `qk-error-*` rules: the inequality itself, exactly, for bad directions too; the published values; tau; refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rules.conftest import Verify
from safetensors.numpy import load_file
from soundness import published_formulas as published
from soundness.small_models import Shape, Tensors, random_model, safetensors_bytes
from soundness.subcubic_steps import CHORD, EXACT, QK_ERRORS, apply, context, random_hints, sought_hints, steps

from proofcheck import Reason, Rejected
from proofcheck.arithmetic import DyadicArray
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.circuits.low_rank import split_subproduct, split_svd
from proofcheck.rules.rule import Context

REFERENCE = Path(__file__).parents[2] / "certificates" / "models" / "max-of-4-seed-123.safetensors"
SHAPES = (Shape(1, 2, 1, 1), Shape(2, 5, 3, 2), Shape(3, 6, 4, 2), Shape(5, 4, 2, 3))
SPLITTING = tuple(rule for rule in QK_ERRORS if rule != EXACT)


def slack(where: Context, fact: Any) -> np.ndarray[Any, Any]:
    """error[q] − range of row q of EQKE − S, exactly; the fact says it is ≥ 0."""
    rest = (where.model.path_tables().EQKE - fact.S).fractions()
    return np.asarray(fact.error.fractions() - (rest.max(axis=1) - rest.min(axis=1)))


@pytest.mark.parametrize("rule", QK_ERRORS)
@pytest.mark.parametrize("k", range(16))
def test_the_inequality_holds_for_any_directions(rule: str, k: int) -> None:
    shape, generator = SHAPES[k % 4], np.random.default_rng(k)
    tensors = random_model(shape, k, biases=k % 3 > 0)
    where = context(shape, tensors)
    sought = k >= 8 and shape.d_model > 1
    hints = sought_hints(rule, tensors, noise=(k % 2) * 0.1) if sought else random_hints(rule, where.model.dimensions, generator)
    fact = apply(where, rule, (apply(where, "path-expansion"),), hints)
    assert fact.S.shape == (shape.d_vocab, shape.d_vocab)
    assert fact.error.shape == (shape.d_vocab,)
    found = slack(where, fact)
    assert (found >= 0).all()
    if rule in (EXACT, "qk-error-max-diff-exact"):
        assert (found == 0).all(), "attained, so a smaller error would be false and this test would see it"


@pytest.mark.parametrize("biases", [False, True])
def test_a_dropped_cross_term_breaks_the_split(biases: bool) -> None:
    """The splits are exact identities up to row constants; without any one rank-one term they are not."""
    shape = Shape(3, 6, 4, 3)
    where, generator = context(shape, random_model(shape, 5, biases=biases)), np.random.default_rng(0)

    def vector(size: int) -> DyadicArray:
        return DyadicArray.from_floats(generator.standard_normal(size)).reshape(-1, 1)

    u, v, u_2, v_2, w, z = (vector(size) for size in (6, 6, 6, 6, 4, 4))
    EQKE = where.model.path_tables().EQKE
    for split in (split_svd(where, u, v), split_subproduct(where.model, (u, u_2), (v, v_2), w, z)):
        product = split.remainder[0]
        for factor in split.remainder[1:]:
            product = product @ factor
        rest = (EQKE - split.S - product).fractions()
        assert (rest == rest[:, :1]).all()
        A = where.model.last_embedding() @ where.model.W_Q @ where.model.W_K.T
        without_cross_term = (EQKE - split.S + (A - u @ (u.T @ A)) @ (where.model.W_E.T @ v) @ v.T - product).fractions()
        assert not (without_cross_term == without_cross_term[:, :1]).all()


@pytest.mark.parametrize("rule", QK_ERRORS)
def test_as_tight_as_the_published_formula(rule: str) -> None:
    tensors = load_file(REFERENCE)
    where = context(Shape(4, 64, 32, 32), REFERENCE.read_bytes())
    fact = apply(where, rule, (apply(where, "path-expansion"),), sought_hints(rule, tensors, excess=1e-9))
    S, error = published.qk_error(published.tables(tensors), rule.removeprefix("qk-error-"))
    found = fact.error.fractions().astype(float)
    np.testing.assert_allclose(found, error, rtol=2e-4)  # singular vectors on a grid of 2^−20
    difference = fact.S.fractions().astype(float) - S
    assert (difference.max(axis=1) - difference.min(axis=1)).max() < 0.05


def reference_remainder() -> tuple[Context, dict[str, Any], float]:
    """The reference model, sought hints, and the spectral norm of the remainder they leave."""
    tensors = load_file(REFERENCE)
    hints = sought_hints("qk-error-svd", tensors, excess=0.0)
    return context(Shape(4, 64, 32, 32), REFERENCE.read_bytes()), hints, float(hints["tau"][0])


@pytest.mark.parametrize("excess", [1e-12, 1e-9, 1e-3])
def test_tau_just_above_the_norm_is_accepted_and_the_error_is_within_1e_6(excess: float) -> None:
    where, hints, norm = reference_remainder()
    fact = apply(where, "qk-error-svd", (apply(where, "path-expansion"),), hints | {"tau": np.array([norm * (1 + excess)])})
    error = fact.error.fractions().astype(float)
    assert (error >= np.sqrt(2) * norm).all()
    assert (error <= np.sqrt(2) * norm * (1 + excess + 1e-14)).all()


@pytest.mark.parametrize("factor", [1 - 1e-12, 1 - 1e-9, 0.5, 0.0, -1.0, -(1 + 1e-3)])
def test_tau_below_the_norm_is_refused(factor: float) -> None:
    where, hints, norm = reference_remainder()
    with pytest.raises(Rejected) as caught:
        apply(where, "qk-error-svd", (apply(where, "path-expansion"),), hints | {"tau": np.array([norm * factor])})
    assert caught.value.code is Reason.BAD_HINT
    assert caught.value.path == "tau"


def diagonal_model() -> tuple[Shape, Tensors]:
    """EQKE = diag(4, 2): after peeling the first direction on both sides the remainder has norm exactly 2."""
    shape = Shape(1, 2, 2, 2)
    identity = np.eye(2, dtype="<f4")
    tensors = {"embed.W_E": identity, "pos_embed.W_pos": np.zeros((1, 2), dtype="<f4"), "unembed.W_U": identity}
    tensors |= {f"blocks.0.attn.W_{c}": identity[None] for c in "KVO"}
    return shape, tensors | {"blocks.0.attn.W_Q": np.diag([4, 2]).astype("<f4")[None]}


@pytest.mark.parametrize(("tau", "accepted"), [(np.nextafter(2, 3), True), (np.nextafter(2, 0), False), (2.0, False)])
def test_one_ulp_around_the_exact_norm(tau: float, accepted: bool, verified: Verify) -> None:
    """2 itself is on the boundary of definiteness: the checker does not decide equality, and refuses."""
    shape, tensors = diagonal_model()
    first = np.array([1.0, 0.0])
    hints = {"query_direction": first, "key_direction": first, "tau": np.array([tau])}
    code = verified(
        safetensors_bytes(tensors),
        shape,
        steps("direct-path-max-diff", "qk-error-svd", CHORD, np.ones((2, 2, 1), dtype=np.int64), hints),
    )
    assert code is (None if accepted else Reason.BAD_HINT)


def test_an_exactly_zero_remainder_has_norm_zero() -> None:
    shape, tensors = diagonal_model()
    tensors["blocks.0.attn.W_Q"][0, 1, 1] = 0
    where = context(shape, tensors)
    first = np.array([1.0, 0.0])
    fact = apply(
        where, "qk-error-svd", (apply(where, "path-expansion"),), {"query_direction": first, "key_direction": first, "tau": np.zeros(1)}
    )
    assert not fact.error.integers.any()


@pytest.mark.parametrize("rule", SPLITTING)
def test_zero_vectors_and_wrong_shapes_are_refused(rule: str, verified: Verify) -> None:
    shape = Shape(2, 4, 3, 2)
    tensors = random_model(shape, 1)
    weights, gaps = safetensors_bytes(tensors), np.ones((4, 4, 2), dtype=np.int64)
    good = sought_hints(rule, tensors)
    assert verified(weights, shape, steps("direct-path-max-diff", rule, CHORD, gaps, good)) is None
    for name in RULES[rule].hints:
        bad = [good[name][:-1], good[name][None], good[name].astype("<f4"), np.append(good[name], 1.0)]
        if name != "tau":
            bad.append(np.zeros_like(good[name]))
        for value in bad:
            changed = steps("direct-path-max-diff", rule, CHORD, gaps, good | {name: value})
            assert verified(weights, shape, changed) is Reason.BAD_HINT, (name, value)
        missing = {key: value for key, value in good.items() if key != name}
        assert verified(weights, shape, steps("direct-path-max-diff", rule, CHORD, gaps, missing)) is Reason.BAD_HINT


def test_the_exact_rule_takes_no_hints(verified: Verify) -> None:
    shape = Shape(2, 4, 3, 2)
    weights, gaps = safetensors_bytes(random_model(shape, 1)), np.ones((4, 4, 2), dtype=np.int64)
    assert verified(weights, shape, steps("direct-path-max-diff", EXACT, CHORD, gaps)) is None
    assert verified(weights, shape, steps("direct-path-max-diff", EXACT, CHORD, gaps, {"tau": np.ones(1)})) is Reason.BAD_HINT


@pytest.mark.parametrize("rule", SPLITTING)
def test_both_backends_give_the_same_exact_fact(rule: str) -> None:
    shape = Shape(2, 5, 3, 2)
    tensors = random_model(shape, 7, biases=True)
    wheres = [context(shape, tensors, backend) for backend in ("fast", "arb")]
    facts = [apply(where, rule, (apply(where, "path-expansion"),), sought_hints(rule, tensors, excess=0.5)) for where in wheres]
    assert (facts[0].S.fractions() == facts[1].S.fractions()).all()
    assert (facts[0].error.fractions() == facts[1].error.fractions()).all()
