"""Float claims that are false: recomputed in floats, refuted by interval forward passes, rejected by the checker."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from soundness.float_strategies import Floats, brute_force, cubic, top_singular
from soundness.inflation_cases import CASES, MODELS, REJECTED, Case, tensors_of
from soundness.inflation_search import claim_as_certificate, enumerated, shape_of
from soundness.small_models import BRUTE_FORCE, Shape, certificate, random_model, safetensors_bytes, trained_like
from soundness.truth import ground_truth, read_tensors

import proofcheck
from proofcheck import Reason, Verdict, decode_certificate
from proofcheck.limits import Limits

SMALL = [case for case in CASES if case.name != "trained"]  # 4,096 forward passes in intervals take too long here


def ids(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_float_claim_is_the_certificates_and_is_rejected(case: Case) -> None:
    """Recomputed from the stored weights; one case has an accepting twin: the same certificate with what its steps prove."""
    stored = decode_certificate(case.certificate.read_bytes(), Limits())
    assert stored.claim.fields["correct"] == case.claim(tensors_of(case))
    report = proofcheck.verify(case.certificate)
    assert report.verdict is Verdict.REJECTED
    assert report.error is not None
    assert report.error.code is Reason.NOT_PROVED
    honest = proofcheck.verify(stored.claiming(correct=0), model=case.model)
    assert honest.verdict is Verdict.VERIFIED
    assert honest.proved < stored.claim.fields["correct"]
    assert proofcheck.verify(stored.claiming(correct=honest.proved), model=case.model).verdict is Verdict.VERIFIED


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_checker_proves_the_true_number_and_floats_claim_more(case: Case, tmp_path: Path) -> None:
    tensors = tensors_of(case)
    exact = enumerated(tensors, tmp_path)
    assert exact is not None
    assert case.claim(tensors) > exact
    if case.sound is not None:
        assert case.sound[1](tensors) <= exact
    one_more = certificate(case.model.read_bytes(), shape_of(tensors), BRUTE_FORCE, correct=exact + 1, precision=1024)
    for correct, verdict in ((exact, Verdict.VERIFIED), (exact + 1, Verdict.REJECTED)):
        assert proofcheck.verify(one_more.claiming(correct=correct), model=case.model).verdict is verdict


@pytest.mark.parametrize("case", SMALL, ids=ids)
def test_the_true_number_by_interval_forward_passes(case: Case, tmp_path: Path) -> None:
    truth = ground_truth(read_tensors(case.model.read_bytes()), case.bits)
    assert truth.undecided == 0
    assert truth.correct == enumerated(tensors_of(case), tmp_path)


def test_the_corpus_has_these_cases_and_no_others() -> None:
    assert len(CASES) >= 10
    assert {path.name for path in REJECTED.glob("inflation-*.json")} == {case.certificate.name for case in CASES}
    assert {path.name for path in MODELS.iterdir()} == {case.model.name for case in CASES if case.family is not None}


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_certificates_are_those_of_the_search_up_to_hints(case: Case) -> None:
    """Singular vectors in hints depend on the linear algebra at hand; everything else is recomputed exactly."""
    stored = decode_certificate(case.certificate.read_bytes(), Limits())
    again = claim_as_certificate(case, tensors_of(case))
    without = [replace(c, steps=tuple(replace(step, hints={}) for step in c.steps)) for c in (stored, again)]
    assert without[0] == without[1]
    for ours, theirs in zip(stored.steps, again.steps, strict=True):
        assert list(ours.hints) == list(theirs.hints)
        if "gaps" in ours.hints:
            assert np.array_equal(ours.hints["gaps"], theirs.hints["gaps"])
    assert json.loads(case.certificate.read_bytes())["provenance"] == {"strategy": case.strategy}


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_on_networks_without_near_ties_floats_agree_with_the_truth(dtype: str) -> None:
    """The float programs are what they say they are: nothing but rounding separates them from the truth."""
    floats = Floats(dtype)
    for k in range(6):
        shape = Shape(2 + k % 2, 3)
        tensors = trained_like(shape, k, gain=1.5) if k % 3 else random_model(shape, k)
        weights = {name: array.astype("<f8") for name, array in tensors.items()}
        truth = ground_truth(read_tensors(safetensors_bytes(weights)))
        assert brute_force(tensors, floats) == truth.correct
        assert cubic(tensors, floats) <= truth.correct


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_jacobi_finds_the_largest_singular_triple(dtype: str) -> None:
    floats = Floats(dtype)
    for k in range(10):
        matrix = np.random.default_rng(k).standard_normal((4, 4)).astype(dtype)
        sigma, u, v = top_singular(matrix, floats)
        assert sigma == pytest.approx(np.linalg.norm(matrix, 2), rel=float(20 * np.finfo(dtype).eps))
        assert matrix @ v == pytest.approx(sigma * u, abs=float(200 * np.finfo(dtype).eps))
    zero = top_singular(np.zeros((2, 2), dtype=dtype), floats)
    assert zero[0] == 0
    assert not zero[1].any()
