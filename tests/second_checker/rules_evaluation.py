"""`evaluation`: every input, by the network's own semantics."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from tests.second_checker.facts import Context, ProvedBlocks
from tests.second_checker.forward import ForwardPass
from tests.second_checker.intervals import enclose, ends_of
from tests.second_checker.sum_of_tables import SumOfTables

ROOM = 24  # bits: roundings of one forward pass, generously


def evaluation(context: Context) -> ProvedBlocks:
    """Right are inputs whose margin is positive, wrong the others; what the certificate's precision rounds away may stay open."""
    task, network = context.task, context.network
    rational = isinstance(network, SumOfTables)
    each = network.d_model * network.d_vocab_out // 10 if rational else 2 * (network.n_ctx + 1) * network.d_vocab
    context.spend(task.total * (each + network.d_vocab), "evaluation")
    counts, least, wrong, surely_wrong = (Counter[tuple[int, int]]() for _ in range(4))
    for sequence in task.inputs():
        block = sequence[-1], task.answer(sequence)
        low, high, room = margin_of(context, sequence, block[1])
        counts[block] += high > 0
        least[block] += low > room
        wrong[block] += low <= 0
        surely_wrong[block] += high < -room or (room == 0 and high == 0)
    return ProvedBlocks(dict(counts), dict(least), dict(wrong), dict(surely_wrong), examined=task.total)


def margin_of(context: Context, sequence: tuple[int, ...], right: int) -> tuple[Fraction, Fraction, Fraction]:
    """Ends of an enclosure of the least logit[right] − logit[j] over j ≠ right; and what rounding may hide, 0 where nothing is rounded."""
    network, relative = context.network, Fraction(2) ** (ROOM - context.precision)
    if isinstance(network, SumOfTables):
        logits = network.logits(sequence)
        margin = min(logits[right] - context.margin - logit for j, logit in enumerate(logits) if j != right)
        exact = all(number.numerator.bit_length() <= context.precision for number in (*logits, context.margin))
        return margin, margin, Fraction(0) if exact else max(map(abs, logits)) * relative
    found = context.forward.logits(sequence)
    ends = [ends_of(found[right] - enclose(context.margin) - logit) for j, logit in enumerate(found) if j != right]
    return min(low for low, _ in ends), min(high for _, high in ends), size_of(context.forward, sequence) * relative


def size_of(forward: ForwardPass, sequence: tuple[int, ...]) -> Fraction:
    """The largest direct logit and value, times one and the largest score: an exponential is rounded relative to its argument."""
    entries = [*forward.direct_logits[sequence[-1]], *(entry for i, x in enumerate(sequence) for entry in forward.value_logits[i][x])]
    return max(map(abs, entries)) * (1 + max(abs(forward.score(sequence[-1], i, x)) for i, x in enumerate(sequence)))
