"""Small networks for tests: random tensors, and a safetensors writer of our own (numpy arrays in, bytes out)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from proofcheck import Certificate, Dimensions, Limits, Step
from proofcheck.catalogue import BUILT_IN
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least
from proofcheck.frame import read_frame

Tensors = dict[str, np.ndarray[Any, Any]]

_NAMES = {np.dtype("<f8"): "F64", np.dtype("<f4"): "F32", np.dtype("<f2"): "F16"}
WEIGHTS = ("embed.W_E", "pos_embed.W_pos", *(f"blocks.0.attn.W_{c}" for c in "QKVO"), "unembed.W_U")
BIASES = (*(f"blocks.0.attn.b_{c}" for c in "QKVO"), "unembed.b_U")
TABLES = Step("tables", "path-expansion")
BRUTE_FORCE = (TABLES, Step("blocks", "enumeration", ("tables",)), Step("count", "sum-blocks", ("blocks",)))
CUBIC = (
    TABLES,
    Step("classes", "cubic", ("tables",)),
    Step("blocks", "count-classes", ("classes",)),
    Step("count", "sum-blocks", ("blocks",)),
)


@dataclass(frozen=True)
class Shape:
    """Dimensions of a small network."""

    n_ctx: int
    d_vocab: int
    d_model: int = 3
    d_head: int = 2


def shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor, TransformerLens names."""
    n, d, D, H = shape.n_ctx, shape.d_vocab, shape.d_model, shape.d_head
    matrices = {"embed.W_E": (d, D), "pos_embed.W_pos": (n, D), "unembed.W_U": (D, d), "blocks.0.attn.W_O": (1, H, D)}
    matrices |= {f"blocks.0.attn.W_{c}": (1, D, H) for c in "QKV"}
    biases = {f"blocks.0.attn.b_{c}": (1, H) for c in "QKV"} | {"blocks.0.attn.b_O": (D,), "unembed.b_U": (d,)}
    return matrices | biases


def random_model(shape: Shape, seed: int, *, biases: bool = False, scale: float = 1.0, dtype: str = "<f4") -> Tensors:
    """Normal weights of standard deviation `scale`."""
    generator = np.random.default_rng(seed)
    names = (*WEIGHTS, *BIASES) if biases else WEIGHTS
    all_shapes = shapes(shape)
    return {name: (scale * generator.standard_normal(all_shapes[name])).astype(dtype) for name in names}


def trained_like(shape: Shape, seed: int, *, gain: float = 3.0, biases: bool = False, dtype: str = "<f4") -> Tensors:
    """A noisy hand-made network that answers most sequences correctly, so that proofs have something to prove.

    The head attends to large tokens and copies them: the score grows with the key's token, and logit j of a value t is −gain·(t − j)²
    up to a term that does not depend on j. d_model ≥ 3, d_head ≥ 2.
    """
    tensors = random_model(shape, seed, biases=biases, scale=0.05, dtype="<f8")
    t = np.arange(shape.d_vocab, dtype=np.float64)
    tensors["embed.W_E"][:, 0] += 1
    tensors["embed.W_E"][:, 1] += t
    tensors["blocks.0.attn.W_Q"][0, 0, 0] += gain
    tensors["blocks.0.attn.W_K"][0, 1, 0] += gain
    tensors["blocks.0.attn.W_V"][0, 1, 0] += 1
    tensors["blocks.0.attn.W_V"][0, 0, 1] += 1
    tensors["blocks.0.attn.W_O"][0, 0, 2] += gain * 4
    tensors["blocks.0.attn.W_O"][0, 1, 0] += gain * 4
    tensors["unembed.W_U"][2] += 2 * t
    tensors["unembed.W_U"][0] -= t * t
    return {name: array.astype(dtype) for name, array in tensors.items()}


def safetensors_bytes(tensors: Mapping[str, np.ndarray[Any, Any]], *, bfloat16: bool = False) -> bytes:
    """The bytes of a safetensors file. bfloat16: float32 arrays are cut to their upper halves."""
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    offset = 0
    for name, array in tensors.items():
        if bfloat16:
            data, kind = (np.ascontiguousarray(array, dtype="<f4").view("<u4") >> 16).astype("<u2").tobytes(), "BF16"
        else:
            data, kind = array.tobytes(), _NAMES[array.dtype]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + len(data)]}
        parts.append(data)
        offset += len(data)
    return raw_safetensors(header, b"".join(parts))


def raw_safetensors(header: Any, body: bytes) -> bytes:
    """A file with any header (bytes as they are, anything else as JSON)."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def sizes(shape: Shape) -> Dimensions:
    """The dimensions of a certificate about such a network."""
    return Dimensions(n_ctx=shape.n_ctx, d_vocab=shape.d_vocab, d_model=shape.d_model, d_head=shape.d_head)


def about(found: Certificate, shape: Shape, total: int | None = None) -> Certificate:
    """The same certificate with other sizes of network and task, and their total or another."""
    return replace(
        found,
        model=replace(found.model, dimensions=dict(sizes(shape))),
        task=TaskSpec("max-of-k", {"n_ctx": shape.n_ctx, "d_vocab": shape.d_vocab}),
    ).claiming(total=shape.d_vocab**shape.n_ctx if total is None else total)


def sizes_of(found: Certificate, limits: Limits | None = None) -> Dimensions:
    """What the cost of a rule is computed from."""
    return read_frame(found, BUILT_IN, limits or Limits()).sizes


def certificate(
    weights: bytes,
    shape: Shape,
    steps: tuple[Step, ...],
    *,
    correct: int = 0,
    weights_file: str = "weights.safetensors",
    precision: int = 128,
) -> Certificate:
    """A certificate about these weights."""
    return Certificate(
        claim=accuracy_at_least(correct, shape.d_vocab**shape.n_ctx),
        model=ModelSpec("attention-only-one-layer-one-head", dict(sizes(shape)), weights_file, hashlib.sha256(weights).hexdigest()),
        task=TaskSpec("max-of-k", {"n_ctx": shape.n_ctx, "d_vocab": shape.d_vocab}),
        precision=precision,
        steps=steps,
    )


def proved_count(
    weights: bytes, shape: Shape, steps: tuple[Step, ...], folder: Path, *, backend: Any = "fast", precision: int = 128
) -> int:
    """What the steps prove about the network, through `proofcheck.verify`. Raises the refusal if it is not VERIFIED."""
    import proofcheck

    path = folder / "weights.safetensors"
    path.write_bytes(weights)
    report = proofcheck.verify(certificate(weights, shape, steps, precision=precision), model=path, backend=backend)
    report.raise_for_verdict()
    return report.proved
