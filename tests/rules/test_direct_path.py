"""The five `direct-path-*` rules: the inequality itself, exactly; the published values; refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rules.conftest import Verify
from safetensors.numpy import load_file
from soundness import published_formulas as published
from soundness.small_models import Shape, random_model, safetensors_bytes
from soundness.subcubic_steps import CHORD, DIRECT_PATHS, EXACT, apply, context, random_gaps, random_hints, steps

from proofcheck import Declined, Dimensions, Limits, Reason, Rejected, Step
from proofcheck.rules import RULES

REFERENCE = Path(__file__).parents[2] / "certificates" / "models" / "max-of-4-seed-123.safetensors"
SHAPES = (Shape(1, 2, 1, 1), Shape(2, 5, 3, 2), Shape(3, 6, 4, 2), Shape(5, 4, 2, 3))


@pytest.mark.parametrize("rule", DIRECT_PATHS)
@pytest.mark.parametrize("k", range(12))
def test_the_inequality_holds_for_all_queries_and_outputs(rule: str, k: int) -> None:
    shape = SHAPES[k % 4]
    where = context(shape, random_model(shape, k, biases=k % 3 > 0))
    tables = apply(where, "path-expansion")
    fact = apply(where, rule, (tables,), random_hints(rule, where.model.dimensions, np.random.default_rng(k)))
    EUPU, M, g = tables.EUPU.fractions(), fact.M.fractions(), fact.g.fractions()
    assert M.shape == g.shape == (shape.d_vocab,)
    slack = (M[None, None, :] - M[None, :, None] + g[:, None, None]) - (EUPU[:, None, :] - EUPU[:, :, None])  # [q, m, x]
    assert (slack >= 0).all()
    if rule == "direct-path-max-diff-exact":
        assert (slack.min(axis=(1, 2)) == 0).all(), "attained, so a smaller g would be false and this test would see it"


@pytest.mark.parametrize("rule", DIRECT_PATHS)
def test_as_tight_as_the_published_formula(rule: str) -> None:
    t = published.tables(load_file(REFERENCE))
    where = context(Shape(4, 64, 32, 32), REFERENCE.read_bytes())
    direction = np.linalg.svd(t.EUPU)[0][:, 0] @ t.E_q
    fact = apply(where, rule, (apply(where, "path-expansion"),), {"direction": direction} if "svd" in rule else {})
    M, g = published.direct_path(t, rule.removeprefix("direct-path-"), direction)
    np.testing.assert_allclose(fact.g.fractions().astype(float), g, rtol=1e-12)
    np.testing.assert_allclose(fact.M.fractions().astype(float), M, rtol=1e-9, atol=1e-12)


def test_biases_that_do_not_depend_on_the_query_cost_nothing() -> None:
    shape = Shape(2, 5, 3, 2)
    plain = random_model(shape, 3)
    biased = plain | {name: array for name, array in random_model(shape, 4, biases=True).items() if name.endswith(("b_O", "b_U"))}
    for rule in ("direct-path-max-diff", "direct-path-mean-query+max-diff"):
        facts = [apply(where, rule, (apply(where, "path-expansion"),)) for where in (context(shape, plain), context(shape, biased))]
        assert (facts[0].g.fractions() == facts[1].g.fractions()).all()


@pytest.mark.parametrize(
    "direction",
    [np.zeros(4), np.zeros((1, 3)), np.zeros(3, dtype=np.float32), np.zeros(3, dtype=np.int64), 7],
    ids=["length", "rank", "f32", "i64", "integer"],
)
def test_a_direction_of_another_shape_or_type_is_refused(direction: object) -> None:
    with pytest.raises(Rejected) as caught:
        RULES["direct-path-svd-query+max-diff"].hints["direction"].check(
            "direction",
            direction,
            Dimensions(n_ctx=2, d_vocab=5, d_model=3, d_head=2),
            Limits(),  # type: ignore[arg-type]
        )
    assert caught.value.code is Reason.BAD_HINT


@pytest.mark.parametrize("size", [0.0, 1e-70, 1e6])
def test_any_direction_of_the_right_shape_is_accepted(size: float) -> None:
    where = context(Shape(2, 5, 3, 2), random_model(Shape(2, 5, 3, 2), 1))
    apply(where, "direct-path-svd-query+max-diff", (apply(where, "path-expansion"),), {"direction": np.full(3, size)})


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_a_direction_far_from_one_is_beyond_a_limit(size: float) -> None:
    where = context(Shape(2, 5, 3, 2), random_model(Shape(2, 5, 3, 2), 1))
    with pytest.raises(Declined) as caught:
        apply(where, "direct-path-svd-query+max-diff", (apply(where, "path-expansion"),), {"direction": np.full(3, size)})
    assert caught.value.code is Reason.LIMIT_EXCEEDED


@pytest.mark.parametrize("rule", DIRECT_PATHS)
def test_missing_and_superfluous_hints_and_premises_are_refused(rule: str, verified: Verify) -> None:
    shape = Shape(2, 3, 3, 2)
    weights = safetensors_bytes(random_model(shape, 2))
    direction = np.ones(3) if RULES[rule].hints else None
    good = steps(
        rule, EXACT, CHORD, random_gaps(Dimensions(n_ctx=2, d_vocab=3, d_model=3, d_head=2), np.random.default_rng(0)), direction=direction
    )
    assert verified(weights, shape, good) is None
    other_hints = {} if direction is not None else {"direction": np.ones(3)}
    for changed, code in (
        (Step("direct", rule, ("tables",), other_hints), Reason.BAD_HINT),
        (Step("direct", rule, (), good[1].hints), Reason.WRONG_PREMISE),
        (Step("direct", rule, ("tables", "tables"), good[1].hints), Reason.WRONG_PREMISE),
    ):
        assert verified(weights, shape, (good[0], changed, *good[2:])) is code
