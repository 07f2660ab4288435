"""Both checkers on claims about the mean loss: random small networks, claims on either side of the truth, claims that are malformed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from soundness.loss_hints import boxes_steps, random_plan
from soundness.losses import EVALUATION, loss_certificate
from soundness.small_models import Shape, Tensors, random_model, safetensors_bytes, trained_like

import proofcheck
from proofcheck import Certificate, Step, encode_certificate
from proofcheck.certificate import ClaimSpec
from proofcheck.rules.counting.loss_facts import LossSum
from tests.second_checker.both import compare

BUDGET = 3_000_000
SHAPES = (Shape(1, 3), Shape(2, 3), Shape(3, 3), Shape(2, 5, 4, 3))
KINDS = ("mean_loss_at_most", "mean_loss_at_least")


def networks() -> list[tuple[Shape, Tensors]]:
    found = [(shape, random_model(shape, k, scale=scale, biases=k % 2 == 1)) for k, shape in enumerate(SHAPES) for scale in (0.5, 2.0)]
    return found + [(shape, trained_like(shape, 7)) for shape in SHAPES]


def bounds_of(certificate: Certificate, model: Path, steps: tuple[Step, ...], **more: Any) -> LossSum:
    facts: list[Any] = []
    report = proofcheck.Checker(**more).verify(
        replace(certificate, steps=steps), model=model, observe=lambda step, fact: facts.append(fact)
    )
    report.raise_for_verdict()
    return facts[-1]


@pytest.mark.parametrize("case", range(12))
@pytest.mark.parametrize("boxes", [False, True], ids=["evaluation", "boxes"])
def test_both_agree_on_either_side_of_the_bounds(case: int, boxes: bool, tmp_path: Path) -> None:
    shape, tensors = networks()[case]
    steps = boxes_steps(random_plan(shape, case)) if boxes else EVALUATION
    model = tmp_path / "weights.safetensors"
    model.write_bytes(safetensors_bytes(tensors))
    draft = loss_certificate(tensors, shape, steps, KINDS[0], Fraction(10**6))
    found = bounds_of(draft, model, steps)
    total = shape.d_vocab**shape.n_ctx
    for kind, proved, beyond in (  # beyond: what neither proves, since both evaluate the same theorem
        (KINDS[0], found.upper / total, found.upper / total * (1 - Fraction(1, 10**6))),
        (KINDS[1], found.lower / total, found.lower / total * (1 + Fraction(1, 10**6))),
    ):
        for nats, verdict in ((_rounded(proved, up=kind == KINDS[0]), "VERIFIED"), (_rounded(beyond, up=kind != KINDS[0]), "REJECTED")):
            path = tmp_path / "c.json"
            path.write_bytes(encode_certificate(loss_certificate(tensors, shape, steps, kind, nats)))
            both = compare(path, BUDGET)
            if verdict == "REJECTED" and found.lower == 0 and kind == KINDS[1]:
                continue  # no bound to go beyond
            assert both.kind == "agree", str(both)
            assert both.first[0] == both.second[0] == verdict, str(both)


def _rounded(nats: Fraction, *, up: bool) -> Fraction:
    """To 2^−60, so that the claim is short."""
    scaled = nats * 2**60
    return Fraction(-(-scaled.numerator // scaled.denominator) if up else scaled.numerator // scaled.denominator, 2**60)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"nats": "1/2", "total": 8}, "wrong-total"),
        ({"nats": "2/4", "total": 9}, "bad-number"),
        ({"nats": "-1/2", "total": 9}, "bad-number"),
        ({"nats": "1/0", "total": 9}, "bad-number"),
        ({"nats": "0.5", "total": 9}, "bad-number"),
        ({"nats": 1, "total": 9}, "wrong-type"),
        ({"total": 9, "nats": "1/2"}, "field-order"),
        ({"nats": "1/2"}, "missing-field"),
        ({"nats": "1/2", "total": 9, "tau": "1/8"}, "unknown-field"),
    ],
)
def test_both_refuse_malformed_claims(fields: dict[str, Any], code: str, tmp_path: Path) -> None:
    shape = Shape(2, 3)
    tensors = random_model(shape, 1)
    (tmp_path / "weights.safetensors").write_bytes(safetensors_bytes(tensors))
    good = loss_certificate(tensors, shape, EVALUATION, KINDS[0], Fraction(1))
    (tmp_path / "c.json").write_bytes(encode_certificate(replace(good, claim=ClaimSpec(KINDS[0], fields))))
    both = compare(tmp_path / "c.json", BUDGET)
    assert both.first == both.second == ("REJECTED", code), str(both)
