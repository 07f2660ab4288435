"""Claims about evaluations in stages, for every rule that proves one, against evaluations that conform and hurt, and real ones."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from soundness import float_attacks, make_reject_corpus, stage_cases
from soundness.small_models import Shape, Tensors, certificate, random_model, safetensors_bytes, trained_like
from soundness.stage_cases import SHORT, StagesRun, exact_margins, near_stage_ties, pairs, worst_margins
from soundness.subcubic_steps import apply, context
from soundness.test_floats import RULES_TESTED
from soundness.test_floats import steps as float_steps

import proofcheck
from proofcheck import Step
from proofcheck.arithmetic.operations import counting
from proofcheck.certificate import ClaimSpec
from proofcheck.errors import Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.floats import float_stages, stages
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.reading import FORMATS, FloatRun, Reading
from tests.second_checker.facts import Context
from tests.second_checker.outcome import RefusedError
from tests.second_checker.rules_floats import Floats
from tests.second_checker.rules_stages import Stages as TwinStages
from tests.second_checker.rules_stages import float_stages as twin
from tests.second_checker.rules_tables import tables_of
from tests.second_checker.tasks import Task
from tests.second_checker.weights import read_network

MODELS = 105
NAMES = tuple(SHORT)


def run_of(k: int) -> StagesRun:
    """All formats in turn; so many roundings that sums count too, in some."""
    return StagesRun(NAMES[k % len(NAMES)], (64, 2**12, 2**15)[k % 3])


def steps(rule: str, shape: Shape, seed: int) -> tuple[Step, ...]:
    return tuple(replace(step, rule="float-stages") if step.rule == "float-tables" else step for step in float_steps(rule, shape, seed))


def proved(tensors: Tensors, shape: Shape, run: StagesRun, found: tuple[Step, ...], folder: Path, **changes: Any) -> Any:
    """The report, and the facts about blocks."""
    data, path, facts = safetensors_bytes(tensors), folder / "weights.safetensors", []
    path.write_bytes(data)
    tau = Fraction(run.tau)
    numbers = {"correct": 0, "total": shape.d_vocab**shape.n_ctx, "format": run.format, "roundings": run.roundings}
    numbers |= {"tau": f"{tau.numerator}/{tau.denominator}", "kappa": run.kappa} | changes
    plain = replace(certificate(data, shape, found), claim=ClaimSpec("float_accuracy_at_least", numbers))

    def observe(step: Step, fact: object) -> None:
        if isinstance(fact, ProvedBlocks):
            facts.append(fact)

    return proofcheck.Checker().verify(plain, model=path, observe=observe), facts


def by_block(shape: Shape, x: np.ndarray[Any, Any], rows: np.ndarray[Any, Any], every: bool) -> np.ndarray[Any, Any]:
    """How many sequences of each block (query, max) have all (else any) of their rows true."""
    found: dict[tuple[int, ...], bool] = {}
    for tokens, value in zip(map(tuple, x.tolist()), rows.tolist(), strict=True):
        found[tokens] = (found.get(tokens, True) and value) if every else (found.get(tokens, False) or value)
    counts = np.zeros((shape.d_vocab, shape.d_vocab), dtype=np.int64)
    for tokens, value in found.items():
        counts[tokens[-1], max(tokens)] += value
    return counts


@cache
def case(k: int) -> tuple[Shape, Tensors, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """By block: sequences that no evaluation that we found answers wrongly, and those that are wrong over the reals."""
    run = run_of(k)
    shape, tensors = near_stage_ties(k, run)
    x, rivals = pairs(shape)
    least = np.minimum(*(worst_margins(tensors, run, x, rivals, fused=fused).numpy() for fused in (False, True)))
    return shape, tensors, by_block(shape, x, least > 0, True), by_block(shape, x, exact_margins(tensors, x, rivals) <= 0, False)


@pytest.mark.parametrize("rule", RULES_TESTED)
def test_nothing_proved_right_is_wrong_in_an_evaluation(rule: str, tmp_path: Path) -> None:
    right = close = 0
    for k in range(MODELS):
        shape, tensors, always, never = case(k)
        report, facts = proved(tensors, shape, run_of(k), steps(rule, shape, k), tmp_path)
        if report.error is not None:
            assert report.error.code in ("rule-not-applicable", "out-of-range"), report.error
            continue
        for fact in facts:
            counts = np.array(fact.counts)
            assert (counts <= always).all(), (rule, k)
            assert (np.array(fact.wrong or np.zeros_like(counts)) <= never).all(), (rule, k)
            right += int(counts.sum())
            close += int((always - counts).sum())
    assert right > 0
    assert rule not in ("enumeration", "separable-enumeration") or close < 0.15 * right  # the bounds are nearly attained


def _any_false(folder: Path) -> bool:
    for k in range(MODELS):
        shape, tensors, always, _ = case(k)
        report, facts = proved(tensors, shape, run_of(k), steps("enumeration", shape, k), folder)
        if report.error is None and (np.array(facts[0].counts) > always).any():
            return True
    return False


HONEST = {name: getattr(stages._Stages, name) for name in ("off", "rounded", "product", "roundings", "linear", "mix", "head", "residual")}


def _halved(name: str) -> Any:
    """The bound of one place halved, or without it."""

    def product(self: Any, size: Any, W: Any) -> Any:
        return HONEST["product"](self, size, W).times_power_of_two(-3)

    def rounded(self: Any, part: Any, losses: int = 1) -> Any:
        return part.plus((HONEST["rounded"](self, part, losses).local - part.local).times_power_of_two(-1))

    def off(self: Any, W: Any) -> Any:
        return HONEST["off"](self, W).times_power_of_two(-1)

    def linear(self: Any, *where: Any, **how: Any) -> Any:
        found = HONEST["linear"](self, *where, **how)
        return replace(found, local=found.local.times_power_of_two(-1), error=found.error.times_power_of_two(-1))

    return {"product": product, "rounded": rounded, "off": off, "linear": linear}[name]


@pytest.mark.parametrize("name", ["off", "rounded", "product", "linear"])
def test_a_bound_that_is_too_small_would_be_seen(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages._Stages, name, _halved(name))
    assert _any_false(tmp_path)


def test_half_of_u_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = stages.stage_errors
    monkeypatch.setattr(float_stages, "stage_errors", lambda model, run, short: honest(model, run, replace(short, u=short.u / 2)))
    assert _any_false(tmp_path)


def random_case(k: int) -> tuple[Shape, Tensors, FloatRun]:
    rng = np.random.default_rng(k)
    shape = Shape(int(rng.integers(1, 4)), int(rng.integers(2, 4)), int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    tensors = random_model(shape, k, biases=bool(k % 2), dtype="<f4")
    if k % 3 == 0:
        for name in tensors:
            tensors[name] = np.ldexp(tensors[name], int(rng.integers(-8, 4))).astype("<f4")
    if k % 4 == 1:  # scores may be off by about 8
        tensors["blocks.0.attn.W_K"] = np.ldexp(tensors["blocks.0.attn.W_K"], int(rng.integers(1, 11))).astype("<f4")
    least = max(shape.d_model, shape.d_head) + 2 * shape.n_ctx + 2
    N = int(rng.choice([least - 1, least, least, 2**22, 2**22 + 1, *(least + rng.integers(0, 2000, 8))]))
    return shape, tensors, FloatRun(FORMATS[NAMES[k % 7]], N, Fraction(1, int(rng.choice([1, 2, 5, 2**13]))), int(rng.choice([0, 8, 100])))


@pytest.mark.parametrize("part", range(7))
def test_the_error_tables_are_those_of_the_page(part: int) -> None:
    """Those of the second checker, up to the grid."""
    accepted = refused = 0
    for k in range(part, 140, 7):
        shape, tensors, run = random_case(k)
        where = replace(context(shape, tensors), reading=Reading(floats=run))
        sizes = {"n_ctx": shape.n_ctx, "d_vocab": shape.d_vocab, "d_model": shape.d_model, "d_head": shape.d_head}
        network = read_network(safetensors_bytes(tensors), sizes, "")
        other = Context(network, 10**9, Task("max-of-k", shape.n_ctx, shape.d_vocab, max, ""), 128)
        other.floats = Floats(run.format.name, run.roundings, run.tau, run.kappa)
        try:
            found = apply(where, "float-stages", (apply(where, "path-expansion"),))
        except Rejected:
            refused += 1
            with pytest.raises(RefusedError):
                twin(other, tables_of(network))
            continue
        page = twin(other, tables_of(network))
        accepted += 1
        for name in ("EUPU", "EVOU", "PVOU", "EQKE", "EQKP"):
            least = 0 if name in ("EUPU", "EVOU", "EQKE") else -Fraction(1, 2**50)  # those of positions are excesses over the others
            for mine, theirs in zip(getattr(found, f"{name}_error").fractions().tolist(), getattr(page.errors, name), strict=True):
                for a, b in zip(mine, theirs, strict=True):
                    assert b + least <= a <= b + Fraction(1, 2**48) + b / 2**40, (k, name, float(a), float(b))
        assert found.loss.fractions().tolist() == [page.loss]
    assert accepted >= 6
    assert refused >= 2


@pytest.mark.parametrize("part", range(2))
def test_the_sizes_are_those_of_the_page(part: int) -> None:
    """What must stay in the range, which decides what is refused."""
    names = {"residual stream": "r", "queries": "q", "keys": "k", "values": "v", "output of the head": "head", "residual sum": "x"}
    for k in range(part, 56, 2):
        shape, tensors, run = random_case(k)
        assert run.format.short is not None
        sizes = {"n_ctx": shape.n_ctx, "d_vocab": shape.d_vocab, "d_model": shape.d_model, "d_head": shape.d_head}
        page = TwinStages(read_network(safetensors_bytes(tensors), sizes, ""), Floats(run.format.name, run.roundings, run.tau, run.kappa))
        found = stages.stage_errors(context(shape, tensors).model, run, run.format.short).sizes
        ours = {names.get(name, name): size.fractions().item() for name, size in found.items()}
        ours["weights"] = max(ours.pop(name) for name in list(ours) if name.startswith("weights"))
        if not run.format.short.results:
            del ours["scores"]
        assert ours.keys() == page.sizes.keys()
        for name, size in page.sizes.items():
            assert size <= ours[name] <= size + Fraction(1, 2**48) + size / 2**40, (k, name)


@pytest.mark.parametrize("bias", ["b_Q", "b_K", "b_V", "b_O", "b_U"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_bias_of_one_number_counts(bias: str, sign: int) -> None:
    """Its rounding and that of the sum: tables are larger than with an absent bias, by as much as those of the page."""
    shape = Shape(2, 3)
    tensors = random_model(shape, 0, dtype="<f4")
    name = "unembed.b_U" if bias == "b_U" else f"blocks.0.attn.{bias}"
    array = np.zeros({"b_O": (3,), "b_U": (3,)}.get(bias, (1, 2)), dtype="<f4")
    array.flat[0] = sign * 0.7
    tensors[name] = array
    run = FloatRun(FORMATS["bfloat16"], 64, Fraction(1, 2**13), 8)
    where = replace(context(shape, tensors), reading=Reading(floats=run))
    found = stages.stage_errors(where.model, run, run.format.short)
    sizes = {"n_ctx": 2, "d_vocab": 3, "d_model": 3, "d_head": 2}
    page = TwinStages(read_network(safetensors_bytes(tensors), sizes, ""), Floats("bfloat16", 64, Fraction(1, 2**13), 8))
    for mine, theirs in ((found.scores, page.scores), (found.values, page.values), (found.direct, page.direct)):
        pairs_of = zip(mine.fractions().ravel().tolist(), np.array(theirs, dtype=object).ravel().tolist(), strict=True)
        assert all(b <= a <= b + Fraction(1, 2**48) + b / 2**40 for a, b in pairs_of)


@pytest.mark.parametrize("name", NAMES)
def test_the_formats_are_those_of_the_page(name: str) -> None:
    short, page = FORMATS[name].short, SHORT[name]
    assert short is not None
    assert (short.u, short.results, short.residual) == (Fraction(page.u), page.results, page.residual)
    assert short.eta == Fraction(page.eta)


def torch_right(tensors: Tensors, x: np.ndarray[Any, Any], dtype: torch.dtype, autocast: bool) -> np.ndarray[Any, Any]:
    """Which sequences a network in torch answers right."""
    *_, logits = torch_numbers(tensors, x, dtype, autocast)
    top = logits.float().topk(2, dim=-1)
    return ((top.indices[:, 0] == torch.from_numpy(x).amax(1)) & (top.values[:, 0] > top.values[:, 1])).numpy()


def torch_numbers(tensors: Tensors, x: np.ndarray[Any, Any], dtype: torch.dtype, autocast: bool) -> list[torch.Tensor]:
    """All numbers of a network in torch, logits last: cast, or float32 with matrix products in the short format."""
    w = {name: torch.from_numpy(np.array(array, dtype="<f4")) for name, array in stage_cases.parts(tensors).items()}
    w = w if autocast else {name: W.to(dtype) for name, W in w.items()}
    tokens = torch.from_numpy(x)

    def times(a: torch.Tensor, W: str, b: str) -> torch.Tensor:
        y = a.to(dtype) @ w[W].to(dtype)
        return y + w[b].to(dtype) if bool(w[b].any()) else y

    r = w["W_E"][tokens] + w["W_pos"]
    q, k, v = times(r[:, -1], "W_Q", "b_Q"), times(r, "W_K", "b_K"), times(r, "W_V", "b_V")
    scores = (k @ q[:, :, None])[:, :, 0] / float(np.sqrt(q.shape[-1]))
    z = (scores.float().softmax(-1).to(dtype)[:, None] @ v)[:, 0]
    out = times(z, "W_O", "b_O")
    return [*(W.to(dtype) for W in w.values()), r, q, k, v, scores, z, out, r[:, -1] + out, times(r[:, -1] + out, "W_U", "b_U")]


@pytest.mark.parametrize("name", ["bfloat16", "bfloat16-autocast", "binary16", "binary16-autocast"])
def test_real_evaluations_of_what_is_proved_are_right(name: str, tmp_path: Path) -> None:
    right = 0
    for k in range(NAMES.index(name), 210, 7):
        run = StagesRun(name)
        shape, tensors = near_stage_ties(k, run)
        report, facts = proved(tensors, shape, run, steps("enumeration", shape, k), tmp_path)
        if report.error is not None:
            continue
        x = np.array(list(np.ndindex(*(shape.d_vocab,) * shape.n_ctx)))
        dtype = torch.bfloat16 if "bfloat16" in name else torch.float16
        always = by_block(shape, x, torch_right(tensors, x, dtype, "autocast" in name), True)
        assert (np.array(facts[0].counts) <= always).all(), k
        right += int(np.array(facts[0].counts).sum())
    assert right > 100


def _sharp(shape: Shape) -> Tensors:
    return trained_like(shape, 0, gain=3.0, dtype="<f4")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"roundings": 3 + 2 * 2 + 1}, "rule-not-applicable"),  # one fewer than a plain evaluation
        ({"roundings": 2**22 + 1}, "rule-not-applicable"),
        ({"tau": "3/4"}, "rule-not-applicable"),
        ({"kappa": 2**20, "tau": "1/2"}, None),
        ({"format": "binary32"}, "rule-not-applicable"),
        ({"format": "binary64"}, "rule-not-applicable"),
        ({"format": "tf32x3"}, "bad-string"),
        ({"correct": 10}, "not-proved"),
    ],
)
def test_claims_that_are_refused(changes: dict[str, Any], code: str | None, tmp_path: Path) -> None:
    shape = Shape(2, 3)
    run = StagesRun("tf32-nearest")
    report, _ = proved(_sharp(shape), shape, run, steps("enumeration", shape, 0), tmp_path, **changes)
    assert (report.error and str(report.error.code)) == code


def test_the_tables_of_one_count_are_none_of_the_other(tmp_path: Path) -> None:
    shape = Shape(2, 3)
    for format, rule in (("tf32", "float-tables"), ("binary32", "float-stages")):
        found = tuple(replace(step, rule=rule) if step.id == "floats" else step for step in steps("enumeration", shape, 0))
        report, _ = proved(_sharp(shape), shape, replace(StagesRun("tf32"), roundings=200), found, tmp_path, format=format)
        assert report.error.code == "rule-not-applicable"
        assert "stage" in report.error.message or "from weights to logits" in report.error.message


@pytest.mark.parametrize("name", ["blocks.0.attn.W_K", "blocks.0.attn.W_V", "blocks.0.attn.W_O", "unembed.W_U"])
def test_numbers_that_leave_binary16_are_refused(name: str, tmp_path: Path) -> None:
    """Whatever is accepted is finite throughout; and not much else is refused."""
    shape, kept = Shape(2, 3), steps("enumeration", Shape(2, 3), 0)
    x = np.array(list(np.ndindex(3, 3)))
    outcomes = []
    for power in range(2, 20):
        tensors = random_model(shape, 0, scale=0.5, dtype="<f4")
        tensors[name] = np.ldexp(tensors[name], power).astype("<f4")
        if name == "blocks.0.attn.W_K":  # scores stay small enough
            tensors["blocks.0.attn.W_Q"] = np.ldexp(tensors["blocks.0.attn.W_Q"], -power).astype("<f4")
        report, _ = proved(tensors, shape, StagesRun("binary16"), kept, tmp_path)
        finite = all(bool(number.isfinite().all()) for number in torch_numbers(tensors, x, torch.float16, False))
        outcomes.append((report.error is None, finite))
        if report.error is not None:
            assert report.error.code == "rule-not-applicable"
            assert "leave the range" in report.error.message
        assert finite or report.error is not None
    accepted, finite_ones = (sum(outcome[k] for outcome in outcomes) for k in (0, 1))
    assert 0 < accepted <= finite_ones < len(outcomes)
    assert accepted >= finite_ones - 4  # 2^15 for 65504, absolute values for sums


def test_what_underflows_in_binary16_counts(tmp_path: Path) -> None:
    """Values of 2^−26 become 0 in binary16, and decide nothing; in bfloat16 they stay."""
    shape = Shape(1, 2, 1, 1)
    one = {name: np.full(size, 1.0, dtype="<f4") for name, size in stage_sizes().items()}
    one["blocks.0.attn.W_V"][:] = 2.0**-13
    one["blocks.0.attn.W_O"][:] = 2.0**-13
    one["pos_embed.W_pos"][:] = 0
    one["embed.W_E"][:] = [[2.0**-10], [2.0**-10]]
    one["unembed.W_U"][:] = [[0.0, 1.0]]
    kept = steps("enumeration", shape, 0)
    one["embed.W_E"][:] = [[-1.0], [1.0]]
    sharp, facts = proved(one, shape, StagesRun("bfloat16"), kept, tmp_path)
    assert sharp.error is None
    assert facts[0].counts[1][1] == 1
    one["embed.W_E"][:] = [[-(2.0**-24)], [2.0**-24]]  # below half a step: rounded to 0, and a tie
    report, facts = proved(one, shape, StagesRun("binary16"), kept, tmp_path)
    assert report.error is None
    assert facts[0].counts[1][1] == 0
    assert proved(one, shape, StagesRun("bfloat16"), kept, tmp_path)[1][0].counts[1][1] == 1


def stage_sizes() -> dict[str, tuple[int, ...]]:
    sizes: dict[str, tuple[int, ...]] = {"embed.W_E": (2, 1), "pos_embed.W_pos": (1, 1), "unembed.W_U": (1, 2)}
    return sizes | {f"blocks.0.attn.W_{c}": (1, 1, 1) for c in "QKVO"}


def test_the_twin_of_the_swapped_formats_in_the_corpus_verifies() -> None:
    decoded = proofcheck.decode_certificate(float_attacks.near_tie_twin(make_reject_corpus.twin()), proofcheck.Limits())
    report = proofcheck.verify(decoded, model=make_reject_corpus.FOLDER / "weights" / "near-tie.safetensors")
    assert report.claim == "float accuracy >= 9/9 (1.000000) of tf32-nearest runs with roundings=54 a stage tau=1/8192 kappa=8"
    assert report.proved == 9


def test_it_is_about_floats_and_no_transformer() -> None:
    where = context(Shape(2, 3), _sharp(Shape(2, 3)))
    tables = apply(where, "path-expansion")
    run = FloatRun(FORMATS["tf32"], 64, Fraction(1, 2**13), 8)
    for reading in (Reading(), Reading(floats=replace(run, activation=Fraction(1, 2**13)))):
        with pytest.raises(Rejected) as refused:
            apply(replace(where, reading=reading), "float-stages", (tables,))
        assert refused.value.code == "rule-not-applicable"
    assert apply(replace(where, reading=Reading(floats=run)), "float-stages", (tables,)).loss.fractions().tolist() == [
        Fraction(2**12, 2**126)
    ]


@pytest.mark.parametrize("weight", [2.0**-127, 1 + 2.0**-24, 1e-45])
def test_weights_that_binary32_does_not_hold_are_refused(weight: float, tmp_path: Path) -> None:
    shape = Shape(2, 3)
    tensors = {name: array.astype("<f8") for name, array in _sharp(shape).items()}
    kept = steps("enumeration", shape, 0)
    assert proved(tensors, shape, StagesRun("bfloat16"), kept, tmp_path)[0].error is None
    tensors["unembed.W_U"][0, 0] = weight
    assert proved(tensors, shape, StagesRun("bfloat16"), kept, tmp_path)[0].error.code == "rule-not-applicable"


def test_sums_of_more_terms_are_refused() -> None:
    """The bound on what sums lose is for at most 2^20 terms."""
    run = FloatRun(FORMATS["tf32"], 2**21 + 10, Fraction(1, 2**13), 8)
    for name in ("n_ctx", "d_model", "d_head"):
        sizes = dict.fromkeys(("n_ctx", "d_vocab", "d_model", "d_head"), 2)
        float_stages._require_run(replace(run, roundings=2**21 + 2**20), Dimensions(**sizes | {name: 2**20}))
        with pytest.raises(Rejected) as refused:
            float_stages._require_run(replace(run, roundings=2**21 + 2**20), Dimensions(**sizes | {name: 2**20 + 1}))
        assert refused.value.message == "sums are too long"


def test_the_cost_bounds_the_operations() -> None:
    for k in range(12):
        rng = np.random.default_rng(k)
        n, d, D, H = (int(rng.integers(low, 14)) for low in (1, 2, 1, 1))
        tensors = random_model(Shape(n, d, D, H), k, biases=bool(k % 2), scale=0.1, dtype="<f4")
        run = FloatRun(FORMATS["bfloat16"], 200, Fraction(1, 2**13), 8)
        where = replace(context(Shape(n, d, D, H), tensors), reading=Reading(floats=run))
        tables = apply(where, "path-expansion")
        with counting() as counter:
            apply(where, "float-stages", (tables,))
        assert counter.total <= RULES["float-stages"].cost(where.model.dimensions, Limits()).operations


@pytest.mark.parametrize("name", ["b_Q", "b_K", "b_V"])
def test_a_product_that_a_bias_cancels_must_stay_in_the_range_too(name: str, tmp_path: Path) -> None:
    """x W of 40,950 and a bias of −16,380: the sum is below 2^15, the product that is rounded first is not."""
    one = {key: np.full(size, 2.0**-12, dtype="<f4") for key, size in stage_sizes().items()}
    one["embed.W_E"][:], one["pos_embed.W_pos"][:] = 1.0, 0.0
    matrix, bias = f"blocks.0.attn.W_{name[-1]}", f"blocks.0.attn.{name}"
    for value, accepted in ((16_000.0, True), (32_740.0, False), (33_000.0, False)):
        one[matrix][:], one[bias] = value, np.full((1, 1), -value / 2, dtype="<f4")
        report, _ = proved(one, Shape(1, 2, 1, 1), StagesRun("binary16"), steps("enumeration", Shape(1, 2), 0), tmp_path)
        assert (report.error is None) == accepted, value
    one[matrix][:], one["embed.W_E"][:] = 16_380.0, 2.5  # x W = 40,950, less 16,380
    one[bias] = np.full((1, 1), -16_380.0, dtype="<f4")
    report, _ = proved(one, Shape(1, 2, 1, 1), StagesRun("binary16"), steps("enumeration", Shape(1, 2), 0), tmp_path)
    assert "leave the range" in report.error.message


def test_numbers_of_2_to_the_40_are_refused(tmp_path: Path) -> None:
    """The bound on what sums lose below the normal range is for smaller operands."""
    one = {name: np.full(size, 0.5, dtype="<f4") for name, size in stage_sizes().items()}
    for power, code in ((39, None), (40, "rule-not-applicable")):
        one["unembed.W_U"][:] = [[0.0, 2.0**power]]
        report, _ = proved(one, Shape(1, 2, 1, 1), StagesRun("tf32"), steps("enumeration", Shape(1, 2), 0), tmp_path)
        assert (report.error and str(report.error.code)) == code
