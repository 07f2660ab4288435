"""A transformer of docs/semantics.md: sizes and options as certificates name them, tensor shapes, and a differentiable forward pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
import torch.nn.functional as F

from proofcheck import ProofcheckError
from proofcheck.kinds import read_fields
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.models.transformer import DIMENSIONS, OPTIONS, TRANSFORMER, require_consistent, tensor_shapes
from proofcheck.report import describe
from strategies.models.load import ModelError

Weights = Mapping[str, torch.Tensor]

ACTIVATIONS = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
}
_SIZES = {"n_layers": 1, "n_heads": 1, "n_positions": -1, "d_vocab_out": -1, "d_mlp": 0}
_NEEDED = tuple(name for name in DIMENSIONS if name not in _SIZES)
_PLAIN = {
    "embedding": "shared",
    "attention": "causal",
    "scale": "1/sqrt(d_head)",
    "normalization": "none",
    "eps": "0/1",
    "activation": "none",
    "readout": "last",
    "head": (),
}


@dataclass(frozen=True)
class Network:
    """sizes: the dimensions of the architecture; options: as a certificate writes them."""

    sizes: dict[str, int]
    options: dict[str, Any]

    @classmethod
    def of(cls, **fields: Any) -> Network:
        """Sizes and options by name; left out: one layer, one head, no MLP, no normalization, causal, read at the last position.

        scale and eps may be Python numbers, which are taken exactly; a read-out position may be counted from the end (−1 is the last).
        Errors: ModelError naming the size or option that is unknown, missing, no such value, or does not fit the others.
        """
        if unknown := [name for name in fields if name not in DIMENSIONS and name not in OPTIONS]:
            raise ModelError(f"there is no size or option {unknown[0]}; there are {', '.join((*DIMENSIONS, *OPTIONS))}: docs/semantics.md")
        if missing := [name for name in _NEEDED if name not in fields]:
            raise ModelError(f"missing {', '.join(missing)}: a network has the sizes {', '.join(DIMENSIONS)} (docs/semantics.md)")
        sizes = {**_SIZES, **{name: value for name, value in fields.items() if name in DIMENSIONS}}
        sizes["n_positions"] = sizes["n_ctx"] if sizes["n_positions"] < 0 else sizes["n_positions"]
        sizes["d_vocab_out"] = sizes["d_vocab"] if sizes["d_vocab_out"] < 0 else sizes["d_vocab_out"]
        options = {**_PLAIN, **{name: value for name, value in fields.items() if name in OPTIONS}}
        options |= {name: _rational(name, options[name]) for name in ("scale", "eps")}
        options["readout"] = _position(options["readout"], sizes["n_ctx"])
        options["head"] = tuple(options["head"])
        network = cls({name: sizes[name] for name in DIMENSIONS}, {name: options[name] for name in OPTIONS})
        try:
            require_consistent(network.dimensions, network.read_options())
        except ProofcheckError as error:
            raise ModelError("no such network: " + " ".join(line.strip() for line in describe(error)) + "; docs/semantics.md") from error
        return network

    @property
    def dimensions(self) -> Dimensions:
        return Dimensions(**self.sizes)

    def read_options(self) -> dict[str, Any]:
        """As the checker reads them. Errors: Rejected."""
        return read_fields(self.options, OPTIONS, "$.model.options", Limits())

    def shapes(self) -> dict[str, tuple[tuple[int, ...], bool]]:
        """Tensor name -> shape, and whether it may be absent."""
        found = tensor_shapes(self.dimensions, self.read_options())
        return {name: (tuple(self.dimensions.size(axis) for axis in axes), absent) for name, (axes, absent) in found.items()}

    def metadata(self) -> dict[str, str]:
        """What a weight file of this network says about itself; the checker refuses a certificate that says otherwise."""
        return {"proofcheck.architecture": TRANSFORMER.name, **TRANSFORMER.declared(self.read_options())}


def _rational(name: str, value: Any) -> Any:
    """A number as p/q, exactly; words stay as they are."""
    if not isinstance(value, int | float | Fraction):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise ModelError(f"{name} is {value}, must be a number")
    return f"{Fraction(value).numerator}/{Fraction(value).denominator}"


def _position(readout: Any, n_ctx: int) -> Any:
    if not isinstance(readout, int):
        return readout
    if not -n_ctx <= readout < n_ctx:
        raise ModelError(f"readout is {readout}, must be a position from 0 to {n_ctx - 1}, or last, or sum")
    place = readout % n_ctx
    return "last" if place == n_ctx - 1 else place


def logits(network: Network, weights: Weights, tokens: torch.Tensor) -> torch.Tensor:
    """[B, n_ctx] → [B, d_vocab_out], in the dtype of the weights. Missing biases are 0."""
    sizes, options = network.sizes, network.options
    n = sizes["n_ctx"]
    E = weights["embed.W_E"]
    x = F.embedding(tokens, E) if options["embedding"] == "shared" else torch.stack([F.embedding(tokens[:, i], E[i]) for i in range(n)], 1)
    if sizes["n_positions"]:
        x = x + weights["pos_embed.W_pos"][:n]
    for layer in range(sizes["n_layers"]):
        last = layer == sizes["n_layers"] - 1
        block = f"blocks.{layer}."
        if sizes["n_heads"]:
            x = x + _attention(network, weights, f"{block}attn.", _norm(network, weights, f"{block}ln1", x))
        if last and options["readout"] != "sum":  # other positions are not read
            x = x[:, -1:] if options["readout"] == "last" else x[:, options["readout"]].unsqueeze(1)
        if sizes["d_mlp"]:
            mlp = f"{block}mlp."
            hidden = _norm(network, weights, f"{block}ln2", x) @ weights[mlp + "W_in"] + weights.get(mlp + "b_in", 0)
            x = x + ACTIVATIONS[options["activation"]](hidden) @ weights[mlp + "W_out"] + weights.get(mlp + "b_out", 0)
    if options["readout"] == "sum":
        y = x.sum(1)
    else:
        y = x[:, -1] if sizes["n_layers"] or options["readout"] == "last" else x[:, options["readout"]]
    y = _norm(network, weights, "ln_final", y)
    for k in range(len(options["head"])):
        y = F.relu(y @ weights[f"head.{k}.W"] + weights.get(f"head.{k}.b", 0))
    return y @ weights["unembed.W_U"] + weights.get("unembed.b_U", 0)


def _norm(network: Network, weights: Weights, name: str, x: torch.Tensor) -> torch.Tensor:
    kind = network.options["normalization"]
    if kind == "none":
        return x
    x = x - x.mean(-1, keepdim=True) if kind in ("LN", "LNPre") else x
    x = x / (x.pow(2).mean(-1, keepdim=True) + float(Fraction(network.options["eps"]))).sqrt()
    x = x * weights[f"{name}.w"] if kind in ("LN", "RMS") else x
    return x + weights[f"{name}.b"] if kind == "LN" else x


def _attention(network: Network, weights: Weights, name: str, x: torch.Tensor) -> torch.Tensor:
    attention, n = network.options["attention"], x.shape[1]

    def projected(letter: str) -> torch.Tensor:
        bias = weights.get(f"{name}b_{letter}")
        y = torch.einsum("bnd,hde->bhne", x, weights[f"{name}W_{letter}"])
        return y if bias is None else y + bias[:, None]

    visible = torch.ones(n, n, dtype=torch.bool, device=x.device)
    visible = visible.tril() if attention.startswith("causal") else visible
    if attention.endswith("uniform"):
        pattern = (visible.to(x.dtype) / visible.sum(-1, keepdim=True))[None, None]
    else:
        scale = network.options["scale"]
        factor = 1 / math.sqrt(network.sizes["d_head"]) if scale == "1/sqrt(d_head)" else float(Fraction(scale))
        scores = torch.einsum("bhne,bhme->bhnm", projected("Q"), projected("K")) * factor
        pattern = scores.masked_fill(~visible, -torch.inf).softmax(-1)
    z = torch.einsum("bhnm,bhme->bhne", pattern, projected("V"))
    return torch.einsum("bhne,hed->bnd", z, weights[f"{name}W_O"]) + weights.get(f"{name}b_O", 0)
