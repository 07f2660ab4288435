"""A network in float64: logits and attention patterns of a few inputs, for pages. numpy alone; information, never a proof.

The semantics are those of docs/semantics.md. Architectures that are not known here have no logits on a page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofcheck import Certificate, Limits
from proofcheck.arithmetic import DyadicArray
from proofcheck.catalogue import BUILT_IN
from proofcheck.kinds import read_fields
from proofcheck.models import Dimensions, decode_weights
from proofcheck.models.attention_only import NAME as ATTENTION_ONLY
from proofcheck.models.sum_of_tables import NAME as SUM_OF_TABLES
from proofcheck.models.transformer import NAME as TRANSFORMER

Floats = NDArray[np.float64]
Tokens = NDArray[np.int64]

_PLAIN: dict[str, Any] = {
    "embedding": "shared",
    "attention": "causal",
    "scale": "1/sqrt(d_head)",
    "normalization": "none",
    "eps": Fraction(0),
    "activation": "none",
    "readout": "last",
    "head": (),
}
_ERF = np.vectorize(math.erf, otypes=[np.float64])

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * (1 + _ERF(x / math.sqrt(2))) / 2,
    "gelu_new": lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
}


@dataclass(frozen=True)
class FloatNetwork:
    """sizes, options: as the architecture reads them. tensors: float64, TransformerLens names and shapes."""

    architecture: str
    sizes: Mapping[str, int]
    options: Mapping[str, Any]
    tensors: Mapping[str, Floats]

    def run(self, tokens: Tokens) -> tuple[Floats, list[Floats]]:
        """[B, n_ctx] → logits [B, answers], and for each layer with attention the pattern of the position that is read, [B, heads, n_ctx].

        Where the positions are summed at the end, the pattern is that of the last one.
        """
        if self.architecture == SUM_OF_TABLES:
            table = self.tensors["embed.W_E"]
            summed = np.sum([table[i][tokens[:, i]] for i in range(tokens.shape[1])], axis=0)
            return self._affine(np.maximum(summed, 0), "unembed.W_U", "unembed.b_U"), []
        return self._transformer(tokens)

    def _transformer(self, tokens: Tokens) -> tuple[Floats, list[Floats]]:
        n, layers = tokens.shape[1], self.sizes.get("n_layers", 1)
        read = self.options["readout"]
        at = n - 1 if read in ("last", "sum") else int(read)
        E = self.tensors["embed.W_E"]
        x = E[tokens] if self.options["embedding"] == "shared" else np.stack([E[i][tokens[:, i]] for i in range(n)], axis=1)
        if "pos_embed.W_pos" in self.tensors:
            x = x + self.tensors["pos_embed.W_pos"][:n]
        patterns = []
        for layer in range(layers):
            block = f"blocks.{layer}."
            if f"{block}attn.W_V" in self.tensors:
                only = at if layer == layers - 1 and read != "sum" else None  # no other position is read any more
                update, pattern = self._attend(f"{block}attn.", self._norm(f"{block}ln1", x), only)
                x = (x if only is None else x[:, only : only + 1]) + update
                patterns.append(pattern[:, :, 0 if only is not None else at])
            elif layer == layers - 1 and read != "sum":
                x = x[:, at : at + 1]
            if f"{block}mlp.W_in" in self.tensors:
                hidden = self._affine(self._norm(f"{block}ln2", x), f"{block}mlp.W_in", f"{block}mlp.b_in")
                x = x + self._affine(ACTIVATIONS[self.options["activation"]](hidden), f"{block}mlp.W_out", f"{block}mlp.b_out")
        y = self._norm("ln_final", x.sum(axis=1) if read == "sum" else x[:, 0] if layers else x[:, at])
        for k in range(len(self.options["head"])):
            y = np.maximum(self._affine(y, f"head.{k}.W", f"head.{k}.b"), 0)
        return self._affine(y, "unembed.W_U", "unembed.b_U"), patterns

    def _affine(self, x: Floats, matrix: str, bias: str) -> Floats:
        y = x @ self.tensors[matrix]
        return y + self.tensors[bias] if bias in self.tensors else y

    def _norm(self, name: str, x: Floats) -> Floats:
        kind = self.options["normalization"]
        if kind == "none":
            return x
        x = x - x.mean(axis=-1, keepdims=True) if kind in ("LN", "LNPre") else x
        x = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + float(self.options["eps"]))
        x = x * self.tensors[f"{name}.w"] if kind in ("LN", "RMS") else x
        return x + self.tensors[f"{name}.b"] if kind == "LN" else x

    def _attend(self, name: str, x: Floats, only: int | None) -> tuple[Floats, Floats]:
        """What one layer of attention adds, and its patterns [B, heads, n, n]; of one query position alone if `only` says which."""
        attention, n = self.options["attention"], x.shape[1]
        visible = np.tril(np.ones((n, n))) if attention.startswith("causal") else np.ones((n, n))
        queries = slice(None) if only is None else slice(only, only + 1)
        visible, value = visible[queries], self._heads(name, "V", x)
        if attention.endswith("uniform"):
            pattern = np.broadcast_to(visible / visible.sum(axis=-1, keepdims=True), (len(x), value.shape[1], *visible.shape))
        else:
            scale = self.options["scale"]
            factor = 1 / math.sqrt(self.sizes["d_head"]) if isinstance(scale, str) else float(scale)
            scores = np.einsum("bhne,bhme->bhnm", self._heads(name, "Q", x[:, queries]), self._heads(name, "K", x)) * factor
            scores = np.where(visible > 0, scores, -np.inf)
            weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
            pattern = weights / weights.sum(axis=-1, keepdims=True)
        mixed = np.einsum("bhnm,bhme->bhne", pattern, value)
        added = np.einsum("bhne,hed->bnd", mixed, self.tensors[f"{name}W_O"])
        return added + self.tensors.get(f"{name}b_O", np.zeros(1)), pattern

    def _heads(self, name: str, letter: str, x: Floats) -> Floats:
        """[B, n, d_model] → [B, heads, n, d_head]."""
        y = np.einsum("bnd,hde->bhne", x, self.tensors[f"{name}W_{letter}"])
        bias = self.tensors.get(f"{name}b_{letter}")
        return y if bias is None else y + bias[:, None]


def float_network(certificate: Certificate, weights: bytes) -> FloatNetwork | None:
    """The network of a verified certificate, from the bytes of its weight file; None for an architecture that is not known here."""
    model = certificate.model
    if model.architecture not in (ATTENTION_ONLY, SUM_OF_TABLES, TRANSFORMER):
        return None
    architecture, dimensions = BUILT_IN.architectures[model.architecture], Dimensions(**model.dimensions)
    options = read_fields(model.options, architecture.options, "$.model.options", Limits())
    decoded = decode_weights(weights, architecture.tensors(dimensions, options), Limits())
    tensors = {name: floats(exact) for name, exact in decoded.tensors.items() if exact.size}
    return FloatNetwork(architecture.name, dict(model.dimensions), {**_PLAIN, **options}, tensors)


def floats(exact: DyadicArray) -> Floats:
    """Float64 next to exact values, or near it: for pictures."""
    return np.ldexp(exact.integers.astype(np.float64), exact.exponent)
