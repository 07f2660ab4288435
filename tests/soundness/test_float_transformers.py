"""Claims about float evaluations of transformers: the worst evaluations that conform, of random networks of every option, against radii and
counts; hypotheses; both checkers.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from soundness import float_attacks, make_reject_corpus
from soundness.conforming import MODES, Adversary, Evaluation

import proofcheck
from proofcheck import Checker, Limits, Reason, Verdict
from proofcheck.arithmetic import Arithmetic, Conforming, RunColumnArithmetic, exclusive_precision
from proofcheck.catalogue import BUILT_IN
from proofcheck.certificate import ClaimSpec, decode_certificate
from proofcheck.models.weights import decode_weights
from proofcheck.rules.counting.float_evaluations import conforming
from proofcheck.rules.reading import BINARY32, BINARY64, FloatRun
from tests.benchmarks import network_runs
from tests.second_checker.both import compare_claims
from tests.second_checker.random_evaluations import write
from tests.second_checker.random_transformers import drawn

NETWORKS = Path(__file__).parents[2] / "certificates" / "networks"
NAME = "float_accuracy_at_least"


def built(sizes: dict[str, int], options: dict[str, Any], data: bytes) -> Any:
    architecture, limits = BUILT_IN.architectures["transformer"], Limits()
    dimensions = architecture.read_dimensions(sizes, limits)
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    read = {name: kind.read(values[name], name, limits) for name, kind in architecture.options.items()}
    return architecture.build(dimensions, read, decode_weights(data, architecture.tensors(dimensions, read), limits))


def assumptions(rng: random.Random) -> Conforming:
    """Errors that are large beside those of float64, and small or large beside each other."""
    unit = rng.choice((12, 20, 30))
    return Conforming(
        unit,
        rng.choice((20, 40, 126)),
        1023,
        53,
        2 ** (unit - rng.choice((4, 6, 10))),
        rng.choice((Fraction(0), Fraction(1, 2**10), Fraction(1, 8), Fraction(1, 2))),
        rng.choice((0, 8, 1000)),
        rng.choice((Fraction(0), Fraction(1, 2**10), Fraction(1, 8))),
    )


def worst(run: Conforming, seed: int, mode: str) -> Adversary:
    return Adversary(
        2.0**-run.unit,
        2.0**-run.least,
        run.roundings,
        float(run.tau),
        run.kappa,
        float(run.activation),
        np.random.default_rng(seed),
        mode,
    )


def test_evaluations_of_random_networks_lie_within_the_radius(tmp_path: Path) -> None:
    compared, used = Counter[str](), []
    for seed in range(2000, 2160):
        content: Any = drawn(tmp_path, seed)[0]
        sizes, options, rng = content["model"]["dimensions"], content["model"]["options"], random.Random(seed)
        path = tmp_path / content["model"]["weights"]["file"]
        words = list(product(range(sizes["d_vocab"]), repeat=sizes["n_ctx"]))
        words = rng.sample(words, min(6, len(words)))
        run = assumptions(rng)
        try:
            with exclusive_precision():
                Arithmetic("fast", 64)
                found = built(sizes, options, path.read_bytes()).evaluator_in(RunColumnArithmetic(run))(np.array(words))
        except ArithmeticError:
            continue  # weights that are outside the format, or too far from 1
        network = Evaluation({name: tensor.double().numpy() for name, tensor in load_file(path).items()}, sizes, options)
        for k, word in enumerate(words):
            if not np.isfinite(found.radius[k]):
                continue
            for mode in MODES:
                with np.errstate(all="ignore"):
                    _, computed = network.logits(word, worst(run, 100 * seed + k, mode))
                distance = float(np.linalg.norm(computed - found.values[:, k]))
                assert distance <= found.radius[k], (seed, word, mode)
                compared[options["normalization"]] += 1
                compared[options["activation"]] += 1
                compared[options["attention"]] += 1
                used.append(distance / found.radius[k])
    assert min(compared[name] for name in ("LN", "LNPre", "RMS", "RMSPre", "gelu", "gelu_new", "silu", "causal-uniform", "full")) > 20
    assert np.quantile(used, 0.9) > 0.2  # no empty bound


def test_torch_evaluations_of_random_networks_lie_within_the_radius(tmp_path: Path) -> None:
    """Four orders, fused and one-pass layer norms, in both formats; three times the roundings that a plain evaluation needs."""
    compared, used = Counter[str](), 0.0
    for seed in range(60):
        content: Any = drawn(tmp_path, seed)[0]
        sizes, options = content["model"]["dimensions"], content["model"]["options"]
        path = tmp_path / content["model"]["weights"]["file"]
        words = np.array(list(product(range(sizes["d_vocab"]), repeat=sizes["n_ctx"])))
        for kind, dtype in ((BINARY32, torch.float32), (BINARY64, torch.float64)):
            error = Fraction(1, 2 ** (kind.unit - 4))
            try:
                with exclusive_precision():
                    Arithmetic("fast", 64)
                    model = built(sizes, options, path.read_bytes())
                    run = FloatRun(kind, 3 * model.plain_roundings(), error, 8, error)
                    found = model.evaluator_in(RunColumnArithmetic(conforming(run, model)))(words)
            except ArithmeticError:
                continue  # weights that are outside the format, or too far from 1
            weights = {name: tensor.to(dtype) for name, tensor in load_file(path).items() if not name.endswith(("mask", "IGNORE"))}
            for style in network_runs.STYLES.values():
                out = network_runs.logits(style, sizes, options, weights, torch.from_numpy(words)).double().numpy()
                known = np.isfinite(found.radius)
                share = np.linalg.norm(out - found.values.T, axis=1)[known] / found.radius[known]
                assert (share <= 1).all(), (seed, kind.name)
                compared[kind.name] += len(share)
                used = max(used, share.max(initial=0.0))
    assert min(compared.values()) > 2000
    assert used > 1e-3


def float_claim(content: Any, rng: random.Random) -> Any:
    """Assumptions of every size, sometimes ones that are refused."""
    kind = rng.choice(("binary32", "binary64"))
    unit = {"binary32": 24, "binary64": 53}[kind]
    error = [str(Fraction(1, 2 ** rng.choice((1, 3, 10, 20, 20, unit, unit, unit + 1)))) for _ in range(2)]
    most = 2 ** min(30, unit - 10)
    fields = {
        "correct": 0,
        "total": content["claim"]["accuracy_at_least"]["total"],
        "format": kind,
        "roundings": rng.choice((8, 20, 40, 100, 2**14, most)),
        "tau": error[0],
        "kappa": rng.choice((0, 8, 1000)),
        "activation": error[1],
    }
    if rng.random() < 0.03:
        del fields["activation"]
    return {**content, "claim": {NAME: fields}, "arithmetic": {"precision": 128}}


def test_both_checkers_agree(tmp_path: Path) -> None:
    kinds, counted, equal, refused = Counter[str](), 0, 0, 0
    for seed in range(3000, 3016):
        content, rng = drawn(tmp_path, seed)
        for comparison in compare_claims(write(tmp_path / f"floats-{seed}.json", float_claim(content, rng)), 20_000_000):
            assert comparison.kind != "disagree", str(comparison)
            kinds[comparison.kind] += 1
            counted += comparison.counted
            equal += comparison.equal
            refused += comparison.first[1] == Reason.RULE_NOT_APPLICABLE
    assert kinds["agree"] > 16 and counted > 8 and refused >= 3
    assert equal >= counted - 3


def shipped(name: str, **changes: Any) -> proofcheck.Certificate:
    """A shipped certificate with another claim; None takes a field away."""
    certificate = proofcheck.load(NETWORKS / f"{name}.json")
    fields = {key: value for key, value in {**certificate.claim.fields, **changes}.items() if value is not None}
    return replace(certificate, claim=ClaimSpec(certificate.claim.kind, fields))


def verified(certificate: proofcheck.Certificate, backend: Any = "fast") -> proofcheck.Report:
    return Checker(backend).verify(certificate, model=NETWORKS / certificate.model.file)


LEAST = 40  # of max-of-2-layernorm: 8 + d_model


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"roundings": LEAST}, None),
        ({"roundings": LEAST - 1}, "rule-not-applicable"),
        ({"roundings": 2**30}, None),
        ({"format": "binary32", "tau": "1/8192", "roundings": 2**14}, None),
        ({"format": "binary32", "tau": "1/8192", "roundings": 2**14 + 1}, "rule-not-applicable"),
        ({"tau": "0/1"}, "rule-not-applicable"),
        ({"tau": "1/2"}, None),
        ({"tau": "2/3"}, "rule-not-applicable"),
        ({"activation": None}, "rule-not-applicable"),
        ({"activation": "0/1"}, None),  # there is no activation function
        ({"correct": 4097}, "not-proved"),
    ],
)
def test_hypotheses(changes: dict[str, Any], code: str | None) -> None:
    certificate = shipped("max-of-2-layernorm--float64", **({"correct": 0} | changes))
    report = verified(certificate)
    assert (None if report.error is None else str(report.error.code)) == code


def test_an_activation_function_has_an_error() -> None:
    right = shipped("second-of-4-gelu-new-lnpre--float64")
    assert verified(right).error is None
    refused = verified(shipped("second-of-4-gelu-new-lnpre--float64", activation="0/1")).error
    assert refused is not None and refused.code == Reason.RULE_NOT_APPLICABLE


def test_balls_are_about_the_reals() -> None:
    refused = verified(shipped("max-of-2-layernorm--float64"), "arb").error
    assert refused is not None and refused.code == Reason.RULE_NOT_APPLICABLE


def test_a_claim_about_the_reals_is_not_one_about_floats() -> None:
    """What is undecided over the floats is not settled in balls: with τ of 1/2 nothing of this network is proved, over the reals all is."""
    assert verified(shipped("max-of-2-layernorm--float64", correct=0, tau="1/2")).proved < 4096
    reals = verified(shipped("max-of-2-layernorm"))
    assert (reals.verdict, reals.proved) == (Verdict.VERIFIED, 4096)


def test_wider_assumptions_prove_no_more() -> None:
    counts = [
        verified(shipped("max-of-3-silu-rms--float32", correct=0, roundings=N, tau=tau, activation=tau)).proved
        for N, tau in ((136, "1/262144"), (288, "1/262144"), (288, "1/1024"), (2**12, "1/64"))
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] >= 32_767 > counts[-1]


def test_terms_and_stages_do_not_meet() -> None:
    """`evaluation` takes no claim about Max-of-K networks, and `float-tables` none that counts by stages."""
    whole = float_attacks.floats(make_reject_corpus.twin())
    evaluated = float_attacks.floats(make_reject_corpus.twin(), float_attacks.EVALUATION, activation="0/1")
    stages = float_attacks.floats(make_reject_corpus.twin(), activation="0/1")
    folder = Path(__file__).parents[2] / "certificates" / "reject"
    for document, code in ((whole, None), (evaluated, Reason.RULE_NOT_APPLICABLE), (stages, Reason.RULE_NOT_APPLICABLE)):
        certificate = decode_certificate(json.dumps(document).encode(), Limits())
        report = proofcheck.verify(certificate, model=folder / certificate.model.file)
        assert (None if report.error is None else report.error.code) == code


def test_the_twin_of_the_refused_ones_verifies() -> None:
    report = proofcheck.verify(Path(__file__).parents[2] / "certificates" / "reject" / "twin-floats-transformer.json")
    assert (report.verdict, report.proved) == (Verdict.VERIFIED, 9)
