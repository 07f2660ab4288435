"""Train a network of one layer and one head to repeat the first of two tokens."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F

from strategies.models.metadata import described
from strategies.models.recipe import Recipe, initial_weights, last_logits
from strategies.models.save import save

N_CTX, D_VOCAB, D_MODEL, SEED, STEPS = 2, 5, 8, 0, 300
TASK = f"token-at n_ctx={N_CTX} d_vocab={D_VOCAB} position=0"


def train(output: Path) -> None:
    """All inputs in each of 300 steps of AdamW; a second on one core."""
    torch.set_num_threads(1)  # sums that are split over threads round differently
    weights = initial_weights(Recipe(N_CTX, SEED, D_VOCAB, biases=True, d_model=D_MODEL))
    for weight in weights.values():
        weight.requires_grad_()
    tokens = torch.cartesian_prod(*[torch.arange(D_VOCAB)] * N_CTX)
    optimizer = torch.optim.AdamW(list(weights.values()), lr=0.01)
    for _ in range(STEPS):
        loss = F.cross_entropy(last_logits(weights, tokens), tokens[:, 0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    save({name: weight.detach() for name, weight in weights.items()}, output, described(TASK))
