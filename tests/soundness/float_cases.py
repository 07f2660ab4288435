"""Small binary32 networks with near ties, and evaluations of them that conform: real ones in several orders, and the worst that the rules
of docs/semantics-float.md allow. Written from that page, without proofcheck, in float64 (whose own error is 10^-9 of what is looked for).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from soundness.small_models import Shape, Tensors, random_model, trained_like

U, ETA = 2.0**-24, 2.0**-126
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Run:
    """N, τ, κ of a claim about binary32."""

    roundings: int
    tau: float
    kappa: int


def parts(tensors: Tensors) -> dict[str, Array]:
    """The tensors without the head axis, absent biases 0."""
    t = {name.rpartition(".")[2]: np.asarray(array, dtype=np.float64) for name, array in tensors.items()}
    found = {name: t[name] if t[name].ndim == 2 else t[name][0] for name in ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")}
    H, D, d = found["W_Q"].shape[1], found["W_E"].shape[1], found["W_U"].shape[1]
    for name, size in {"b_Q": H, "b_K": H, "b_V": H, "b_O": D, "b_U": d}.items():
        found[name] = t.get(name, np.zeros(size)).reshape(-1)
    return found


def terms(t: dict[str, Array]) -> tuple[Array, Array]:
    """Scores [query, position, token] and logit terms [query, position, token, logit] of each place; of |tensors|, their forms."""
    n = len(t["W_pos"])
    residual = t["W_E"][None] + t["W_pos"][:, None]  # [n, d, D]
    query = residual[n - 1] @ t["W_Q"] + t["b_Q"]
    key, value = residual @ t["W_K"] + t["b_K"], residual @ t["W_V"] + t["b_V"]
    scores = np.einsum("qh,ith->qit", query, key) / np.sqrt(t["W_Q"].shape[1])
    direct = (residual[n - 1] + t["b_O"]) @ t["W_U"] + t["b_U"]
    return scores, (value @ t["W_O"] @ t["W_U"])[None] + direct[:, None, None]


class Worst:
    """The worst evaluation of each sequence: every monomial rounded N times in the direction that hurts, and every exponential."""

    def __init__(self, tensors: Tensors, run: Run) -> None:
        t = parts(tensors)
        self.scores, self.values = terms(t)
        self.bar_scores, self.bar_values = terms({name: np.abs(array) for name, array in t.items()})
        self.run, self.gamma = run, np.expm1(run.roundings * np.log1p(U)) * (1 - 2.0**-20)

    def right(self, x: tuple[int, ...]) -> bool:
        """Whether even the worst evaluation is right."""
        q, m, places = x[-1], max(x), np.arange(len(x))
        s, V = self.scores[q, places, list(x)], self.values[q, places, list(x)]
        bar_s, bar_V = self.bar_scores[q, places, list(x)], self.bar_values[q, places, list(x)]
        for j in range(V.shape[1]):
            if j == m:
                continue
            ahead = V[:, m] - V[:, j] - self.gamma * (bar_V[:, m] + bar_V[:, j])
            rounded = s + np.where(ahead > 0, -1, 1) * self.gamma * bar_s
            argument = rounded - rounded.max()
            off = self.run.tau + self.run.kappa * U * np.abs(argument)
            weights = np.exp(argument + np.where(ahead > 0, -off, off)) + np.where(ahead > 0, -1, 1) * ETA
            if not float(np.maximum(weights, 0) @ ahead) > 0:
                return False
        return True


def sums(order: str, terms_of: Array) -> np.float32:
    """A sum of float32 numbers in an order."""
    values = list(np.asarray(terms_of, dtype=np.float32))
    if order == "backward":
        values = values[::-1]
    if order == "pairwise":
        while len(values) > 1:
            values = [values[k] + values[k + 1] if k + 1 < len(values) else values[k] for k in range(0, len(values), 2)]
        return np.float32(values[0])
    total = np.float32(0)
    for value in values:
        total = np.float32(total + value)
    return total


def fused(a: Array, b: Array, start: np.float32) -> np.float32:
    """Fused multiply-add, term by term: float64 products of float32 numbers are exact, and one rounding follows almost always."""
    total = start
    for x, y in zip(a, b, strict=True):
        total = np.float32(np.float64(x) * np.float64(y) + np.float64(total))
    return total


def dot(order: str, a: Array, b: Array, bias: np.float32) -> np.float32:
    if order == "fused":
        return fused(a, b, bias)
    return np.float32(sums(order, a * b) + bias)


ORDERS = ("forward", "backward", "pairwise", "fused")


def float32_logits(tensors: Tensors, x: tuple[int, ...], order: str, *, divide_last: bool) -> Array:
    """One evaluation in numpy's float32, scalar by scalar."""
    t = {name: array.astype(np.float32) for name, array in parts(tensors).items()}
    n, zero = len(x), np.float32(0)
    residual = [t["W_E"][token] + t["W_pos"][i] for i, token in enumerate(x)]

    def affine(row: Array, W: Array, b: Array) -> Array:
        return np.array([dot(order, row, W[:, k], b[k]) for k in range(W.shape[1])], dtype=np.float32)

    query = affine(residual[-1], t["W_Q"], t["b_Q"])
    keys, values = ([affine(row, t[f"W_{c}"], t[f"b_{c}"]) for row in residual] for c in "KV")
    scale = np.sqrt(np.float32(len(query)))
    scores = np.array([dot(order, query, key, zero) / scale for key in keys], dtype=np.float32)
    weights = np.exp(scores - scores.max())
    total = sums("forward" if order == "fused" else order, weights)
    if divide_last:
        mix = [np.float32(dot(order, weights, np.array([v[h] for v in values]), zero) / total) for h in range(len(values[0]))]
    else:
        mix = [dot(order, weights / total, np.array([v[h] for v in values]), zero) for h in range(len(values[0]))]
    out = affine(np.array(mix, dtype=np.float32), t["W_O"], t["b_O"])
    return affine(residual[n - 1] + out, t["W_U"], t["b_U"])


def evaluations(tensors: Tensors) -> Iterator[Callable[[tuple[int, ...]], bool]]:
    """Whether each of eight float32 evaluations is right."""
    for order, last in product(ORDERS, (False, True)):

        def right(x: tuple[int, ...], order: str = order, last: bool = last) -> bool:
            logits = float32_logits(tensors, x, order, divide_last=last)
            return bool(logits[max(x)] > np.delete(logits, max(x)).max())

        yield right


def near_ties(k: int) -> tuple[Shape, Tensors]:
    """A network of binary32 numbers in which the margin of some sequence is near what rounding may change."""
    rng = np.random.default_rng(k)
    shape = Shape(int(rng.integers(1, 4)), int(rng.integers(2, 5)))
    made = trained_like if k % 2 else random_model
    tensors = made(shape, k, biases=True, dtype="<f4")
    if k % 5 == 3:
        tensors["blocks.0.attn.W_K"] *= np.float32(rng.choice([5.0, 30.0]))
    scores, values = terms(parts(tensors))
    _, bars = terms({name: np.abs(array) for name, array in parts(tensors).items()})
    x = tuple(int(token) for token in rng.integers(0, shape.d_vocab, shape.n_ctx))
    q, m, places = x[-1], max(x), np.arange(shape.n_ctx)
    weights = np.exp(scores[q, places, list(x)] - scores[q, places, list(x)].max())
    logits = weights / weights.sum() @ values[q, places, list(x)]
    j = int(rng.choice([token for token in range(shape.d_vocab) if token != m]))
    size = 2 * float(bars[q, places, list(x)].max()) * U * 80
    wanted = float(rng.choice([-1, 0, 0.3, 0.8, 1.0, 1.5, 3.0])) * size
    tensors["unembed.b_U"] = tensors["unembed.b_U"].copy()
    tensors["unembed.b_U"][j] = np.float32(float(tensors["unembed.b_U"][j]) + logits[m] - logits[j] - wanted)
    return shape, {name: np.ascontiguousarray(array.astype("<f4")) for name, array in tensors.items()}
