"""Evaluations of a transformer that conform to docs/semantics-float.md, as bad as they can be made: for the tests, in float64 arithmetic.

Written from that page. Each stage is computed exactly up to float64, and then moved as far as the page allows, in a direction of its own:
at random, or along what the evaluation is off by already. Assumptions (u, η, N, τ, κ, ω) are such that float64's own errors are nothing
beside them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Pair = tuple[Array, Array]  # exact, computed
MODES = ("random", "along", "along-random", "ones")


@dataclass
class Adversary:
    """u, η, N, τ, κ, ω of the page. mode: how directions are chosen."""

    u: float
    eta: float
    N: int
    tau: float
    kappa: int
    omega: float
    rng: np.random.Generator
    mode: str
    used: dict[str, int] = field(default_factory=dict)

    @property
    def gamma(self) -> float:
        return self.N * self.u / (1 - self.N * self.u) * (1 - 1e-9)

    def direction(self, exact: Array, computed: Array) -> Array:
        """A sign for each entry."""
        signs = self.rng.choice([-1.0, 1.0], exact.shape)
        if self.mode == "ones":
            return np.ones(exact.shape)
        if self.mode == "along" or (self.mode == "along-random" and self.rng.random() < 0.5):
            off = np.sign(computed - exact)
            return np.asarray(np.where(off == 0, signs, off))
        return signs

    def lost(self, times: float, exact: Array, signs: Array) -> Array:
        return times * self.eta * signs + 0 * exact

    def summed(self, exact: Array, terms: Array, operations: float) -> Array:
        """Σ over the first axis of terms [K, m], each rounded N times, and so many operations' losses."""
        plain = terms.sum(axis=0)
        signs = self.direction(exact, plain)
        return np.asarray(plain + signs * self.gamma * np.abs(terms).sum(axis=0) + self.lost(operations, exact, signs))


@dataclass
class Stream:
    """A residual stream: its exact value, and the computed terms that it is the sum of."""

    exact: Array
    terms: list[Array]

    def read(self, by: Adversary) -> Pair:
        if len(self.terms) == 1:
            return self.exact, self.terms[0]
        return self.exact, by.summed(self.exact, np.array(self.terms), 3 * (len(self.terms) - 1))


class Evaluation:
    """One network: its tensors as float64 arrays, sizes and options by the names of docs/semantics.md."""

    def __init__(self, tensors: dict[str, Array], sizes: dict[str, int], options: dict[str, Any]) -> None:
        self.W, self.sizes, self.options = tensors, sizes, options

    def logits(self, tokens: tuple[int, ...], by: Adversary) -> Pair:
        sizes, options = self.sizes, self.options
        states = [self.embedded(token, i) for i, token in enumerate(tokens)]
        for layer in range(sizes["n_layers"]):
            states = self.after(layer, states, by)
        readout = options["readout"]
        if readout == "sum":
            read = Stream(np.sum([state.exact for state in states], axis=0), [term for state in states for term in state.terms])
        else:
            read = states[len(tokens) - 1 if readout == "last" else readout]
        pair = self.normalized(read.read(by), "ln_final", by)
        for k in range(len(options["head"])):
            pair = self.activated(self.affine(pair, f"head.{k}.W", f"head.{k}.b", by), "relu", by)
        return self.affine(pair, "unembed.W_U", "unembed.b_U", by)

    def embedded(self, token: int, i: int) -> Stream:
        table = self.W["embed.W_E"]
        terms = [table[i, token] if table.ndim == 3 else table[token]]
        if "pos_embed.W_pos" in self.W:
            terms.append(self.W["pos_embed.W_pos"][i])
        return Stream(np.sum(terms, axis=0), terms)

    def after(self, layer: int, states: list[Stream], by: Adversary) -> list[Stream]:
        found = []
        for i, state in enumerate(states):
            stream = state
            if self.sizes["n_heads"]:
                stream = joined(stream, self.attended(layer, states, i, by))
            if self.sizes["d_mlp"]:
                pair = self.normalized(stream.read(by), f"blocks.{layer}.ln2", by)
                pair = self.affine(pair, f"blocks.{layer}.mlp.W_in", f"blocks.{layer}.mlp.b_in", by)
                pair = self.activated(pair, self.options["activation"], by)
                stream = joined(stream, self.affine(pair, f"blocks.{layer}.mlp.W_out", f"blocks.{layer}.mlp.b_out", by))
            found.append(stream)
        return found

    def affine(self, x: Pair, W: str, b: str, by: Adversary) -> Pair:
        bias = self.W.get(b)
        return affine(x, self.W[W], bias, by)

    def normalized(self, x: Pair, name: str, by: Adversary) -> Pair:
        kind = self.options["normalization"]
        if kind == "none":
            return x
        pair = normalized(x, float(Fraction(self.options["eps"])), kind.startswith("LN"), by)
        if f"{name}.w" in self.W:
            pair = diagonal(pair, self.W[f"{name}.w"], self.W.get(f"{name}.b"), by)
        return pair

    def activated(self, x: Pair, name: str, by: Adversary) -> Pair:
        return activated(x, name, by)

    def attended(self, layer: int, states: list[Stream], i: int, by: Adversary) -> Pair:
        """The output of all heads at position i. Every use of a state computes it anew: any of these evaluations conforms."""
        place, H, d = f"blocks.{layer}.attn.", self.sizes["n_heads"], self.sizes["d_head"]
        attention = self.options["attention"]
        visible = range(i + 1) if attention.startswith("causal") else range(len(states))

        def projected(letter: str, j: int) -> Pair:
            W, b = self.W[f"{place}W_{letter}"], self.W.get(f"{place}b_{letter}")
            side_by_side = W.transpose(1, 0, 2).reshape(W.shape[1], -1)
            return affine(self.normalized(states[j].read(by), f"blocks.{layer}.ln1", by), side_by_side, b if b is None else b.ravel(), by)

        values = [projected("V", j) for j in visible]
        z: Pair
        if attention.endswith("uniform"):
            z = averaged(values, by)
        else:
            option = self.options["scale"]
            scale = 1 / math.sqrt(d) if option == "1/sqrt(d_head)" else float(Fraction(option))
            z = mixed(projected("Q", i), [projected("K", j) for j in visible], values, H, scale, by)
        return affine(z, self.W[f"{place}W_O"].reshape(H * d, -1), self.W.get(f"{place}b_O"), by)


def joined(stream: Stream, out: Pair) -> Stream:
    return Stream(stream.exact + out[0], [*stream.terms, out[1]])


def affine(x: Pair, W: Array, b: Array | None, by: Adversary) -> Pair:
    """Σ_k x_k W_kj + b_j; operands read as zero or nearly, each use by itself."""
    bias = np.zeros(W.shape[1]) if b is None else b
    exact = x[0] @ W + bias
    signs = by.direction(exact, x[1] @ W + bias)
    read = x[1][:, None] + by.eta * np.sign(W) * signs  # [K, m]
    return exact, by.summed(exact, np.concatenate([read * W, bias[None]]), 4 * len(W))


def diagonal(x: Pair, w: Array, b: Array | None, by: Adversary) -> Pair:
    bias = np.zeros(len(w)) if b is None else b
    exact = x[0] * w + bias
    return exact, by.summed(exact, np.array([x[1] * w, bias]), 3.0)


def normalized(x: Pair, eps: float, centred: bool, by: Adversary) -> Pair:
    """Mean and variance off by what is allowed, then the difference or the difference of products."""
    g, k = by.gamma, len(x[0])

    def exactly(v: Array) -> Array:
        c = v - v.mean() if centred else v
        return np.asarray(c / np.sqrt((c * c).mean() + eps))

    exact, v = exactly(x[0]), x[1]
    mean = v.mean() + by.rng.choice([-1.0, 1.0]) * (g * np.abs(v).max() + 4 * by.eta) if centred else 0.0
    variance = ((v - v.mean()) ** 2).mean() if centred else (v * v).mean()
    variance += by.rng.choice([-1.0, 1.0, -1.0]) * (g * (v * v).mean() + 8 * by.eta)
    if not variance + eps > 0:
        return exact, np.full(k, np.nan)  # no number: the radius must be infinite
    inverse = (variance + eps) ** -0.5 * (1 + by.rng.choice([-1.0, 1.0]) * g)
    signs = by.direction(exact, inverse * (v - mean))
    losses = (4 * by.eta * inverse + 8 * by.eta) * signs
    return exact, inverse * (v - mean + signs * g * (np.abs(v) + abs(mean))) + losses


FUNCTIONS = {
    "gelu": lambda t: t * (1 + math.erf(t / math.sqrt(2))) / 2,
    "gelu_new": lambda t: t * (1 + math.tanh(math.sqrt(2 / math.pi) * (t + 0.044715 * t**3))) / 2 if abs(t) < 1e90 else max(t, 0.0),
    "silu": lambda t: t / (1 + math.exp(-t)) if t > -700 else 0.0,
}


def activated(x: Pair, name: str, by: Adversary) -> Pair:
    if name == "relu":
        exact = np.maximum(x[0], 0)
        return exact, np.maximum(x[1] + by.eta * by.direction(x[0], x[1]), 0)
    exact, computed = (np.array([FUNCTIONS[name](float(t)) for t in v]) for v in x)
    signs = by.direction(exact, computed)
    return exact, computed + signs * (by.omega * np.abs(x[1]) + 2 * by.eta)


def averaged(values: list[Pair], by: Adversary) -> Pair:
    m = len(values)
    exact = np.mean([v[0] for v in values], axis=0)
    return exact, by.summed(exact, np.array([v[1] for v in values]) / m, 4.0)


def mixed(q: Pair, keys: list[Pair], values: list[Pair], H: int, scale: float, by: Adversary) -> Pair:
    """Scores and softmax, head by head; weights are moved towards the values that lie in one direction, and away from the others."""
    d = len(q[0]) // H
    exact, computed = np.empty(H * d), np.empty(H * d)
    for h in range(H):
        part = slice(h * d, h * d + d)
        scores = np.array([scale * q[0][part] @ k[0][part] for k in keys])
        run = np.array(
            [
                scale * q[1][part] @ k[1][part]
                + by.rng.choice([-1.0, 1.0]) * (by.gamma * scale * np.abs(q[1][part]) @ np.abs(k[1][part]))
                + by.rng.choice([-1.0, 1.0]) * (1 + scale) * by.eta * (np.abs(q[1][part]).sum() + np.abs(k[1][part]).sum() + 2 * d)
                for k in keys
            ]
        )
        alpha = np.exp(scores - scores.max())
        alpha /= alpha.sum()
        z = sum(a * v[0][part] for a, v in zip(alpha, values, strict=True))
        towards = by.direction(z, sum(a * v[1][part] for a, v in zip(alpha, values, strict=True)))
        along = np.array([float(towards @ v[1][part]) for v in values])
        signs = np.where(along >= float(alpha @ along), 1.0, -1.0)
        if by.mode != "ones":  # scores too, where that moves more
            worse = scale * np.array([by.gamma * np.abs(q[1][part]) @ np.abs(k[1][part]) for k in keys])
            plain = np.array([scale * q[1][part] @ k[1][part] for k in keys])
            run = plain + signs * worse
        off = run - run.max()
        weights = np.maximum(np.exp(off + signs * (by.tau + by.kappa * by.u * np.abs(off))) + signs * by.eta, 0.0)
        weights /= weights.sum()
        terms = np.array([a * v[1][part] for a, v in zip(weights, values, strict=True)])
        exact[part], computed[part] = z, by.summed(z, terms, 4.0 * len(keys))
    return exact, computed
