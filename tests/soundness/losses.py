"""Losses of small networks: exact to hundreds of bits, by the forward pass of `truth` for every sequence; and certificates about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

from mpmath import iv
from soundness.small_models import Shape, Tensors, certificate, safetensors_bytes
from soundness.truth import BITS, Network, read_tensors

import proofcheck
from proofcheck import Certificate, Report, Step
from proofcheck.certificate import ClaimSpec
from proofcheck.rules.counting.loss_facts import LossBlocks, LossSum

EVALUATION = (Step("losses", "evaluation-losses"), Step("sum", "sum-losses", ("losses",)))
Bounds = tuple[Fraction, Fraction]


def true_losses(tensors: Tensors, bits: int = BITS) -> dict[tuple[int, ...], Bounds]:
    """sequence → ends of an enclosure of its loss, for the answer max(x)."""
    network = Network(read_tensors(safetensors_bytes(tensors)))
    old, iv.prec = iv.prec, bits
    try:
        return {x: _loss(network.logits(x), max(x)) for x in product(range(network.d_vocab), repeat=network.n_ctx)}
    finally:
        iv.prec = old


def _loss(logits: list[Any], answer: int) -> Bounds:
    total = iv.mpf(1)
    for j, logit in enumerate(logits):
        if j != answer:
            total += iv.exp(logit - logits[answer])
    return ends(iv.log(total))


def ends(x: Any) -> Bounds:
    low, high = (Fraction(man * (-1) ** sign) * Fraction(2) ** exp for sign, man, exp, _ in x._mpi_)
    return low, high


def block_truth(losses: Mapping[tuple[int, ...], Bounds]) -> dict[tuple[int, int], tuple[Fraction, Fraction, Fraction]]:
    """block (query, maximum) → ends of the sum of its losses, and the largest of them (its lower end)."""
    out: dict[tuple[int, int], tuple[Fraction, Fraction, Fraction]] = {}
    for x, (low, high) in losses.items():
        lower, upper, largest = out.get((x[-1], max(x)), (Fraction(0), Fraction(0), Fraction(0)))
        out[x[-1], max(x)] = lower + low, upper + high, max(largest, low)
    return out


def claim(kind: str, nats: Fraction, total: int) -> ClaimSpec:
    return ClaimSpec(kind, {"nats": f"{nats.numerator}/{nats.denominator}", "total": total})


def loss_certificate(tensors: Tensors, shape: Shape, steps: tuple[Step, ...], kind: str, nats: Fraction) -> Certificate:
    found = certificate(safetensors_bytes(tensors), shape, steps)
    return replace(found, claim=claim(kind, nats, shape.d_vocab**shape.n_ctx))


def run(
    tensors: Tensors, shape: Shape, steps: tuple[Step, ...], kind: str, nats: Fraction, folder: Path, **more: Any
) -> tuple[Report, list[Any]]:
    """The report, and the facts of the steps."""
    path = folder / "weights.safetensors"
    path.write_bytes(safetensors_bytes(tensors))
    facts: list[Any] = []
    checker = proofcheck.Checker(**more)
    report = checker.verify(loss_certificate(tensors, shape, steps, kind, nats), model=path, observe=lambda step, fact: facts.append(fact))
    return report, facts


def require_true(facts: list[Any], losses: Mapping[tuple[int, ...], Bounds]) -> tuple[Fraction, Fraction]:
    """Every bound of every fact holds of the exact losses. Returns the bounds of the sum."""
    truth = block_truth(losses)
    for fact in facts:
        if isinstance(fact, LossBlocks):
            for block, bound in fact.blocks.items():
                low, high, largest = truth[block]
                assert bound.lower <= high and low <= bound.upper and largest <= bound.largest, (block, bound, low, high)
    last = facts[-1]
    assert isinstance(last, LossSum)
    assert last.lower <= sum(high for _, high in losses.values())
    assert last.upper >= sum(low for low, _ in losses.values())
    assert last.largest >= max(low for low, _ in losses.values())
    return last.lower, last.upper
