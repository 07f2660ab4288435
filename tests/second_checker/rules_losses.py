"""`evaluation-losses` and `sum-losses`: the cross-entropy of every input, in enclosures of 256 bits; and claims about the mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from mpmath import iv

from tests.second_checker.facts import Context
from tests.second_checker.intervals import PRECISION, Interval, enclose, ends_of, exp, interval, total
from tests.second_checker.limits import MOST_DIGITS
from tests.second_checker.outcome import declined, rejected
from tests.second_checker.rules_evaluation import cost_of_pass
from tests.second_checker.sum_of_tables import SumOfTables
from tests.second_checker.transformer import Transformer
from tests.second_checker.transformer_forward import logit_ends
from tests.second_checker.weights import Network

CLAIMS = ("mean_loss_at_most", "mean_loss_at_least")
RATIONAL = re.compile(r"-?[0-9]+/[0-9]+")
_WIDENING: Interval = iv.mpf([1 - iv.mpf(2) ** (8 - PRECISION), 1 + iv.mpf(2) ** (8 - PRECISION)])


@dataclass(frozen=True)
class LossBlocks:
    """block → ends of an enclosure of the bounds that the theorem gives: (lower, upper) of the sum of its losses."""

    bounds: dict[tuple[int, int], tuple[Fraction, Fraction]]


@dataclass(frozen=True)
class LossSum:
    """Bounds of the sum of all losses."""

    lower: Fraction
    upper: Fraction


def log(x: Interval) -> Interval:
    """An interval around log of every point of x > 0: like exp, good to more bits than it is trusted for here."""
    found = iv.log(x)
    return found + (_WIDENING - 1) * (1 + abs(found))


def loss(differences: list[Interval]) -> Interval:
    """log(1 + Σ exp(x_j))."""
    return log(1 + total([exp(x) for x in differences]))


def logits_of_network(context: Context) -> Callable[[tuple[int, ...]], list[Interval]]:
    """The forward pass of docs/semantics.md."""
    network = context.network
    if isinstance(network, SumOfTables):
        return lambda x: [enclose(logit) for logit in network.logits(x)]
    if isinstance(network, Transformer):
        return lambda x: [interval(enclose(low), enclose(high)) for low, high in logit_ends(network, x, PRECISION)]
    return context.forward.logits


def evaluation_losses(context: Context) -> LossBlocks:
    """Every input by the forward pass of docs/semantics.md."""
    task, network = context.task, context.network
    logits_of = logits_of_network(context)
    answers = network.d_vocab if isinstance(network, Network) else network.d_vocab_out
    context.spend(task.total * (cost_of_pass(context) + 10 * answers), "evaluation-losses")
    bounds: dict[tuple[int, int], tuple[Fraction, Fraction]] = {}
    for sequence in task.inputs():
        right = task.answer(sequence)
        logits = logits_of(sequence)
        low, high = ends_of(loss([logit - logits[right] for j, logit in enumerate(logits) if j != right]))
        before = bounds.get((sequence[-1], right), (Fraction(0), Fraction(0)))
        bounds[sequence[-1], right] = before[0] + max(low, Fraction(0)), before[1] + high
    return LossBlocks(bounds)


def sum_losses(context: Context, *premises: LossBlocks) -> LossSum:
    """The best bounds of each block, summed."""
    lower = upper = Fraction(0)
    for block, size in context.block_sizes().items():
        if size == 0:
            continue
        found = [facts.bounds[block] for facts in premises if block in facts.bounds]
        if not found:
            raise rejected("wrong-premise", "sum-losses", block)
        lower, upper = lower + max(low for low, _ in found), upper + min(high for _, high in found)
    return LossSum(lower, upper)


def nats_of(value: object) -> Fraction:
    """The rational of a claim: p/q in lowest terms, at least 0."""
    path = "$.claim.nats"
    if not isinstance(value, str):
        raise rejected("wrong-type", path, type(value).__name__)
    if not RATIONAL.fullmatch(value) or not value.partition("/")[2].strip("0"):
        raise rejected("bad-number", path, value)
    top, _, bottom = value.partition("/")
    if max(len(top.removeprefix("-")), len(bottom)) > MOST_DIGITS:
        raise declined("limit-exceeded", path, "digits")
    number = Fraction(int(top), int(bottom))
    if value != f"{number.numerator}/{number.denominator}" or number < 0:
        raise rejected("bad-number", path, value)
    return number


def follows(kind: str, nats: Fraction, total_inputs: int, fact: LossSum) -> bool:
    """Whether the claim follows from the bounds."""
    return fact.upper <= nats * total_inputs if kind == "mean_loss_at_most" else nats * total_inputs <= fact.lower
