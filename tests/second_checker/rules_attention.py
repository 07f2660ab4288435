"""`attention-bounds`: docs/rules/attention-bounds.md."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import AttentionBounds, Context, ScoreApproximation, Tables
from tests.second_checker.intervals import ZERO, Interval, enclose, exp, sqrt
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_cubic import QueryWeights


def read_gaps(hint: Array, d: int, n: int) -> list[list[list[int]]]:
    """gaps[q][m][c], each from 1 to d."""
    entries = [int(entry) for entry in hint.entries]
    if any(not 1 <= gap <= d for gap in entries):
        raise rejected("bad-hint", "gaps", "outside 1 … d_vocab")
    return [[entries[(q * d + m) * n : (q * d + m + 1) * n] for m in range(d)] for q in range(d)]


def cells(gaps: list[list[list[int]]]) -> Iterator[tuple[int, int, int, int]]:
    """(q, m, c, g) with c ≥ 1, m − g ≥ 0 and q = m or q ≤ m − g."""
    for m in range(len(gaps)):
        for q in range(m + 1):
            for c, gap in enumerate(gaps[q][m]):
                if c >= 1 and m - gap >= 0 and (q == m or q <= m - gap):
                    yield q, m, c, gap


def attention_bounds(context: Context, tables: Tables, scores: ScoreApproximation, gaps: Array) -> AttentionBounds:
    """A, B, A', B' of every cell."""
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    context.spend(5 * d * (d + 1) * n + 4 * d * d, "attention-bounds")
    table = read_gaps(gaps, d, n)
    root = sqrt(net.d_head)
    positions = [QueryWeights(tables, q, root) for q in range(d)]
    tokens = [[exp(enclose(score) / root) for score in row] for row in scores.S]
    shrink = [exp(-enclose(error) / root) for error in scores.error]
    grow = [exp(enclose(error) / root) for error in scores.error]
    ends: dict[tuple[int, int, int], tuple[Interval, Interval, Interval, Interval]] = {}

    @cache
    def extremes(q: int, last: int) -> tuple[int, int]:
        """The tokens k ≤ last of the largest and the smallest S[q, k]."""
        row = scores.S[q][: last + 1]
        return row.index(max(row)), row.index(min(row))

    for q, m, c, gap in cells(table):
        w = positions[q]
        last = w.w[n - 1]
        on_max, on_other = (last, ZERO) if q == m else (ZERO, last)
        before = c if q == m else c - 1
        most, least = extremes(q, m - gap)
        ends[q, m, c] = (
            shrink[q] * tokens[q][m] * (w.smallest[n - 1 - before] + on_max),
            tokens[q][most] * (w.largest[before] + on_other),
            grow[q] * tokens[q][m] * (w.largest[n - 1 - before] + on_max),
            tokens[q][least] * (w.smallest[before] + on_other),
        )
    return AttentionBounds(table, ends)
