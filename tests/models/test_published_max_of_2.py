"""Three networks that others published with a Coq development (tests/data/README.md): exact counts of right answers, one with LayerNorm.

The counts were known before this checker's semantics were written; a bias left out or a norm misread would change them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save

import proofcheck
from proofcheck import Certificate, Step
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least, sha256_hex

FOLDER = Path(__file__).parents[1] / "data" / "published-max-of-2"
SIZES = {
    "n_layers": 1,
    "n_heads": 1,
    "n_ctx": 2,
    "n_positions": 2,
    "d_vocab": 64,
    "d_vocab_out": 64,
    "d_model": 32,
    "d_head": 32,
    "d_mlp": 0,
}
OPTIONS = {
    "embedding": "shared",
    "attention": "causal",
    "scale": "1/sqrt(d_head)",
    "normalization": "none",
    "eps": "0/1",
    "activation": "none",
    "readout": "last",
    "head": (),
}
LAYER_NORM = {"normalization": "LN", "eps": "1/100000"}
EVALUATION = (Step("blocks", "evaluation"), Step("count", "sum-blocks", ("blocks",)))
COUNTS = {"trained": 4096, "undertrained": 4046, "layernorm": 4077}


def certificate(name: str, data: bytes, correct: int = 0) -> Certificate:
    options = OPTIONS | (LAYER_NORM if name == "layernorm" else {})
    model = ModelSpec("transformer", SIZES, f"{name}.safetensors", sha256_hex(data), options)
    return Certificate(accuracy_at_least(correct, 4096), model, TaskSpec("max-of-k", {"n_ctx": 2, "d_vocab": 64}), 128, EVALUATION)


@pytest.mark.parametrize(("name", "correct"), COUNTS.items())
def test_exact_counts(name: str, correct: int) -> None:
    path = FOLDER / f"{name}.safetensors"
    report = proofcheck.verify(certificate(name, path.read_bytes(), correct), model=path)
    assert report.error is None
    assert (report.proved, report.wrong, report.undecided) == (correct, 4096 - correct, 0)


def test_a_bias_left_out_shows(tmp_path: Path) -> None:
    tensors = load_file(FOLDER / "layernorm.safetensors")
    assert np.abs(tensors.pop("blocks.0.attn.b_O")).max() > 0
    data = save(tensors)
    (tmp_path / "layernorm.safetensors").write_bytes(data)
    report = proofcheck.verify(certificate("layernorm", data), model=tmp_path / "layernorm.safetensors")
    assert (report.proved, report.undecided) == (4078, 0)


def test_two_architectures_say_the_same_of_the_undertrained_network() -> None:
    """It has one layer and one head, so it is a network of the older architecture as well, in floats and in balls."""
    path = FOLDER / "undertrained.safetensors"
    sizes = {name: SIZES[name] for name in ("n_ctx", "d_vocab", "d_model", "d_head")}
    model = ModelSpec("attention-only-one-layer-one-head", sizes, path.name, sha256_hex(path.read_bytes()))
    these = Certificate(accuracy_at_least(4046, 4096), model, TaskSpec("max-of-k", {"n_ctx": 2, "d_vocab": 64}), 128, EVALUATION)
    report = proofcheck.verify(these, model=path)
    assert report.error is None and (report.proved, report.wrong) == (4046, 50)
