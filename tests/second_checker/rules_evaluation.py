"""`evaluation`: every input, by the network's own semantics."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from tests.second_checker.facts import Context, ProvedBlocks
from tests.second_checker.forward import ForwardPass
from tests.second_checker.intervals import enclose, ends_of
from tests.second_checker.rules_float_evaluations import float_margins, require_conforming
from tests.second_checker.sum_of_tables import SumOfTables
from tests.second_checker.transformer import Transformer
from tests.second_checker.transformer_forward import margin, products_of_pass

ROOM = 24  # bits: roundings of one forward pass, generously


def evaluation(context: Context) -> ProvedBlocks:
    """Right are inputs whose margin is positive, wrong the others; what the certificate's precision rounds away may stay open."""
    task = context.task
    if context.floats is not None:
        require_conforming(context)
    context.spend(task.total * cost_of_pass(context) * (1 if context.floats is None else 10), "evaluation")
    counts, least, wrong, surely_wrong = (Counter[tuple[int, int]]() for _ in range(4))
    for sequence in task.inputs():
        block = sequence[-1], task.answer(sequence)
        if context.floats is not None:
            found = float_margins(context, sequence, block[1])
            for counter, holds in zip((counts, least, wrong, surely_wrong), found, strict=True):
                counter[block] += holds
            continue
        low, high, room = margin_of(context, sequence, block[1])
        counts[block] += high > 0
        least[block] += low > room
        wrong[block] += low <= 0
        surely_wrong[block] += high < -room or (room == 0 and high == 0)
    return ProvedBlocks(dict(counts), dict(least), dict(wrong), dict(surely_wrong), examined=task.total)


def cost_of_pass(context: Context) -> int:
    """Interval operations of one forward pass, ten products of integers for one."""
    network = context.network
    if isinstance(network, Transformer):
        return products_of_pass(network) // 10 + network.d_vocab_out
    each = network.d_model * network.d_vocab_out // 10 if isinstance(network, SumOfTables) else 2 * (network.n_ctx + 1) * network.d_vocab
    return int(each + network.d_vocab)


def margin_of(context: Context, sequence: tuple[int, ...], right: int) -> tuple[Fraction, Fraction, Fraction]:
    """Ends of an enclosure of the least logit[right] − logit[j] over j ≠ right; and what rounding may hide, 0 where nothing is rounded."""
    network, relative = context.network, Fraction(2) ** (ROOM - context.precision)
    if isinstance(network, Transformer):
        return margin_of_transformer(context, sequence, right)
    if isinstance(network, SumOfTables):
        logits = network.logits(sequence)
        margin = min(logits[right] - context.margin - logit for j, logit in enumerate(logits) if j != right)
        exact = all(number.numerator.bit_length() <= context.precision for number in (*logits, context.margin))
        return margin, margin, Fraction(0) if exact else max(map(abs, logits)) * relative
    found = context.forward.logits(sequence)
    ends = [ends_of(found[right] - enclose(context.margin) - logit) for j, logit in enumerate(found) if j != right]
    return min(low for low, _ in ends), min(high for _, high in ends), size_of(context.forward, sequence) * relative


def margin_of_transformer(context: Context, x: tuple[int, ...], right: int) -> tuple[Fraction, Fraction, Fraction]:
    """Decided with 24 bits fewer than the certificate has: proofcheck must decide it too. Else, and at ties, what 240 bits say may stay
    open."""
    if context.network.d_vocab_out == 1:
        return Fraction(1), Fraction(1), Fraction(0)  # no rival
    for bits in (max(8, context.precision - ROOM), 240):
        ends = margin(context.network, x, right, bits)
        low, high = (Fraction(-1), Fraction(1)) if ends is None else (end - context.margin for end in ends)
        if bits < 240 and (low > 0 or high < 0):
            return low, high, Fraction(0)
    return low, high, 1 + max(abs(low), abs(high))


def size_of(forward: ForwardPass, sequence: tuple[int, ...]) -> Fraction:
    """The largest direct logit and value, times one and the largest score: an exponential is rounded relative to its argument."""
    entries = [*forward.direct_logits[sequence[-1]], *(entry for i, x in enumerate(sequence) for entry in forward.value_logits[i][x])]
    return max(map(abs, entries)) * (1 + max(abs(forward.score(sequence[-1], i, x)) for i, x in enumerate(sequence)))
