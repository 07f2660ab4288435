"""The hundred sub-cubic compositions against ground truth, and the published false formula against the checker."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from soundness import published_formulas as published
from soundness import subcubic_attacks
from soundness.small_models import BRUTE_FORCE, Shape, Tensors, certificate, proved_count, random_model, safetensors_bytes, trained_like
from soundness.subcubic_steps import CHORD, DIRECT_PATHS, EXACT, MARGINS, OFF, QK_ERRORS, random_steps, steps, table_model

import proofcheck
from proofcheck import Reason, Rejected, Verdict
from strategies.metrics.published_count import PublishedCount

MODELS = Path(__file__).parents[2] / "certificates" / "models"
COMPOSITIONS = tuple(product(DIRECT_PATHS, QK_ERRORS, MARGINS))
SHAPES = (
    Shape(1, 4, 3, 2),
    Shape(2, 3, 3, 2),
    Shape(2, 5, 4, 3),
    Shape(2, 8, 4, 2),
    Shape(3, 3, 3, 3),
    Shape(3, 5, 3, 2),
    Shape(3, 6, 5, 2),
)
COUNTEREXAMPLES = ("counterexample-mean-diff-direct", "counterexample-mean-diff-positional")


def small_model(k: int) -> tuple[Shape, Tensors]:
    """Model k of three hundred: near the edge of what the rules prove (mostly), hand-trained, random; half of them with biases."""
    biases = k % 2 == 0
    if k % 5 < 3:
        return table_model((1, 2, 2, 3, 2, 3, 3)[k % 7], 3 + k % 6, k, biases=biases, opposed=k % 5 == 0)
    shape = SHAPES[k % len(SHAPES)]
    if k % 5 == 3:
        return shape, trained_like(shape, k, biases=biases, gain=(1.0, 2.0, 3.0)[k % 3])
    return shape, random_model(shape, k, biases=biases, scale=(0.3, 1.0, 4.0)[k % 3])


@pytest.mark.parametrize("part", range(10))
def test_no_composition_proves_more_than_the_exact_count(part: int, tmp_path: Path) -> None:
    """300 models with 4 compositions each: 1200 certificates, every composition 12 times."""
    proved = 0
    for k in range(30 * part, 30 * part + 30):
        shape, tensors = small_model(k)
        weights = safetensors_bytes(tensors)
        true_count = proved_count(weights, shape, BRUTE_FORCE, tmp_path)
        generator = np.random.default_rng(1000 + k)
        for j in range(4):
            composition = COMPOSITIONS[(4 * k + j) % len(COMPOSITIONS)]
            count = proved_count(weights, shape, random_steps(*composition, tensors, generator, luck=0.8), tmp_path)
            assert count <= true_count, (k, composition)
            proved += count > shape.d_vocab  # more than the sequences of one token
    assert proved >= 30, "little was proved, so little was tested"


@pytest.mark.parametrize("k", range(0, 60, 6))
def test_both_backends_prove_the_same(k: int, tmp_path: Path) -> None:
    shape, tensors = small_model(k)
    weights = safetensors_bytes(tensors)
    for j in range(5):
        these = random_steps(*COMPOSITIONS[(7 * k + 21 * j) % len(COMPOSITIONS)], tensors, np.random.default_rng(k), luck=1)
        assert proved_count(weights, shape, these, tmp_path) == proved_count(weights, shape, these, tmp_path, backend="arb")


@pytest.mark.parametrize("name", COUNTEREXAMPLES)
def test_the_false_formula_claims_15_of_12_and_is_rejected(name: str) -> None:
    """Wherever the published `mean_query+diff` claims 15, a claim of 15 (and of 13) is rejected, and the chord proves at most 12."""
    path = MODELS / f"{name}.safetensors"
    tables, shape = published.tables(load_file(path)), Shape(2, 8, 17, 17)
    gaps = np.ones((8, 8, 2), dtype=np.int64)
    claimed = 0
    for direct in DIRECT_PATHS:
        direction = tables.E_q.mean(axis=0) if "svd" in direct else None
        found = published.margins(
            tables, direct.removeprefix("direct-path-"), EXACT.removeprefix("qk-error-"), gaps, "published", direction
        )
        if (claim := published.count(found, gaps, 2)) != 15:
            continue
        claimed += 1
        these = steps(direct, EXACT, CHORD, gaps, direction=direction)
        count = PublishedCount()
        honest = proofcheck.Checker().verify(certificate(path.read_bytes(), shape, these), model=path, observe=count)
        assert honest.verdict is Verdict.VERIFIED
        assert 0 < count.total <= honest.proved <= 12
        for correct in (claim, 13):
            report = proofcheck.verify(certificate(path.read_bytes(), shape, these, correct=correct), model=path)
            assert report.verdict is Verdict.REJECTED
            assert isinstance(report.error, Rejected)
            assert report.error.code is Reason.NOT_PROVED
    assert claimed == (2 if "direct" in name else 5)


@pytest.mark.parametrize("name", COUNTEREXAMPLES)
def test_all_compositions_stay_below_12_on_the_counterexamples(name: str, tmp_path: Path) -> None:
    weights = (MODELS / f"{name}.safetensors").read_bytes()
    shape = Shape(2, 8, 17, 17)
    tensors = load_file(MODELS / f"{name}.safetensors")
    generator = np.random.default_rng(0)
    for composition in COMPOSITIONS:
        these = random_steps(*composition, tensors, generator, luck=0.5)
        assert proved_count(weights, shape, these, tmp_path) <= 12


def test_the_chord_proves_what_the_other_rule_proves(tmp_path: Path) -> None:
    """docs/rules/margins.md: the chord lies below the line; on a counterexample it proves more."""
    gaps = np.ones((8, 8, 2), dtype=np.int64)
    weights = (MODELS / "counterexample-mean-diff-positional.safetensors").read_bytes()
    counts = [
        proved_count(weights, Shape(2, 8, 17, 17), steps("direct-path-max-diff", EXACT, rule, gaps), tmp_path) for rule in (OFF, CHORD)
    ]
    assert counts[0] < counts[1]
    for k in range(0, 300, 7):
        shape, tensors = small_model(k)
        weights, direct_path = safetensors_bytes(tensors), DIRECT_PATHS[k % 5]
        both = [random_steps(direct_path, EXACT, rule, tensors, np.random.default_rng(k), luck=1) for rule in (OFF, CHORD)]
        counts = [proved_count(weights, shape, these, tmp_path) for these in both]
        assert counts[0] <= counts[1]


@pytest.mark.parametrize("name", subcubic_attacks.twins())
def test_the_twins_of_the_attacks_in_the_corpus_verify_with_exactly_their_claim(name: str) -> None:
    decoded = proofcheck.decode_certificate(subcubic_attacks.twins()[name], proofcheck.Limits())
    report = proofcheck.verify(decoded, model=(MODELS.parent / "reject" / "bad-hint" / decoded.model.file).resolve())
    assert report.verdict is Verdict.VERIFIED
    assert report.proved == report.claimed > 0
