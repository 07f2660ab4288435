"""Exact tables of the path expansion in which hinted mean rows are moved from the direct path and the
positions to the tokens.

Lemma (centring). Let ℓ, p ∈ ℝ^D be any vectors, L = W_E + W_pos[n − 1], VO = W_V W_O, and
    EU = (L + b_O − ℓ) W_U,   PV = (W_pos − p) VO W_U,   EV = (W_E VO + p VO + b_V W_O + ℓ) W_U + b_U.
Then for all q, i, t the row EU[q] + PV[i] + EV[t] is EUPU[q] + PVOU[i] + EVOU[t] of the path expansion.
Proof. The terms ℓ W_U and p VO W_U cancel; what remains is (L + b_O) W_U + b_U, W_pos VO W_U and (W_E W_V +
b_V) W_O W_U.  ∎
So every difference of two logits, and with it every margin term of Theorem S, is the same; the maximum of a
sum over rivals is bounded by
the sum of maxima, and that bound is better where no table carries what is common to its rows.

Lemma (scores). With Y = (L W_Q + b_Q) W_Kᵀ, EQKE[q, t] + EQKP[q, i] = Y_q · W_E[t] + Y_q · W_pos[i] + (L_q
W_Q + b_Q) · b_K. The last term
depends on q alone, so leaving it out multiplies all weights of a query by one positive number, which Theorem
S allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import DyadicArray
from proofcheck.models import AttentionOnly, Dimensions


@dataclass(frozen=True, slots=True)
class Centred:
    """EV, EU [d_vocab, d_vocab], PV [n_ctx, d_vocab] (logits) of the lemma; queries Y [d_vocab, d_model];
    position scores [d_vocab, n_ctx].
    """

    EV: DyadicArray
    EU: DyadicArray
    PV: DyadicArray
    queries: DyadicArray
    positions: DyadicArray


def value_vectors(model: AttentionOnly, direct_mean: DyadicArray, position_mean: DyadicArray) -> tuple[DyadicArray, DyadicArray]:
    """A = W_E VO + p VO + b_V W_O + ℓ [d_vocab, d_model] and (W_pos − p) VO [n_ctx, d_model], for rows ℓ, p
    [1, d_model].
    """
    VO = model.W_V @ model.W_O
    row = position_mean @ VO + direct_mean
    row = row + model.b_V @ model.W_O if _has_entries(model.b_V) else row
    return model.W_E @ VO + row, (model.W_pos - position_mean) @ VO


def query_vectors(model: AttentionOnly) -> DyadicArray:
    """Y [d_vocab, d_model]."""
    queries = model.last_embedding() @ (model.W_Q @ model.W_K.T)
    return queries + model.b_Q @ model.W_K.T if _has_entries(model.b_Q) else queries


def centred(model: AttentionOnly, direct_mean: DyadicArray, position_mean: DyadicArray) -> Centred:
    """The exact tables; ℓ = direct_mean, p = position_mean [1, d_model], any dyadic vectors."""
    tokens, positions = value_vectors(model, direct_mean, position_mean)
    EV = tokens @ model.W_U
    row = direct_mean - model.b_O if _has_entries(model.b_O) else direct_mean
    queries = query_vectors(model)
    return Centred(
        EV=EV + model.b_U if _has_entries(model.b_U) else EV,
        EU=(model.last_embedding() - row) @ model.W_U,
        PV=positions @ model.W_U,
        queries=queries,
        positions=queries @ model.W_pos.T,
    )


def centred_operations(sizes: Dimensions) -> int:
    """Upper bound on the operations of `centred`: 4·d²·D + 4·D²·(d + H) and lower-order terms."""
    n, d, D, H = sizes.n_ctx, sizes.d_vocab, sizes.d_model, sizes.d_head
    products = 4 * D * D * H + 4 * d * D * D + 4 * d * d * D + 2 * n * D * D + 4 * n * d * D + 2 * D * D + 4 * H * D + 2 * d * D * H
    return products + 6 * d * D + 2 * n * D + d * d + 8 * D


def _has_entries(row: DyadicArray) -> bool:
    """Whether a bias is not exactly zero."""
    return bool(np.any(row.integers != 0))
