"""The network in float64, at the last position: what tests compare with and samples are counted by.

Float64 is not exact: `proofcheck` decides, this only says what to expect.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from strategies.models.load import Model

CHUNK_BYTES = 1 << 26


def logits(model: Model, tokens: torch.Tensor) -> torch.Tensor:
    """Logits (batch, d_vocab), float64, at the last position of `tokens`, int64 (batch, n_ctx).

    Source: published-strategies.md 0. Errors: ValueError when tokens are not n_ctx long; IndexError when one is
    outside the vocabulary.
    """
    if tokens.ndim != 2 or tokens.shape[1] != model.n_ctx:
        raise ValueError(f"tokens have shape {tuple(tokens.shape)}, expected (batch, {model.n_ctx})")
    residual = F.embedding(tokens, model.W_E) + model.W_pos  # (batch, n_ctx, d_model)
    last = residual[:, -1]
    q = last @ model.W_Q + model.b_Q  # (batch, d_head)
    # q·(residual @ W_K + b_K) with the sum over d_head first: n_ctx times fewer multiplications
    scores = (residual @ (q @ model.W_K.T).unsqueeze(-1)).squeeze(-1) + (q @ model.b_K).unsqueeze(-1)
    pattern = (scores / math.sqrt(model.d_head)).softmax(-1)  # (batch, n_ctx)
    mixed = (pattern.unsqueeze(1) @ residual).squeeze(1)  # (batch, d_model)
    z = mixed @ model.W_V + model.b_V  # a pattern sums to 1, so b_V passes through
    return (last + z @ model.W_O + model.b_O) @ model.W_U + model.b_U


def right(model: Model, tokens: torch.Tensor) -> torch.Tensor:
    """Which rows of `tokens` (batch, n_ctx) have their maximum strictly above all other logits: bool (batch)."""
    answer = tokens.amax(-1, keepdim=True)
    values = logits(model, tokens)
    expected = values.gather(-1, answer).squeeze(-1)
    return values.scatter(-1, answer, -math.inf).amax(-1) < expected


def sampled_accuracy(model: Model, samples: int, seed: int) -> float:
    """The share of `samples` uniformly drawn sequences answered right, a tie counting as wrong.

    An estimate in float64, never a proof: its standard error is sqrt(accuracy·(1 − accuracy)/samples).
    Sequences come from one CPU generator seeded with `seed`. Errors: ValueError when `samples` is less than 1.
    """
    if samples < 1:
        raise ValueError(f"samples must be at least 1, not {samples}")
    return sum(int(right(model, tokens).sum()) for tokens in _draws(model, samples, seed)) / samples


def _draws(model: Model, samples: int, seed: int) -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    rows = max(1, CHUNK_BYTES // (8 * (model.n_ctx * model.d_model + 2 * model.d_vocab)))
    for start in range(0, samples, rows):
        shape = (min(rows, samples - start), model.n_ctx)
        yield torch.randint(0, model.d_vocab, shape, generator=generator)
