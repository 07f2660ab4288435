"""Certificates of strategies for random small models, with the searched hints or with random ones."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from proofcheck import Certificate, encode_certificate
from strategies.emit import draft, with_claim
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem


def write_certificate(problem: Problem, strategy: str, path: Path, rng: random.Random | None = None) -> None:
    """A certificate that claims 0, so that the verdict never hides the count. With rng the array hints are random."""
    certificate = with_claim(draft(problem, STRATEGIES[strategy], path), 0)
    if rng is not None:
        certificate = with_random_hints(certificate, rng)
    path.write_bytes(encode_certificate(certificate))


def with_random_hints(certificate: Certificate, rng: random.Random) -> Certificate:
    """Gaps from 1 to d_vocab, directions from a coarse grid; other hints as they are."""
    steps = []
    for step in certificate.steps:
        hints = dict(step.hints)
        for name, value in hints.items():
            if name == "gaps":
                entries = [rng.randint(1, 1 + rng.randrange(certificate.dimensions.d_vocab)) for _ in range(np.asarray(value).size)]
                hints[name] = np.array(entries, dtype=np.int64).reshape(np.shape(value))
            elif name.endswith("direction") and rng.random() < 0.5:
                hints[name] = np.array([rng.randint(-4, 4) / 4 for _ in range(np.asarray(value).size)], dtype=np.float64)
        steps.append(replace(step, hints=hints))
    return replace(certificate, steps=tuple(steps))
