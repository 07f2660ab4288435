"""Small networks and direct application for the tests of the separable rules."""

from __future__ import annotations

from typing import Any

import numpy as np
from soundness.small_models import Shape, Tensors, safetensors_bytes, trained_like
from soundness.subcubic_steps import apply

from proofcheck import Dimensions
from proofcheck.arithmetic import Arithmetic
from proofcheck.arithmetic.operations import counting
from proofcheck.limits import Limits
from proofcheck.memo import Memo
from proofcheck.models import decode_weights
from proofcheck.models.attention_only import ATTENTION_ONLY, TENSORS
from proofcheck.rules import RULES
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.rule import Context
from proofcheck.tasks import MaxOfK


def context(shape: Shape, tensors: Tensors, backend: Any = "fast") -> Context:
    sizes = Dimensions(n_ctx=shape.n_ctx, d_vocab=shape.d_vocab, d_model=shape.d_model, d_head=shape.d_head)
    network = ATTENTION_ONLY.build(sizes, {}, decode_weights(safetensors_bytes(tensors), TENSORS, Limits()))
    return Context(network, MaxOfK(shape.n_ctx, shape.d_vocab), Arithmetic(backend, 128), Limits(), Memo())


def applied(where: Context, rule: str, hints: dict[str, Any]) -> tuple[ProvedBlocks, int, int]:
    """The fact, the operations that were counted, and their bound."""
    premises = (apply(where, "path-expansion"),) if RULES[rule].premises else ()
    with counting() as counter:
        fact = apply(where, rule, premises, hints)
    return fact, counter.total, RULES[rule].cost(where.model.dimensions, Limits(), **hints).operations


def total(fact: ProvedBlocks) -> int:
    return sum(map(sum, fact.counts))


def noisy(shape: Shape, seed: int, noise: float = 0.6) -> Tensors:
    """Near to trained, with enough noise that some blocks fail in part. d_model ≥ 3."""
    tensors = trained_like(shape, seed, gain=1.0, dtype="<f8")
    rng = np.random.default_rng(seed)
    for name in ("blocks.0.attn.W_K", "unembed.W_U"):
        tensors[name] = tensors[name] + noise * rng.standard_normal(tensors[name].shape)
    return {name: array.astype("<f4") for name, array in tensors.items()}


def blocks(d: int, bins: int) -> np.ndarray:
    return np.array([(q, m, bins) for m in range(d) for q in range(m + 1)], dtype=np.int64)


def single_groups(d: int) -> np.ndarray:
    """Every rival alone, for `blocks(d, …)`."""
    rows = blocks(d, 1)
    return np.array([(row, j + 1, j) for row, (_, m, _) in enumerate(rows.tolist()) for j in range(d) if j != m], dtype=np.int64)


NO_GROUPS = np.zeros((0, 3), dtype=np.int64)
