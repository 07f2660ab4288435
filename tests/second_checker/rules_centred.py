"""`centred-expansion`: docs/rules/centred-expansion.md."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tests.second_checker.certificate_format import Array
from tests.second_checker.exact import add_row, plus, product, transpose
from tests.second_checker.facts import Context
from tests.second_checker.intervals import Interval, enclose, exp, interval, sqrt
from tests.second_checker.outcome import rejected
from tests.second_checker.weights import Matrix, Vector


@dataclass(frozen=True)
class CentredTables:
    """EV, EU by token or query, PV by position; Y_q·E_t and Y_q·P_i; from which token on a query's scores are
    there; what bounds the others.
    """

    EV: Matrix
    EU: Matrix
    PV: Matrix
    tokens: Matrix
    positions: Matrix
    first: list[int]
    kappa: Vector
    alpha: Vector
    residuals: list[Interval]
    norms: list[Interval]

    def score(self, q: int, t: int) -> Fraction:
        """Refused below first[q]."""
        if t < self.first[q]:
            raise rejected("bad-hint", "boundaries", (q, t))
        return self.tokens[q][t]

    def prefix_weight(self, q: int, end: int, root: Interval) -> Interval:
        """An upper bound on exp(score/root) of all tokens below `end`, as the page has it."""
        known = [exp(enclose(self.tokens[q][t]) / root) for t in range(self.first[q], end)]
        s = min(end, self.first[q])
        if s == 0:
            return largest(known)
        extreme = max(self.kappa[:s]) if self.alpha[q] >= 0 else min(self.kappa[:s])
        bound = enclose(self.alpha[q] * extreme) + self.residuals[q] * largest(self.norms[:s])
        return largest([*known, exp(bound / root)])


def largest(values: list[Interval]) -> Interval:
    """The largest of the numbers that the intervals stand for."""
    return interval(max(value.a for value in values), max(value.b for value in values))


def vector(hint: Array) -> Vector:
    return [Fraction(entry) for entry in hint.entries]


def norm(row: Vector) -> Interval:
    return sqrt(sum((x * x for x in row), Fraction(0)))


@dataclass(frozen=True)
class Expansion:
    """EV, EU by token or query, PV by position; value vectors A by token, query vectors Y; Y_q·P_i."""

    EV: Matrix
    EU: Matrix
    PV: Matrix
    values: Matrix
    queries: Matrix
    positions: Matrix


def expand(context: Context, direct: Vector, position: Vector) -> Expansion:
    """The tables for mean rows ℓ and p."""
    net = context.network
    last = add_row(net.W_E, net.W_pos[-1])
    through = product(net.W_V, net.W_O)
    row = plus(plus(product([position], through)[0], direct), product([net.b_V], net.W_O)[0])
    values = add_row(product(net.W_E, through), row)
    queries = product(add_row(product(last, net.W_Q), net.b_Q), transpose(net.W_K))
    return Expansion(
        EV=add_row(product(values, net.W_U), net.b_U),
        EU=product(add_row(last, plus(net.b_O, [-x for x in direct])), net.W_U),
        PV=product(product(add_row(net.W_pos, [-x for x in position]), through), net.W_U),
        values=values,
        queries=queries,
        positions=product(queries, transpose(net.W_pos)),
    )


def centred_expansion(
    context: Context,
    direct_mean: Array,
    position_mean: Array,
    first: Array,
    direction: Array,
    coefficients: Array,
) -> CentredTables:
    """No premise. The whole score table is made; the fact does not give out what was not computed."""
    net = context.network
    starts = [int(entry) for entry in first.entries]
    if any(not 0 <= start <= q for q, start in enumerate(starts)):
        raise rejected("bad-hint", "first", starts)
    b, alpha = vector(direction), vector(coefficients)
    tables = expand(context, vector(direct_mean), vector(position_mean))
    return CentredTables(
        EV=tables.EV,
        EU=tables.EU,
        PV=tables.PV,
        tokens=product(tables.queries, transpose(net.W_E)),
        positions=tables.positions,
        first=starts,
        kappa=[sum((x * y for x, y in zip(token, b, strict=True)), Fraction(0)) for token in net.W_E],
        alpha=alpha,
        residuals=[norm([y - a * x for y, x in zip(query, b, strict=True)]) for query, a in zip(tables.queries, alpha, strict=True)],
        norms=[norm(token) for token in net.W_E],
    )
