"""Claims about float32 evaluations, for every rule that proves one, against real evaluations and the worst that conform."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from soundness import float_attacks, make_reject_corpus
from soundness.float_cases import Run, Worst, evaluations, near_ties
from soundness.small_models import Shape, Tensors, certificate, safetensors_bytes, trained_like
from soundness.subcubic_steps import apply, context, network_of
from soundness.test_exact import all_blocks, partition
from soundness.test_separable import random_hints

import proofcheck
from proofcheck import Step
from proofcheck.certificate import ClaimSpec
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.floats import float_tables, forms
from proofcheck.rules.attention_only.separable.block_bounds import BlockBounds
from proofcheck.rules.attention_only.separable.separability import shared_enclosures
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.reading import BINARY32, FloatRun, Reading, ReadingKind

RUN = Run(60, 2.0**-13, 8)
MODELS = 240
TABLES = (Step("tables", "path-expansion"), Step("floats", "float-tables", ("tables",)))
COUNT = Step("count", "sum-blocks", ("blocks",))
RULES_TESTED = (
    "enumeration",
    "separable-enumeration",
    "separable-partition",
    "separable-minimum",
    "separable-counting",
    "separable-early-maximum",
)


def claim(total: int, correct: int = 0, **changes: Any) -> ClaimSpec:
    numbers = {"correct": correct, "total": total, "format": "binary32", "roundings": RUN.roundings, "tau": "1/8192", "kappa": RUN.kappa}
    return ClaimSpec("float_accuracy_at_least", numbers | changes)


def steps(rule: str, shape: Shape, seed: int) -> tuple[Step, ...]:
    rng = np.random.default_rng(seed)
    if rule == "enumeration":
        hints: dict[str, Any] = {}
    elif rule == "separable-enumeration":
        hints = {"blocks": all_blocks(shape.d_vocab), "expansions": 10**9}
    elif rule == "separable-partition":
        hints = dict(partition(shape, seed)[1].hints)
    else:
        hints = random_hints(rule, shape.d_vocab, rng)
    return (*TABLES, Step("blocks", rule, ("floats",), hints), COUNT)


def proved(tensors: Tensors, shape: Shape, found: tuple[Step, ...], folder: Path, backend: Any = "fast", **changes: Any) -> Any:
    """The report, and the fact about blocks."""
    data, path, facts = safetensors_bytes(tensors), folder / "weights.safetensors", []
    path.write_bytes(data)
    plain = replace(certificate(data, shape, found), claim=claim(shape.d_vocab**shape.n_ctx, **changes))

    def observe(step: Step, fact: object) -> None:
        if isinstance(fact, ProvedBlocks):
            facts.append(fact)

    return proofcheck.Checker(backend).verify(plain, model=path, observe=observe), facts


@cache
def surviving(k: int) -> tuple[np.ndarray, np.ndarray]:
    """By block: sequences that every evaluation that we know of answers right, and that none does."""
    shape, tensors = near_ties(k)
    worst, found = Worst(tensors, RUN), list(evaluations(tensors))
    always, never = (np.zeros((shape.d_vocab, shape.d_vocab), dtype=np.int64) for _ in range(2))
    for x in product(range(shape.d_vocab), repeat=shape.n_ctx):
        right = [evaluate(x) for evaluate in found]
        always[x[-1], max(x)] += all(right) and worst.right(x)
        never[x[-1], max(x)] += not any(right)
    return always, never


@pytest.mark.parametrize("rule", RULES_TESTED)
@pytest.mark.parametrize("part", range(4))
def test_nothing_proved_right_is_wrong_in_an_evaluation(rule: str, part: int, tmp_path: Path) -> None:
    right = close = 0
    for k in range(part, MODELS, 4):
        shape, tensors = near_ties(k)
        report, facts = proved(tensors, shape, steps(rule, shape, k), tmp_path)
        if report.error is not None:
            assert report.error.code in ("rule-not-applicable", "out-of-range"), report.error
            continue
        always, never = surviving(k)
        for fact in facts:
            counts = np.array(fact.counts)
            assert (counts <= always).all(), (rule, k)
            assert (np.array(fact.wrong or np.zeros_like(counts)) <= never).all(), (rule, k)
            right += int(counts.sum())
            close += int((always - counts).sum())
    assert right > 0
    assert rule not in ("enumeration", "separable-enumeration") or close < 0.05 * right  # the bounds are nearly attained


@pytest.mark.parametrize("rule", RULES_TESTED)
def test_without_floats(rule: str, tmp_path: Path) -> None:
    for k in range(1, MODELS, 29):
        shape, tensors = near_ties(k)
        report, facts = proved(tensors, shape, steps(rule, shape, k), tmp_path, "arb")
        for fact in facts if report.error is None else ():
            assert (np.array(fact.counts) <= surviving(k)[0]).all(), (rule, k)


def test_all_rules_of_this_reading_are_tested() -> None:
    proving = {name for name, rule in RULES.items() if rule.apply.__annotations__["return"] == "ProvedBlocks"}
    about = {name for name in proving - {"count-classes", "evaluation"} if ReadingKind.FLOATS in RULES[name].readings}
    assert about == set(RULES_TESTED)


def test_the_tables_of_one_reading_are_none_of_another(tmp_path: Path) -> None:
    """Exact tables under a claim about floats; float tables under a claim about the reals."""
    shape, tensors = near_ties(1)
    plain = (TABLES[0], Step("blocks", "enumeration", ("tables",)), COUNT)
    assert proved(tensors, shape, plain, tmp_path)[0].error.code == "wrong-premise"
    data = safetensors_bytes(tensors)
    real = certificate(data, shape, steps("enumeration", shape, 0))
    assert proofcheck.verify(real, model=tmp_path / "weights.safetensors").error.code == "rule-not-applicable"  # type: ignore[union-attr]
    alone = certificate(data, shape, (Step("blocks", "evaluation"), COUNT))
    alone = replace(alone, claim=claim(shape.d_vocab**shape.n_ctx))
    assert proofcheck.verify(alone, model=tmp_path / "weights.safetensors").error.code == "rule-not-applicable"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"roundings": 2 * 3 + 2 + 2 * 2 + 7}, "rule-not-applicable"),  # one fewer than a plain evaluation of n = 2
        ({"roundings": 2**22 + 1}, "rule-not-applicable"),
        ({"tau": "3/4"}, "rule-not-applicable"),
        ({"kappa": 2**20}, "rule-not-applicable"),
        ({"tau": "-1/4"}, "bad-number"),
        ({"format": "binary128"}, "bad-string"),
        ({"format": "binary16"}, "rule-not-applicable"),
        ({"correct": 10}, "not-proved"),
    ],
)
def test_claims_that_are_refused(changes: dict[str, Any], code: str, tmp_path: Path) -> None:
    shape = Shape(2, 3)
    tensors = _sharp(shape)
    assert proved(tensors, shape, steps("enumeration", shape, 0), tmp_path)[0].error is None
    assert str(proved(tensors, shape, steps("enumeration", shape, 0), tmp_path, **changes)[0].error.code) == code


def _sharp(shape: Shape) -> Tensors:
    return trained_like(shape, 0, gain=3.0, dtype="<f4")


@pytest.mark.parametrize("weight", [2.0**-127, 1 + 2.0**-24, 1e-45])
def test_weights_that_binary32_does_not_hold_are_refused(weight: float, tmp_path: Path) -> None:
    shape = Shape(2, 3)
    tensors = {name: array.astype("<f8") for name, array in _sharp(shape).items()}
    found = steps("enumeration", shape, 0)
    assert proved(tensors, shape, found, tmp_path)[0].error is None
    tensors["unembed.W_U"][0, 0] = weight
    assert proved(tensors, shape, found, tmp_path)[0].error.code == "rule-not-applicable"
    assert Fraction(weight) > 0


def _any_false(folder: Path) -> bool:
    for k in range(MODELS):
        shape, tensors = near_ties(k)
        report, facts = proved(tensors, shape, steps("enumeration", shape, k), folder)
        if report.error is None and (np.array(facts[0].counts) > surviving(k)[0]).any():
            return True
    return False


def _half(run: FloatRun) -> Fraction:
    return GAMMA(run) / 2


def _without_weights(tables: Any, found: Any, run: FloatRun, d_head: int) -> Any:
    tokens, positions = WEIGHT_ERRORS(tables, found, run, d_head)
    return tokens - tokens, positions - positions


GAMMA, WEIGHT_ERRORS = forms.gamma, forms.weight_errors


@pytest.mark.parametrize(("module", "name", "broken"), [(forms, "gamma", _half), (float_tables, "weight_errors", _without_weights)])
def test_a_bound_that_is_too_small_would_be_seen(
    module: Any, name: str, broken: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not _any_false(tmp_path)
    monkeypatch.setattr(module, name, broken)
    assert _any_false(tmp_path)


def flushed() -> tuple[Shape, Tensors]:
    """Scores 90 and 0, logit differences −10^−36 and 10^6: right over the reals, since e^−90·10^6 > 10^−36; but e^−90 is below 2^−126."""
    EVOU = np.array([[1e6, 0.0], [1e-36, 0.0]])  # token 1 is the answer; logit 0 leads by 10^−36 where token 1 is seen
    EVOU[0], EVOU[1] = [0.0, 1e6], [1e-36, 0.0]
    return network_of(np.array([[0.0, 90.0], [0.0, 90.0]]) * np.sqrt(6), np.zeros((2, 2)), EVOU, np.zeros((2, 2)), np.zeros((2, 2)))


def test_weights_are_lost_relative_to_the_largest_score(tmp_path: Path) -> None:
    """The losses of the softmax belong to weights divided by the largest one of the block, not to the weights as they come."""
    shape, tensors = flushed()
    data = safetensors_bytes(tensors)
    plain = certificate(data, shape, (TABLES[0], Step("blocks", "enumeration", ("tables",)), COUNT))
    (tmp_path / "weights.safetensors").write_bytes(data)
    facts: list[ProvedBlocks] = []

    def observe(step: Step, fact: object) -> None:
        if isinstance(fact, ProvedBlocks):
            facts.append(fact)

    for found in (plain, replace(plain, claim=claim(4), steps=steps("enumeration", shape, 0))):
        assert proofcheck.Checker().verify(found, model=tmp_path / "weights.safetensors", observe=observe).error is None
    real, floats = (np.array(fact.counts) for fact in facts)
    assert real[0, 1] == 1  # the sequence (1, 0): right
    assert floats[0, 1] == 0  # with e^−90 = 0 it is wrong


def far_scores(k: int) -> tuple[Shape, Tensors]:
    """Scores whose weights are near 2^−126, and logit terms of any size, so that what is lost of a weight may decide."""
    rng = np.random.default_rng(k)
    n, d = int(rng.integers(1, 4)), int(rng.integers(2, 4))
    D = 2 * d + n
    EQKE = rng.choice([0.0, 40.0, 80.0, 86.0, 87.0, 87.5, 88.0, 90.0, 95.0], (d, d)) + rng.random((d, d))
    EQKP = rng.choice([0.0, 0.0, 20.0, -20.0, 40.0], (d, n))
    EVOU = rng.standard_normal((d, d)) * 10.0 ** rng.integers(-36, 7, (d, 1))
    return network_of(EQKE * np.sqrt(D), EQKP * np.sqrt(D), EVOU, np.zeros((n, d)), np.zeros((d, d)))


@pytest.mark.parametrize("rule", RULES_TESTED)
def test_what_underflows_is_never_relied_on(rule: str, tmp_path: Path) -> None:
    right = lost = 0
    for k in range(150):
        shape, tensors = far_scores(k)
        run = Run(3 * shape.d_vocab * 10, 2.0**-13, 8)
        report, facts = proved(tensors, shape, steps(rule, shape, k), tmp_path, roundings=run.roundings)
        if report.error is not None:
            assert report.error.code in ("rule-not-applicable", "out-of-range"), report.error
            continue
        worst, always = Worst(tensors, run), np.zeros((shape.d_vocab, shape.d_vocab), dtype=np.int64)
        for x in product(range(shape.d_vocab), repeat=shape.n_ctx):
            always[x[-1], max(x)] += worst.right(x)
        for fact in facts:
            assert (np.array(fact.counts) <= always).all(), (rule, k)
            right += int(np.array(fact.counts).sum())
            lost += int(always.sum())
    assert right > 0
    assert rule != "enumeration" or right > 0.3 * lost  # integers do not see a term that is 2^−27 of the largest


def test_losses_of_scores_count() -> None:
    """A query of 2^−127 is lost; with keys of 2^100 it changes scores by far more than all roundings: Θ must know."""
    shape = Shape(1, 2, 1, 1)
    ones = {name: np.full(size, 1.0, dtype="<f4") for name, size in SIZES.items()}
    ones["blocks.0.attn.W_Q"][:], ones["embed.W_E"][:], ones["pos_embed.W_pos"][:] = 2.0**-100, 2.0**-27, 0.0
    ones["blocks.0.attn.W_K"][:] = 2.0**120
    where = context(shape, ones)
    found = forms.forms(where.model, FloatRun(BINARY32, 60, Fraction(1, 2**13), 8))
    score = 2.0**-127 * 2.0**-27 * 2.0**120
    assert float(found.score_tokens.fractions().max()) >= score


SIZES = {
    "embed.W_E": (2, 1),
    "pos_embed.W_pos": (1, 1),
    **{f"blocks.0.attn.W_{c}": (1, 1, 1) for c in "QKVO"},
    "unembed.W_U": (1, 2),
}


def test_a_different_numerator_and_denominator_do_not_conform() -> None:
    """Why the page asks for the same weights above and below: 2·10^−6 between them, and a direct path of 10^4 among the values."""
    weights, ahead, direct = np.array([0.5, 0.5]), np.array([0.001, 0.001]), 1e4
    answer, rival = weights @ (direct + ahead), weights @ np.array([direct, direct])
    assert answer / weights.sum() - rival / weights.sum() > 0
    assert answer / (weights.sum() * (1 + 2e-6)) - rival / weights.sum() < -0.018


def test_the_twin_of_the_attacks_in_the_corpus_verifies() -> None:
    decoded = proofcheck.decode_certificate(float_attacks.twin(make_reject_corpus.twin()), proofcheck.Limits())
    report = proofcheck.verify(decoded, model=make_reject_corpus.FOLDER / "weights" / "tiny.safetensors")
    assert report.proved == 9
    assert report.claim == "float accuracy >= 9/9 (1.000000) of binary32 runs with roundings=54 tau=1/8192 kappa=8"


@pytest.mark.parametrize("backend", ["fast", "arb"])
def test_weights_have_room_for_what_underflows(backend: str) -> None:
    """Where e^−90 is the exact weight relative to the block's largest, an evaluation may have 0, or 2η."""
    shape, tensors = flushed()
    run = FloatRun(BINARY32, 60, Fraction(1, 2**13), 8)
    where = replace(context(shape, tensors, backend), reading=Reading(floats=run))
    tables = apply(where, "float-tables", (apply(where, "path-expansion"),))
    bounds = BlockBounds(shared_enclosures(where, tables))
    tokens = enclosed(bounds._token_weights, np.arange(2))
    weights = [bounds.weights(slice(0, 2), 1)[:, 0, :], bounds._lossy_tokens(np.arange(2), tokens)]
    for found in weights:
        far = found[:, 0]
        assert not far.certainly_positive().any()
        assert (far.multiples_above(140) >= 2**15).all()  # 2η = 2^−125
        assert found[:, 1].certainly_positive().all()
    far_below = bounds.lower_terms(np.array([0]), np.array([0]), 1)[0, 0, 0]
    assert far_below <= 0  # token 0 has a positive term over the reals, which is lost in the worst case


def enclosed(table: Any, queries: np.ndarray) -> Any:
    chosen = table[queries]
    return chosen.relative_to(chosen.exponent.max(axis=1, keepdims=True))
