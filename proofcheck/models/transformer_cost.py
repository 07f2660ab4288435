"""Upper bounds on the operations of a transformer's evaluation, from sizes and options alone; as `arithmetic.columns` counts them.

What prefixes share is counted for each input; what depends on one token alone (first queries, keys and values) is in `prepare_operations`.
"""

from __future__ import annotations

from itertools import pairwise

from proofcheck.arithmetic.columns import ACTIVATION_OPERATIONS, ATTENTION_OPERATIONS, NORMALIZATION_OPERATIONS, SOFTMAX_OPERATIONS
from proofcheck.models.architecture import Options
from proofcheck.models.dimensions import Dimensions

_NORM = NORMALIZATION_OPERATIONS + 2  # of one entry, with w and b


def forward_operations(sizes: Dimensions, options: Options) -> int:
    """Of one input, without what depends on one token alone."""
    n, D, M = sizes.n_ctx, sizes.d_model, sizes.d_mlp
    heads, width = sizes.n_heads, sizes.n_heads * sizes.d_head
    attention = n * (ATTENTION_OPERATIONS * width + SOFTMAX_OPERATIONS * heads) + D if heads else 0
    mlp = ACTIVATION_OPERATIONS * M + (_NORM + 1) * D if M else 0
    head = ACTIVATION_OPERATIONS * sum(options["head"])
    layers = sum(updated * (attention + mlp) + seen * _NORM * D for updated, seen in _positions(sizes, options))
    return product_operations(sizes, options) + layers + n * D + _NORM * D + head + 3 * sizes.d_vocab_out


def product_operations(sizes: Dimensions, options: Options) -> int:
    """Those of `forward_operations` that are multiplications and additions of matrix products."""
    D, M, width = sizes.d_model, sizes.d_mlp, sizes.n_heads * sizes.d_head
    widths = (D, *options["head"], sizes.d_vocab_out)
    last: int = sum(2 * inputs * outputs for inputs, outputs in pairwise(widths))
    layers: int = 0
    for updated, seen in _positions(sizes, options):
        projections = (updated + 2 * seen if seen else 0) * 2 * D * width
        layers += projections + updated * (2 * D * width + 4 * D * M)
    return layers + last


def _positions(sizes: Dimensions, options: Options) -> list[tuple[int, int]]:
    """For each layer: the positions that it updates, and those that it projects to keys (0 in the first: its projections are prepared)."""
    if not sizes.n_heads:
        return []  # all of it is prepared
    n, read = sizes.n_ctx, sizes.n_ctx if options["readout"] == "sum" else 1
    last = sizes.n_layers - 1
    return [(n if layer < last else read, n if layer else 0) for layer in range(sizes.n_layers)]


def prepare_operations(sizes: Dimensions, options: Options) -> int:
    """What depends on one token alone: for each token at each position, its embedding and its first queries, keys and values."""
    n, d, D, M, width = sizes.n_ctx, sizes.d_vocab, sizes.d_model, sizes.d_mlp, sizes.n_heads * sizes.d_head
    whole = 0 if width else sizes.n_layers * (4 * D * M + ACTIVATION_OPERATIONS * M + (_NORM + 1) * D)  # all of it, without attention
    return n * d * ((_NORM + 1) * D + 6 * D * width + whole)
