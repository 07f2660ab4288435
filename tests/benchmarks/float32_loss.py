"""A max-of-2 network whose float32 loss is well below its loss over the reals.

    python tests/benchmarks/float32_loss.py                    the float32 and float64 losses of the shipped network
    python tests/benchmarks/float32_loss.py --train FILE       train such a network (minutes; other machines get another one)

float32 log-softmax cannot hold a loss below 6·10⁻⁸: it is rounded to a multiple of that, often to 0, for every input by itself.
"""

from __future__ import annotations

import argparse
import json
from fractions import Fraction
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "certificates" / "models" / "max-of-2-small-loss.safetensors"
CERTIFICATE = ROOT / "certificates" / "losses" / "max-of-2-small-loss--evaluation-losses.json"
D_VOCAB, D_MODEL, SEED, STEPS, RATE = 64, 32, 123, 12_001, 0.01
NAMES = {
    "W_E": "embed.W_E",
    "W_pos": "pos_embed.W_pos",
    "W_Q": "blocks.0.attn.W_Q",
    "W_K": "blocks.0.attn.W_K",
    "W_V": "blocks.0.attn.W_V",
    "W_O": "blocks.0.attn.W_O",
    "W_U": "unembed.W_U",
}
Weights = dict[str, torch.Tensor]


def logits(w: Weights, x: torch.Tensor) -> torch.Tensor:
    """[B, d_vocab] of sequences [B, 2]."""
    residual = w["W_E"][x] + w["W_pos"]
    scores = torch.einsum("bd,bnd->bn", residual[:, -1] @ w["W_Q"], residual @ w["W_K"]) / w["W_Q"].shape[1] ** 0.5
    mixed = torch.einsum("bn,bnd->bd", scores.softmax(-1), residual @ w["W_V"])
    return (residual[:, -1] + mixed @ w["W_O"]) @ w["W_U"]


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    """All sequences, and their answers."""
    x = torch.cartesian_prod(torch.arange(D_VOCAB), torch.arange(D_VOCAB))
    return x, x.max(1).values


def train() -> Weights:
    """By Adam on all inputs, in float32 throughout, until its own loss is 12 % below the one of float64."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    shapes = dict.fromkeys(NAMES, (D_MODEL, D_MODEL)) | {"W_E": (D_VOCAB, D_MODEL), "W_U": (D_MODEL, D_VOCAB), "W_pos": (2, D_MODEL)}
    scale = {"W_pos": 0.02}
    w = {name: torch.nn.Parameter(torch.randn(shapes[name]) * scale.get(name, shapes[name][0] ** -0.5)) for name in NAMES}
    x, y = inputs()
    optimizer = torch.optim.Adam(w.values(), lr=RATE)
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits(w, x), y)
        loss.backward()
        optimizer.step()
        if step % 250 == 0:
            single, double = losses({name: tensor.detach() for name, tensor in w.items()})
            print(f"step {step}: float32 {single:.3e}, float64 {double:.3e}", flush=True)
            if step > 1000 and single < 0.88 * double:
                break
    return {name: tensor.detach() for name, tensor in w.items()}


def losses(w: Weights) -> tuple[float, float]:
    """The mean cross-entropy as float32 computes it, and in float64."""
    x, y = inputs()
    double = {name: tensor.double() for name, tensor in w.items()}
    return tuple(torch.nn.functional.cross_entropy(logits(weights, x), y).item() for weights in (w, double))  # type: ignore[return-value]


def read(path: Path) -> Weights:
    """Without the head axis."""
    found = load_file(path)
    return {name: found[file][0] if found[file].ndim == 3 else found[file] for name, file in NAMES.items()}


def write(w: Weights, path: Path) -> None:
    """With the head axis, names of TransformerLens."""
    heads = {"W_Q", "W_K", "W_V", "W_O"}
    save_file({file: (w[name][None] if name in heads else w[name]).contiguous() for name, file in NAMES.items()}, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.train is not None:
        write(train(), options.train)
    single, double = losses(read(options.train or MODEL))
    print(f"float32 {single:.6e}, float64 {double:.6e}, float32 less {100 * (1 - single / double):.1f} %")
    x, y = inputs()
    mixed = torch.nn.functional.cross_entropy(logits(read(options.train or MODEL), x).double(), y).item()
    print(f"float64 log-softmax of float32 logits {mixed:.6e}")
    if options.train is None:
        ((kind, fields),) = json.loads(CERTIFICATE.read_text())["claim"].items()
        print(f"{kind} {float(Fraction(fields['nats'])):.6e}")


if __name__ == "__main__":
    main()
