"""The sequences that a network answers wrongly, and those that it answers by a narrow margin, in float64. n_ctx ≥ 2.

Theorem S (docs/rules/separability.md): a logit margin is a positive multiple of a sum of one-token terms, and so is a margin minus a
constant, since attention sums to 1. Minima over blocks leave few rivals open.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from strategies.models.forward import right
from strategies.models.load import Model
from strategies.study.float_cubic import tables

NARROW = 0.01  # logits; float32 errs by about 1e-4


@dataclass(frozen=True, slots=True)
class Narrow:
    """tokens [N, n_ctx]: the sequences whose right logit is not `NARROW` above all others. wrong [N]: some rival's is at least as large."""

    tokens: torch.Tensor
    wrong: torch.Tensor


def narrow(model: Model) -> Narrow:
    """All narrow sequences of one network."""
    t = tables(model)
    values = t.EVOU + t.PVOU[:, None]  # [n, t, o]
    scores = t.EQKE[:, None] + t.EQKP[:, :, None]  # [q, n, t]
    found = [torch.zeros(0, model.n_ctx, dtype=torch.int64)]
    for m in range(model.d_vocab):
        some = scores[: m + 1, :, : m + 1]
        weights = (some - some.amax((1, 2), keepdim=True)).exp()
        direct = t.EUPU[: m + 1, m : m + 1] - t.EUPU[: m + 1] - NARROW  # [q, o]
        f = weights[..., None] * (values[:, : m + 1, m : m + 1] - values[:, : m + 1] + direct[:, None, None])  # [q, n, t, o]
        found.append(_negative(f[m:], torch.ones(model.n_ctx - 1, m + 1, dtype=torch.bool), torch.tensor([m])))
        found += [_negative(f[:m], allowed, torch.arange(m)) for allowed in _first_maximum(model.n_ctx - 1, m)]
    tokens = torch.cat(found)
    return Narrow(tokens, torch.cat([torch.zeros(0, dtype=torch.bool), *(~right(model, part) for part in tokens.split(1 << 14))]))


def _first_maximum(free: int, m: int) -> list[torch.Tensor]:
    """For each position before the query, which tokens [free, t ≤ m] are allowed if it is the first one that holds m."""
    position, token = torch.meshgrid(torch.arange(free), torch.arange(m + 1), indexing="ij")
    return [torch.where(position == first, token == m, (token < m) | (position > first)) for first in range(free)]


def _negative(f: torch.Tensor, allowed: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
    """The sequences [N, n_ctx] of allowed tokens with a negative sum for some rival, each once.

    f [q, n, t, o] for the queries, 0 where o = m, which is no rival. allowed [n − 1, t]. One position after another, keeping the beginnings
    that the least values of the later positions can still make negative.
    """
    n, m = f.shape[1], f.shape[2] - 1
    values = f[:, :-1].masked_fill(~allowed[None, :, :, None], torch.inf)
    least = values.amin(2)  # [q, n − 1, o]
    q, o = (axis.flatten() for axis in torch.meshgrid(torch.arange(len(queries)), torch.arange(f.shape[3]), indexing="ij"))
    q, o = q[o != m], o[o != m]
    sums, tokens = f[q, -1, queries[q], o], torch.zeros(len(q), 0, dtype=torch.int64)
    for i in range(n - 1):
        longer = sums[:, None] + values[q, i, :, o]
        kept, token = (longer + least[q, i + 1 :, o].sum(1)[:, None] < 0).nonzero().T
        sums, tokens, q, o = longer[kept, token], torch.cat([tokens[kept], token[:, None]], 1), q[kept], o[kept]
    return torch.cat([tokens, queries[q][:, None]], 1).unique(dim=0)


def largest_rivals(wrong: torch.Tensor, d_vocab: int) -> torch.Tensor:
    """[q, m, c]: the least k such that a wrong sequence of the class has no token but m above k; d_vocab where none is wrong.

    The class (q, m, c) with tokens ≤ m − g holds a wrong sequence iff this is at most m − g. wrong [N, n_ctx].
    """
    n = wrong.shape[1]
    table = torch.full((d_vocab, d_vocab, n), d_vocab, dtype=torch.int64)
    m = wrong.amax(1)
    other = wrong != m[:, None]
    largest = torch.where(other, wrong, -1).amax(1)  # −1 for m … m, which is a class of its own
    index = (wrong[:, -1] * d_vocab + m) * n + other.sum(1)
    return table.view(-1).scatter_reduce(0, index, largest, "amin").view(table.shape)
