"""Upper bounds on the operations of a transformer's evaluation, from sizes and options alone; as `arithmetic.columns` counts them."""

from __future__ import annotations

from itertools import pairwise

from proofcheck.arithmetic.columns import ACTIVATION_OPERATIONS, ATTENTION_OPERATIONS, NORMALIZATION_OPERATIONS, SOFTMAX_OPERATIONS
from proofcheck.models.architecture import Options
from proofcheck.models.dimensions import Dimensions

_NORM = NORMALIZATION_OPERATIONS + 2  # of one entry, with w and b


def forward_operations(sizes: Dimensions, options: Options) -> int:
    """Of one input, without what depends on one token alone."""
    n, D, M, A = sizes.n_ctx, sizes.d_model, sizes.d_mlp, sizes.d_vocab_out
    heads, width = sizes.n_heads, sizes.n_heads * sizes.d_head
    attention = n * (ATTENTION_OPERATIONS * width + SOFTMAX_OPERATIONS * heads) + (_NORM + 1) * D if heads else 0
    mlp = ACTIVATION_OPERATIONS * M + (_NORM + 1) * D if M else 0
    head = ACTIVATION_OPERATIONS * sum(options["head"])
    return product_operations(sizes, options) + sizes.n_layers * n * (attention + mlp) + n * D + _NORM * D + head + 3 * A


def product_operations(sizes: Dimensions, options: Options) -> int:
    """Those of `forward_operations` that are multiplications and additions of matrix products."""
    n, D, M, width = sizes.n_ctx, sizes.d_model, sizes.d_mlp, sizes.n_heads * sizes.d_head
    widths = (D, *options["head"], sizes.d_vocab_out)
    last: int = sum(2 * inputs * outputs for inputs, outputs in pairwise(widths))
    layers: int = sizes.n_layers * n * 2 * D * (4 * width + 2 * M)
    return layers + last


def prepare_operations(sizes: Dimensions, options: Options) -> int:
    """What depends on one token alone: for each token at each position, its embedding and its first queries, keys and values."""
    n, d, D, M, width = sizes.n_ctx, sizes.d_vocab, sizes.d_model, sizes.d_mlp, sizes.n_heads * sizes.d_head
    whole = 0 if width else sizes.n_layers * (4 * D * M + ACTIVATION_OPERATIONS * M + (_NORM + 1) * D)  # all of it, without attention
    return n * d * ((_NORM + 1) * D + 6 * D * width + whole)
