"""Rule `evaluation` of transformers: certificates against brute force in torch, false claims, false options, limits, settling in balls."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from models.transformer_reference import Case, options, random_case, random_tensors, sizes, torch_logits
from safetensors.numpy import save

import proofcheck
from proofcheck import Certificate, Limits, Reason, Report, Step, Verdict
from proofcheck.arithmetic import Arithmetic, DyadicArray, exclusive_precision, float_columns
from proofcheck.catalogue import BUILT_IN
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least, decode_certificate, encode_certificate, sha256_hex
from proofcheck.kinds import read_fields
from proofcheck.models.transformer import NAME, TRANSFORMER
from proofcheck.rules.counting.evaluation import Margin, _Waiting, decide
from proofcheck.rules.reading import Reading
from strategies.networks.network import Network

STEPS = (Step("inputs", "evaluation"), Step("total", "sum-blocks", ("inputs",)))


def kth_largest(case: Case, k: int = 1) -> TaskSpec:
    """A task whose answers the case's network has logits for."""
    n, d = case.sizes["n_ctx"], case.sizes["d_vocab"]
    top = min(d, case.sizes["d_vocab_out"]) - 1
    return TaskSpec("kth-largest", {"n_ctx": n, "d_vocab": d, "k": min(k, n), "alphabets": (f"0-{top}",) * n})


def fits(case: Case) -> bool:
    return min(case.sizes["d_vocab"], case.sizes["d_vocab_out"]) >= 2 and case.sizes["d_vocab_out"] >= case.sizes["d_vocab"]


def certificate(case: Case, task: TaskSpec, correct: int, total: int, **changes: Any) -> Certificate:
    model = ModelSpec(NAME, case.sizes, "m.safetensors", sha256_hex(case.data()), case.options)
    return replace(Certificate(accuracy_at_least(correct, total), model, task, 128, STEPS, {}), **changes)


def inputs(task: TaskSpec) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """All words and answers, from the task's definition."""
    kind = BUILT_IN.tasks[task.name]
    built = kind.build(**read_fields(task.fields, kind.fields, "$.task", Limits()))
    words = [word for word in product(*built.machine.alphabets) if built.answer(word) is not None]
    return np.array(words), np.array([built.answer(word) for word in words])


def right_answers(case: Case, task: TaskSpec) -> tuple[int, int, float]:
    """(right, inputs, smallest size of a margin), in torch float64."""
    words, answers = inputs(task)
    found = torch_logits(case, words)
    own = found[np.arange(len(words)), answers].copy()
    found[np.arange(len(words)), answers] = -np.inf
    margins = own - found.max(axis=1)
    return int((margins > 0).sum()), len(words), float(np.abs(margins).min())


def run(case: Case, these: Certificate, folder: Path, **more: Any) -> Report:
    (folder / "m.safetensors").write_bytes(case.data())
    return proofcheck.verify(these, model=folder / "m.safetensors", **more)


CASES = [seed for seed in range(160) if fits(random_case(seed))][:40]


@pytest.mark.parametrize("seed", CASES)
def test_the_count_is_that_of_brute_force(seed: int, tmp_path: Path) -> None:
    case = random_case(seed)
    task = kth_largest(case, 1 + seed % 2)
    correct, total, least = right_answers(case, task)
    report = run(case, certificate(case, task, correct, total), tmp_path)
    if least > 1e-9:
        assert (report.verdict, report.proved, report.exact) == (Verdict.VERIFIED, correct, True)
    refused = run(case, certificate(case, task, correct + 1, total), tmp_path)
    assert (refused.verdict, refused.error and refused.error.code) == (Verdict.REJECTED, Reason.NOT_PROVED)
    wrong_total = run(case, certificate(case, task, 0, total + 1), tmp_path)
    assert wrong_total.error is not None and wrong_total.error.code is Reason.WRONG_TOTAL


@pytest.mark.parametrize("seed", [s for s in CASES if random_case(s).sizes["d_vocab"] ** random_case(s).sizes["n_ctx"] <= 100][:8])
def test_both_backends_prove_the_same(seed: int, tmp_path: Path) -> None:
    case = random_case(seed)
    task = kth_largest(case)
    _, total, _ = right_answers(case, task)
    reports = [run(case, certificate(case, task, 0, total), tmp_path, backend=backend) for backend in ("fast", "arb")]
    assert [report.verdict for report in reports] == [Verdict.VERIFIED] * 2
    assert reports[0].proved == reports[1].proved
    assert reports[0].wrong == reports[1].wrong


def trained_like(seed: int = 5, **changes: Any) -> tuple[Case, TaskSpec]:
    shape = sizes(n_layers=2, d_mlp=6, n_ctx=3)
    chosen = options(**{"activation": "gelu", "normalization": "LN", "eps": "1/100000", **changes})
    base = random_tensors(shape, options(activation="gelu", normalization="LN", eps="1/100000"), seed, size=2.0)
    case = Case(shape, chosen, base)
    return case, kth_largest(case)


@pytest.mark.parametrize(
    "change", [{"activation": "silu"}, {"activation": "relu"}, {"attention": "full"}, {"scale": "1/1"}, {"eps": "1/2"}]
)
def test_claims_that_are_true_of_other_options_are_rejected(change: dict[str, Any], tmp_path: Path) -> None:
    """The count under other options is not the count under the true ones; the larger of the two is a false claim about the other."""
    for seed in range(300):  # the first network for which the counts differ
        (one, task), (other, _) = trained_like(seed), trained_like(seed, **change)
        counts = [right_answers(case, task)[0] for case in (one, other)]
        if counts[0] != counts[1]:
            break
    assert counts[0] != counts[1]
    false, total = (one if counts[0] < counts[1] else other), right_answers(one, task)[1]
    report = run(false, certificate(false, task, max(counts), total), tmp_path)
    assert (report.verdict, report.error and report.error.code) == (Verdict.REJECTED, Reason.NOT_PROVED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("proofcheck.activation", "relu"),
        ("proofcheck.normalization", "LNPre"),
        ("proofcheck.attention", "full"),
        ("proofcheck.eps", "1/1000"),
        ("proofcheck.scale", "1/1"),
        ("proofcheck.attention_scale", "1"),
        ("proofcheck.readout", "sum"),
        ("proofcheck.head", "4"),
        ("proofcheck.embedding", "by-position"),
    ],
)
def test_metadata_that_contradicts_is_declined(name: str, value: str, tmp_path: Path) -> None:
    case, task = trained_like()
    data = save({key: np.ascontiguousarray(array) for key, array in case.tensors.items()}, metadata={name: value})
    (tmp_path / "m.safetensors").write_bytes(data)
    these = certificate(case, task, 0, 64)
    model = replace(these.model, sha256=sha256_hex(data))
    report = proofcheck.verify(replace(these, model=model), model=tmp_path / "m.safetensors")
    assert (report.verdict, report.error and report.error.code) == (Verdict.DECLINED, Reason.UNSUPPORTED_ARCHITECTURE)


@pytest.mark.parametrize(
    ("scale", "declared", "verdict"),
    [
        ("1/sqrt(d_head)", "sqrt(d_head)", Verdict.VERIFIED),
        ("1/sqrt(d_head)", "as proofcheck.scale says", Verdict.DECLINED),
        ("1/2", "sqrt(d_head)", Verdict.DECLINED),
        ("1/2", "as proofcheck.scale says", Verdict.VERIFIED),
    ],
)
def test_metadata_that_agrees_is_none_of_another_scale(scale: str, declared: str, verdict: Verdict, tmp_path: Path) -> None:
    """Every word that a file of this network should say, but for the attention scale."""
    case, task = trained_like()
    case = replace(case, options={**case.options, "scale": scale})
    words = {**TRANSFORMER.declared(case.read_options), "proofcheck.attention_scale": declared}
    data = save({key: np.ascontiguousarray(array) for key, array in case.tensors.items()}, metadata=words)
    (tmp_path / "m.safetensors").write_bytes(data)
    these = certificate(case, task, 0, 64)
    report = proofcheck.verify(replace(these, model=replace(these.model, sha256=sha256_hex(data))), model=tmp_path / "m.safetensors")
    assert report.verdict is verdict


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize(("margin", "right"), [(0, 3), (1, 2), (Fraction(3, 2), 2), (2, 1), (5, 1), (6, 0)])
def test_a_margin_is_taken_from_the_right_logit(backend: Any, margin: Fraction, right: int) -> None:
    """Three inputs that are ahead by 6, 2 and 1, each at its own answer; equal is not ahead."""
    exact = DyadicArray.from_floats(np.array([[7.0, 1.0, 0.0], [0.0, 3.0, 1.0], [-9.0, 1.0, 2.0]]))
    arithmetic = Arithmetic(backend, 64)
    with exclusive_precision():
        found, wrong = decide(arithmetic.enclose(exact), np.array([0, 1, 2]), Margin(Reading(Fraction(margin)), arithmetic))
    assert found.tolist() == [k < right for k in range(3)]
    equal = [backend == "fast" and distance == margin for distance in (6, 2, 1)]  # undecided there: ends are rounded outward
    assert wrong.tolist() == [k >= right and not equal[k] for k in range(3)]


def test_what_floats_leave_open_is_settled_in_balls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With radii a thousand times margins nothing is decided in floats; balls decide all, up to the limit."""
    case, task = trained_like()
    correct, total, _ = right_answers(case, task)
    monkeypatch.setattr(float_columns, "ROOT_TWO", 1e15)
    report = run(case, certificate(case, task, correct, total), tmp_path)
    assert (report.verdict, report.exact) == (Verdict.VERIFIED, True)
    limited = run(case, certificate(case, task, 0, total), tmp_path, limits=Limits(settled_in_balls=10))
    assert (limited.undecided, limited.proved + limited.wrong) == (total - 10, 10)


def test_equal_logits_are_not_right(tmp_path: Path) -> None:
    """Two outputs with the same weights tie everywhere: neither is ever right, and nothing is decided about them."""
    case, task = trained_like()
    tensors = dict(case.tensors)
    for name in ("unembed.W_U", "unembed.b_U"):
        tensors[name] = tensors[name].copy()
        tensors[name][..., 1] = tensors[name][..., 0]
    tied = Case(case.sizes, case.options, tensors)
    words, answers = inputs(task)
    report = run(tied, certificate(tied, task, 0, len(words)), tmp_path)
    assert report.proved <= int((answers >= 2).sum())
    assert report.proved + report.wrong + report.undecided == len(words)


def test_too_much_work_is_declined_before_anything_is_computed(tmp_path: Path) -> None:
    case, task = trained_like()
    report = run(case, certificate(case, task, 0, 64), tmp_path, limits=Limits(work=1000))
    assert report.error is not None
    assert (report.verdict, report.error.code) == (Verdict.DECLINED, Reason.LIMIT_EXCEEDED)
    assert "--limit work=" in report.error.hint


def test_a_machine_that_fails_the_sample_of_products_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, task = trained_like()
    monkeypatch.setattr(float_columns, "blas_failures", lambda: ["products are not conventional"])
    report = run(case, certificate(case, task, 0, 64), tmp_path)
    assert report.error is not None
    assert (report.verdict, report.error.code) == (Verdict.REJECTED, Reason.OUT_OF_RANGE)
    assert run(case, certificate(case, task, 0, 64), tmp_path, backend="arb").verdict is Verdict.VERIFIED


def test_certificates_survive_writing_and_reading() -> None:
    case, task = trained_like(scale="3/7", attention="full")
    these = certificate(case, task, 3, 64)
    assert decode_certificate(encode_certificate(these), Limits()) == these
    words = these.model.words()
    for part in ("n_layers=2", "scale=3/7", "attention=full", "eps=1/100000", "activation=gelu", "readout=last"):
        assert part in words


def test_one_layer_and_one_head_is_the_attention_only_network(tmp_path: Path) -> None:
    shape = sizes(n_heads=1, d_model=5, d_head=3)
    case = Case(shape, options(), random_tensors(shape, options(), 11))
    task = TaskSpec("max-of-k", {"n_ctx": 3, "d_vocab": 4})
    these = certificate(case, task, 0, 64)
    small = {name: shape[name] for name in ("n_ctx", "d_vocab", "d_model", "d_head")}
    older = replace(these, model=ModelSpec("attention-only-one-layer-one-head", small, "m.safetensors", these.model.sha256))
    one, other = run(case, these, tmp_path), run(case, older, tmp_path)
    assert (one.verdict, other.verdict) == (Verdict.VERIFIED, Verdict.VERIFIED)
    assert one.exact and other.exact and one.proved == other.proved


def test_the_limit_that_a_refusal_names_is_enough(tmp_path: Path) -> None:
    """What may be settled in balls grows with the limit on work; the message takes that into account."""
    case = random_case(CASES[0])
    task = kth_largest(case)
    correct, total, _ = right_answers(case, task)
    these = certificate(case, task, 0, total)
    report = run(case, these, tmp_path, limits=Limits(work=10**6))
    assert report.error is not None and report.error.code is Reason.LIMIT_EXCEEDED
    found = re.search(r"--limit work=(\d+) .* in the order of 0 s of one processor", report.error.hint)
    assert found is not None
    again = run(case, these, tmp_path, limits=Limits(work=int(found[1])))
    assert (again.verdict, again.proved) == (Verdict.VERIFIED, correct)


def test_words_that_are_no_inputs_count_as_work_too(tmp_path: Path) -> None:
    """One input among 2^200 words: little to evaluate, but all words would be tried."""
    n = 200
    step = np.array([[[0, 1], [1, 1]]])  # out of state 1 nothing leads back
    fields = {"n_ctx": n, "d_vocab": 2, "start": 0, "step": step, "out": np.array([0, -1]), "alphabets": ("0-1",) * n}
    network = Network.of(n_layers=0, n_heads=0, n_ctx=n, n_positions=0, d_vocab=2, d_model=1, d_head=0, attention="full")
    data = save({name: np.zeros(shape, dtype="<f4") for name, (shape, absent) in network.shapes().items() if not absent})
    (tmp_path / "m.safetensors").write_bytes(data)
    model = ModelSpec(NAME, network.sizes, "m.safetensors", sha256_hex(data), network.options)
    claim = Certificate(accuracy_at_least(0, 1), model, TaskSpec("finite-automaton", fields), 128, STEPS)
    report = proofcheck.verify(claim, model=tmp_path / "m.safetensors")
    assert report.error is not None
    assert (report.verdict, report.error.code) == (Verdict.DECLINED, Reason.LIMIT_EXCEEDED)
    assert report.error.message.startswith("work is ")
    assert "--limit work=" in report.error.hint


def waiting(most: int) -> _Waiting:
    """For words of two tokens out of three."""
    task = BUILT_IN.tasks["token-at"].build(n_ctx=2, d_vocab=3, position=0)
    return _Waiting(SimpleNamespace(task=task, limits=Limits(settled_in_balls=most)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "part",
    [[], [-1], [1], [2, 0, 1, 0], [1, 0, 1, 0, 0], [4, *[0] * 12], [1, 3, 0, 0], [1, 0, 3, 0], [1, -1, 0, 0], [1, 0, 0, 3], [1, 0, 0, -1]],
    ids=str,
)
def test_open_inputs_of_others_that_are_none_are_refused(part: list[int]) -> None:
    """Parts come from other processes: how many inputs are open, then tokens and answer of the first of them, three at most here."""
    with pytest.raises(RuntimeError, match="a part with"):
        waiting(3).add(0, np.array(part, dtype=np.int64))


def test_open_inputs_are_the_first_ones_whatever_the_order_of_pieces() -> None:
    found = waiting(3)
    found.add(1, np.array([5, 2, 2, 2, 1, 1, 1, 0, 0, 0]))
    found.add(0, np.array([2, 0, 1, 0, 2, 0, 2]))
    tokens, answers = found.inputs()
    assert (found.found, tokens.tolist(), answers.tolist()) == (7, [[0, 1], [2, 0], [2, 2]], [0, 2, 2])


def test_a_piece_keeps_no_more_open_inputs_than_may_be_settled() -> None:
    own = waiting(3)
    for k in range(3):
        own.keep(np.array([[k, 0], [k, 1]]), np.array([k, k]))
    assert own.part().tolist() == [6, 0, 0, 0, 0, 1, 0, 1, 0, 1]
    other = waiting(3)
    other.add(0, own.part())
    assert (other.found, len(other.inputs()[1])) == (6, 3)
