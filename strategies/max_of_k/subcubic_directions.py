"""Directions for the sub-cubic rules: singular vectors, rounded to few bits. Any vector is sound; these make the bounds tight."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from strategies.models.load import Model

GRID_BITS = 20  # entries are multiples of 2^−20: the checker's exact integers stay small
TAU_SLACK = 1e-9  # relative; float64 norms of the residual are far closer than this


@dataclass(frozen=True, slots=True)
class Directions:
    """Hints of the QK-error rules, on the grid.

    query, key, second_query, second_key [d_vocab]; W_Q, W_K [d_model]: near-unit vectors. Source: published-strategies.md 2.4.
    """

    query: torch.Tensor
    key: torch.Tensor
    second_query: torch.Tensor
    second_key: torch.Tensor
    W_Q: torch.Tensor
    W_K: torch.Tensor


def on_grid(vector: torch.Tensor) -> torch.Tensor:
    """The nearest multiples of 2^−GRID_BITS."""
    return torch.round(vector * 2.0**GRID_BITS) / 2.0**GRID_BITS


def embeddings(model: Model) -> tuple[torch.Tensor, torch.Tensor]:
    """(E_q, Ebar) [d_vocab, d_model]: W_E + W_pos[n_ctx − 1] and W_E + mean of W_pos."""
    return model.W_E + model.W_pos[-1], model.W_E + model.W_pos.mean(0)


def qk_directions(model: Model) -> Directions:
    """Singular vectors of EQKE, of the embeddings without the first direction, and of W_Q and W_K."""
    E_q, Ebar = embeddings(model)
    left, right = top_singular_vectors(model, 1)
    query, key = _positive(left[0]), _positive(right[0])
    return Directions(
        query=query,
        key=key,
        second_query=_top_left(E_q - torch.outer(query, query @ E_q)),
        second_key=_top_left(Ebar - torch.outer(key, key @ Ebar)),
        W_Q=_top_left(model.W_Q),
        W_K=_top_left(model.W_K),
    )


def top_singular_vectors(model: Model, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first left and right singular vectors of EQKE, each [count, d_vocab]."""
    E_q, Ebar = embeddings(model)
    left, _, right = torch.linalg.svd((E_q @ model.W_Q + model.b_Q) @ model.W_K.T @ Ebar.T)
    return left[:, :count].T, right[:count]


def direct_direction(model: Model) -> torch.Tensor:
    """A query direction w [d_model] for EUPU: the top left singular vector of EUPU applied to E_q, in the best multiple.

    The published hint is the vector without a multiple, too long by about √d_vocab. The multiple minimises Σ_q g_q = Σ_q Σ_j
    |E_q[q,j] − w_j| · range W_U[j]: a weighted median of the ratios E_q[q,j] / w_j.
    """
    E_q, _ = embeddings(model)
    direction = torch.linalg.svd(E_q @ model.W_U)[0][:, 0] @ E_q
    weights = (direction.abs() * row_range(model.W_U)).expand_as(E_q).flatten()
    ratios = (E_q / torch.where(direction == 0, torch.inf, direction)).flatten()
    order = ratios.argsort()
    total = weights[order].cumsum(0)
    return on_grid(ratios[order[torch.searchsorted(total, total[-1] / 2)]] * direction)


def row_range(table: torch.Tensor) -> torch.Tensor:
    """max − min of each row."""
    return table.amax(-1) - table.amin(-1)


def _top_left(matrix: torch.Tensor) -> torch.Tensor:
    return _positive(torch.linalg.svd(matrix, full_matrices=False)[0][:, 0])


def _positive(vector: torch.Tensor) -> torch.Tensor:
    return on_grid(vector if vector.mean() >= 0 else -vector)
