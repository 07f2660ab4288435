"""`enumeration`: the number of correct sequences of each block, by one forward pass for each sequence."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product as every

from tests.second_checker.facts import Context, ProvedBlocks, Tables


def enumeration(context: Context, tables: Tables) -> ProvedBlocks:
    """The tables are not used: the forward pass is that of docs/semantics.md."""
    net = context.network
    context.spend(net.d_vocab**net.n_ctx * (2 * net.n_ctx + 2) * net.d_vocab, "enumeration")
    return answered(context, every(range(net.d_vocab), repeat=net.n_ctx))


def answered(context: Context, sequences: Iterable[tuple[int, ...]]) -> ProvedBlocks:
    """The counts of these sequences, one forward pass each. Those that it leaves undecided may be proved wrong, but not right: ties."""
    counts, wrong, surely_wrong = (dict.fromkeys(context.blocks(), 0) for _ in range(3))
    examined = 0
    for sequence in sequences:
        block, answer = (sequence[-1], max(sequence)), context.forward.answer(sequence)
        counts[block] += answer is True
        wrong[block] += answer is not True
        surely_wrong[block] += answer is False
        examined += 1
    return ProvedBlocks(counts, wrong=wrong, surely_wrong=surely_wrong, examined=examined)
