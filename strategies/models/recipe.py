"""The published Max-of-K training recipe: initial weights, data, forward pass, loss (published-strategies.md 1)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from strategies.models.seeds import Seeds

Weights = dict[str, torch.Tensor]

BATCH = 128
LEARNING_RATE = 1e-3
BETAS = (0.9, 0.999)
WEIGHT_DECAY = 0.01


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a training run. Everything else is fixed by the published recipe.

    `biases` trains all five biases as well; the published recipe freezes them at 0.
    """

    n_ctx: int
    seed: int
    d_vocab: int = 64
    steps: int = 3000
    biases: bool = False
    d_model: int = 32

    @property
    def name(self) -> str:
        """File name without its ending: max-of-K[-d-vocab-V][-d-model-D]-seed-S[-steps-N][-biases]; what is not named is the default."""
        vocabulary = "" if self.d_vocab == 64 else f"-d-vocab-{self.d_vocab}"
        width = "" if self.d_model == 32 else f"-d-model-{self.d_model}"
        steps = "" if self.steps == 3000 else f"-steps-{self.steps}"
        return f"max-of-{self.n_ctx}{vocabulary}{width}-seed-{self.seed}{steps}{'-biases' if self.biases else ''}"


def initial_weights(recipe: Recipe) -> Weights:
    """Float32 weights before the first step, by state-dict name and shape (d_head = d_model, one head).

    Every matrix is normal with standard deviation 0.8/sqrt(d_model), drawn from one CPU generator in the order
    W_E, W_pos, W_Q, W_O, W_K, W_V, W_U. Biases are 0, or with `recipe.biases` drawn afterwards from the same
    stream and distribution (b_Q, b_K, b_V, b_O, b_U): no gradient ever reaches b_K, which would stay 0.
    Source: published-strategies.md 1.1. Raises nothing.
    """
    d, D, n = recipe.d_vocab, recipe.d_model, recipe.n_ctx
    generator = torch.Generator().manual_seed(Seeds.of(recipe.seed).model)
    std = 0.8 / math.sqrt(D)

    def draw(*shape: int) -> torch.Tensor:
        return torch.empty(shape).normal_(std=std, generator=generator)

    attn = "blocks.0.attn."
    weights = {"embed.W_E": draw(d, D), "pos_embed.W_pos": draw(n, D)}
    weights |= {attn + name: draw(1, D, D) for name in ("W_Q", "W_O", "W_K", "W_V")}
    weights["unembed.W_U"] = draw(D, d)
    bias = draw if recipe.biases else torch.zeros
    weights |= {attn + name: bias(1, D) for name in ("b_Q", "b_K", "b_V")}
    weights |= {attn + "b_O": bias(D), "unembed.b_U": bias(d)}
    return weights


def training_tokens(recipe: Recipe) -> torch.Tensor:
    """All training sequences, int64 (steps·BATCH, n_ctx), uniform and independent, in the order they are used.

    One draw gives the same numbers as the published one-sequence-at-a-time draws from the same generator.
    Source: published-strategies.md 1.2, 1.3. Raises nothing.
    """
    generator = torch.Generator().manual_seed(Seeds.of(recipe.seed).train)
    return torch.randint(0, recipe.d_vocab, (recipe.steps * BATCH, recipe.n_ctx), generator=generator)


def last_logits(weights: Weights, tokens: torch.Tensor) -> torch.Tensor:
    """Logits (batch, d_vocab) at the last position for `tokens` (batch, n_ctx); any float dtype, differentiable.

    Only the last query is computed: no other position reaches the last logits in a one-layer network.
    Source: published-strategies.md 0. Raises what torch raises on wrong shapes.
    """
    attn = "blocks.0.attn."
    W_Q, W_K, W_V, W_O = (weights[attn + name][0] for name in ("W_Q", "W_K", "W_V", "W_O"))
    b_Q, b_K, b_V = (weights[attn + name][0] for name in ("b_Q", "b_K", "b_V"))
    residual = F.embedding(tokens, weights["embed.W_E"]) + weights["pos_embed.W_pos"]  # (batch, n_ctx, d_model)
    last = residual[:, -1]
    q = last @ W_Q + b_Q  # (batch, d_head)
    k = residual @ W_K + b_K  # (batch, n_ctx, d_head)
    scores = (k @ q.unsqueeze(-1)).squeeze(-1) / math.sqrt(q.shape[-1])
    pattern = scores.softmax(-1)  # (batch, n_ctx)
    z = (pattern.unsqueeze(1) @ residual).squeeze(1) @ W_V + b_V  # a pattern sums to 1, so b_V passes through
    return (last + z @ W_O + weights[attn + "b_O"]) @ weights["unembed.W_U"] + weights["unembed.b_U"]


def loss(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy (nats) of logits (batch, d_vocab) at the maximum of each row of tokens (batch, n_ctx)."""
    return F.cross_entropy(logits, tokens.amax(-1))
