"""Rule `attention-bounds`: the attention of every sequence of every cell, in intervals; the published values; refusals of gap tables."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import iv
from rules.conftest import Verify
from safetensors.numpy import load_file
from soundness import published_formulas as published
from soundness.small_models import Shape, random_model, safetensors_bytes
from soundness.subcubic_steps import CHORD, EXACT, QK_ERRORS, apply, context, random_gaps, random_hints, steps, table_model
from soundness.truth import Network, read_tensors

from proofcheck import Reason, Step
from proofcheck.rules.attention_only.facts import AttentionBounds

REFERENCE = Path(__file__).parents[2] / "certificates" / "models" / "max-of-4-seed-123.safetensors"
Cell = tuple[int, int, int]


def cells(fact: AttentionBounds) -> dict[Cell, tuple[float, float]]:
    """(a_min, a_max) of every cell: the ends of the enclosures of A/(A + B) and A'/(A' + B') that say least."""
    found = {}
    for group in fact.groups:
        low, high = group.least[0].share(group.least[1]), group.most[0].share(group.most[1])
        for k, (q, m) in enumerate(zip(group.queries.tolist(), group.max_tokens.tolist(), strict=True)):
            found[q, m, group.c] = (float(low.lo[k]), float(high.hi[k]))  # type: ignore[attr-defined]
    return found


def fact_of(shape: Shape, weights: bytes, rule: str, gaps: Any, seed: int) -> AttentionBounds:
    where = context(shape, weights)
    tables = apply(where, "path-expansion")
    scores = apply(where, rule, (tables,), random_hints(rule, where.model.dimensions, np.random.default_rng(seed)))
    fact: AttentionBounds = apply(where, "attention-bounds", (tables, scores), {"gaps": gaps})
    return fact


@pytest.mark.parametrize("k", range(20))
def test_the_attention_of_every_sequence_is_within_its_bounds(k: int) -> None:
    """Every sequence of a network, its attention by an independent forward pass; every cell is the cell of the docstring."""
    shape, tensors = table_model(2 + k % 2, 3 + k % 3, k, biases=k % 4 == 0)
    if k % 5 == 4:
        shape = Shape(3, 4, 3, 2)
        tensors = random_model(shape, k, biases=True, scale=1.5)
    weights = safetensors_bytes(tensors)
    d, n = shape.d_vocab, shape.n_ctx
    gaps = random_gaps(context(shape, weights).model.dimensions, np.random.default_rng(k), 1 + k % 3)
    bounds = cells(fact_of(shape, weights, QK_ERRORS[k % 10] if k % 2 else EXACT, gaps, k))
    network = Network(read_tensors(weights))
    seen: dict[Cell, int] = {}
    for x in product(range(d), repeat=n):
        q, m = x[-1], max(x)
        c = sum(t != m for t in x)
        if c == 0 or any(t != m and t > m - gaps[q, m, c] for t in x):
            continue
        alpha = network.pattern(x)
        attention = sum((alpha[i] for i in range(n) if x[i] == m), iv.mpf(0))
        low, high = bounds[q, m, c]
        assert attention.b >= low, (x, attention, low)
        assert attention.a <= high, (x, attention, high)
        seen[q, m, c] = seen.get((q, m, c), 0) + 1
    assert set(seen) == set(bounds), "the rule lists exactly the cells that have sequences"


def test_exact_scores_and_one_sequence_give_its_attention() -> None:
    """A cell of one sequence has equal bounds, so a tighter bound would be false and the test above would see it."""
    shape, tensors = table_model(2, 5, 3)
    weights = safetensors_bytes(tensors)
    gaps = np.ones((5, 5, 2), dtype=np.int64)
    gaps[0, :, 1] = [1, 1, 2, 3, 4]  # query 0 and no other token but the max
    bounds = cells(fact_of(shape, weights, EXACT, gaps, 0))
    network = Network(read_tensors(weights))
    for m in (1, 2, 3, 4):
        alpha = network.pattern((m, 0))[0]
        low, high = bounds[0, m, 1]
        assert high - low < 1e-12
        assert low <= float(alpha.mid) + 1e-15
        assert float(alpha.mid) - 1e-15 <= high


def test_as_tight_as_the_published_formula() -> None:
    gaps = random_gaps(context(Shape(4, 64, 32, 32), REFERENCE.read_bytes()).model.dimensions, np.random.default_rng(0), 12)
    bounds = cells(fact_of(Shape(4, 64, 32, 32), REFERENCE.read_bytes(), EXACT, gaps, 0))
    t = published.tables(load_file(REFERENCE))
    for q, m, c in list(bounds)[::50]:
        expected = published.attention(t, t.EQKE, np.zeros(64), int(gaps[q, m, c]), q, m, c)
        np.testing.assert_allclose(bounds[q, m, c], expected, rtol=1e-9)


def test_the_backends_enclose_the_same_numbers() -> None:
    shape, tensors = table_model(3, 4, 5)
    gaps = np.ones((4, 4, 3), dtype=np.int64)
    facts = []
    for backend in ("fast", "arb"):
        where = context(shape, tensors, backend)
        tables = apply(where, "path-expansion")
        facts.append(apply(where, "attention-bounds", (tables, apply(where, EXACT, (tables,))), {"gaps": gaps}))
    for fast, ball in zip(facts[0].groups, facts[1].groups, strict=True):
        for a, b in zip((*fast.least, *fast.most), (*ball.least, *ball.most), strict=True):
            assert (a.multiples_below(40) - 1 <= b.multiples_above(40)).all()
            assert (b.multiples_below(40) - 1 <= a.multiples_above(40)).all()


@pytest.mark.parametrize("n_ctx", [1, 2])
def test_the_smallest_contexts(n_ctx: int) -> None:
    shape = Shape(n_ctx, 3, 3, 2)
    fact = fact_of(shape, safetensors_bytes(random_model(shape, 1)), EXACT, np.ones((3, 3, n_ctx), dtype=np.int64), 0)
    assert len(fact.groups) == 2 * (n_ctx - 1)
    assert set(cells(fact)) == ({(q, m, 1) for m in range(3) for q in range(m + 1) if m} if n_ctx == 2 else set())


@pytest.mark.parametrize("cell", [(0, 3, 1), (3, 3, 0), (3, 1, 1)], ids=["used", "no max", "query above max"])
@pytest.mark.parametrize("gap", [0, -1, -4, 5, 2**62, -(2**63)])
def test_gaps_out_of_range_are_refused_even_where_no_cell_uses_them(gap: int, cell: Cell, verified: Verify) -> None:
    shape = Shape(2, 4, 3, 2)
    weights = safetensors_bytes(random_model(shape, 1))
    for value, code in ((gap, Reason.BAD_HINT), (4, None), (1, None)):
        gaps = np.ones((4, 4, 2), dtype=np.int64)
        gaps[cell] = value
        assert verified(weights, shape, steps("direct-path-max-diff", EXACT, CHORD, gaps)) is code


@pytest.mark.parametrize(
    "gaps",
    [np.ones((4, 2, 4), dtype=np.int64), np.ones((4, 4), dtype=np.int64), np.ones((4, 4, 3), dtype=np.int64), np.ones((4, 4, 2)), 1],
    ids=["axes", "rank", "n_ctx", "f64", "integer"],
)
def test_gap_tables_of_another_shape_or_type_are_refused(gaps: Any, verified: Verify) -> None:
    shape = Shape(2, 4, 3, 2)
    weights = safetensors_bytes(random_model(shape, 1))
    assert verified(weights, shape, steps("direct-path-max-diff", EXACT, CHORD, gaps)) is Reason.BAD_HINT
    assert verified(weights, shape, steps("direct-path-max-diff", EXACT, CHORD, np.ones((4, 4, 2), dtype=np.int64))) is None


def test_premises_of_another_kind_are_refused(verified: Verify) -> None:
    shape, gaps = Shape(2, 4, 3, 2), np.ones((4, 4, 2), dtype=np.int64)
    weights = safetensors_bytes(random_model(shape, 1))
    good = steps("direct-path-max-diff", EXACT, CHORD, gaps)
    for premises in (("scores", "tables"), ("tables", "direct"), ("tables",), ("tables", "scores", "scores")):
        changed = (*good[:3], Step("attention", "attention-bounds", premises, {"gaps": gaps}), *good[4:])
        assert verified(weights, shape, changed) in (Reason.WRONG_PREMISE, Reason.UNUSED_STEP)
    assert verified(weights, shape, good) is None
