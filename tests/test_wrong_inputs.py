"""`proofcheck.wrong_inputs`: what is returned is wrong, by interval forward passes and by torch; nothing is missed where all is tried."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from expecttest import assert_expected_inline
from models.transformer_reference import random_case, torch_logits
from rules.test_transformer_evaluation import CASES, certificate, inputs, kth_largest
from soundness.small_models import BRUTE_FORCE
from soundness.small_models import certificate as attention_certificate
from soundness.test_truth import CASES as ATTENTION_CASES
from soundness.truth import Network, ground_truth, read_tensors
from tasks.test_tasks import TASKS

import proofcheck
from proofcheck import Checker, Limits, Reason, Rejected, Verdict
from proofcheck.cli.main import main
from proofcheck.tasks import Task
from proofcheck.wrong_inputs import find_wrong_inputs, words_of

ROOT = Path(__file__).parents[1]
REJECT = ROOT / "certificates" / "reject"
SEED_123 = ROOT / "certificates" / "accept" / "max-of-4-seed-123--cubic.json"


@pytest.mark.parametrize(("name", "shape", "weights"), ATTENTION_CASES[::5], ids=[name for name, _, _ in ATTENTION_CASES[::5]])
def test_all_wrong_inputs_of_small_networks_are_found(name: str, shape: Any, weights: bytes, tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(weights)
    truth = ground_truth(read_tensors(weights))
    wrong = {tokens for tokens, right in truth.answers.items() if right is False}
    found = find_wrong_inputs(Checker(), attention_certificate(weights, shape, BRUTE_FORCE), tmp_path / "weights.safetensors", most=10**4)
    assert {one.tokens for one in found.inputs} == wrong
    assert found.wrong == len(wrong)
    assert found.complete or not found.candidates
    network = Network(read_tensors(weights))
    for one in found.inputs[:5]:
        assert one.answer == max(one.tokens) != one.given
        for (low, high), logit in zip(one.logits, network.logits(one.tokens), strict=True):
            assert low <= Fraction(float(logit.b)) + Fraction(1, 10**6) and Fraction(float(logit.a)) - Fraction(1, 10**6) <= high


@pytest.mark.parametrize("seed", CASES[:16])
def test_all_wrong_inputs_of_random_transformers_are_found(seed: int, tmp_path: Path) -> None:
    """Also without a proof: the claim is one higher than the truth."""
    case = random_case(seed)
    task = kth_largest(case, 1 + seed % 2)
    words, answers = inputs(task)
    logits = torch_logits(case, words)
    own = logits[np.arange(len(words)), answers][:, None]
    others = np.where(np.arange(logits.shape[1]) == answers[:, None], -np.inf, logits)
    margins = others.max(axis=1) - own[:, 0]
    if np.abs(margins).min() < 1e-9:
        pytest.skip("a tie in floats")
    wrong = {tuple(word): margin for word, margin in zip(words.tolist(), margins.tolist(), strict=True) if margin > 0}
    right = len(words) - len(wrong)
    (tmp_path / "m.safetensors").write_bytes(case.data())
    for correct in (right, right + 1):
        found = find_wrong_inputs(Checker(), certificate(case, task, correct, len(words)), tmp_path / "m.safetensors", most=10**4)
        assert (found.report.verdict is Verdict.VERIFIED) == (correct == right)
        assert {one.tokens for one in found.inputs} == set(wrong)
        for one in found.inputs:
            low, high = one.margin
            assert float(low) - 1e-5 <= wrong[one.tokens] <= float(high) + 1e-5
            assert one.logits[one.given][1] >= max(below for below, _ in one.logits)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{type(task).__name__}-{task.n_ctx}-{task.d_vocab}")
def test_words_of_a_block_are_in_it(task: Task) -> None:
    random = np.random.default_rng(1)
    for (query, answer), size in list(task.machine.block_sizes.items())[:20]:
        for most in (size, max(1, size // 2)):
            words = [tuple(word) for word in words_of(task, query, answer, most, random).tolist()]
            assert all(task.answer(word) == answer and word[-1] == query for word in words)
            assert len(set(words)) == len(words) <= most
            assert words and (len(words) == size or most < size)


def test_random_words_of_a_huge_block_are_uniform() -> None:
    """64^20 inputs; the share of first tokens that are the maximum, against the exact one."""
    from proofcheck.tasks import MaxOfK

    task = MaxOfK(20, 64)
    words = words_of(task, 3, 5, 20_000, np.random.default_rng(0))
    assert words.max(axis=1).tolist() == [5] * len(words)
    share = 6**18 / (6**19 - 5**19)
    assert abs((words[:, 0] == 5).mean() - share) < 5 * (share / len(words)) ** 0.5


def test_a_sample_finds_wrong_inputs_of_the_reference_model() -> None:
    found = find_wrong_inputs(Checker(), SEED_123, most=4, tries=2_000)
    assert len(found.inputs) == 4
    assert found.tried <= 2_000 and not found.complete
    assert [one.margin[0] for one in found.inputs] == sorted((one.margin[0] for one in found.inputs), reverse=True)


def test_a_proof_about_floats_directs_no_search_over_the_reals() -> None:
    """Right in every float evaluation does not mean right over the reals; right by a margin does."""
    accept = ROOT / "certificates" / "accept"
    floats = find_wrong_inputs(Checker(), accept / "max-of-4-seed-123--separable-minimum--float32.json", most=2, tries=3_000)
    assert floats.report.verdict is Verdict.VERIFIED and floats.report.blocks is not None
    assert floats.candidates == floats.report.total and not floats.complete
    margin = find_wrong_inputs(Checker(), accept / "max-of-4-seed-123--exact--margin-1.json", most=2, tries=3_000)
    assert margin.candidates < margin.report.total
    assert len(margin.inputs) == 2 and all(max(one.tokens) == one.answer != one.given for one in margin.inputs)


def test_what_is_proved_right_is_not_searched() -> None:
    found = find_wrong_inputs(Checker(), REJECT / "twin.json")
    assert (found.inputs, found.tried, found.candidates, found.complete) == ((), 0, 0, True)


def test_the_limit_on_work_bounds_the_search() -> None:
    all_of_them = find_wrong_inputs(Checker(), REJECT / "not-proved" / "one-higher.json")
    assert all_of_them.tried == 9
    few = find_wrong_inputs(Checker(limits=Limits(work=500)), REJECT / "not-proved" / "one-higher.json")
    assert few.tried < 9
    assert few.report.error is not None and few.report.error.code is Reason.LIMIT_EXCEEDED


def test_the_tokens_of_all_tries_fit_into_memory() -> None:
    from proofcheck.frame import read_frame
    from proofcheck.wrong_inputs import _affordable

    certificate = proofcheck.load(REJECT / "twin.json")
    checker = Checker(limits=Limits(work=10**18))
    frame = read_frame(certificate, checker.catalogue, checker.limits)
    assert _affordable(checker, frame, 10**12) == 2**24 // certificate.model.dimensions["n_ctx"]
    assert _affordable(checker, frame, 7) == 7


def test_other_weights_are_refused(tmp_path: Path) -> None:
    weights = (REJECT / "weights" / "tiny.safetensors").read_bytes()
    (tmp_path / "other").write_bytes(weights[:-1] + b"\1")
    with pytest.raises(Rejected) as caught:
        find_wrong_inputs(Checker(), REJECT / "twin.json", tmp_path / "other")
    assert caught.value.code is Reason.DIGEST_MISMATCH


def test_a_false_task_is_refused() -> None:
    for name in ("wrong-total/one-lower.json", "task-mismatch"):
        path = REJECT / name
        for file in [path] if path.is_file() else sorted(path.glob("*.json"))[:4]:
            report = proofcheck.verify(file)
            with pytest.raises(proofcheck.ProofcheckError) as caught:
                find_wrong_inputs(Checker(), file)
            assert report.error is not None and caught.value.code is report.error.code


def corpus(name: str) -> str:
    return str(Path(proofcheck.__file__).parent / "selftest_corpus" / name)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wrong", corpus("accept--brute-force.json"), "-n", "2"]) == 0
    assert_expected_inline(
        capsys.readouterr().out.replace(str(Path(proofcheck.__file__).parent), "PACKAGE"),
        """\
certificate PACKAGE/selftest_corpus/accept--brute-force.json
task        max-of-k n_ctx=2 d_vocab=8
tried       52 of 52 inputs in blocks that are not proved whole; 52 are wrong over the reals
wrong       2 0   right answer 2, given 0, margin 12.900000
            logits 0: 7.900000  1: 0.000000  7: 0.000000  2: -5.000000  3: -5.000000   (the right answer is number 4 of 8)
wrong       3 0   right answer 3, given 0, margin 12.900000
            logits 0: 7.900000  1: 0.000000  7: 0.000000  2: -5.000000  3: -5.000000   (the right answer is number 5 of 8)
""",
    )


def test_the_command_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wrong", corpus("accept--brute-force.json"), "-n", "60", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 52
    for line in lines:
        assert max(line["tokens"]) == line["answer"] != line["given"]
        assert float(line["logits"][line["given"]][1]) >= float(line["logits"][line["answer"]][0])


@pytest.mark.parametrize("arguments", [["-n", "0"], ["--tries", "0"], ["--limit", "works=1"]])
def test_bad_arguments_are_declined(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wrong", *arguments, corpus("accept--brute-force.json")]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("usage: ")


def test_no_name_forges_a_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cli.test_hostile_strings import FORGED, HOSTILE, harmless
    from cli.test_hostile_strings import certificate as hostile

    for text in (text for text in HOSTILE if "\0" not in text):
        status = main(["wrong", str(hostile(tmp_path, name=text.replace("/", "_") + ".json", strategy=text))])
        out, err = capsys.readouterr()
        assert status == 0 and harmless(out + err)
        assert FORGED not in [line[: len(FORGED)] for line in (out + err).splitlines()]


def test_json_of_a_certificate_in_memory_is_the_same() -> None:
    data = (REJECT / "not-proved" / "one-higher.json").read_bytes()
    decoded = proofcheck.decode_certificate(data, Limits())
    weights = REJECT / "weights" / "tiny.safetensors"
    found = find_wrong_inputs(Checker("arb"), replace(decoded, provenance={}), weights)
    assert found.tried == 9 and found.inputs == ()
