"""Facts that a `Checker` keeps for later certificates about a network: verdicts, counts and operations are those of a fresh one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import torch
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, certificate, random_model, safetensors_bytes, trained_like
from soundness.subcubic_steps import DIRECT_PATHS, MARGINS, QK_ERRORS, random_steps

import proofcheck
from proofcheck import Certificate, Checker, Reason, Report, Step, Verdict
from proofcheck.rules.rule import Rule

SHAPE = Shape(3, 4)
EVALUATION = (Step("e", "evaluation"), Step("s", "sum-blocks", ("e",)))


def network(folder: Path, seed: int) -> tuple[bytes, Path, dict[str, np.ndarray]]:
    tensors = trained_like(SHAPE, seed) if seed % 2 else random_model(SHAPE, seed)
    path = folder / f"{seed}.safetensors"
    path.write_bytes(safetensors_bytes(tensors))
    return path.read_bytes(), path, tensors


def said(report: Report) -> tuple[object, ...]:
    """All that must not depend on what was verified before."""
    code = report.error.code if report.error else None
    return report.verdict, code, report.proved, report.undecided, report.wrong, [(s.id, s.rule, s.operations) for s in report.steps]


def test_verdicts_do_not_depend_on_what_was_verified_before(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    networks = [network(tmp_path, seed) for seed in (1, 2)]
    pool: list[tuple[Certificate, Path]] = []
    for weights, path, tensors in networks:
        for direct in DIRECT_PATHS[:3]:
            for error in QK_ERRORS:
                steps = random_steps(direct, error, MARGINS[int(generator.integers(2))], tensors, generator)
                pool += [(certificate(weights, SHAPE, steps, correct=claim), path) for claim in (0, 5, 64)]
        pool += [(certificate(weights, SHAPE, steps), path) for steps in (BRUTE_FORCE, CUBIC)]
    pool += [(replace(chosen, precision=64), path) for chosen, path in pool[::5]]
    checker, outcomes = Checker(), set()
    for k in generator.integers(0, len(pool), 400):
        chosen, path = pool[int(k)]
        report = checker.verify(chosen, model=path)
        assert said(report) == said(proofcheck.verify(chosen, model=path))
        outcomes.add(report.verdict)
    assert outcomes == {Verdict.VERIFIED, Verdict.REJECTED}


def test_the_same_steps_with_another_claim_apply_no_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, path, _ = network(tmp_path, 1)
    checker, applied = Checker(), []
    first = checker.verify(certificate(weights, SHAPE, CUBIC), model=path)
    decode = proofcheck.kernel._decoded_hints

    def seen(rule: Rule, step: Step) -> dict[str, object]:
        applied.append(rule.name)
        return decode(rule, step)

    monkeypatch.setattr("proofcheck.kernel._decoded_hints", seen)
    for claim, verdict in ((first.proved, Verdict.VERIFIED), (first.proved + 1, Verdict.REJECTED)):
        report = checker.verify(certificate(weights, SHAPE, CUBIC, correct=claim), model=path)
        assert report.verdict is verdict
        assert applied == []
    assert report.error is not None
    assert report.error.code is Reason.NOT_PROVED
    checker.verify(certificate(weights, SHAPE, BRUTE_FORCE), model=path)
    assert applied == [step.rule for step in BRUTE_FORCE if step.rule != "path-expansion"]  # the steps in common are taken again


def test_premises_named_twice_cost_nothing(tmp_path: Path) -> None:
    """A thousand steps with two equal premises each: what a step depends on, written out, would have 2^1000 parts."""
    weights, path, _ = network(tmp_path, 1)
    steps = [Step("s0", "path-expansion"), Step("s1", "cubic", ("s0",)), Step("s2", "count-classes", ("s1",))]
    steps += [Step(f"s{k}", "sum-blocks", (f"s{k - 1}",) * 2) for k in range(3, 1000)]
    start = perf_counter()
    report = Checker().verify(certificate(weights, SHAPE, tuple(steps)), model=path)
    assert report.error is not None
    assert report.error.code is Reason.WRONG_PREMISE
    assert perf_counter() - start < 20


def test_nothing_that_was_made_in_a_float_mode_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is told of progress sets a mode inside of a step: the fact of that step is made again, with the mode or without."""
    weights, path, _ = network(tmp_path, 1)
    this, checker, made = certificate(weights, SHAPE, EVALUATION), Checker(), []
    decode = proofcheck.kernel._decoded_hints

    def seen(rule: Rule, step: Step) -> dict[str, object]:
        made.append(rule.name)
        return decode(rule, step)

    monkeypatch.setattr("proofcheck.kernel._decoded_hints", seen)
    if not torch.set_flush_denormal(True):
        pytest.skip("torch cannot flush subnormals on this processor")
    torch.set_flush_denormal(False)
    try:
        report = checker.verify(this, model=path, progress=lambda *told: torch.set_flush_denormal(True))
    finally:
        torch.set_flush_denormal(False)
    assert report.verdict is not Verdict.VERIFIED
    assert made == ["evaluation"]
    assert checker.verify(this, model=path).verdict is Verdict.VERIFIED
    assert made == ["evaluation", "evaluation", "sum-blocks"]


def test_nothing_is_kept_after_an_error_that_is_no_refusal(tmp_path: Path) -> None:
    weights, path, _ = network(tmp_path, 1)
    checker = Checker()
    assert checker.verify(certificate(weights, SHAPE, CUBIC), model=path).verdict is Verdict.VERIFIED
    kept = checker._memo

    def stop(*seen: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checker.verify(certificate(weights, SHAPE, CUBIC), model=path, observe=stop)
    assert checker._memo is not kept
    assert checker.verify(certificate(weights, SHAPE, CUBIC, correct=10**6), model=path).verdict is Verdict.REJECTED
