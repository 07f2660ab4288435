"""Certificates about the network: here exhaustive evaluation, which works for every network and task that the checker knows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from proofcheck import Certificate, Step
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least

SIZES = {"n_ctx": 2, "d_vocab": 5, "d_model": 8, "d_head": 8}
TASK = TaskSpec("token-at", {"n_ctx": 2, "d_vocab": 5, "position": 0})


def certificates(weights: Path, found: Mapping[str, object]) -> Iterator[tuple[str, Certificate]]:
    """One certificate. Its claim is a guess: the file that is kept claims what the checker counts."""
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    model = ModelSpec("attention-only-one-layer-one-head", SIZES, weights.name, digest)
    steps = (Step("blocks", "evaluation"), Step("count", "sum-blocks", ("blocks",)))
    yield "evaluation", Certificate(accuracy_at_least(0, 25), model, TASK, 128, steps)
