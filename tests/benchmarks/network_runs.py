"""Real torch evaluations of transformers beside what is proved about all that conform: docs/float-runs.md. It proves nothing.

    python tests/benchmarks/network_runs.py certificates/networks/max-of-2-layernorm--float64.json …

All inputs of each certificate's task are evaluated in its format, in several orders. For each run: how many answers are wrong; how many
are against a proof (a contradiction); and the largest distance between its logits and ours, as a part of the sum of both radii, within
which every conforming evaluation lies.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

import proofcheck
from proofcheck import Limits
from proofcheck.arithmetic import Arithmetic, exclusive_precision
from proofcheck.catalogue import BUILT_IN
from proofcheck.frame import read_frame
from proofcheck.kernel import decode_model
from proofcheck.models import Transformer
from proofcheck.rules.counting.float_evaluations import evaluator
from proofcheck.rules.rule import Context

BATCH = 1 << 11
Tensor = torch.Tensor
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
}


def product(x: Tensor, W: Tensor) -> Tensor:
    return x @ W


def backward(x: Tensor, W: Tensor) -> Tensor:
    """Sums from the last term to the first."""
    return x.flip(-1) @ W.flip(-2)


def one_by_one(x: Tensor, W: Tensor) -> Tensor:
    """No matrix products: one term after another."""
    total = x[..., :1] * W[..., :1, :]
    for k in range(1, x.shape[-1]):
        total = total + x[..., k : k + 1] * W[..., k : k + 1, :]
    return total


def two_passes(x: Tensor, eps: float, centred: bool) -> Tensor:
    x = x - x.mean(-1, keepdim=True) if centred else x
    return x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt()


def fused(x: Tensor, eps: float, centred: bool) -> Tensor:
    """torch's layer_norm, which updates mean and variance together."""
    return F.layer_norm(x, x.shape[-1:], eps=eps) if centred else x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


def one_pass(x: Tensor, eps: float, centred: bool) -> Tensor:
    """Variance as mean square less squared mean, and the difference after the products."""
    mean = x.mean(-1, keepdim=True) if centred else torch.zeros_like(x[..., :1])
    inverse = 1 / ((x * x).mean(-1, keepdim=True) - mean * mean + eps).sqrt()
    return x * inverse - mean * inverse


def softmax_then_mix(scores: Tensor, values: Tensor, times: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    return times(scores.softmax(-1), values)


def divided_last(scores: Tensor, values: Tensor, times: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    raw = (scores - scores.amax(-1, keepdim=True)).exp()
    return times(raw, values) / raw.sum(-1, keepdim=True)


@dataclass(frozen=True)
class Style:
    """How products, normalizations and mixes are computed; scale_query: the scale stands at the query."""

    times: Callable[[Tensor, Tensor], Tensor] = product
    norm: Callable[[Tensor, float, bool], Tensor] = two_passes
    mix: Callable[[Tensor, Tensor, Callable[[Tensor, Tensor], Tensor]], Tensor] = softmax_then_mix
    scale_query: bool = False


STYLES = {
    "matrix products, two passes, softmax": Style(),
    "every sum from its last term, fused layer norm": Style(backward, fused),
    "one term after another, one-pass variance, divided last": Style(one_by_one, one_pass, divided_last, True),
    "matrix products, fused layer norm, divided last": Style(product, fused, divided_last, True),
}


def logits(style: Style, sizes: dict[str, int], options: Any, W: dict[str, Tensor], tokens: Tensor) -> Tensor:
    """[B, n] → [B, d_vocab_out]: docs/semantics.md."""
    times, n = style.times, sizes["n_ctx"]

    def affine(x: Tensor, name: str, bias: str) -> Tensor:
        y = times(x, W[name])
        return y + W[bias] if bias in W else y

    def norm(x: Tensor, name: str) -> Tensor:
        kind = options["normalization"]
        if kind == "none":
            return x
        y = style.norm(x, float(Fraction(options["eps"])), kind.startswith("LN"))
        y = y * W[f"{name}.w"] if f"{name}.w" in W else y
        return y + W[f"{name}.b"] if f"{name}.b" in W else y

    def attention(layer: int, x: Tensor) -> Tensor:
        place, y = f"blocks.{layer}.attn.", norm(x, f"blocks.{layer}.ln1")

        def projected(letter: str) -> Tensor:
            z = times(y[:, None], W[f"{place}W_{letter}"])
            return z + W[f"{place}b_{letter}"][:, None] if f"{place}b_{letter}" in W else z

        v = projected("V")
        visible = torch.ones(n, n, dtype=torch.bool)
        visible = visible.tril() if options["attention"].startswith("causal") else visible
        if options["attention"].endswith("uniform"):
            mixed = times((visible.to(x.dtype) / visible.sum(-1, keepdim=True)).expand(*v.shape[:2], n, n), v)
        else:
            scale = 1 / math.sqrt(sizes["d_head"]) if options["scale"] == "1/sqrt(d_head)" else float(Fraction(options["scale"]))
            q, k = projected("Q"), projected("K")
            scores = times(q * scale, k.transpose(2, 3)) if style.scale_query else times(q, k.transpose(2, 3)) * scale
            mixed = style.mix(scores.masked_fill(~visible, -torch.inf), v, times)
        heads = mixed.transpose(1, 2).flatten(2)  # [B, n, n_heads·d_head]
        out = times(heads, W[f"{place}W_O"].flatten(0, 1))
        return out + W[f"{place}b_O"] if f"{place}b_O" in W else out

    E = W["embed.W_E"]
    x = E[tokens] if E.ndim == 2 else torch.stack([E[i][tokens[:, i]] for i in range(n)], 1)
    x = x + W["pos_embed.W_pos"][:n] if "pos_embed.W_pos" in W else x
    for layer in range(sizes["n_layers"]):
        x = x + attention(layer, x) if sizes["n_heads"] else x
        if sizes["d_mlp"]:
            mlp = f"blocks.{layer}.mlp."
            hidden = ACTIVATIONS[options["activation"]](affine(norm(x, f"blocks.{layer}.ln2"), f"{mlp}W_in", f"{mlp}b_in"))
            x = x + affine(hidden, f"{mlp}W_out", f"{mlp}b_out")
    readout = options["readout"]
    y = x.sum(1) if readout == "sum" else x[:, -1 if readout == "last" else readout]
    y = norm(y, "ln_final")
    for k in range(len(options["head"])):
        y = F.relu(affine(y, f"head.{k}.W", f"head.{k}.b"))
    return affine(y, "unembed.W_U", "unembed.b_U")


@dataclass
class Looked:
    """Wrong answers; answers against a proof, right or wrong; the largest part of the radii."""

    wrong: int = 0
    against: int = 0
    part: float = 0.0


def looked_at(path: Path, styles: dict[str, Style]) -> tuple[int, int, int, dict[str, Looked]]:
    """Inputs, how many are proved right and proved wrong, and each style's runs."""
    certificate = proofcheck.load(path)
    place = path.parent / certificate.model.file
    limits, found = Limits(), {name: Looked() for name in styles}
    frame = read_frame(certificate, BUILT_IN, limits)
    model = decode_model(frame, place.read_bytes(), limits)[0]
    dtype = {"binary32": torch.float32, "binary64": torch.float64}[str(certificate.claim.fields["format"])]
    W = {name: tensor.to(dtype) for name, tensor in load_file(place).items() if not name.endswith(("mask", "IGNORE"))}
    sizes, options = dict(certificate.model.dimensions), certificate.model.options
    total = proved = proved_wrong = 0
    with exclusive_precision(), torch.no_grad():
        arithmetic = Arithmetic("fast", 128)
        if not isinstance(model, Transformer):
            raise TypeError("no transformer")
        evaluate = evaluator(Context(model, frame.task, arithmetic, limits, proofcheck.memo.Memo(), frame.reading))
        for tokens, answers in frame.task.batches(BATCH):
            ours: Any = evaluate(tokens)
            right, wrong = ours.decide(answers)
            total, proved, proved_wrong = total + len(answers), proved + int(right.sum()), proved_wrong + int(wrong.sum())
            for name, style in styles.items():
                out = logits(style, sizes, options, W, torch.from_numpy(tokens)).double().numpy()
                own = out[np.arange(len(answers)), answers].copy()
                rivals = out.copy()
                rivals[np.arange(len(answers)), answers] = -np.inf
                answered = own > rivals.max(axis=1)
                distance = np.linalg.norm(out - ours.values.T, axis=1)
                looked = found[name]
                looked.wrong += int((~answered).sum())
                looked.against += int((right & ~answered).sum()) + int((wrong & answered).sum())
                looked.part = max(looked.part, float((distance / ours.radius).max()))
    return total, proved, proved_wrong, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("certificates", type=Path, nargs="+")
    options = parser.parse_args()
    torch.set_num_threads(1)
    bad = 0
    for path in options.certificates:
        total, proved, wrong, found = looked_at(path, STYLES)
        print(f"{path.name}: {total} inputs, {proved} proved right, {wrong} proved wrong")
        for name, looked in found.items():
            bad += looked.against + (looked.part > 1)
            print(f"    {name}: {looked.wrong} wrong, {looked.against} against a proof, {looked.part:.2g} of the radii")
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
