"""Small networks that are hard for rounded arithmetic: ties, tiny margins, huge scores, equal weights."""

from __future__ import annotations

import numpy as np
from soundness.small_models import Shape, Tensors, random_model, trained_like

SHAPES = (Shape(1, 3), Shape(2, 3), Shape(2, 5), Shape(3, 3), Shape(3, 4), Shape(4, 2), Shape(4, 3))
KINDS = (
    "random",
    "trained",
    "ties",
    "equal-weights",
    "equal-logits",
    "scores-700",
    "scores-1e5",
    "tiny-margins",
    "tiny-margins-huge-scores",
)


def adversarial_model(k: int) -> tuple[str, Shape, Tensors]:
    """Name, shape and weights of model number k."""
    kind, shape = KINDS[k % len(KINDS)], SHAPES[(k // len(KINDS)) % len(SHAPES)]
    rng = np.random.default_rng(1000 + k)
    biases = bool(rng.integers(0, 2))
    tensors = random_model(shape, k, biases=biases, dtype="<f8")
    if kind == "trained" or (kind != "random" and rng.integers(0, 2)):
        tensors = trained_like(shape, k, gain=float(rng.choice([0.3, 1.0, 3.0])), biases=biases, dtype="<f8")
    W_U = tensors["unembed.W_U"]
    if kind == "ties":
        _make_columns_equal(tensors, rng)
    if kind == "equal-weights":
        for name in ("embed.W_E", "pos_embed.W_pos"):
            tensors[name][:] = tensors[name][:1]
    if kind == "equal-logits":
        W_U[:] = W_U[:, :1]
        if "unembed.b_U" in tensors:
            tensors["unembed.b_U"][:] = tensors["unembed.b_U"][0]
    if kind.startswith("tiny-margins"):
        step = 2.0 ** -int(rng.integers(30, 50))
        W_U[:] = np.floor(W_U[:, :1] * 64) / 2**20 * (1 + step * rng.integers(-2, 3, W_U.shape[1]))  # margins near 2^−70 … 2^−44
        tensors.pop("unembed.b_U", None)
    if kind.startswith("scores") or kind.endswith("scores"):
        _scale_scores(tensors, 1e5 if kind != "scores-700" else 700.0)
    return f"{k}-{kind}-n{shape.n_ctx}-d{shape.d_vocab}", shape, tensors


def _make_columns_equal(tensors: Tensors, rng: np.random.Generator) -> None:
    d = tensors["unembed.W_U"].shape[1]
    a, b = rng.choice(d, 2, replace=False)
    tensors["unembed.W_U"][:, a] = tensors["unembed.W_U"][:, b]
    if "unembed.b_U" in tensors:
        tensors["unembed.b_U"][a] = tensors["unembed.b_U"][b]


def _scale_scores(tensors: Tensors, size: float) -> None:
    """Make the largest |score| about `size`."""
    query = tensors["embed.W_E"] + tensors["pos_embed.W_pos"][-1]
    keys = (tensors["embed.W_E"][None] + tensors["pos_embed.W_pos"][:, None]) @ tensors["blocks.0.attn.W_K"][0]
    keys = keys + tensors.get("blocks.0.attn.b_K", np.zeros(keys.shape[-1]))
    queries = query @ tensors["blocks.0.attn.W_Q"][0] + tensors.get("blocks.0.attn.b_Q", np.zeros(keys.shape[-1]))
    largest = float(np.abs(np.einsum("qh,ith->qit", queries, keys)).max()) / np.sqrt(keys.shape[-1])
    for name in ("blocks.0.attn.W_Q", "blocks.0.attn.b_Q"):
        if name in tensors:
            tensors[name] *= size / largest
