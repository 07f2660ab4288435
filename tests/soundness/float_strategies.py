"""Brute force, the cubic and the sub-cubic proofs as programs in float32 or float64: what they claim, not what is true.

Formulas of Gross et al. 2024 and its code. Every rounding is fixed by IEEE 754: sums and products are numpy's elementwise operations in a
stated order (no BLAS, no fused operations), square roots are correctly rounded, and exp is mpmath's, rounded to the format. So the claims
are the same on every machine, and a library with worse exponentials does no better. Biases are read by `brute_force` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import mpmath
import numpy as np

Array = np.ndarray[Any, Any]
Tensors = Mapping[str, Array]
EXACT, SVD = "exact-EQKE+max-diff-exact", "svd"
DROPPED, KEPT = "float32 singular vectors, cross terms dropped", "float32 singular vectors, cross terms kept"  # else max-diff-exact
SVD_ROUNDED_UP = "svd, norm rounded up"  # not published: √2·σ₁ from float64, rounded up
OFF, PUBLISHED = "drop-average-query-per-output-logit-reasoning", "mean-query+diff"


@dataclass(frozen=True)
class Floats:
    """Arithmetic in one IEEE format. reverse: sums run from the last term to the first."""

    dtype: str
    reverse: bool = False

    def array(self, values: Any) -> Array:
        return np.asarray(values).astype(self.dtype)

    def sum(self, terms: Array, axis: int = -1) -> Array:
        """One term after the other."""
        ordered = np.moveaxis(terms, axis, 0)
        total = np.zeros(ordered.shape[1:], dtype=self.dtype)
        for term in ordered[::-1] if self.reverse else ordered:
            total = total + term
        return np.asarray(total)

    def product(self, left: Array, right: Array) -> Array:
        """A matrix product; the contracted index runs outermost."""
        return self.sum(
            np.moveaxis(left, -1, 0)[..., None] * right.reshape(right.shape[0], *(1,) * (left.ndim - 1), right.shape[1]), axis=0
        )

    def exp(self, values: Array) -> Array:
        with mpmath.workprec(np.finfo(self.dtype).nmant + 1):
            found = [float(mpmath.exp(mpmath.mpf(float(value)))) for value in values.ravel()]
        return self.array(found).reshape(values.shape)

    def softmax(self, scores: Array) -> Array:
        """Over the last axis, shifted by the largest score."""
        weights = self.exp(scores - scores.max(axis=-1, keepdims=True))
        return np.asarray(weights / self.sum(weights)[..., None])

    def root(self, value: int) -> Array:
        return np.sqrt(self.array(value))


def weights_of(tensors: Tensors, floats: Floats) -> dict[str, Array]:
    """E, P, Q, K, V, O, U and biases by letter, rounded to the format."""
    short = {"E": "embed.W_E", "P": "pos_embed.W_pos", "U": "unembed.W_U", **{c: f"blocks.0.attn.W_{c}" for c in "QKVO"}}
    found = {letter: floats.array(tensors[name]) for letter, name in short.items()}
    found |= {letter: found[letter].reshape(found[letter].shape[-2:]) for letter in "QKVO"}
    for letter, name in {"b_U": "unembed.b_U", **{f"b_{c}": f"blocks.0.attn.b_{c}" for c in "QKVO"}}.items():
        found[letter] = floats.array(tensors[name]).reshape(-1) if name in tensors else np.zeros(1, dtype=floats.dtype)
    return found


def brute_force(tensors: Tensors, floats: Floats) -> int:
    """Forward passes of all sequences; right where the first of the largest logits is the max token's (the argmax of torch and numpy)."""
    x, logits = forward_passes(tensors, floats)
    return int(np.count_nonzero(logits.argmax(axis=1) == x.max(axis=1)))


def forward_passes(tensors: Tensors, floats: Floats) -> tuple[Array, Array]:
    """All sequences [N, n_ctx] and their logits [N, d_vocab]."""
    w = weights_of(tensors, floats)
    d, n = len(w["E"]), len(w["P"])
    x = np.array(list(np.ndindex(*(d,) * n))).reshape(-1, n)
    residual = w["E"][x] + w["P"]  # [N, n, D]
    query = floats.product(residual[:, -1], w["Q"]) + w["b_Q"]
    keys, values = (floats.product(residual, w[c]) + w[f"b_{c}"] for c in "KV")
    scores = floats.sum(keys * query[:, None]) / floats.root(w["Q"].shape[1])
    pattern = floats.softmax(scores)
    z = floats.sum(values * pattern[..., None], axis=1)
    final = residual[:, -1] + (floats.product(z, w["O"]) + w["b_O"])
    return x, floats.product(final, w["U"]) + w["b_U"]


def cubic(tensors: Tensors, floats: Floats) -> int:
    """Theorem C: softmax over the two extreme arrangements, the class accepted where Λ < 0."""
    w = weights_of(tensors, floats)
    d, n = len(w["E"]), len(w["P"])
    E_q, s, dot = w["E"] + w["P"][-1], floats.root(w["Q"].shape[1]), floats.product
    EUPU, EVOU, PVOU = dot(E_q, w["U"]), dot(dot(dot(w["E"], w["V"]), w["O"]), w["U"]), dot(dot(dot(w["P"], w["V"]), w["O"]), w["U"])
    queries = dot(E_q, w["Q"])
    EQKE, EQKP = dot(queries, dot(w["E"], w["K"]).T), dot(queries, dot(w["P"], w["K"]).T)
    count = 0
    for m in range(d):
        x = np.delete(np.arange(d), m)
        PV = (PVOU[:, x] - PVOU[:, [m]]).max(axis=0)
        G = (EVOU[:, x] - EVOU[:, [m]] + PV).max(axis=1)  # [k]
        count += bool((EUPU[m, x] - EUPU[m, m] + EVOU[m, x] - EVOU[m, m] + PV).max() < 0)
        for q in range(m + 1):
            EU = (EUPU[q, x] - EUPU[q, m]).max()
            order = np.argsort(EQKP[q, : n - 1], kind="stable")
            if q < m and n > 1:
                a = floats.softmax(np.append(EQKE[q, m] + EQKP[q, : n - 1], EQKE[q, q] + EQKP[q, n - 1]) / s)
                on_m = floats.sum(a[:-1])
                logits = EUPU[q, x] - EUPU[q, m] + PV + on_m * (EVOU[m, x] - EVOU[m, m]) + a[-1] * (EVOU[q, x] - EVOU[q, m])
                count += bool(logits.max() < 0)
            for c in range(1, n if q == m else n - 1):
                accepted = 0
                for k in range(m):
                    bounds = []
                    for positions in (order, order[::-1]):
                        tokens = np.full(n, m)
                        tokens[positions[n - 1 - c :]] = k
                        tokens[n - 1] = q
                        a = floats.softmax((EQKE[q, tokens] + EQKP[q]) / s)
                        bounds.append(EU + floats.sum(a * G[tokens]))
                    accepted += bool(max(bounds) < 0)
                count += comb(n - 1, c) * accepted**c
    return count


def top_singular(matrix: Array, floats: Floats) -> tuple[Array, Array, Array]:
    """(σ, u, v) of the largest singular value, by one-sided Jacobi rotations in this format; a zero matrix gives zero vectors."""
    columns, v = matrix.copy(), np.eye(matrix.shape[1], dtype=floats.dtype)
    one = floats.array(1)
    for _ in range(30):
        for i, j in combinations(range(v.shape[1]), 2):
            p, q, r = (floats.sum(columns[:, a] * columns[:, b]) for a, b in ((i, i), (j, j), (i, j)))
            if abs(r) <= np.finfo(floats.dtype).eps * np.sqrt(p * q) or r == 0:
                continue
            zeta = (q - p) / (r + r)
            t = (one if zeta >= 0 else -one) / (abs(zeta) + np.sqrt(one + zeta * zeta))
            cosine = one / np.sqrt(one + t * t)
            for m in (columns, v):
                m[:, i], m[:, j] = cosine * m[:, i] - cosine * t * m[:, j], cosine * t * m[:, i] + cosine * m[:, j]
    norms = np.sqrt(floats.sum(columns * columns, axis=0))
    k = int(norms.argmax())
    return norms[k], columns[:, k] / norms[k] if norms[k] > 0 else columns[:, k], v[:, k]


def qk_error(E_q_QK: Array, E_bar: Array, name: str, floats: Floats) -> tuple[Array, Array]:
    """(S, ε) of the decompositions by singular vectors; as in the published code, without the cross terms."""
    A, B, dot = E_q_QK, E_bar.T, floats.product
    if name == EXACT:
        return dot(A, B), np.zeros(len(A), dtype=floats.dtype)
    if name in (DROPPED, KEPT):
        single = Floats("<f4")
        _, u, v = (floats.array(part) for part in top_singular(single.array(dot(A, B)), single))
    else:
        _, u, v = top_singular(dot(A, B), floats)
    A_0, B_0 = u[:, None] * dot(u[None], A), dot(B, v[:, None]) * v
    A_r, B_r = A - A_0, B - B_0
    S = dot(A_0, B_0)
    if name == SVD:
        return S, np.full(len(A), np.sqrt(floats.array(2)) * top_singular(dot(A_r, B_r), floats)[0])
    if name == SVD_ROUNDED_UP:
        norm = np.sqrt(2) * top_singular(dot(A_r, B_r).astype("<f8"), Floats("<f8"))[0] * (1 + 1e-12)
        return S, np.full(len(A), np.nextafter(floats.array(norm), floats.array(np.inf)))
    if name == "max-diff":
        return S, floats.sum(abs(A_r) * np.ptp(B_r, axis=1))
    if name == KEPT:
        S = S + dot(A_0, B_r) + dot(A_r, B_0)
    if name in ("max-diff-exact", DROPPED, KEPT):
        return S, np.ptp(dot(A_r, B_r), axis=1)
    raise ValueError(name)


def direct_path(E_q: Array, U: Array, name: str, floats: Floats) -> tuple[Array, Array]:
    """(M, g)."""
    d, none = len(E_q), np.zeros(U.shape[1], dtype=floats.dtype)
    EUPU = floats.product(E_q, U)
    if name == "global-max-diff-exact":
        return none, np.full(d, np.ptp(EUPU))
    if name == "max-diff-exact":
        return none, np.ptp(EUPU, axis=1)
    if name == "max-diff":
        return none, floats.sum(abs(E_q) * np.ptp(U, axis=1))
    if name == "mean-query+max-diff":
        mean = floats.sum(E_q, axis=0) / floats.array(d)
        return floats.product(mean[None], U)[0], floats.sum(abs(E_q - mean) * np.ptp(U, axis=1))
    raise ValueError(name)


class SubCubic:
    """One sub-cubic strategy in one format."""

    def __init__(self, tensors: Tensors, floats: Floats, direct: str, handling: str, error: str) -> None:
        w, dot = weights_of(tensors, floats), floats.product
        self.floats, self.handling = floats, handling
        self.d, self.n = len(w["E"]), len(w["P"])
        E_q, P_mean = w["E"] + w["P"][-1], floats.sum(w["P"], axis=0) / floats.array(self.n)
        A = dot(dot(E_q, w["Q"]), w["K"].T)
        self.root = floats.root(w["Q"].shape[1])
        self.S, self.error = qk_error(A, w["E"] + P_mean, error, floats)
        self.EQKP = dot(A, (w["P"] - P_mean).T)
        self.EUPU = dot(E_q, w["U"])
        self.EVOU, self.PVOU = (dot(dot(dot(w[c], w["V"]), w["O"]), w["U"]) for c in "EP")
        self.M, self.g = direct_path(E_q, w["U"], direct, floats)

    def attention(self, q: int, m: int, c: int, gap: int) -> tuple[Array, Array]:
        """(a_min, a_max) of Theorems S1 and S2."""
        rivals = self.S[q, : m - gap + 1]
        others = np.sort(self.EQKP[q, : self.n - 1] - self.EQKP[q, self.n - 1])
        held = self.n - 1 - c + (q != m)
        ends = []
        for e, delta in (
            (others, self.S[q, m] - rivals.max() - self.error[q]),
            (others[::-1], self.S[q, m] - rivals.min() + self.error[q]),
        ):
            own = np.zeros(1, dtype=self.floats.dtype)
            on_max = np.concatenate([e[:held], own if q == m else own[:0]]) + delta
            on_rivals = np.concatenate([e[held:], own if q != m else own[:0]])
            a = self.floats.softmax(np.concatenate([on_max, on_rivals]) / self.root)
            ends.append(self.floats.sum(a[: len(on_max)]))
        return ends[0], ends[1]

    def bounds(self, gaps: Array) -> dict[tuple[int, int, int], float]:
        """Λ[q, m, c] for every valid cell."""
        found = {}
        for m in range(self.d):
            x = np.delete(np.arange(self.d), m)
            PV = (self.PVOU[:, x] - self.PVOU[:, [m]]).max(axis=0)
            L, R = self.M[x] - self.M[m] + PV, self.EVOU[m, x] - self.EVOU[m, m]
            found[m, m, 0] = float((self.EUPU[m, x] - self.EUPU[m, m] + R + PV).max())
            for c in range(1, self.n):
                valid = [q for q in range(m + 1) if m >= gaps[q, m, c] and (q == m or q <= m - gaps[q, m, c])]
                if not valid:
                    continue
                W = np.ptp(self.EVOU[: m - int(gaps[: m + 1, m, c].min()) + 1], axis=1).max()
                ends = [self.attention(q, m, c, int(gaps[q, m, c])) for q in valid]
                a = np.array([low if R.max() < W else high for low, high in ends], dtype=self.floats.dtype)
                if self.handling == OFF:
                    bound = L.max() + W + self.g[valid] + a * (R.max() - W)
                else:
                    mean = self.floats.sum(a) / self.floats.array(len(a))
                    bound = (L + mean * R).max() + (1 - mean) * W + self.g[valid] + (a - mean) * R.max() - (a - mean) * W
                found |= {(q, m, c): float(value) for q, value in zip(valid, bound, strict=True)}
        return found

    def best_gaps(self) -> Array:
        """For each cell the smallest uniform gap that its bound admits, 1 where none does: the published search."""
        gaps = np.ones((self.d, self.d, self.n), dtype=np.int64)
        for gap in range(self.d - 1, 0, -1):
            for cell, bound in self.bounds(np.full_like(gaps, gap)).items():
                if bound < 0:
                    gaps[cell] = gap
        return gaps

    def count(self, gaps: Array, more: int = 1) -> int:
        """Sequences of the accepted classes, m − g + more choices for each token that is not the max token: 0 as published, 1 as proved."""
        total = 0
        for (q, m, c), bound in self.bounds(gaps).items():
            p = c - (q != m)
            if bound < 0:
                total += comb(self.n - 1, p) * (m - int(gaps[q, m, c]) + more) ** p if p else 1
        return total
