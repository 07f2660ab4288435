"""The one-token terms of Theorem S: a sequence x with query q and maximum m beats the rival j iff Σ_i f_i(x_i) > 0.

f_i(t) = w_i(t) (V_i(t)[m] − V_i(t)[j]),  w_i(t) = exp((EQKE[q,t] + EQKP[q,i])/√H),  V_i(t) = EVOU[t] + PVOU[i] + EUPU[q].
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product as every

from tests.second_checker.facts import Context, Tables
from tests.second_checker.intervals import Interval, enclose, exp, interval, sqrt


def resolution(n: int) -> Fraction:
    """proofcheck rounds the terms of a block to integers of 30 − (bits of n) bits: what the last bits decide is not compared.

    A term is off by at most this part of the largest one of its block.
    """
    return Fraction(2 ** n.bit_length(), 2**27)


class QueryTerms:
    """The terms of one query."""

    def __init__(self, context: Context, tables: Tables, q: int) -> None:
        self.tables, self.q, self.n, self.margin = tables, q, context.network.n_ctx, context.margin
        root = sqrt(context.network.d_head)
        self.weights = [[exp(enclose(token + position) / root) for token in tables.EQKE[q]] for position in tables.EQKP[q]]

    def difference(self, position: int, token: int, m: int, j: int) -> Fraction:
        """V(m) − margin − V(j)."""
        EVOU, PVOU, EUPU = self.tables.EVOU[token], self.tables.PVOU[position], self.tables.EUPU[self.q]
        return EVOU[m] - EVOU[j] + PVOU[m] - PVOU[j] + EUPU[m] - EUPU[j] - self.margin

    def rival(self, m: int, j: int) -> list[list[Interval]]:
        """f[position][token ≤ m]."""
        return [[self.weights[i][t] * enclose(self.difference(i, t, m, j)) for t in range(m + 1)] for i in range(self.n)]

    def rivals(self, m: int) -> list[list[list[Interval]]]:
        """f of every j ≠ m."""
        return [self.rival(m, j) for j in range(len(self.tables.EUPU)) if j != m]

    def least_over_rivals(self, m: int) -> list[list[Interval]]:
        """g[position][token ≤ m] = min_{j ≠ m} f[position][token]."""
        others = [j for j in range(len(self.tables.EUPU)) if j != m]
        return [
            [self.weights[i][t] * enclose(min(self.difference(i, t, m, j) for j in others)) for t in range(m + 1)] for i in range(self.n)
        ]


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
    """Corollary 2: the bound on Σ f over the block (q, m)."""
    n = len(f)
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
