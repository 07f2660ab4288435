"""Transformers of every option: random weights, and a forward pass in torch float64 that was written from docs/semantics.md alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save

from proofcheck.kinds import read_fields
from proofcheck.limits import Limits
from proofcheck.models import Dimensions, decode_weights
from proofcheck.models.transformer import DIMENSIONS, OPTIONS, TRANSFORMER, Transformer, tensor_shapes

Tensors = dict[str, NDArray[Any]]

ACTIVATIONS = {
    "relu": torch.nn.functional.relu,
    "gelu": torch.nn.functional.gelu,
    "gelu_new": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
    "silu": torch.nn.functional.silu,
}


@dataclass(frozen=True)
class Case:
    """A network as a certificate names it: sizes, options as the format writes them, tensors."""

    sizes: dict[str, int]
    options: dict[str, Any]
    tensors: Tensors

    @property
    def dimensions(self) -> Dimensions:
        return Dimensions(**self.sizes)

    @property
    def read_options(self) -> Mapping[str, Any]:
        return read_fields(self.options, OPTIONS, "$.model.options", Limits())

    def data(self) -> bytes:
        return save({name: np.ascontiguousarray(array) for name, array in self.tensors.items()})

    def network(self, limits: Limits | None = None) -> Transformer:
        limits = limits or Limits()
        dimensions = TRANSFORMER.read_dimensions(self.sizes, limits)
        weights = decode_weights(self.data(), TRANSFORMER.tensors(dimensions, self.read_options), limits)
        return TRANSFORMER.build(dimensions, self.read_options, weights)  # type: ignore[return-value]


def sizes(**changes: int) -> dict[str, int]:
    base = {
        "n_layers": 1,
        "n_heads": 2,
        "n_ctx": 3,
        "n_positions": 3,
        "d_vocab": 4,
        "d_vocab_out": 4,
        "d_model": 6,
        "d_head": 3,
        "d_mlp": 0,
    }
    return {name: {**base, **changes}[name] for name in DIMENSIONS}


def options(**changes: Any) -> dict[str, Any]:
    base = {
        "embedding": "shared",
        "attention": "causal",
        "scale": "1/sqrt(d_head)",
        "normalization": "none",
        "eps": "0/1",
        "activation": "none",
        "readout": "last",
        "head": (),
    }
    return {name: {**base, **changes}[name] for name in OPTIONS}


def random_tensors(shape: dict[str, int], chosen: dict[str, Any], seed: int, *, size: float = 1.0, biases: bool = True) -> Tensors:
    rng = np.random.default_rng(seed)
    dimensions = Dimensions(**shape)
    read = read_fields(chosen, OPTIONS, "$", Limits())
    found = {}
    for name, (axes, optional) in tensor_shapes(dimensions, read).items():
        if optional and not biases:
            continue
        extent = tuple(dimensions.size(axis) for axis in axes)
        found[name] = (rng.normal(size=extent) * size / np.sqrt(max(1, extent[-2] if len(extent) > 1 else 1))).astype("<f4")
    return found


def random_case(seed: int) -> Case:
    """Any combination of options and small sizes."""
    rng = np.random.default_rng(seed)

    def pick(*choices: Any) -> Any:
        return choices[int(rng.integers(len(choices)))]

    layers = pick(0, 1, 1, 2, 2, 3)
    heads = pick(0, 1, 2, 3) if layers else 0
    mlp = (pick(0, 5, 8) if heads else 7) if layers else 0
    n = pick(1, 2, 3, 4)
    normalization = pick("none", "LN", "LNPre", "RMS", "RMSPre")
    attention = pick("causal", "causal", "full", "causal-uniform", "full-uniform") if heads else "full"
    readout = pick("last", "sum", *range(n - 1))
    positions = pick(0, n, n + 2)
    shape = sizes(
        n_layers=layers,
        n_heads=heads,
        n_ctx=n,
        n_positions=positions,
        d_vocab=pick(2, 3, 5),
        d_vocab_out=pick(1, 2, 4),
        d_model=pick(1, 4, 6),
        d_head=pick(1, 3, 4) if heads else 0,
        d_mlp=mlp,
    )
    chosen = options(
        embedding=pick("shared", "by-position"),
        attention=attention,
        scale=pick("1/sqrt(d_head)", "1/1", "3/7") if heads and "uniform" not in attention else "1/sqrt(d_head)",
        normalization=normalization,
        eps="0/1" if normalization == "none" else pick("1/100000", "1/8"),
        activation=pick("relu", "gelu", "gelu_new", "silu") if mlp else "none",
        readout=int(readout) if isinstance(readout, (int, np.integer)) else readout,
        head=pick((), (), (5,), (3, 4)),
    )
    tensors = random_tensors(shape, chosen, seed, size=pick(0.3, 1.0, 4.0), biases=pick(True, False))
    return Case(shape, chosen, tensors)


def torch_logits(case: Case, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """[B, n] → [B, d_vocab_out], float64, from the state dict and the options as the certificate writes them."""
    w = {name: torch.tensor(array.astype(np.float64)) for name, array in case.tensors.items()}
    chosen, shape = case.options, case.sizes
    t = torch.tensor(tokens)
    n = tokens.shape[1]

    def norm(x: torch.Tensor, prefix: str) -> torch.Tensor:
        kind = chosen["normalization"]
        if kind == "none":
            return x
        if kind in ("LN", "LNPre"):
            x = x - x.mean(-1, keepdim=True)
        x = x / (x.pow(2).mean(-1, keepdim=True) + float(Fraction(chosen["eps"]))).sqrt()
        if kind in ("LN", "RMS"):
            x = x * w[f"{prefix}.w"]
        return x + w[f"{prefix}.b"] if kind == "LN" else x

    E = w["embed.W_E"]
    x = E[t] if chosen["embedding"] == "shared" else torch.stack([E[i][t[:, i]] for i in range(n)], dim=1)
    if shape["n_positions"]:
        x = x + w["pos_embed.W_pos"][:n]
    visible = (
        torch.tril(torch.ones(n, n, dtype=torch.bool)) if chosen["attention"].startswith("causal") else torch.ones(n, n, dtype=torch.bool)
    )
    for layer in range(shape["n_layers"]):
        a = f"blocks.{layer}.attn."
        if shape["n_heads"]:
            y = norm(x, f"blocks.{layer}.ln1")
            heads = []
            for h in range(shape["n_heads"]):
                v = y @ w[a + "W_V"][h] + w.get(a + "b_V", torch.zeros(9, 1))[h]
                if chosen["attention"].endswith("uniform"):
                    pattern = visible.double() / visible.sum(-1, keepdim=True)
                else:
                    q = y @ w[a + "W_Q"][h] + w.get(a + "b_Q", torch.zeros(9, 1))[h]
                    k = y @ w[a + "W_K"][h] + w.get(a + "b_K", torch.zeros(9, 1))[h]
                    scale = shape["d_head"] ** -0.5 if chosen["scale"] == "1/sqrt(d_head)" else float(Fraction(chosen["scale"]))
                    pattern = (q @ k.transpose(1, 2) * scale).masked_fill(~visible, -torch.inf).softmax(-1)
                heads.append(pattern @ v @ w[a + "W_O"][h])
            x = x + sum(heads) + w.get(a + "b_O", torch.zeros(()))
        if shape["d_mlp"]:
            m = f"blocks.{layer}.mlp."
            z = norm(x, f"blocks.{layer}.ln2") @ w[m + "W_in"] + w.get(m + "b_in", torch.zeros(()))
            z = ACTIVATIONS[chosen["activation"]](z)
            x = x + z @ w[m + "W_out"] + w.get(m + "b_out", torch.zeros(()))
    read = chosen["readout"]
    y = x.sum(1) if read == "sum" else x[:, -1] if read == "last" else x[:, read]
    y = norm(y, "ln_final")
    for k in range(len(chosen["head"])):
        y = (y @ w[f"head.{k}.W"] + w.get(f"head.{k}.b", torch.zeros(()))).relu()
    y = y @ w["unembed.W_U"] + w.get("unembed.b_U", torch.zeros(()))
    return y.numpy()
