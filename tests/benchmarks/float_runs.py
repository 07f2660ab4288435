"""Real evaluations in torch float32 and bfloat16 beside what is proved about all that conform: docs/float-runs.md. It proves nothing.

    python tests/benchmarks/float_runs.py MODEL [--sample 1000000]

Looked at are all sequences whose margin over the reals (computed in float64) is within 4 of zero, and a random sample of the others. For
each kind of run: how many it answers otherwise than the reals, those sequences, and whether one of them is proved right.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from proofcheck.rules.reading import BINARY32, FloatRun
from strategies.max_of_k.separable_terms import FloatTerms
from strategies.max_of_k.strategy import Problem
from strategies.models.load import Model

NEAR = 4.0
BATCH = 1 << 15
Weights = dict[str, torch.Tensor]


def weights_of(model: Model, dtype: torch.dtype) -> Weights:
    names = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U", "b_Q", "b_K", "b_V", "b_O", "b_U")
    return {name: getattr(model, name).to(dtype) for name in names}


def parts(w: Weights, tokens: torch.Tensor, flip: bool) -> tuple[torch.Tensor, ...]:
    """Residual stream, query of the last position, keys and values; flip: every sum from its last term on."""
    residual = w["W_E"][tokens] + w["W_pos"]
    turn = (lambda x, axis: x.flip(axis)) if flip else (lambda x, axis: x)
    query, key, value = (turn(residual, -1) @ turn(w[f"W_{c}"], 0) + w[f"b_{c}"] for c in "QKV")
    return residual, query[:, -1:], key, value


def finish(w: Weights, residual: torch.Tensor, mix: torch.Tensor, flip: bool) -> torch.Tensor:
    turn = (lambda x, axis: x.flip(axis)) if flip else (lambda x, axis: x)
    out = residual[:, -1] + (turn(mix, -1) @ turn(w["W_O"], 0) + w["b_O"])
    return turn(out, -1) @ turn(w["W_U"], 0) + w["b_U"]


def plain(w: Weights, tokens: torch.Tensor, *, flip: bool = False) -> torch.Tensor:
    """As a library computes it: scores divided, softmax, weighted sum."""
    residual, query, key, value = parts(w, tokens, flip)
    scores = (query.flip(-1) @ key.flip(-1).transpose(1, 2) if flip else query @ key.transpose(1, 2)) / math.sqrt(query.shape[-1])
    pattern = scores.softmax(-1)
    return finish(w, residual, (pattern.flip(-1) @ value.flip(1) if flip else pattern @ value)[:, 0], flip)


def backward(w: Weights, tokens: torch.Tensor) -> torch.Tensor:
    """The same with every sum from its last term to its first."""
    return plain(w, tokens, flip=True)


def divided_last(w: Weights, tokens: torch.Tensor) -> torch.Tensor:
    """Scaled queries, exponentials, the sum divided at the end, as flash attention does."""
    residual, query, key, value = parts(w, tokens, False)
    scores = (query * (1 / math.sqrt(query.shape[-1]))) @ key.transpose(1, 2)
    raw = (scores - scores.amax(-1, keepdim=True)).exp()
    return finish(w, residual, ((raw @ value) / raw.sum(-1, keepdim=True))[:, 0], False)


def one_by_one(w: Weights, tokens: torch.Tensor) -> torch.Tensor:
    """No matrix products: products, then sums along an axis (pairwise, and not fused)."""
    residual = w["W_E"][tokens] + w["W_pos"]

    def affine(x: torch.Tensor, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.stack([(x * W[:, k]).sum(-1) for k in range(W.shape[1])], dim=-1) + b

    query = affine(residual[:, -1], w["W_Q"], w["b_Q"])
    key, value = affine(residual, w["W_K"], w["b_K"]), affine(residual, w["W_V"], w["b_V"])
    pattern = ((query[:, None] * key).sum(-1) / math.sqrt(query.shape[-1])).softmax(-1)
    out = residual[:, -1] + affine((pattern[:, :, None] * value).sum(1), w["W_O"], w["b_O"])
    return affine(out, w["W_U"], w["b_U"])


def sdpa(w: Weights, tokens: torch.Tensor) -> torch.Tensor:
    """torch's scaled_dot_product_attention."""
    residual, query, key, value = parts(w, tokens, False)
    return finish(w, residual, F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])[:, 0, 0], False)


RUNS: dict[str, tuple[torch.dtype, Callable[[Weights, torch.Tensor], torch.Tensor]]] = {
    "float32, softmax": (torch.float32, plain),
    "float32, sums backward": (torch.float32, backward),
    "float32, divided last": (torch.float32, divided_last),
    "float32, no matrix products": (torch.float32, one_by_one),
    "float32, SDPA": (torch.float32, sdpa),
    "bfloat16, softmax": (torch.bfloat16, plain),
}


def margins(terms: FloatTerms, tokens: np.ndarray) -> np.ndarray:
    """Over the reals, in float64: logit[max] less the largest other, for sequences [B, n]."""
    q, m = tokens[:, -1], tokens.max(axis=1)
    scores = np.stack([terms.token_scores[q, t] for t in tokens.T], axis=1) + terms.position_scores[q]
    w = np.exp(scores - scores.max(axis=1, keepdims=True))
    w /= w.sum(axis=1, keepdims=True)
    logits = terms.EUPU[q] + sum(w[:, i : i + 1] * (terms.EVOU[tokens[:, i]] + terms.PVOU[i]) for i in range(tokens.shape[1]))
    own = logits[np.arange(len(q)), m]
    logits[np.arange(len(q)), m] = -np.inf
    return own - logits.max(axis=1)


def proved_right(terms: FloatTerms, x: tuple[int, ...]) -> bool:
    """Whether Theorem F proves the sequence, in float64 with the checker's error tables."""
    q, m = x[-1], max(x)
    rivals = np.delete(np.arange(terms.d_vocab), m)
    f = terms.terms(q, m, rivals)
    return bool((f[:, np.arange(len(x)), list(x)].sum(axis=1) > 0).all())


def all_sequences(d: int, n: int) -> list[np.ndarray]:
    digits = d ** np.arange(n - 1, -1, -1)
    return [np.arange(a, min(a + BATCH, d**n))[:, None] // digits % d for a in range(0, d**n, BATCH)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--sample", type=int, default=1_000_000)
    options = parser.parse_args()
    problem = Problem(options.model)
    sizes = problem.dimensions
    run = FloatRun(BINARY32, 2 * sizes.d_model + sizes.d_head + 3 * sizes.n_ctx + 40, Fraction(1, 2**13), 8)
    terms, widened = FloatTerms(problem.model), Problem(options.model, run=run).float_terms()
    rng = np.random.default_rng(0)
    total = sizes.d_vocab**sizes.n_ctx
    near, sampled = [], []
    for tokens in all_sequences(sizes.d_vocab, sizes.n_ctx):
        close = np.abs(margins(terms, tokens)) < NEAR
        near.append(tokens[close])
        rest = tokens[~close]
        sampled.append(rest[rng.random(len(rest)) < options.sample / total])
    looked = np.concatenate([*near, *sampled])
    margin = margins(terms, looked)
    close = sum(map(len, near))
    right = int((margin > 0).sum())
    print(f"{close} sequences within {NEAR:g} of a tie, {len(looked) - close} of the other {total - close}; {right} right over the reals")
    for name, (dtype, logits) in RUNS.items():
        w, answers = weights_of(problem.model, dtype), torch.from_numpy(looked.max(axis=1))
        found_right = []
        for start in range(0, len(looked), BATCH):
            found = logits(w, torch.from_numpy(looked[start : start + BATCH]))
            top = found.topk(2, dim=-1)
            found_right.append((top.indices[:, 0] == answers[start : start + BATCH]) & (top.values[:, 0] > top.values[:, 1]))
        same = torch.cat(found_right).numpy() == (margin > 0)
        different = np.flatnonzero(~same)
        against = [k for k in different.tolist() if margin[k] > 0 and proved_right(widened, tuple(looked[k].tolist()))]
        worst = np.abs(margin[different]).max(initial=0.0)
        print(
            f"{name}: {len(different)} differ from the reals, largest margin {worst:.3g}; proved right and answered wrongly: {len(against)}"
        )
        for k in different[:12].tolist() if len(different) <= 12 else ():
            print(f"    {tuple(looked[k].tolist())} margin {margin[k]:.3g}")
    rows = looked[(margin > 0) & (margin < 0.1)].tolist()
    undecided = [tuple(row) for row in rows if not proved_right(widened, tuple(row))]
    print(f"right over the reals and not proved for all float32 runs: {len(undecided)}")
    for x in undecided[:20]:
        print(f"    {x} margin {float(margins(terms, np.array([x]))[0]):.3g}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
