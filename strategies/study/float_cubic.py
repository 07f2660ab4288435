"""The published cubic proof in floating point: what it claims. Source: docs/published-strategies.md 3.3, 3.4b. Nothing is proved."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from strategies.models.load import Model


@dataclass(frozen=True)
class Tables:
    """The five tables of path expansion, in the dtype of the model; scores divided by √d_head."""

    EUPU: torch.Tensor
    EVOU: torch.Tensor
    PVOU: torch.Tensor
    EQKE: torch.Tensor
    EQKP: torch.Tensor


def tables(model: Model) -> Tables:
    """Biases: that of the values reaches every position once, since attention sums to 1."""
    query = (model.W_E + model.W_pos[-1]) @ model.W_Q + model.b_Q
    root = math.sqrt(model.d_head)
    return Tables(
        (model.W_E + model.W_pos[-1] + model.b_O) @ model.W_U + model.b_U,
        (model.W_E @ model.W_V + model.b_V) @ model.W_O @ model.W_U,
        model.W_pos @ model.W_V @ model.W_O @ model.W_U,
        query @ (model.W_E @ model.W_K + model.b_K).T / root,
        query @ (model.W_pos @ model.W_K).T / root,
    )


def pessimal(t: Tables, m: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """PV [d] without x = m, EU [q ≤ m], G [k ≤ m] of one max token."""
    others = torch.arange(t.EUPU.shape[0]) != m
    PV = (t.PVOU - t.PVOU[:, m : m + 1]).amax(0)[others]
    EU = (t.EUPU[: m + 1] - t.EUPU[: m + 1, m : m + 1])[:, others].amax(1)
    G = ((t.EVOU[: m + 1] - t.EVOU[: m + 1, m : m + 1])[:, others] + PV).amax(1)
    return PV, EU, G


def one_sequence(t: Tables, m: int, PV: torch.Tensor) -> torch.Tensor:
    """The sequences (m, …, m, q) for q ≤ m, c = 0: whether each is claimed."""
    others = torch.arange(t.EUPU.shape[0]) != m
    scores = torch.cat([t.EQKE[: m + 1, m : m + 1] + t.EQKP[: m + 1, :-1], t.EQKE.diagonal()[: m + 1, None] + t.EQKP[: m + 1, -1:]], 1)
    on_max = scores.softmax(-1)[:, :-1].sum(1, keepdim=True)
    direct, value = t.EUPU[: m + 1] - t.EUPU[: m + 1, m : m + 1], t.EVOU[: m + 1] - t.EVOU[: m + 1, m : m + 1]
    bound = direct[:, others] + PV + on_max * value[m, others] + (1 - on_max) * value[:, others]
    return bound.amax(1) < 0


def cubic(model: Model) -> int:
    """The count that the published formula claims, all queries, tokens and both ends of one (m, c) at once."""
    t, n, total = tables(model), model.n_ctx, 0
    positions = t.EQKP[:, :-1].sort(-1).values
    both = torch.stack([positions, positions.flip(-1)], 1)  # [q, end, position]
    for m in range(model.d_vocab):
        PV, EU, G = pessimal(t, m)
        total += int(one_sequence(t, m, PV).sum())
        own = (t.EQKE.diagonal() + t.EQKP[:, -1])[: m + 1]
        for c in range(1, n if m else 1):
            held = both[: m + 1, None, :, : n - 1 - c] + t.EQKE[: m + 1, m, None, None, None]
            free = both[: m + 1, None, :, n - 1 - c :] + t.EQKE[: m + 1, :m, None, None]
            last = own[:, None, None, None].expand(m + 1, m, 2, 1)
            attention = torch.cat([held.expand(m + 1, m, 2, n - 1 - c), free, last], -1).softmax(-1)
            on_max, on_k = attention[..., : n - 1 - c].sum(-1), attention[..., n - 1 - c : -1].sum(-1)
            bound = on_max * G[m] + on_k * G[:m, None] + attention[..., -1] * G[:, None, None]
            accepted = ((EU[:, None] + bound.amax(-1)) < 0).sum(1).tolist()
            total += math.comb(n - 1, c) * sum(count**c for q, count in enumerate(accepted) if c <= n - 2 or q == m)
    return total
