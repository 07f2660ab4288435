"""`separable-enumeration`: the hinted blocks, sequence by sequence. The hint `expansions` bounds a search that is not made here."""

from __future__ import annotations

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import Context, ProvedBlocks, Tables
from tests.second_checker.hinted_blocks import read_blocks
from tests.second_checker.margin_terms import block_sequences


def separable_enumeration(context: Context, tables: Tables, blocks: Array, expansions: int) -> ProvedBlocks:
    """By forward passes; blocks that are not hinted get 0."""
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    hinted = read_blocks(blocks, d)
    context.spend(sum((m + 1) ** (n - 1) * (2 * n + 2) * d for _, m in hinted), "separable-enumeration")
    counts = dict.fromkeys(context.blocks(), 0)
    for q, m in hinted:
        counts[q, m] = sum(context.forward.certainly_correct(sequence) for sequence in block_sequences(q, m, n))
    return ProvedBlocks(counts)
