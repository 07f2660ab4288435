"""`cubic`: docs/rules/cubic.md, with its names."""

from __future__ import annotations

from fractions import Fraction

from tests.second_checker.facts import Context, ProvedClasses, Tables
from tests.second_checker.intervals import Interval, certainly_negative, enclose, exp, sqrt, total
from tests.second_checker.weights import Matrix, Vector


class QueryWeights:
    """Exponentials of one query: w[p] of positions, v[t] of tokens, and the extreme sums of w."""

    def __init__(self, tables: Tables, q: int, root: Interval) -> None:
        scores = tables.EQKP[q]
        self.w = [exp(enclose(score) / root) for score in scores]
        self.v = [exp(enclose(score) / root) for score in tables.EQKE[q]]
        ascending = [self.w[p] for p in sorted(range(len(scores) - 1), key=lambda p: scores[p])]
        self.T = total(ascending)
        self.smallest = [total(ascending[:count]) for count in range(len(scores))]
        self.largest = [total(ascending[len(ascending) - count :]) for count in range(len(scores))]


def cubic(context: Context, tables: Tables) -> ProvedClasses:
    """choices[q, m][c] by Theorem C."""
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    context.spend(d * d * (d + 1) * n * 2 + 8 * d**3, "cubic")
    root = sqrt(net.d_head)
    weights = [QueryWeights(tables, q, root) for q in range(d)]
    choices: dict[tuple[int, int], list[int]] = {}
    for m in range(d):
        PV = [max(row[x] - row[m] for row in tables.PVOU) for x in range(d)]
        G = [max(tables.EVOU[k][x] - tables.EVOU[k][m] + PV[x] for x in range(d) if x != m) for k in range(m + 1)]
        for q in range(m + 1):
            choices[q, m] = block_choices(tables, weights[q], q, m, [pv + context.margin for pv in PV], context.margin, G, n)
    return ProvedClasses(choices)


def block_choices(tables: Tables, weights: QueryWeights, q: int, m: int, PV: Vector, margin: Fraction, G: Vector, n: int) -> list[int]:
    """choices[c] for c = 0 … n − 1. PV here with the margin."""
    d = len(tables.EUPU)
    EU = max(tables.EUPU[q][x] - tables.EUPU[q][m] for x in range(d) if x != m) + margin
    beta = [weights.v[k] * enclose(EU + G[k]) for k in range(m + 1)]
    tail = weights.w[n - 1] * beta[q]

    def loses(k: int, sigma: Interval) -> bool:
        return certainly_negative(sigma * beta[m] + (weights.T - sigma) * beta[k] + tail)

    found = [-1] * n
    if (q == m or n >= 2) and proved_without_others(tables.EUPU[q], tables.EVOU, weights, q, m, PV, n):
        found[0] = 0
    for c in range(1, (n - 1 if q == m else n - 2) + 1):
        extremes = (weights.smallest[n - 1 - c], weights.largest[n - 1 - c])
        found[c] = sum(all(loses(k, sigma) for sigma in extremes) for k in range(m))
    return found


def proved_without_others(EUPU_q: Vector, EVOU: Matrix, weights: QueryWeights, q: int, m: int, PV: Vector, n: int) -> bool:
    """c = 0: the sequence (m, …, m, q)."""
    for x in range(len(EUPU_q)):
        if x == m:
            continue
        B = EUPU_q[x] - EUPU_q[m] + PV[x]
        from_max: Fraction = B + EVOU[m][x] - EVOU[m][m]
        if q == m:
            if not from_max < 0:
                return False
            continue
        from_query: Fraction = B + EVOU[q][x] - EVOU[q][m]
        margin = weights.T * weights.v[m] * enclose(from_max) + weights.w[n - 1] * weights.v[q] * enclose(from_query)
        if not certainly_negative(margin):
            return False
    return True
