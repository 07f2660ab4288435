"""`separable-minimum`: docs/rules/separable-minimum.md. Its hint `refined` limits how far proofcheck looks; here all triples are seen."""

from __future__ import annotations

from fractions import Fraction

from tests.second_checker.facts import Context, LogitTables, ProvedBlocks, max_of_k_block
from tests.second_checker.intervals import Interval, certainly_positive, enclose, exp, sqrt
from tests.second_checker.margin_terms import QueryTerms, largest_size, least_sum, resolution, smallest

COARSE_RESOLUTION = Fraction(1, 2**18)  # position weights of the coarse bound are integers of 20 or 21 bits


def separable_minimum(context: Context, tables: LogitTables, refined: int) -> ProvedBlocks:
    """counts: every block whose rivals are all beaten by the fine bound.

    least: by the fine bound with room for rounding if `refined` allows all triples, else by the coarse bound with room.
    """
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    context.spend(d**4 * (n + 1) // 3, "separable-minimum")
    all_refined = refined >= d * d * d
    counts, least = dict.fromkeys(context.blocks(), 0), dict.fromkeys(context.blocks(), 0)
    for q in range(d):
        terms = QueryTerms(context, tables, q)
        for m in range(q, d):
            if n == 1 and q < m:
                continue
            size = max_of_k_block(q, m, n)
            fine = [(least_sum(f, q, m), largest_size(f)) for f in terms.rivals(m)]
            if all(certainly_positive(bound) for bound, _ in fine):
                counts[q, m] = size
            room = (n + 1) * resolution(n)
            if not all_refined and context.floats is not None:
                continue  # least: 0, the coarse bound of floats is not looked at
            if not all_refined:
                fine = [coarse(context, tables, q, m, j) for j in range(d) if j != m]
                room = (n + 1) * COARSE_RESOLUTION
            if all(certainly_positive(bound - enclose(room) * scale) for bound, scale in fine):
                least[q, m] = size
    return ProvedBlocks(counts, least)


def coarse(context: Context, tables: LogitTables, q: int, m: int, j: int) -> tuple[Interval, Interval]:
    """C of the coarse bound in real numbers, and the size of its largest term."""
    n = context.network.n_ctx
    root = sqrt(context.network.d_head)
    u = [exp(enclose(score) / root) for score in tables.EQKP[q]]
    rho = min(row[m] - row[j] for row in tables.PVOU)
    own = tables.EUPU[q][m] - context.margin - tables.EUPU[q][j] + rho
    y = [exp(enclose(tables.EQKE[q][t]) / root) * enclose(tables.EVOU[t][m] - tables.EVOU[t][j] + own) for t in range(m + 1)]
    nu = smallest(y)
    bound = u[n - 1] * y[q]
    for value in u[: n - 1]:
        bound = bound + value * nu
    if q < m:
        bound = bound + smallest(u[: n - 1]) * (y[m] - nu)
    return bound, max(value.b for value in u) * max(max(abs(value.a), abs(value.b)) for value in y)
