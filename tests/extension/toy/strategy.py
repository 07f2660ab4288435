"""A strategy of the extension: nothing of it is trusted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from proofcheck import Certificate, Step
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least

STEPS = ("toy/sample", "sum-blocks")


def certificate_for(model: Path, dimensions: dict[str, int], inputs: np.ndarray, correct: int) -> Certificate:
    """A certificate about a `sum-of-tables-relu` network and `toy/parity` that looks at these inputs only."""
    n, d = dimensions["n_ctx"], dimensions["d_vocab"]
    return Certificate(
        claim=accuracy_at_least(correct, d**n),
        model=ModelSpec("sum-of-tables-relu", dimensions, model.name, hashlib.sha256(model.read_bytes()).hexdigest()),
        task=TaskSpec("toy/parity", {"n_ctx": n, "d_vocab": d}),
        precision=64,
        steps=(Step("blocks", "toy/sample", (), {"inputs": np.asarray(inputs, dtype="<i8")}), Step("count", "sum-blocks", ("blocks",))),
        provenance={"strategy": "toy-sample"},
        extensions={"toy": "0.1"},
    )
