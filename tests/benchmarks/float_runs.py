"""Real evaluations in torch beside what is proved about all that conform: docs/float-runs.md. It proves nothing.

    python tests/benchmarks/float_runs.py MODEL [--runs NAME …] [--every K]

Each kind of run answers all inputs (or every K-th batch of 32,768). Printed, as rows of a table: how many it answers otherwise than the
reals, the largest margin over the reals (float64) among them, and how many answers contradict a proof: wrong where every conforming
evaluation is proved right, or right where every one is proved wrong, for each format that the run conforms to (docs/semantics-float.md).
Proofs are evaluated in float64 with the checker's error tables. Float32 runs: about four minutes of one core, 16-bit ones three.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import torch
import torch.nn.functional as F

from proofcheck.rules.reading import FORMATS, FloatRun
from strategies.cli.prove import default_roundings
from strategies.max_of_k.separable_terms import FloatTerms
from strategies.max_of_k.strategy import Problem
from strategies.models.load import Model

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


def nearest(a: torch.Tensor) -> torch.Tensor:
    """float32 rounded to the 11 significant bits of TF32, ties to even."""
    bits = a.contiguous().view(torch.int32)
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFF).view(torch.float32)


def cut(a: torch.Tensor) -> torch.Tensor:
    """float32 cut to 11 significant bits."""
    return (a.contiguous().view(torch.int32) & ~0x1FFF).view(torch.float32)


def tf32(w: Weights, tokens: torch.Tensor, *, short: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """As an accelerator computes float32 matrix products with TF32 operands: operands rounded, sums in float32."""
    residual = w["W_E"][tokens] + w["W_pos"]
    query, key, value = (short(residual) @ short(w[f"W_{c}"]) + w[f"b_{c}"] for c in "QKV")
    pattern = (short(query[:, -1:]) @ short(key).transpose(1, 2) / math.sqrt(query.shape[-1])).softmax(-1)
    out = residual[:, -1] + (short((short(pattern) @ short(value))[:, 0]) @ short(w["W_O"]) + w["b_O"])
    return short(out) @ short(w["W_U"]) + w["b_U"]


def autocast(w: Weights, tokens: torch.Tensor, *, dtype: torch.dtype) -> torch.Tensor:
    with torch.autocast("cpu", dtype=dtype):
        return plain(w, tokens)


Logits = Callable[[Weights, torch.Tensor], torch.Tensor]
SINGLE = ("binary32", "binary32-stages")
BFLOAT16_AUTOCAST, BINARY16_AUTOCAST = ("bfloat16-autocast", "bfloat16"), ("binary16-autocast", "binary16")
RUNS: dict[str, tuple[torch.dtype, Logits, tuple[str, ...]]] = {
    "float32, softmax": (torch.float32, plain, SINGLE),
    "float32, sums backward": (torch.float32, backward, SINGLE),
    "float32, divided last": (torch.float32, divided_last, SINGLE),
    "float32, no matrix products": (torch.float32, one_by_one, SINGLE),
    "float32, SDPA": (torch.float32, sdpa, SINGLE),
    "TF32, nearest": (torch.float32, partial(tf32, short=nearest), ("tf32-nearest", "tf32")),
    "TF32, cut": (torch.float32, partial(tf32, short=cut), ("tf32",)),
    "float16, autocast": (torch.float32, partial(autocast, dtype=torch.float16), BINARY16_AUTOCAST),
    "float16, softmax": (torch.float16, plain, ("binary16",)),
    "bfloat16, autocast": (torch.float32, partial(autocast, dtype=torch.bfloat16), BFLOAT16_AUTOCAST),
    "bfloat16, softmax": (torch.bfloat16, plain, ("bfloat16",)),
    "bfloat16, SDPA": (torch.bfloat16, sdpa, ("bfloat16",)),
}


def logits_of(terms: FloatTerms, tokens: np.ndarray) -> np.ndarray:
    """Over the reals, in float64, for sequences [B, n]."""
    q = tokens[:, -1]
    scores = np.stack([terms.token_scores[q, t] for t in tokens.T], axis=1) + terms.position_scores[q]
    w = np.exp(scores - scores.max(axis=1, keepdims=True))
    w /= w.sum(axis=1, keepdims=True)
    return terms.EUPU[q] + sum(w[:, i : i + 1] * (terms.EVOU[tokens[:, i]] + terms.PVOU[i]) for i in range(tokens.shape[1]))


def margins(terms: FloatTerms, tokens: np.ndarray) -> np.ndarray:
    """The same: logit[max] less the largest other."""
    logits, rows, m = logits_of(terms, tokens), np.arange(len(tokens)), tokens.max(axis=1)
    own = logits[rows, m]
    logits[rows, m] = -np.inf
    return own - logits.max(axis=1)


def proved(terms: FloatTerms, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which sequences [B, n] the widened terms prove right, and which wrong, in float64 with the checker's error tables."""
    error = terms.errors
    rows, q, m = np.arange(len(tokens)), tokens[:, -1], tokens.max(axis=1)
    scores = np.stack([terms.token_scores[q, t] for t in tokens.T], axis=1) + terms.position_scores[q]
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    theta = np.stack([error.EQKE[q, t] for t in tokens.T], axis=1) + error.EQKP[q]
    least, most = (np.zeros((len(tokens), terms.d_vocab)) for _ in range(2))
    for i, t in enumerate(tokens.T):
        value = terms.EUPU[q] + terms.EVOU[t] + terms.PVOU[i]
        off = error.EUPU[q] + error.EVOU[t] + error.PVOU[i]
        ahead, both = value[rows, m][:, None] - value, off[rows, m][:, None] + off
        low, high = ahead - both, ahead + both
        w, e = weights[:, i, None], theta[:, i, None]
        least += w * low * np.exp(np.where(low > 0, -e, e))
        most += w * high * np.exp(np.where(high > 0, e, -e))
    least[rows, m] = most[rows, m] = np.inf
    return (least > 0).all(axis=1), (most <= 0).any(axis=1)


def all_sequences(d: int, n: int) -> list[np.ndarray]:
    digits = d ** np.arange(n - 1, -1, -1)
    return [np.arange(a, min(a + BATCH, d**n))[:, None] // digits % d for a in range(0, d**n, BATCH)]


def run_of(problem: Problem, name: str) -> FloatRun:
    """What `prove --claim` claims."""
    return FloatRun(FORMATS[name], default_roundings(FORMATS[name], problem), Fraction(1, 2**13), 8)


class Record:
    """What one kind of run did."""

    def __init__(self, formats: tuple[str, ...]) -> None:
        self.right = self.different = 0
        self.worst, self.seconds = 0.0, 0.0
        self.against = dict.fromkeys(formats, 0)
        self.shown: list[str] = []

    def add(self, tokens: np.ndarray, right: np.ndarray, margin: np.ndarray, proofs: dict[str, FloatTerms]) -> None:
        different = np.flatnonzero(right != (margin > 0))
        self.right += int(right.sum())
        self.different += len(different)
        self.worst = max(self.worst, float(np.abs(margin[different]).max(initial=0.0)))
        self.shown += [f"{tuple(tokens[k].tolist())} margin {margin[k]:.3g}" for k in different[:12].tolist()]
        for name in self.against:
            always, never = proved(proofs[name], tokens[different])
            self.against[name] += int((always & ~right[different]).sum() + (never & right[different]).sum())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--runs", nargs="*", default=[], help="words: the kinds of run whose names have one of them (default: all)")
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    problem = Problem(options.model)
    sizes, terms = problem.dimensions, FloatTerms(problem.model)
    chosen = {name: run for name, run in RUNS.items() if not options.runs or any(word in name for word in options.runs)}
    formats = {name for _, _, conforms in chosen.values() for name in conforms}
    proofs = {name: replace(problem, run=run_of(problem, name)).float_terms() for name in sorted(formats)}
    weights = {dtype: weights_of(problem.model, dtype) for dtype, _, _ in chosen.values()}
    records = {name: Record(conforms) for name, (_, _, conforms) in chosen.items()}
    looked = right_over_the_reals = 0
    for tokens in all_sequences(sizes.d_vocab, sizes.n_ctx)[:: options.every]:
        margin, inputs = margins(terms, tokens), torch.from_numpy(tokens)
        answers = inputs.amax(1)
        looked, right_over_the_reals = looked + len(tokens), right_over_the_reals + int((margin > 0).sum())
        for name, (dtype, logits, _) in chosen.items():
            start = process_time()
            with torch.no_grad():
                top = logits(weights[dtype], inputs).float().topk(2, dim=-1)
            right = ((top.indices[:, 0] == answers) & (top.values[:, 0] > top.values[:, 1])).numpy()
            records[name].seconds += process_time() - start
            records[name].add(tokens, right, margin, proofs)
    print(f"{looked} sequences, {right_over_the_reals} right over the reals")
    print(
        "| evaluation | right | otherwise than the reals | largest margin among them | against proofs | CPU s |\n|---|---|---|---|---|---|"
    )
    for name, record in records.items():
        against = ", ".join(f"{count} of `{kind}`" for kind, count in record.against.items())
        shown = [f"{record.right:,}", f"{record.different:,}", f"{record.worst:.3g}", against, f"{record.seconds:.0f}"]
        print(f"| {name} | {' | '.join(shown)} |")
    for name, record in records.items():
        if 0 < record.different <= 12:
            print(name, *record.shown, sep="\n    ")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
