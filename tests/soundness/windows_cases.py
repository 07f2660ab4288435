"""Small networks of every kind and dtype for the windows rules, with their true blocks, and rules applied to
them with random hints.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from soundness.adversarial_models import adversarial_model
from soundness.small_models import Shape, safetensors_bytes, trained_like
from soundness.subcubic_steps import apply
from soundness.truth import ground_truth, read_tensors
from soundness.window_hints import Hints, expansion_hints

from proofcheck import Dimensions
from proofcheck.arithmetic import Arithmetic
from proofcheck.limits import Limits
from proofcheck.memo import Memo
from proofcheck.models import decode_weights
from proofcheck.models.attention_only import ATTENTION_ONLY, TENSORS
from proofcheck.rules.rule import Context
from proofcheck.tasks import MaxOfK

MODELS = 252  # 28 of each kind of `adversarial_models`
LONG = 24  # more, with many positions: counts in bins
Blocks = np.ndarray[Any, np.dtype[np.int64]]


@cache
def model(k: int) -> tuple[str, Shape, bytes]:
    """Name, shape and file of model k; narrower dtypes where the kind allows it."""
    if k >= MODELS:
        rng = np.random.default_rng(k)
        shape = Shape(int(rng.choice([6, 7, 8])), 2)
        tensors = trained_like(shape, k, gain=float(rng.choice([0.2, 0.5, 1.0])), biases=bool(k % 2), dtype="<f8")
        for name in ("blocks.0.attn.W_K", "unembed.W_U"):
            tensors[name] = tensors[name] + 0.3 * rng.standard_normal(tensors[name].shape)
        return f"long-{k}", shape, safetensors_bytes(tensors)
    name, shape, tensors = adversarial_model(k)
    dtype = ("<f8", "<f4", "<f2")[k % 3 if "tiny" not in name and "scores" not in name else 0]
    return (
        f"{name}-{dtype[1:]}",
        shape,
        safetensors_bytes({key: array.astype(dtype) for key, array in tensors.items()}),
    )


@cache
def true_blocks(k: int) -> tuple[Blocks, Blocks]:
    """Per block (query, max token): sequences that may be right, and that may be wrong (an undecided one is
    both).
    """
    d = model(k)[1].d_vocab
    right, wrong = np.zeros((d, d), dtype=np.int64), np.zeros((d, d), dtype=np.int64)
    for x, answer in ground_truth(read_tensors(model(k)[2])).answers.items():
        right[x[-1], max(x)] += answer is not False
        wrong[x[-1], max(x)] += answer is not True
    return right, wrong


def context(k: int, backend: Any = "fast") -> Context:
    _, shape, weights = model(k)
    sizes = Dimensions(n_ctx=shape.n_ctx, d_vocab=shape.d_vocab, d_model=shape.d_model, d_head=shape.d_head)
    network = ATTENTION_ONLY.build(sizes, {}, decode_weights(weights, TENSORS, Limits()))
    return Context(network, MaxOfK(shape.n_ctx, shape.d_vocab), Arithmetic(backend, 128), Limits(), Memo())


def expanded(where: Context, rng: np.random.Generator, first: Blocks | None = None) -> tuple[Any, Hints]:
    """Centred tables with random hints, or with the given first computed scores."""
    hints = expansion_hints(where.model, rng, first)
    return apply(where, "centred-expansion", (), hints), hints
