"""Exact low-rank splits of the QK circuit for hinted vectors: rank-one terms plus a product of remainders, no cross term dropped.

For any vector v and matrix M, M = v (vᵀM) + (M − v vᵀM) exactly; v need not have length 1 or be a singular vector.
Units: pre-softmax scores times √d_head. Proofs: docs/rules/qk-error.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import DyadicArray, concatenate, reciprocal_below
from proofcheck.models import AttentionOnly
from proofcheck.rules.rule import MaxOfKContext


@dataclass(frozen=True, slots=True)
class Split:
    """∀ q, i, j: the row differences of EQKE − S − remainder[0] @ … @ remainder[−1] are zero. S [d_vocab, d_vocab]."""

    S: DyadicArray
    remainder: list[DyadicArray]


def average_embedding(model: AttentionOnly) -> DyadicArray:
    """[d_vocab, d_model]: W_E + p, p the mean position (a dyadic row at or near it). Any row p gives the same row differences of scores."""
    n = model.dimensions.n_ctx
    return model.W_E + (model.W_pos.sum(axis=0) * reciprocal_below(n)).reshape(1, -1)


def split_svd(context: MaxOfKContext, u: DyadicArray, v: DyadicArray) -> Split:
    """Peel u [d_vocab, 1] off the query side and v [d_vocab, 1] off the key side of A B, A = E_q W_Q W_Kᵀ, B = (W_E + p)ᵀ:

        A B = u (uᵀA B) + (A_r B v) vᵀ + A_r B_r,   A_r = A − u uᵀA,   B_r = B − B v vᵀ;

    b_Q adds the rank-one term 1 (b_Q W_Kᵀ B).
    Proof: A B = u uᵀA B + A_r B and A_r B = A_r B v vᵀ + A_r B_r.  ∎
    """
    model = context.model
    A = context.memo.once(("E_q W_Q W_K^T",), lambda: (model.last_embedding() @ model.W_Q) @ model.W_K.T)
    B = average_embedding(model).T
    u_A = u.T @ A
    A_rest = A - u @ u_A
    B_v = B @ v
    B_rest = B - B_v @ v.T
    left = [u, A_rest @ B_v]
    right = [u_A @ B, v.T]
    return Split(_with_query_bias(model, left, right, B), [A_rest, B_rest])


def split_subproduct(
    model: AttentionOnly,
    queries: tuple[DyadicArray, DyadicArray],
    keys: tuple[DyadicArray, DyadicArray],
    w_Q: DyadicArray,
    w_K: DyadicArray,
) -> Split:
    """Peel two vectors off E = E_q, two off K = W_E + p, one off each of W_Q and W_K (all hinted columns).

    With a = u₁ᵀE, E₁ = E − u₁a, a₂ = u₂ᵀE₁, E₂ = E₁ − u₂a₂;  b, K₁, b₂, K₂ alike from K and v₁, v₂;  c = w_QᵀW_Q, Q' = W_Q − w_Q c;
    d = w_KᵀW_K, K' = W_K − w_K d;  X = W_Q W_Kᵀ:

        E X Kᵀ = u₁(aXKᵀ) + (E₁Xbᵀ)v₁ᵀ + u₂(a₂XK₁ᵀ) + (E₂Xb₂ᵀ)v₂ᵀ + (E₂w_Q)(c W_KᵀK₂ᵀ) + (E₂Q'dᵀ)(w_KᵀK₂ᵀ) + E₂ Q' K'ᵀ K₂ᵀ;

    b_Q adds the rank-one term 1 (b_Q W_Kᵀ Kᵀ).
    Proof: replace, one after another, E by u₁a + E₁, Kᵀ by bᵀv₁ᵀ + K₁ᵀ, E₁ by u₂a₂ + E₂, K₁ᵀ by b₂ᵀv₂ᵀ + K₂ᵀ, W_Q by w_Q c + Q' and
    W_K by w_K d + K'; each time the first part is one of the terms and the second goes on.  ∎
    """
    E, K = model.last_embedding(), average_embedding(model)
    W_Q, W_K = model.W_Q, model.W_K
    (u_1, u_2), (v_1, v_2) = queries, keys
    a, E_1 = _peel(u_1, E)
    a_2, E_2 = _peel(u_2, E_1)
    b, K_1 = _peel(v_1, K)
    b_2, K_2 = _peel(v_2, K_1)
    c, Q_rest = _peel(w_Q, W_Q)
    d, K_rest = _peel(w_K, W_K)
    left = [u_1, E_1 @ (W_Q @ (W_K.T @ b.T)), u_2, E_2 @ (W_Q @ (W_K.T @ b_2.T)), E_2 @ w_Q, E_2 @ (Q_rest @ d.T)]
    right = [((a @ W_Q) @ W_K.T) @ K.T, v_1.T, ((a_2 @ W_Q) @ W_K.T) @ K_1.T, v_2.T, (c @ W_K.T) @ K_2.T, w_K.T @ K_2.T]
    return Split(_with_query_bias(model, left, right, K.T), [E_2, Q_rest, K_rest.T, K_2.T])


def _peel(vector: DyadicArray, matrix: DyadicArray) -> tuple[DyadicArray, DyadicArray]:
    """(vᵀM [1, b], M − v vᵀM [a, b]) for a column v [a, 1] and M [a, b]. 4·a·b operations at most."""
    row = vector.T @ matrix
    return row, matrix - vector @ row


def _with_query_bias(model: AttentionOnly, left: list[DyadicArray], right: list[DyadicArray], keys: DyadicArray) -> DyadicArray:
    """Σ_k left[k] right[k] + 1 (b_Q W_Kᵀ keys), keys [d_model, d_vocab]."""
    ones = DyadicArray.from_integers(np.ones(left[0].shape, dtype=np.int64))
    return concatenate([*left, ones], axis=1) @ concatenate([*right, (model.b_Q @ model.W_K.T) @ keys], axis=0)
