"""The sub-cubic theorems S1-S5 in float64: what the checker will find, fast enough to search with. Nothing here is trusted.

Notation of published-strategies.md 2-3: E_q, Ebar, S, ε, M, g, L, R, W; gaps are 1 … d_vocab.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import torch

from strategies.max_of_k.subcubic_directions import TAU_SLACK, Directions, embeddings, row_range
from strategies.models.load import Model

DIRECT_PATHS = ("global-max-diff-exact", "max-diff-exact", "max-diff", "mean-query+max-diff", "svd-query+max-diff")
SVD_ERRORS = ("svd", "max-diff", "mean+max-diff", "max-diff-exact")
SUBPRODUCT_ERRORS = (
    "max-diff-subproduct",
    "mean+max-diff-subproduct",
    "max-diff-subproduct-recursive",
    "mean+max-diff-subproduct-recursive",
    "mean-recursive+max-diff-subproduct-recursive",
)
QK_ERRORS = ("exact-EQKE+max-diff-exact", *SVD_ERRORS, *SUBPRODUCT_ERRORS)


@dataclass(frozen=True, slots=True)
class Scores:
    """S [d_vocab, d_vocab] and ε [d_vocab]: |(EQKE − S)[q,i] − (EQKE − S)[q,j]| ≤ ε[q]. tau: spectral norm hint, 0 where there is none."""

    S: torch.Tensor
    error: torch.Tensor
    tau: float = 0.0


def direct_bound(model: Model, name: str, direction: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(M [d_vocab], g [d_vocab]): EUPU[q,x] − EUPU[q,m] ≤ M[x] − M[m] + g[q] for all q, m, x (logits)."""
    E_q = embeddings(model)[0] + model.b_O
    none = torch.zeros(model.d_vocab, dtype=torch.float64)
    if name.endswith("exact"):
        EUPU = E_q @ model.W_U + model.b_U
        if name == "max-diff-exact":
            return none, row_range(EUPU)
        return none, (EUPU.max() - EUPU.min()).expand(model.d_vocab)
    center = {"max-diff": torch.zeros_like(direction), "mean-query+max-diff": E_q.mean(0), "svd-query+max-diff": direction}[name]
    return center @ model.W_U + model.b_U, (E_q - center).abs() @ row_range(model.W_U)


def qk_scores(model: Model, name: str, hints: Directions) -> Scores:
    """S and ε of one QK-error rule."""
    E_q, Ebar = embeddings(model)
    queries = E_q @ model.W_Q + model.b_Q
    exact = queries @ model.W_K.T @ Ebar.T
    if name.startswith("exact"):
        return Scores(exact, torch.zeros(model.d_vocab, dtype=torch.float64))
    if name in SVD_ERRORS:
        return _svd_scores(name, queries @ model.W_K.T, Ebar.T, exact, hints)
    factors = (
        _peel(_peel(E_q, hints.query), hints.second_query),
        _peel(model.W_Q, hints.W_Q),
        _peel(model.W_K, hints.W_K).T,
        _peel(_peel(Ebar, hints.key), hints.second_key).T,
    )
    residual = factors[0] @ factors[1] @ factors[2] @ factors[3]
    return Scores(exact - residual, _product_error(name, factors))


def _svd_scores(name: str, A: torch.Tensor, B: torch.Tensor, exact: torch.Tensor, hints: Directions) -> Scores:
    A, B = _peel(A, hints.query), _peel(B.T, hints.key).T
    residual = A @ B
    if name == "svd":
        noise = 2.0**-48 * float(torch.linalg.matrix_norm(exact))  # of float64: what is left of a product that nearly cancels
        tau = float(torch.linalg.matrix_norm(residual, 2)) * (1 + TAU_SLACK) + noise
        return Scores(exact - residual, torch.full((len(A),), math.sqrt(2) * tau, dtype=torch.float64), tau)
    if name == "max-diff-exact":
        return Scores(exact - residual, row_range(residual))
    return Scores(exact - residual, _split_error(A, B, mean=name.startswith("mean")))


def _product_error(name: str, factors: tuple[torch.Tensor, ...]) -> torch.Tensor:
    mean = name.startswith("mean")
    if name.endswith("recursive"):
        return _recursive_error(factors, mean=mean, deeper=name.startswith("mean-recursive"))
    splits = []
    for k in range(1, len(factors)):
        splits.append(_split_error(reduce(torch.matmul, factors[:k]), reduce(torch.matmul, factors[k:]), mean=mean))
    return torch.stack(splits).amin(0)


def _split_error(left: torch.Tensor, right: torch.Tensor, *, mean: bool) -> torch.Tensor:
    """ε of left @ right: Σ_j |left[q,j]| · range right[j], on the mean row apart if `mean`."""
    if not mean:
        return left.abs() @ row_range(right)
    row = left.mean(0)
    return row_range(row @ right) + (left - row).abs() @ row_range(right)


def _recursive_error(factors: tuple[torch.Tensor, ...], *, mean: bool, deeper: bool) -> torch.Tensor:
    """ε of a product without any product of its factors; the mean-row trick at the first factor, or also at the deeper ones."""
    first, rest = factors[0], factors[1:]
    if not rest:
        return row_range(first)
    inner = _recursive_error(rest, mean=deeper, deeper=deeper)
    if not mean:
        return first.abs() @ inner
    row = first.mean(0)
    return row_range(reduce(torch.matmul, rest, row)) + (first - row).abs() @ inner


def _peel(matrix: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    return matrix - torch.outer(direction, direction @ matrix)
