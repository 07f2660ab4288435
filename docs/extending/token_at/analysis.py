"""How much attention the first position gets: the mechanism that one expects of this network."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from strategies.models.load import load


def analyse(weights: Path) -> dict[str, object]:
    """Attention on position 0, over all pairs of tokens."""
    model = load(weights)
    d = model.d_vocab
    tokens = torch.cartesian_prod(torch.arange(d), torch.arange(d))
    residual = model.W_E[tokens] + model.W_pos
    query = residual[:, -1] @ model.W_Q + model.b_Q
    keys = residual @ model.W_K + model.b_K
    first = ((keys @ query[:, :, None])[..., 0] / math.sqrt(model.d_head)).softmax(-1)[:, 0]
    return {"attention on position 0": {"least": float(first.min()), "mean": float(first.mean())}, "pairs": len(tokens)}
