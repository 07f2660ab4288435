"""`enumeration`: the number of correct sequences of each block, by one forward pass for each sequence."""

from __future__ import annotations

from itertools import product as every

from tests.second_checker.facts import Context, ProvedBlocks, Tables


def enumeration(context: Context, tables: Tables) -> ProvedBlocks:
    """The tables are not used: the forward pass is that of docs/semantics.md."""
    net = context.network
    context.spend(net.d_vocab**net.n_ctx * (2 * net.n_ctx + 2) * net.d_vocab, "enumeration")
    counts = dict.fromkeys(context.blocks(), 0)
    for sequence in every(range(net.d_vocab), repeat=net.n_ctx):
        if context.forward.certainly_correct(sequence):
            counts[sequence[-1], max(sequence)] += 1
    return ProvedBlocks(counts)
