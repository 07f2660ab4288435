"""Programs in torch float32 that count right answers as the certificates do: for comparison only, they prove nothing.

    python tests/benchmarks/float32_programs.py NAME MODEL [PART]

prints the count and the CPU seconds of the computation (import and loading left out). PART: every PART-th batch of inputs only.
Written from docs/published-strategies.md (sections 0, 3.1, 3.3, 3.4b) and docs/rules/separability.md. A tie counts as right.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from itertools import product

import torch
import torch.nn.functional as F

from strategies.models.forward import logits
from strategies.models.load import Model, load
from strategies.study.float_cubic import Tables, cubic, one_sequence, pessimal, tables

BATCH = 4096


def float32(path: str) -> Model:
    """The model with float32 weights."""
    model = load(path)
    return Model(**{field.name: getattr(model, field.name).float() for field in fields(model)})


def batches(model: Model, part: int) -> list[torch.Tensor]:
    """Every `part`-th batch of all sequences, in row-major order; batches have equal last differences, so none is special."""
    size = min(BATCH, model.d_vocab**model.n_ctx)
    digits = model.d_vocab ** torch.arange(model.n_ctx - 1, -1, -1)
    firsts = range(0, model.d_vocab**model.n_ctx, size * part)
    total = model.d_vocab**model.n_ctx
    return [torch.arange(first, min(first + size, total))[:, None] // digits % model.d_vocab for first in firsts]


def published_brute_force(model: Model, part: int = 1) -> int:
    """A forward pass of batches of 4096 at all positions, causal, with the loss, as a library computes it; argmax at the last position."""
    right = 0
    hidden = torch.full((model.n_ctx, model.n_ctx), -math.inf).triu(1)
    for tokens in batches(model, part):
        residual = F.embedding(tokens, model.W_E) + model.W_pos
        query, key = residual @ model.W_Q + model.b_Q, residual @ model.W_K + model.b_K
        value = residual @ model.W_V + model.b_V
        pattern = (query @ key.transpose(-1, -2) / math.sqrt(model.d_head) + hidden).softmax(-1)
        residual = residual + pattern @ value @ model.W_O + model.b_O
        last = (residual @ model.W_U + model.b_U)[:, -1]
        answer = tokens.amax(-1)
        F.cross_entropy(last, answer)
        right += int((last.argmax(-1) == answer).sum())
    return right


def lean_brute_force(model: Model, part: int = 1) -> int:
    """A forward pass of the last position alone, with as few operations as the order of the products allows."""
    return sum(int((logits(model, tokens).argmax(-1) == tokens.amax(-1)).sum()) for tokens in batches(model, part))


def cubic_one_class_at_a_time(model: Model, part: int = 1) -> int:
    """The published cubic proof, its classes (q, m, k, c) one after another: section 3.4b."""
    t, n, total = tables(model), model.n_ctx, 0
    for m in range(model.d_vocab):
        PV, EU, G = pessimal(t, m)
        alone = one_sequence(t, m, PV)
        for q in range(m + 1):
            total += int(alone[q])
            positions = t.EQKP[q, :-1].sort().values
            for c in range(1, n if q == m else n - 1):
                accepted = 0
                for k in range(m):
                    ends = []
                    for order in (positions, positions.flip(0)):
                        held, free = order[: n - 1 - c] + t.EQKE[q, m], order[n - 1 - c :] + t.EQKE[q, k]
                        attention = torch.cat([held, free, (t.EQKE[q, q] + t.EQKP[q, -1])[None]]).softmax(0)
                        on_max, on_k, on_q = attention[: n - 1 - c].sum(), attention[n - 1 - c : -1].sum(), attention[-1]
                        ends.append(on_max * G[m] + on_k * G[k] + on_q * G[q])
                    accepted += (EU[q] + torch.maximum(*ends)).item() < 0
                total += math.comb(n - 1, c) * accepted**c
    return total


def cubic_vectorised(model: Model, part: int = 1) -> int:
    """The same formula for all queries, tokens and both ends of one (m, c) at once."""
    return cubic(model)


def one_token_terms(t: Tables, q: int) -> torch.Tensor:
    """w_i(t) V_i(t)[o] of one query, with its largest weight 1: [n, t, o]."""
    scores = t.EQKE[q] + t.EQKP[q, :, None]
    return (scores - scores.max()).exp()[..., None] * (t.EVOU + t.PVOU[:, None] + t.EUPU[q])


def separable_brute_force(model: Model, part: int = 1) -> int:
    """Theorem S for every sequence: sums of one-token terms, outputs first, the last two free positions at once. n_ctx ≥ 3."""
    t, d, n, right = tables(model), model.d_vocab, model.n_ctx, 0
    tokens = torch.arange(d)
    tail_answer = torch.maximum(tokens[:, None], tokens).reshape(1, -1)
    sums = torch.empty(d, d * d)
    for q in range(d):
        terms = one_token_terms(t, q)
        tail = (terms[n - 3].T[:, :, None] + terms[n - 2].T[:, None, :]).reshape(d, -1)
        for prefix in product(range(d), repeat=n - 3):
            head = terms[n - 1, q] + sum(terms[i, token] for i, token in enumerate(prefix))
            torch.add(tail, head[:, None], out=sums)
            answer = tail_answer.clamp(min=max((*prefix, q)))
            right += int((sums.gather(0, answer)[0] >= sums.amax(0)).sum())
    return right


def separable_exact(model: Model, part: int = 1) -> int:
    """Theorem S where a minimum over the block leaves a rival open: whole blocks first, then the open ones, open rivals only."""
    t, d, n, right = tables(model), model.d_vocab, model.n_ctx, 0
    all_terms = torch.stack([one_token_terms(t, q) for q in range(d)])  # [q, n, t, o]
    for m in range(d):
        f = all_terms[: m + 1, :, : m + 1, m : m + 1] - all_terms[: m + 1, :, : m + 1]  # [q, n, t, j]
        own = f[torch.arange(m + 1), -1, torch.arange(m + 1)]
        least = f[:, :-1].amin(2)
        bound = own + least.sum(1)
        bound[:m] += (f[:m, :-1, m] - least[:m]).amin(1)
        still_open = bound <= 0
        still_open[:, m] = False
        for q in range(m + 1):
            size = (m + 1) ** (n - 1) - (m ** (n - 1) if q < m else 0)
            rivals = still_open[q].nonzero()[:, 0]
            right += size - (failing(f[q][..., rivals], own[q, rivals], q < m) if len(rivals) else 0)
    return right


def failing(f: torch.Tensor, own: torch.Tensor, required: bool) -> int:
    """Sequences of a block with a sum < 0 for some rival. f [n, t, j]."""
    m = f.shape[1] - 1
    sums = own[:, None]
    holds = torch.zeros(1, dtype=torch.bool)
    for term in f[:-1]:
        sums = (sums[:, :, None] + term.T[:, None, :]).reshape(len(own), -1)
        holds = (holds[:, None] | (torch.arange(m + 1) == m)).reshape(-1)
    fails = (sums < 0).any(0)
    return int((fails & holds).sum() if required else fails.sum())


PROGRAMS: dict[str, Callable[[Model, int], int]] = {
    "published brute force": published_brute_force,
    "lean brute force": lean_brute_force,
    "cubic, one class at a time": cubic_one_class_at_a_time,
    "cubic, vectorised": cubic_vectorised,
    "separable brute force": separable_brute_force,
    "separable exact": separable_exact,
}


def main() -> None:
    """Run one program and print a line of JSON."""
    name, path, *part = sys.argv[1:]
    torch.set_num_threads(1)
    model = float32(path)
    start = time.process_time()
    with torch.no_grad():
        count = PROGRAMS[name](model, int(part[0]) if part else 1)
    print(json.dumps({"count": count, "seconds": time.process_time() - start}))


if __name__ == "__main__":
    main()
