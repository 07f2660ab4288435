"""`evaluation-losses`, `loss-boxes` and `sum-losses` in enclosures of 256 bits; and claims about the mean loss."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import comb

from mpmath import iv

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import Context, Tables
from tests.second_checker.intervals import PRECISION, Interval, enclose, ends_of, exp, interval, sqrt, total
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


def loss_boxes(context: Context, tables: Tables, *, cells: Array, classes: Array, levels: Array, below: int) -> LossBlocks:
    """Theorem B by listing: each sequence of a block has the bound of its box, so no formula for the size of a box is used."""
    n, d = context.network.n_ctx, context.network.d_vocab
    many = levels.shape[1]
    context.spend(context.task.total * (d - 1) * (many * 2 + 10) + d**3 * n * many * 2, "loss-boxes")
    root = sqrt(context.network.d_head)
    bounds: dict[tuple[int, int], tuple[Fraction, Fraction]] = {}
    kinds = classes.rows()
    for m, row in enumerate(cells.rows()):
        if all(cell == -1 for cell in row):
            continue
        require_plan(m, row, kinds[m])
        start = m * many * d
        level_rows = [levels.entries[start + k * d : start + (k + 1) * d] for k in range(many)]
        for q in range(m + 1) if n > 1 else [m]:
            block = Block(tables, root, q, m, row, kinds[m], level_rows)
            low = high = Fraction(0)
            for before in product(range(m + 1), repeat=n - 1):
                if max((*before, q)) == m:
                    lower, upper = block.loss(before, below=below == 1)
                    low, high = low + lower, high + upper
            bounds[q, m] = low, high
    return LossBlocks(bounds)


def require_plan(m: int, cells: list[Fraction | int], classes: list[Fraction | int]) -> None:
    """What docs/rules/loss-boxes.md asks of the rows of a max token."""
    below, kinds = sorted(set(cells[:m])), sorted(set(classes[:-1]))
    good = cells[m] == 0 and all(cell == -1 for cell in cells[m + 1 :]) and below == list(range(1, len(below) + 1))
    if not (good and classes[-1] == -1 and kinds == list(range(len(kinds)))):
        raise rejected("bad-hint", f"cells[{m}]")
    boxes = 1
    for kind in kinds:
        boxes *= comb(classes[:-1].count(kind) + len(below), len(below))
    if boxes > 2**21 or len(kinds) * (len(below) + 1) > 2**11:
        raise rejected("bad-hint", f"cells[{m}]", boxes)


class Block:
    """The bounds of one block, kept by box."""

    def __init__(
        self,
        tables: Tables,
        root: Interval,
        q: int,
        m: int,
        cells: list[Fraction | int],
        classes: list[Fraction | int],
        levels: list[tuple[Fraction | int, ...]],
    ) -> None:
        self.cells, self.classes = cells, classes
        positions, tokens = range(len(classes)), range(m + 1)
        scores = [[tables.EQKE[q][t] + tables.EQKP[q][i] for t in tokens] for i in positions]
        shift = max(max(row) for row in scores)  # a common factor of all weights
        self.w = [[exp(enclose(score - shift) / root) for score in row] for row in scores]
        self.q = q
        self.rivals = [j for j in range(len(tables.EUPU)) if j != m]
        self.levels = [[enclose(level[j]) + enclose(tables.EUPU[q][m] - tables.EUPU[q][j]) for j in self.rivals] for level in levels]
        self.values = [[[self.value(tables, i, t, m, j) for j in self.rivals] for t in tokens] for i in positions]
        self.known: dict[tuple[tuple[object, object], ...], tuple[Fraction, Fraction]] = {}

    def value(self, tables: Tables, i: int, t: int, m: int, j: int) -> Interval:
        q = self.q
        return enclose(
            tables.EVOU[t][m] - tables.EVOU[t][j] + tables.PVOU[i][m] - tables.PVOU[i][j] + tables.EUPU[q][m] - tables.EUPU[q][j]
        )

    def loss(self, before: tuple[int, ...], *, below: bool) -> tuple[Fraction, Fraction]:
        """Of the box of these tokens."""
        held = tuple(sorted((self.classes[i], self.cells[t]) for i, t in enumerate(before)))
        if held not in self.known:
            upper = [self.margin(j, before, largest=True) for j in range(len(self.rivals))] if below else []
            lower = [self.margin(j, before, largest=False) for j in range(len(self.rivals))]
            least = max(ends_of(loss([-margin for margin in upper]))[0], Fraction(0)) if below else Fraction(0)
            self.known[held] = least, ends_of(loss([-margin for margin in lower]))[1]
        return self.known[held]

    def margin(self, j: int, before: tuple[int, ...], *, largest: bool) -> Interval:
        """The best bound on M_j over the levels and the smallest (largest) value, as an interval whose one end counts."""
        extreme = max if largest else min
        everything = [row[j] for values in self.values[:-1] for row in values] + [self.values[-1][self.q][j]]
        found = side_of(everything, extreme)
        for level in self.levels:
            own = self.w[-1][self.q]
            G = own * (self.values[-1][self.q][j] - level[j])
            least, most = own, own
            for i, t in enumerate(before):
                places = [(a, s) for a, kind in enumerate(self.classes[:-1]) if kind == self.classes[i] for s in self.alike(t)]
                G = G + side_of([self.w[a][s] * (self.values[a][s][j] - level[j]) for a, s in places], extreme)
                least = least + side_of([self.w[a][s] for a, s in places], min)
                most = most + side_of([self.w[a][s] for a, s in places], max)
            for divisor in divisors(G, least, most, largest=largest):
                found = side_of([found, level[j] + G / divisor], min if largest else max)
        return found

    def alike(self, t: int) -> list[int]:
        """The tokens of the cell of t."""
        return [s for s in range(len(self.w[0])) if self.cells[s] == self.cells[t]]


def divisors(G: Interval, least: Interval, most: Interval, *, largest: bool) -> list[Interval]:
    """What the sum is divided by: nothing where its sign is open, for then either form may be false."""
    low, high = ends_of(G)
    if low < 0 < high or (low < 0 and high == 0):
        return []
    return [(least if low >= 0 else most) if largest else (most if low >= 0 else least)]


def side_of(found: list[Interval], extreme: Callable[..., Interval]) -> Interval:
    """The smallest (largest) of some intervals: from the extreme of the lower to that of the upper ends."""
    return iv.mpf([extreme(x.a for x in found).a, extreme(x.b for x in found).b])


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
