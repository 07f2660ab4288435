"""The published sub-cubic formulas in plain float64, the false one included: what the published argument claims. For comparison only.

Source: Gross et al. 2024 and its code; biases are not in the published models and are not handled here. Nothing of `proofcheck` is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class PublishedTables:
    """float64 tables of one model."""

    E_q: Array
    E_bar: Array
    W_Q: Array
    W_K: Array
    W_U: Array
    EUPU: Array
    EVOU: Array
    PVOU: Array
    EQKE: Array
    EQKP: Array
    d_head: int


def tables(tensors: Mapping[str, Array]) -> PublishedTables:
    """From safetensors arrays by name."""
    t = {name: np.asarray(array, dtype=np.float64) for name, array in tensors.items()}
    E, P, U = t["embed.W_E"], t["pos_embed.W_pos"], t["unembed.W_U"]
    Q, K, V, O = (t[f"blocks.0.attn.W_{c}"][0] for c in "QKVO")
    E_q, E_bar, P_hat = E + P[-1], E + P.mean(axis=0), P - P.mean(axis=0)
    return PublishedTables(
        E_q, E_bar, Q, K, U, E_q @ U, E @ V @ O @ U, P @ V @ O @ U, E_q @ Q @ K.T @ E_bar.T, E_q @ Q @ K.T @ P_hat.T, Q.shape[1]
    )


def spread(values: Array) -> Array:
    """max − min over the last axis."""
    return values.max(axis=-1) - values.min(axis=-1)


def direct_path(t: PublishedTables, name: str, direction: Array | None = None) -> tuple[Array, Array]:
    """(M [d], g [d])."""
    d = len(t.EUPU)
    if name == "global-max-diff-exact":
        return np.zeros(d), np.full(d, t.EUPU.max() - t.EUPU.min())
    if name == "max-diff-exact":
        return np.zeros(d), spread(t.EUPU)
    rows = {"max-diff": np.zeros(t.W_U.shape[0]), "mean-query+max-diff": t.E_q.mean(axis=0), "svd-query+max-diff": direction}
    row = rows[name]
    assert row is not None
    return row @ t.W_U, np.abs(t.E_q - row) @ spread(t.W_U)


def top_left(matrix: Array) -> Array:
    """The first left singular vector."""
    return np.asarray(np.linalg.svd(matrix)[0][:, 0])


def directions(t: PublishedTables) -> dict[str, Array]:
    """The singular vectors that the published search hints, by our hint names."""
    u, v = top_left(t.EQKE), top_left(t.EQKE.T)
    return {
        "query_direction": u,
        "key_direction": v,
        "second_query_direction": top_left(t.E_q - np.outer(u, u @ t.E_q)),
        "second_key_direction": top_left(t.E_bar - np.outer(v, v @ t.E_bar)),
        "W_Q_direction": top_left(t.W_Q),
        "W_K_direction": top_left(t.W_K),
    }


def qk_error(t: PublishedTables, name: str) -> tuple[Array, Array]:
    """(S [d, d], error [d])."""
    d = len(t.EQKE)
    if name == "exact-EQKE+max-diff-exact":
        return t.EQKE, np.zeros(d)
    vectors = directions(t)

    def peel(vector: str, matrix: Array) -> Array:
        return np.asarray(matrix - np.outer(vectors[vector], vectors[vector] @ matrix))

    if "subproduct" not in name:
        A, B = peel("query_direction", t.E_q @ t.W_Q @ t.W_K.T), peel("key_direction", t.E_bar).T
        errors = {
            "svd": lambda: np.full(d, np.sqrt(2) * np.linalg.norm(A @ B, 2)),
            "max-diff": lambda: bound([A, B], 0),
            "mean+max-diff": lambda: bound([A, B], 1),
            "max-diff-exact": lambda: spread(A @ B),
        }
        return t.EQKE - A @ B, errors[name]()
    q2 = peel("second_query_direction", peel("query_direction", t.E_q))
    k2 = peel("second_key_direction", peel("key_direction", t.E_bar))
    R = [q2, peel("W_Q_direction", t.W_Q), peel("W_K_direction", t.W_K).T, k2.T]
    S = t.EQKE - R[0] @ R[1] @ R[2] @ R[3]
    if "recursive" in name:
        levels = {"max-diff-subproduct-recursive": 0, "mean+max-diff-subproduct-recursive": 1}.get(name, 3)
        return S, bound(R, levels)
    level = int(name.startswith("mean"))
    pairs = ([R[0], R[1] @ R[2] @ R[3]], [R[0] @ R[1], R[2] @ R[3]], [R[0] @ R[1] @ R[2], R[3]])
    return S, np.min([bound(list(pair), level) for pair in pairs], axis=0)


def bound(factors: list[Array], mean_levels: int) -> Array:
    """Range of each row of a product, with the mean row taken out of the first `mean_levels` factors."""
    if len(factors) == 1:
        return spread(factors[0])
    rest = bound(factors[1:], mean_levels - 1)
    if mean_levels <= 0:
        return np.asarray(np.abs(factors[0]) @ rest)
    mean = factors[0].mean(axis=0)
    row = mean
    for factor in factors[1:]:
        row = row @ factor
    return np.asarray(spread(row) + np.abs(factors[0] - mean) @ rest)


def attention(t: PublishedTables, S: Array, error: Array, gap: int, q: int, m: int, c: int) -> tuple[float, float]:
    """(a_min, a_max) of one cell (Theorems S1, S2)."""
    n = t.EQKP.shape[1]
    s = np.sqrt(t.d_head)
    others = np.sort(t.EQKP[q, : n - 1] - t.EQKP[q, n - 1])
    rivals = S[q, : m - gap + 1]
    found = []
    for ascending, delta in ((True, S[q, m] - rivals.max() - error[q]), (False, S[q, m] - rivals.min() + error[q])):
        ordered = others if ascending else others[::-1]
        held = n - 1 - c + (q != m)
        on_max = [*ordered[:held], *([0.0] if q == m else [])]
        on_rivals = [*ordered[held:], *([0.0] if q != m else [])]
        z = np.array([*((e + delta) / s for e in on_max), *(e / s for e in on_rivals)])
        weights = np.exp(z - z.max())
        found.append(float(weights[: len(on_max)].sum() / weights.sum()))
    return found[0], found[1]


def margins(
    t: PublishedTables, direct: str, qk: str, gaps: Array, handling: str, direction: Array | None = None
) -> dict[tuple[int, int, int], float]:
    """Λ[q, m, c] of the published code for every valid cell; `handling` is OFF, published (the false formula) or chord."""
    d, n = t.PVOU.shape[1], t.PVOU.shape[0]
    M, g = direct_path(t, direct, direction)
    S, error = qk_error(t, qk)
    out = {}
    for m in range(d):
        x = np.delete(np.arange(d), m)
        PV = (t.PVOU[:, x] - t.PVOU[:, [m]]).max(axis=0)
        L, R = M[x] - M[m] + PV, t.EVOU[m, x] - t.EVOU[m, m]
        out[m, m, 0] = float((t.EUPU[m, x] - t.EUPU[m, m] + R + PV).max())
        for c in range(1, n):
            valid = [q for q in range(m + 1) if m >= gaps[q, m, c] and (q == m or q <= m - gaps[q, m, c])]
            if not valid:
                continue
            W = float(spread(t.EVOU[: m - int(gaps[: m + 1, m, c].min()) + 1]).max())
            a = np.array([attention(t, S, error, int(gaps[q, m, c]), q, m, c) for q in valid])
            chosen = a[:, 0] if R.max() < W else a[:, 1]
            if handling == "OFF":
                values = L.max() + W + g[valid] + chosen * (R.max() - W)
            elif handling == "published":
                mean = chosen.mean()
                values = (L + mean * R).max() + (1 - mean) * W + g[valid] + (chosen - mean) * (R.max() - W)
            else:
                lo, hi = a[:, 0].min(), max(a[:, 1].max(), a[:, 0].min() + 1e-9)
                at_lo, at_hi = (L + lo * R).max(), (L + hi * R).max()
                ends = at_lo + (at_hi - at_lo) * (a - lo) / (hi - lo) + (1 - a) * W
                values = g[valid] + ends.max(axis=1)
            out |= {(q, m, c): float(value) for q, value in zip(valid, values, strict=True)}
    return out


def count(found: Mapping[tuple[int, int, int], float], gaps: Array, n_ctx: int, more: int = 0) -> int:
    """Σ C(n−1, p)·(m − g + more)^p over cells with Λ < 0; the published count has more = 0, the proved set more = 1."""
    total = 0
    for (q, m, c), value in found.items():
        p = c - (q != m)
        if value < 0:
            total += comb(n_ctx - 1, p) * (int(m - gaps[q, m, c]) + more) ** p if p else 1
    return total
