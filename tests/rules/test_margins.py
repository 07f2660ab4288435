"""The two `margin-*` rules: every sequence of every proved class, by an independent forward pass; the published values; refusals."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from rules.conftest import Verify
from safetensors.numpy import load_file
from soundness import published_formulas as published
from soundness.small_models import Shape, Tensors, safetensors_bytes, trained_like
from soundness.subcubic_steps import (
    CHORD,
    DIRECT_PATHS,
    EXACT,
    MARGINS,
    OFF,
    QK_ERRORS,
    Array,
    apply,
    context,
    network_of,
    one_token_too_many,
    random_gaps,
    steps,
    table_model,
)
from soundness.truth import ground_truth, read_tensors

from proofcheck import Dimensions, Reason, Step
from proofcheck.arithmetic import Arithmetic, DyadicArray
from proofcheck.rules.attention_only.facts import AttentionBounds, AttentionCells, ProvedClasses
from proofcheck.rules.attention_only.max_of_k.margins import _anchors
from proofcheck.rules.fact import rule_application

REFERENCE = Path(__file__).parents[2] / "certificates" / "models" / "max-of-4-seed-123.safetensors"


def classes(
    shape: Shape, tensors: Tensors | bytes, rule: str, gaps: Array, direct_path: str = "direct-path-mean-query+max-diff"
) -> ProvedClasses:
    where = context(shape, tensors)
    tables = apply(where, "path-expansion")
    attention = apply(where, "attention-bounds", (tables, apply(where, EXACT, (tables,))), {"gaps": gaps})
    direct = apply(where, direct_path, (tables,))
    fact: ProvedClasses = apply(where, rule, (tables, direct, attention))
    return fact


def model(k: int) -> tuple[Shape, Tensors]:
    if k % 4 == 3:
        shape = Shape(3, 4, 3, 2)
        return shape, trained_like(shape, k, biases=True)
    return table_model((2, 3)[k % 2], 3 + k % 3, k, biases=k % 3 == 0, opposed=k % 4 == 2)


@pytest.mark.parametrize("rule", MARGINS)
@pytest.mark.parametrize("k", range(16))
def test_every_sequence_of_a_proved_class_is_correct(rule: str, k: int) -> None:
    shape, tensors = model(k)
    gaps = random_gaps(
        Dimensions(n_ctx=shape.n_ctx, d_vocab=shape.d_vocab, d_model=shape.d_model, d_head=shape.d_head),
        np.random.default_rng(k),
        1 + k % 2,
    )
    fact = classes(shape, tensors, rule, gaps)
    answers = ground_truth(read_tensors(safetensors_bytes(tensors))).answers
    for x in product(range(shape.d_vocab), repeat=shape.n_ctx):
        q, m = x[-1], max(x)
        others = [t for t in x[:-1] if t != m]
        size = fact.choices[q][m][len(others)]
        if size >= 0 and all(t < size for t in others):  # K = {0 … size − 1}
            assert answers[x], x


@pytest.mark.parametrize("rule", MARGINS)
@pytest.mark.parametrize("k", range(8))
def test_the_classes_have_the_tight_size(rule: str, k: int) -> None:
    """choices[m][m][1] = m − g + 1 for one non-max token, 0 for none."""
    shape, tensors = table_model(2, 5, k)
    gaps = random_gaps(Dimensions(n_ctx=2, d_vocab=5, d_model=shape.d_model, d_head=shape.d_head), np.random.default_rng(k), 3)
    fact = classes(shape, tensors, rule, gaps)
    for q, m in product(range(5), repeat=2):
        none, one = fact.choices[q][m]
        assert none in (-1, 0)
        assert one in (-1, m - int(gaps[m, m, 1]) + 1)
        assert one == -1 or q == m


@pytest.mark.parametrize("rule", MARGINS)
def test_one_token_more_would_be_false(rule: str) -> None:
    shape, tensors, gaps = one_token_too_many()
    fact = classes(shape, tensors, rule, gaps)
    truth = ground_truth(read_tensors(safetensors_bytes(tensors)))
    assert fact.choices[2][2][1] == 1
    assert truth.answers[0, 2] is True
    assert truth.answers[1, 2] is False


@pytest.mark.parametrize("rule", MARGINS)
@pytest.mark.parametrize("direct_path", ["max-diff-exact", "mean-query+max-diff"])
def test_as_tight_as_the_published_formula(rule: str, direct_path: str) -> None:
    """Every cell whose published margin (the chord's for the other rule) is below −10⁻⁴ is proved; none above 10⁻⁹ is."""
    tensors, shape = load_file(REFERENCE), Shape(4, 64, 32, 32)
    gaps = random_gaps(Dimensions(n_ctx=4, d_vocab=64, d_model=32, d_head=32), np.random.default_rng(1), 8)
    fact = classes(shape, REFERENCE.read_bytes(), rule, gaps, f"direct-path-{direct_path}")
    handling = "OFF" if rule == OFF else "chord"
    found = published.margins(published.tables(tensors), direct_path, "exact-EQKE+max-diff-exact", gaps, handling)
    proved = 0
    for (q, m, c), margin in found.items():
        size = fact.choices[q][m][c - (q != m)]
        if margin < -1e-4:
            assert size >= 0, (q, m, c, margin)
            proved += 1
        if margin > 1e-9:
            assert size == -1, (q, m, c, margin)
    assert proved > 1000


def test_published_and_tight_counts() -> None:
    from soundness.small_models import certificate

    from proofcheck import Checker
    from strategies.metrics.published_count import PublishedCount

    gaps = np.full((64, 64, 4), 5, dtype=np.int64)
    these = steps("direct-path-max-diff-exact", EXACT, CHORD, gaps)
    shape, count = Shape(4, 64, 32, 32), PublishedCount()
    report = Checker().verify(certificate(REFERENCE.read_bytes(), shape, these), model=REFERENCE, observe=count)
    fact = classes(shape, REFERENCE.read_bytes(), CHORD, gaps, "direct-path-max-diff-exact")
    counts = [
        sum((1, 3, 3, 1)[p] * (size - less) ** p for row in fact.choices for cells in row for p, size in enumerate(cells) if size >= 0)
        for less in (0, 1)
    ]
    assert [report.proved, count.total] == counts
    assert count.total < report.proved


@pytest.mark.parametrize("rule", MARGINS)
def test_premises_of_another_kind_and_hints_are_refused(rule: str, verified: Verify) -> None:
    shape, tensors = table_model(2, 4, 1)
    weights, gaps = safetensors_bytes(tensors), np.ones((4, 4, 2), dtype=np.int64)
    good = steps("direct-path-max-diff", EXACT, rule, gaps)
    assert verified(weights, shape, good) is None
    for premises in (
        ("direct", "tables", "attention"),
        ("tables", "attention", "direct"),
        ("tables", "scores", "attention"),
        ("tables", "direct"),
    ):
        changed = (*good[:4], Step("classes", rule, premises), *good[5:])
        assert verified(weights, shape, changed) in (Reason.WRONG_PREMISE, Reason.UNUSED_STEP)
    hinted = (*good[:4], Step("classes", rule, good[4].premises, {"gaps": gaps}), *good[5:])
    assert verified(weights, shape, hinted) is Reason.BAD_HINT


def test_margins_do_not_read_the_gaps_of_another_step(verified: Verify) -> None:
    """All 100 compositions are steps that verify; gaps travel inside the attention bounds."""
    shape, tensors = table_model(2, 3, 2)
    weights, gaps = safetensors_bytes(tensors), np.ones((3, 3, 2), dtype=np.int64)
    from soundness.subcubic_steps import sought_hints

    for direct_path, scores, rule in product(DIRECT_PATHS, QK_ERRORS, MARGINS):
        direction = sought_hints(direct_path, tensors).get("direction")
        these = steps(direct_path, scores, rule, gaps, sought_hints(scores, tensors, excess=0.1), direction)
        assert verified(weights, shape, these) is None


@pytest.mark.parametrize("rule", MARGINS)
def test_gaps_of_queries_above_the_max_token_do_not_matter(rule: str) -> None:
    """g₀ is a minimum over q ≤ m: the cells q > m belong to no sequence."""
    proved = 0
    for k in range(6):
        shape, tensors = table_model(2, 6, k)
        gaps = random_gaps(Dimensions(n_ctx=2, d_vocab=6, d_model=shape.d_model, d_head=shape.d_head), np.random.default_rng(k), 4)
        above = np.tril(np.ones((6, 6), dtype=np.bool_), -1)
        found = [classes(shape, tensors, rule, np.where(above[:, :, None], gap, gaps)) for gap in (1, 6)]
        assert found[0].choices == found[1].choices
        proved += sum(size >= 0 for row in found[0].choices for cells in row for size in cells[1:])
    assert proved > 0


@pytest.mark.parametrize("rule", MARGINS)
@pytest.mark.parametrize(("score", "proved"), [(0, 2), (12, -1)])
def test_the_larger_attention_decides_where_attention_to_the_max_token_does_harm(rule: str, score: int, proved: int) -> None:
    """Under query 2 token 2 takes 8 from output 2, the positions give it 6: right iff the attention to token 2 is below ¾.

    It is ½ with token 1; with token 0 it is ½ or, if token 0 scores 12 less, 1/(1 + e^(−12/√8)) = 0.99.
    """
    EQKE, EVOU, PVOU = np.zeros((3, 3)), np.zeros((3, 3)), np.tile([0.0, 0, 6], (2, 1))
    EQKE[2, 0], EVOU[2, 2] = -score, -8
    shape, tensors = network_of(EQKE, np.zeros((3, 2)), EVOU, PVOU, np.zeros((3, 3)))
    fact = classes(shape, tensors, rule, np.ones((3, 3, 2), dtype=np.int64))
    answers = ground_truth(read_tensors(safetensors_bytes(tensors))).answers
    assert answers[1, 2] is True
    assert answers[0, 2] is (proved == 2)
    assert fact.choices[2][2][1] == proved


def test_anchors_enclose_all_attention_bounds_of_their_cells_closely() -> None:
    """lo below, hi above every bound of the cells (·, m, c), within the grid; lo < hi everywhere."""
    unit = 2.0**-26
    cells = 0
    for k in range(8):
        shape, tensors = table_model((2, 3)[k % 2], 5, k)
        gaps = random_gaps(
            Dimensions(n_ctx=shape.n_ctx, d_vocab=5, d_model=shape.d_model, d_head=shape.d_head), np.random.default_rng(k), 3
        )
        where = context(shape, tensors)
        tables = apply(where, "path-expansion")
        attention = apply(where, "attention-bounds", (tables, apply(where, EXACT, (tables,))), {"gaps": gaps})
        lo, hi = (ends.fractions().astype(float) for ends in _anchors(attention, 5, shape.n_ctx))
        assert (lo < hi).all()
        bounds: dict[tuple[int, int], list[float]] = {}
        for group in attention.groups:
            for row, m in enumerate(group.max_tokens.tolist()):
                for a, b in (group.least, group.most):
                    bounds.setdefault((m, group.c), []).append(float(a.lo[row] / (a.lo[row] + b.lo[row])))
        for (m, c), found in bounds.items():
            assert min(found) - 3 * unit <= lo[m, c] <= min(found)
            assert max(found) <= hi[m, c] <= max(found) + 3 * unit
            cells += 1
    assert cells > 40


def test_anchors_that_meet_are_moved_apart() -> None:
    arithmetic = Arithmetic("arb", 64)
    nothing, one = (arithmetic.enclose(DyadicArray.from_floats(np.array([value]))) for value in (0.0, 1.0))
    place = np.array([1])
    group = AttentionCells(1, True, place, place, (nothing, one), (nothing, one))
    with rule_application():
        attention = AttentionBounds(np.ones((2, 2, 2), dtype=np.int64), (group,))
    lo, hi = (ends.fractions() for ends in _anchors(attention, 2, 2))
    assert (lo[1, 1], hi[1, 1]) == (0, Fraction(1, 2**26))
    assert (lo < hi).all()
