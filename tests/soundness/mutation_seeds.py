"""Certificates to mutate: every registered strategy on small networks. Strategies registered later are covered without a change here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundness.small_models import Shape, random_model, safetensors_bytes, trained_like

import proofcheck
from proofcheck import Verdict, encode_certificate
from strategies.emit import draft, with_claim
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem

MODELS = Path(__file__).parents[2] / "certificates" / "models"
WEIGHTS_FILE = "weights.safetensors"
Document = dict[str, Any]


@dataclass(frozen=True)
class Seed:
    """A certificate that verifies: its JSON document, the bytes of its weights, and what it proves."""

    model: str
    strategy: str
    text: bytes
    weights: bytes
    proved: int

    @property
    def name(self) -> str:
        return f"{self.model}--{self.strategy}"

    def document(self) -> Document:
        """A fresh copy."""
        copy: Document = json.loads(self.text)
        return copy


def small_networks() -> Iterator[tuple[str, bytes]]:
    """At most 64 sequences each: nearly right, with biases, Gaussian, with ties, double precision, the published counterexamples, and
    four networks of the float inflation corpus, on which one ulp decides."""
    ties = trained_like(Shape(2, 4), 5)
    ties["unembed.W_U"][:, 1] = ties["unembed.W_U"][:, 0]
    yield "trained-like-n2-d4", safetensors_bytes(trained_like(Shape(2, 4), 1))
    yield "trained-like-n3-d3-biases", safetensors_bytes(trained_like(Shape(3, 3), 2, gain=1.0, biases=True))
    yield "gaussian-n2-d3", safetensors_bytes(random_model(Shape(2, 3), 3))
    yield "trained-like-n3-d4-f64", safetensors_bytes(trained_like(Shape(3, 4), 4, gain=2.0, dtype="<f8"))
    yield "ties-n2-d4", safetensors_bytes(ties)
    yield "gaussian-n1-d4-f16", safetensors_bytes(random_model(Shape(1, 4), 6, dtype="<f2"))
    for name in ("counterexample-mean-diff-direct", "counterexample-mean-diff-positional"):
        yield name, (MODELS / f"{name}.safetensors").read_bytes()
    for name in ("near-tie", "cubic-near-tie-n3", "subcubic-norm", "common-score"):
        yield name, (MODELS / "inflation" / f"{name}.safetensors").read_bytes()


def seeds(folder: Path, models: Iterable[str] = (), strategies: Iterable[str] = ()) -> list[Seed]:
    """Certificates of all (or these) strategies for all (or these) networks, each claiming exactly what it proves."""
    wanted, named = tuple(models), tuple(strategies) or tuple(STRATEGIES)
    found = []
    for model, weights in small_networks():
        if wanted and model not in wanted:
            continue
        path = folder / model / WEIGHTS_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(weights)
        problem = Problem(path)
        for name in named:
            proposed = with_claim(draft(problem, STRATEGIES[name], path.with_name("certificate.json")), 0)
            report = proofcheck.verify(proposed, model=path)
            if report.verdict is not Verdict.VERIFIED:
                continue  # searches are made for trained networks: on a few of these, a bound of float64 is a bit too small
            text = encode_certificate(with_claim(proposed, report.proved))
            found.append(Seed(model, name, text, weights, report.proved))
    return found
