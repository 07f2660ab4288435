"""`margin-drop-average-query-per-output-logit-reasoning` and `margin-mean-query+diff`: docs/rules/margins.md."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from tests.second_checker.facts import AttentionBounds, Context, DirectPathBound, ProvedClasses, Tables
from tests.second_checker.intervals import Interval, certainly_negative, enclose, ends_of
from tests.second_checker.ranges import row_range
from tests.second_checker.rules_attention import cells

GRID = 2**26


class MaxToken:
    """L, R and W of one max token m. Lists skip x = m."""

    def __init__(self, tables: Tables, direct: DirectPathBound, attention: AttentionBounds, m: int, margin: Fraction) -> None:
        d = len(tables.EVOU)
        others = [x for x in range(d) if x != m]
        self.PV = [max(row[x] - row[m] for row in tables.PVOU) for x in others]
        self.L = [direct.M[x] - direct.M[m] + pv + margin for x, pv in zip(others, self.PV, strict=True)]
        self.R = [tables.EVOU[m][x] - tables.EVOU[m][m] for x in others]
        self.most_L, self.most_R = max(self.L), max(self.R)
        self.own = [tables.EUPU[m][x] - tables.EUPU[m][m] + margin for x in others]
        ranges = [row_range(row) for row in tables.EVOU[: m + 1]]
        least_gaps = [min(attention.gaps[q][m][c] for q in range(m + 1)) for c in range(len(tables.PVOU))]
        self.W = [max(ranges[: max(0, m - gap + 1)], default=None) for gap in least_gaps]  # by c: the largest range among tokens ≤ m − g₀
        self.m = m

    def phi(self, a: Fraction) -> Fraction:
        """max_x L[x] + a R[x]."""
        return max(L + a * R for L, R in zip(self.L, self.R, strict=True))

    def alone(self) -> bool:
        """c = 0: the sequence (m, …, m)."""
        return all(own + R + PV < 0 for own, R, PV in zip(self.own, self.R, self.PV, strict=True))


def drop_average_query(context: Context, tables: Tables, direct: DirectPathBound, attention: AttentionBounds) -> ProvedClasses:
    def loses(token: MaxToken, c: int, g: Fraction, A: Interval, B: Interval) -> bool:
        on_max = g + token.most_L + token.most_R
        on_other = g + token.most_L + token.W[c]
        return certainly_negative(A * enclose(on_max) + B * enclose(on_other))

    return prove(context, tables, direct, attention, loses)


def mean_query_diff(context: Context, tables: Tables, direct: DirectPathBound, attention: AttentionBounds) -> ProvedClasses:
    """With the chord of φ over the attention of all cells (·, m, c)."""
    shares: dict[tuple[int, int], list[Interval]] = {}
    for (_, m, c), (A, B, A2, B2) in attention.ends.items():
        shares.setdefault((m, c), []).extend([A / (A + B), A2 / (A2 + B2)])
    anchors = {place: grid(found) for place, found in shares.items()}
    chords: dict[tuple[int, int], tuple[Fraction, Fraction]] = {}

    def loses(token: MaxToken, c: int, g: Fraction, A: Interval, B: Interval) -> bool:
        lo, hi = anchors[token.m, c]
        if (token.m, c) not in chords:
            chords[token.m, c] = token.phi(lo), token.phi(hi)
        (low, high), h = chords[token.m, c], hi - lo
        on_max = low * (hi - 1) + high * (1 - lo) + h * g
        on_other = low * hi - high * lo + h * (token.W[c] + g)
        return certainly_negative(A * enclose(on_max) + B * enclose(on_other))

    return prove(context, tables, direct, attention, loses)


def grid(shares: list[Interval]) -> tuple[Fraction, Fraction]:
    """(lo, hi): multiples of 2^−26 around every point of the enclosures, different from each other."""
    lo = min(floor(ends_of(share)[0] * GRID) for share in shares)
    hi = max(ceil(ends_of(share)[1] * GRID) for share in shares)
    return Fraction(lo, GRID), Fraction(hi if hi > lo else lo + 1, GRID)


def prove(context: Context, tables: Tables, direct: DirectPathBound, attention: AttentionBounds, loses) -> ProvedClasses:  # type: ignore[no-untyped-def]
    """choices[q, m][p] = m − g + 1 where both ends of the attention lose, 0 at p = 0."""
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    context.spend(6 * d * (d + 1) * n + d * d * n, "margin")
    choices = {block: [-1] * n for block in context.blocks()}
    published = {block: [-1] * n for block in context.blocks()}
    tokens = [MaxToken(tables, direct, attention, m, context.margin) for m in range(d)]
    for m in range(d):
        if tokens[m].alone():
            choices[m, m][0] = published[m, m][0] = 0
    for q, m, c, gap in cells(attention.gaps):
        A, B, A2, B2 = attention.ends[q, m, c]
        if loses(tokens[m], c, direct.g[q], A, B) and loses(tokens[m], c, direct.g[q], A2, B2):
            p = c if q == m else c - 1
            choices[q, m][p] = m - gap + 1 if p > 0 else 0
            published[q, m][p] = m - gap if p > 0 else 0
    return ProvedClasses(choices, published)
