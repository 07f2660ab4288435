"""Floating-point operations of the published proofs, in the published convention: shapes and gaps in, a count out. Proves nothing.

Convention (published-strategies.md 5.1): an elementwise operation, a comparison or an assignment into a tensor counts one per entry;
a reduction of k entries k − 1; a matrix product [a, b] @ [b, c] a·c·(2b − 1); softmax its maximum, difference, exponential, sum and
quotient; a sort of k entries k − 1; a singular value decomposition the cost of checking it; indexing, transposing and joining nothing.
The functions below walk the published verifier step by step. Shapes: d = d_vocab, D = d_model, H = d_head, n = n_ctx.
Source: Gross et al. 2024 and its code. Regression targets and the one known difference: tests/test_published_cost.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofcheck.models import Dimensions

BATCH = 4096  # sequences of one published forward pass


def matmul(a: int, b: int, c: int) -> int:
    """[a, b] @ [b, c]."""
    return a * c * (2 * b - 1)


def softmax(rows: int, k: int) -> int:
    """Maximum, difference, exponential, sum, quotient of `rows` rows of k."""
    return 2 * rows * (k - 1) + 3 * rows * k


def ranges(rows: int, k: int) -> int:
    """max − min of each of `rows` rows of k."""
    return 2 * rows * (k - 1) + rows


def mean(k: int, out: int) -> int:
    """Mean of k entries for each of `out` outputs."""
    return out * (k - 1) + out


def brute_force(s: Dimensions) -> int:
    """Forward passes of all d^n sequences in batches, cross-entropy and accuracy included.

    Two elementwise passes over queries, keys and values; with one, the recorded published constant is missed by 3·d^n·n·H.
    """
    n, d, D, H = s.n_ctx, s.d_vocab, s.d_model, s.d_head
    project = 3 * (matmul(n, D, H) + 2 * n * H)
    attend = matmul(n, H, n) + 2 * n * n + softmax(n, n) + 2 * n * n + matmul(n, n, H)
    out = matmul(n, H, D) + n * D + 2 * n * D + matmul(n, D, d) + n * d  # b_O, both residual sums, b_U
    loss = 2 * (d - 1) + 3 * d + 1 + 1
    accuracy = (d - 1) + 1 + 1 + 1 + (n - 1)
    sequences: int = d**n
    return sequences * (project + attend + out + loss + accuracy) + -(-sequences // BATCH)


def cubic(s: Dimensions) -> int:
    """The cubic proof. 93,824 (0.27 %) below the constant 35,181,664 recorded by the published code at d = 64, n = 4, D = H = 32."""
    n, d, D, H = s.n_ctx, s.d_vocab, s.d_model, s.d_head
    below, squares = d * (d - 1) // 2, (d - 1) * d * (2 * d - 1) // 6  # Σ_m m and Σ_m m²
    pairs = below + d
    tables = d * D + matmul(d, D, d) + d * d + ov_circuit(s)
    tables += 2 * (d * D + matmul(d, D, H) + d * H)  # the queries, for EQKE and for EQKP
    tables += matmul(d, D, H) + d * H + matmul(d, H, d) + matmul(n, D, H) + n * H + matmul(d, H, n)
    spread = 2 * n + softmax(2, n)
    one_other = 3 * (n - 1) + 4 * (n - 1) + spread + 2 * (n - 3) + 8
    attention = 6 * d**3 * n + d * (n - 2) + 3 * pairs + 6 * d
    attention += below * (3 * (n - 1) + spread + 2 * (n - 2) + 6) + one_other * (squares * (n - 1) + below * n)
    per_max = n * d + 2 * d * d + d * (n - 1) + 3 * d + 1 + (d - 1) + 1 + 2 * (d * d + d + d * (d - 1))
    logits = d**3 * n + d * per_max + below * (d + 10 * d + 2 + 2 * d - 1 + 1) + 13 * (squares * (n - 2) + below * (n - 1))
    count = pairs + 4 * (squares * (n - 2) + below * (n - 1))
    return tables + attention + logits + count


def ov_circuit(s: Dimensions) -> int:
    """EVOU and PVOU, zero biases added."""
    n, d, D, H = s.n_ctx, s.d_vocab, s.d_model, s.d_head
    return sum(matmul(k, D, H) + k * H + matmul(k, H, D) + k * D + matmul(k, D, d) + k * d for k in (d, n))


def direct_path(s: Dimensions, name: str) -> int:
    """The direct-path bound `direct-path-<name>`."""
    d, D = s.d_vocab, s.d_model
    if name.endswith("exact"):
        exact = matmul(d, D, d) + mean(d, d) + d * d + ranges(d, d)
        return exact + (2 * (d * d - 1) + 1 + d if name.startswith("global") else 0)
    around = matmul(1, D, d) + d * D + ranges(D, d) + d * D + matmul(d, D, 1)
    return around + (0 if name.startswith("svd") else mean(d, D))


def attention_and_count(s: Dimensions, gaps: NDArray[np.int64], *, average: bool) -> int:
    """All that the axes share: scores to attention, OV circuit, margins, acceptance. gaps [q, m, c]; average: `mean-query+diff`."""
    n, d, D = s.n_ctx, s.d_vocab, s.d_model
    q, m, c = (axis for axis in np.indices(gaps.shape))
    inside = np.where(q == m, m >= gaps, m - q >= gaps)
    scores = 2 * d * d + 4 * d * (d - 1) + int(np.where(inside, 4, 2).sum())
    adjusted = 6 * d * d * n
    held = n - c  # positions that hold the max token
    cell = 3 * (n - 1) + 2 + 4 * held + 2 * n + softmax(2, n) + 2 * (held - 1) + 2
    attended = np.where(c == 0, q == m, inside)
    attention = d * n + d * (n - 2) + 2 * n * (d * (d - 1) // 2) + int(np.where(attended, cell, 2)[q <= m].sum())
    per_max = n * d + d + d * (n - 1) + matmul(1, D, d) + 3 * d + 1 + (d - 1) + 1 + d + 2 + d + 1 + (d - 1)
    margins = d * d * n + ranges(d, d) + d + d * d + d * per_max
    floor = np.where(q <= m, gaps, d).min(axis=0)  # [m, c]
    tokens, others = np.indices(floor.shape)
    kept = (tokens >= floor) & (others > 0)
    per_class = tokens - floor + 4 * d + 5 + (3 * d if average else 0)
    margins += int(per_class[kept].sum()) + 10 * int((kept[None] & (q <= m) & ((q == m) | inside)).sum())
    return scores + adjusted + attention + ov_circuit(s) + d * D + margins + d * d * n
