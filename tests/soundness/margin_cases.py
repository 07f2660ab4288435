"""Small networks with the margins of every sequence, and steps of every rule with random hints for claims about a margin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import iv
from soundness.adversarial_models import adversarial_model
from soundness.small_models import BRUTE_FORCE, CUBIC, TABLES, Shape, Tensors, certificate, random_model, safetensors_bytes
from soundness.subcubic_steps import context, random_steps
from soundness.test_exact import all_blocks, partition
from soundness.test_separable import random_hints
from soundness.test_subcubic import COMPOSITIONS
from soundness.truth import BITS, Network, read_tensors
from soundness.window_hints import exact_tables, expansion_hints, grouped_hints, sheet_hints, tree_hints, window_hints

import proofcheck
from proofcheck import Report, Step
from proofcheck.rules.counting.facts import ProvedBlocks

MODELS = 126
TIES = 14
Margins = Mapping[tuple[int, ...], list[Any]]  # sequence -> logit[max] − logit[j] of every rival, as intervals


@cache
def model(k: int) -> tuple[str, Shape, Tensors]:
    """Models of `adversarial_models`, then some whose margins are the same numbers b_U[m] − b_U[j] for all sequences."""
    if k < MODELS:
        return adversarial_model(2 * k)
    shape, rng = Shape(1 + k % 3, 2 + k % 2), np.random.default_rng(k)
    tensors = random_model(shape, k, biases=True, dtype="<f8")
    tensors["unembed.W_U"][:] = tensors["unembed.W_U"][:, :1]
    tensors["unembed.b_U"] = np.cumsum(rng.integers(1, 9, shape.d_vocab)) / 4.0
    return f"tie-{k}", shape, tensors


@cache
def weights(k: int) -> bytes:
    return safetensors_bytes(model(k)[2])


@cache
def margins(k: int) -> Margins:
    """By interval forward passes that share nothing with proofcheck."""
    network = Network(read_tensors(weights(k)))
    old, iv.prec = iv.prec, BITS
    try:
        found = {}
        for x in product(range(network.d_vocab), repeat=network.n_ctx):
            final, m = network.final(x), max(x)
            found[x] = [margin(network, final, m, j) for j in range(network.d_vocab) if j != m]
        return found
    finally:
        iv.prec = old


def margin(network: Network, final: list[Any], m: int, j: int) -> Any:
    total = rational(network.b_U[m] - network.b_U[j])
    for value, row in zip(final, network.W_U, strict=True):
        if row[m] != row[j]:
            total = total + value * rational(row[m] - row[j])
    return total


def rational(value: Fraction) -> Any:
    return iv.mpf(value.numerator) / iv.mpf(value.denominator)


def blocks(k: int, delta: Fraction) -> tuple[np.ndarray, np.ndarray]:
    """Per block (query, max token): sequences that may be ahead by more than delta, and that may not be."""
    d = model(k)[1].d_vocab
    right, wrong = np.zeros((d, d), dtype=np.int64), np.zeros((d, d), dtype=np.int64)
    old, iv.prec = iv.prec, BITS
    try:
        for x, found in margins(k).items():
            ahead = [value - rational(delta) for value in found]
            right[x[-1], max(x)] += all(value.b > 0 for value in ahead)
            wrong[x[-1], max(x)] += not all(value.a > 0 for value in ahead)
    finally:
        iv.prec = old
    return right, wrong


def deltas(k: int, rng: np.random.Generator) -> list[Fraction]:
    """Zero, thirds, numbers of any size, and numbers at and near the margins of the network itself."""
    sequences = list(margins(k))
    values = [min(margins(k)[x], key=lambda value: float(value.mid)) for x in (sequences[i] for i in rng.integers(0, len(sequences), 3))]
    near = [abs(Fraction(float(value.mid))) for value in values]
    grid = [Fraction(round(value * 2**44), 2**44) for value in near]
    return [Fraction(1, 3), Fraction(int(rng.integers(1, 99)), 2 ** int(rng.integers(0, 45))), near[0], *grid, grid[0] + Fraction(1, 2**50)]


@dataclass(frozen=True)
class Outcome:
    """What the kernel made of a certificate: the report, and every fact about blocks."""

    report: Report
    blocks: list[ProvedBlocks]


def verified(k: int, steps: tuple[Step, ...], delta: Fraction, folder: Path, backend: Any = "fast") -> Outcome:
    """The steps with the claim that no sequence is ahead by more than delta, through the kernel."""
    _, shape, _ = model(k)
    path = folder / f"weights-{k}.safetensors"
    if not path.exists():
        path.write_bytes(weights(k))
    plain = certificate(weights(k), shape, steps)
    claim = replace(plain.claim, fields={**plain.claim.fields, "margin": f"{delta.numerator}/{delta.denominator}"})
    found: list[ProvedBlocks] = []

    def observe(step: Step, fact: object) -> None:
        if isinstance(fact, ProvedBlocks):
            found.append(fact)

    report = proofcheck.Checker(backend).verify(replace(plain, claim=claim), model=path, observe=observe)
    return Outcome(report, found)


def concluded(*steps: Step) -> tuple[Step, ...]:
    return (*steps, Step("count", "sum-blocks", ("blocks",)))


def separable(rule: str) -> Callable[[int, np.random.Generator], tuple[Step, ...]]:
    return lambda k, rng: concluded(TABLES, Step("blocks", rule, ("tables",), random_hints(rule, model(k)[1].d_vocab, rng)))


def enumerated(k: int, rng: np.random.Generator) -> tuple[Step, ...]:
    hints = {"blocks": all_blocks(model(k)[1].d_vocab), "expansions": 10**9}
    return concluded(TABLES, Step("blocks", "separable-enumeration", ("tables",), hints))


def expanded(rule: str, hints_of: Callable[..., Any]) -> Callable[[int, np.random.Generator], tuple[Step, ...]]:
    def steps(k: int, rng: np.random.Generator) -> tuple[Step, ...]:
        _, shape, tensors = model(k)
        network = context(shape, tensors).model
        expansion = expansion_hints(network, rng)
        hints = hints_of(exact_tables(network, expansion), expansion["first"], rng)
        return concluded(Step("tables", "centred-expansion", (), expansion), Step("blocks", rule, ("tables",), hints))

    return steps


def alone(rule: str, hints_of: Callable[..., Any]) -> Callable[[int, np.random.Generator], tuple[Step, ...]]:
    def steps(k: int, rng: np.random.Generator) -> tuple[Step, ...]:
        _, shape, tensors = model(k)
        return concluded(Step("blocks", rule, (), hints_of(context(shape, tensors).model, rng)))

    return steps


def subcubic(k: int, rng: np.random.Generator) -> tuple[Step, ...]:
    return random_steps(*COMPOSITIONS[int(rng.integers(len(COMPOSITIONS)))], model(k)[2], rng, luck=0.8)


STEPS: dict[str, Callable[[int, np.random.Generator], tuple[Step, ...]]] = {
    "enumeration": lambda k, rng: BRUTE_FORCE,
    "evaluation": lambda k, rng: concluded(Step("blocks", "evaluation")),
    "separable-enumeration": enumerated,
    "separable-partition": lambda k, rng: partition(model(k)[1], int(rng.integers(1 << 30))),
    "separable-minimum": separable("separable-minimum"),
    "separable-counting": separable("separable-counting"),
    "separable-early-maximum": separable("separable-early-maximum"),
    "cubic": lambda k, rng: CUBIC,
    "margin": subcubic,
    "separable-windows": expanded("separable-windows", window_hints),
    "separable-windows-exact": expanded("separable-windows-exact", sheet_hints),
    "grouped-queries": alone("grouped-queries", grouped_hints),
    "rival-tree": alone("rival-tree", tree_hints),
}
EXACT = ("enumeration", "evaluation", "separable-enumeration")
