"""`enumeration`: the number of correct sequences of each block, by one forward pass for each sequence."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product as every

from tests.second_checker.facts import Context, FloatTables, LogitTables, ProvedBlocks
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_floats import looked_at


def enumeration(context: Context, tables: LogitTables) -> ProvedBlocks:
    """The tables are not used: the forward pass is that of docs/semantics.md."""
    net = context.network
    context.spend(net.d_vocab**net.n_ctx * (2 * net.n_ctx + 2) * net.d_vocab, "enumeration")
    return decided(context, tables, every(range(net.d_vocab), repeat=net.n_ctx))


def decided(context: Context, tables: LogitTables, sequences: Iterable[tuple[int, ...]]) -> ProvedBlocks:
    """By forward passes, or in a claim about floats by the sums of Theorem F."""
    if isinstance(tables, FloatTables) != (context.floats is not None):
        raise rejected("wrong-premise", "tables", type(tables).__name__)
    return looked_at(context, tables, sequences) if isinstance(tables, FloatTables) else answered(context, sequences)


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
