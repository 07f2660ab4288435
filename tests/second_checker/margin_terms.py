"""The one-token terms of Theorem S: a sequence x with query q and maximum m beats the rival j iff Σ_i f_i(x_i) > 0.

f_i(t) = w_i(t) (V_i(t)[m] − V_i(t)[j]),  w_i(t) = exp((EQKE[q,t] + EQKP[q,i])/√H),  V_i(t) = EVOU[t] + PVOU[i] + EUPU[q].
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product as every

from tests.second_checker.facts import Context, FloatTables, LogitTables, Tables
from tests.second_checker.intervals import Interval, certainly_positive, enclose, exp, interval, sqrt
from tests.second_checker.outcome import rejected


def resolution(n: int) -> Fraction:
    """proofcheck rounds the terms of a block to integers of 30 − (bits of n) bits: what the last bits decide is not compared.

    A term is off by at most this part of the largest one of its block.
    """
    return Fraction(2 ** n.bit_length(), 2**27)


class QueryTerms:
    """The terms of one query."""

    def __init__(self, context: Context, tables: LogitTables, q: int) -> None:
        """Refused where the tables are not those of the claim's reading."""
        if isinstance(tables, FloatTables) != (context.floats is not None):
            raise rejected("wrong-premise", "tables", type(tables).__name__)
        self.errors = tables.errors if isinstance(tables, FloatTables) else None
        self.loss = tables.loss if isinstance(tables, FloatTables) else Fraction(0)
        tables = tables.exact if isinstance(tables, FloatTables) else tables
        if not isinstance(tables, Tables):
            raise TypeError("no tables")
        self.tables, self.q, self.n, self.margin = tables, q, context.network.n_ctx, context.margin
        root = sqrt(context.network.d_head)
        self.weights = [[exp(enclose(token + position) / root) for token in tables.EQKE[q]] for position in tables.EQKP[q]]
        self.widest = self.weights
        if self.errors is not None:
            pairs = list(zip(tables.EQKP[q], self.errors.EQKP[q], strict=True))
            tokens = list(zip(tables.EQKE[q], self.errors.EQKE[q], strict=True))
            self.widest = [[self.widened(t + p, et + ep, root) for t, et in tokens] for p, ep in pairs]

    def widened(self, score: Fraction, error: Fraction, root: Interval) -> Interval:
        return interval(exp(enclose(score - error) / root), exp(enclose(score + error) / root))

    def weight(self, position: int, token: int, m: int) -> Interval:
        """w; for floats [max(0, w⁻ − 2η), w⁺ + 2η] in units of the largest weight of the block."""
        if self.errors is None:
            return self.weights[position][token]
        loss = enclose(self.loss) * max(value.b for row in self.weights for value in row[: m + 1])
        w = self.widest[position][token]
        low = w - loss
        return interval(low if certainly_positive(low) else enclose(0), w + loss)

    def ahead(self, position: int, token: int, m: int, j: int) -> Interval:
        """V(m) − margin − V(j), for floats with what both may be off by."""
        value = self.difference(position, token, m, j)
        if self.errors is None:
            return enclose(value)
        off = sum(
            (T[k] for T in (self.errors.EVOU[token], self.errors.PVOU[position], self.errors.EUPU[self.q]) for k in (m, j)), Fraction(0)
        )
        return interval(enclose(value - off), enclose(value + off))

    def difference(self, position: int, token: int, m: int, j: int) -> Fraction:
        """V(m) − margin − V(j)."""
        EVOU, PVOU, EUPU = self.tables.EVOU[token], self.tables.PVOU[position], self.tables.EUPU[self.q]
        return EVOU[m] - EVOU[j] + PVOU[m] - PVOU[j] + EUPU[m] - EUPU[j] - self.margin

    def rival(self, m: int, j: int) -> list[list[Interval]]:
        """f[position][token ≤ m]."""
        return [[self.weight(i, t, m) * self.ahead(i, t, m, j) for t in range(m + 1)] for i in range(self.n)]

    def rivals(self, m: int) -> list[list[list[Interval]]]:
        """f of every j ≠ m."""
        return [self.rival(m, j) for j in range(len(self.tables.EUPU)) if j != m]

    def least_over_rivals(self, m: int) -> list[list[Interval]]:
        """g[position][token ≤ m] = min_{j ≠ m} f[position][token]."""
        others = [j for j in range(len(self.tables.EUPU)) if j != m]
        return [[self.weight(i, t, m) * smallest([self.ahead(i, t, m, j) for j in others]) for t in range(m + 1)] for i in range(self.n)]


def smallest(values: list[Interval]) -> Interval:
    """The least of the numbers that the intervals stand for."""
    return interval(min(value.a for value in values), min(value.b for value in values))


def largest(values: list[Interval]) -> Interval:
    """The largest of the numbers that the intervals stand for."""
    return interval(max(value.a for value in values), max(value.b for value in values))


def largest_size(f: list[list[Interval]]) -> Interval:
    """The largest |f|, at least: an upper bound of all of them."""
    return max(max(abs(value.a), abs(value.b)) for row in f for value in row)


def least_sum(f: list[list[Interval]], q: int, m: int) -> Interval:
    """Corollary 2: the bound on Σ f over the block (q, m), for the lower ends of f in its place."""
    f, n = [[interval(value.a, value.a) for value in row] for row in f], len(f)
    least = [smallest(f[i]) for i in range(n - 1)]
    result = f[n - 1][q]
    for value in least:
        result = result + value
    if q < m:
        result = result + smallest([f[i][m] - least[i] for i in range(n - 1)])
    return result


def block_sequences(q: int, m: int, n: int) -> Iterator[tuple[int, ...]]:
    """All sequences of the block."""
    for prefix in every(range(m + 1), repeat=n - 1):
        if q == m or m in prefix:
            yield (*prefix, q)


def sum_of(f: list[list[Interval]], sequence: tuple[int, ...]) -> Interval:
    """Σ_i f_i(x_i)."""
    result = f[0][sequence[0]]
    for i, token in enumerate(sequence[1:], start=1):
        result = result + f[i][token]
    return result
