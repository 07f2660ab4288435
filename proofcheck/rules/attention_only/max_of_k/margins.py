"""Rules `margin-*`: which classes of sequences are answered correctly, from bounds on the direct path and on the attention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import DyadicArray, Intervals
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import AttentionBounds, DirectPathBound, PathExpansion, ProvedClasses
from proofcheck.rules.reading import REALS_AND_MARGINS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule

GRID_BITS = 26  # anchors of the chord are multiples of 2^−26: fine against float32 noise, coarse against float64 rounding


def drop_average_query(context: MaxOfKContext, tables: PathExpansion, direct: DirectPathBound, attention: AttentionBounds) -> ProvedClasses:
    """Statement (S3, S4 without the average query). For max token m write L[x] = M[x] − M[m] + max_p(PVOU[p, x] − PVOU[p, m]) + δ,
    R[x] = EVOU[m, x] − EVOU[m, m], L* and R* for their maxima over x ≠ m, g₀ = min_{q ≤ m} gaps[q, m, c] and
    W = max_{k ≤ m − g₀} range_x EVOU[k, x]. A cell (q, m, c ≥ 1) of premise 2 is accepted if

        A·(g[q] + L* + R*) + B·(g[q] + L* + W) < 0   for both pairs (A, B) of its attention bounds;

    the cell (m, m, 0) if EUPU[m, x] − EUPU[m, m] + δ + R[x] + max_p(PVOU[p, x] − PVOU[p, m]) < 0 for all x ≠ m. δ: the margin, else 0.

    Conclusion: every sequence of an accepted cell is correct: query q, maximum m, exactly c positions not holding m, their tokens ≤ m − g.
    With p = c − [q ≠ m] this proves choices[q][m][p] = m − g + 1 (0 for p = 0).
    Hypotheses: premise 0 is the path expansion, 1 a `DirectPathBound`, 2 an `AttentionBounds`.
    Hints: none.
    Proof: docs/rules/margins.md.
    Cost: O(d²·n); see `_cost`.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/Margins.v, drop_average_query.
    """
    outputs = _Outputs(tables, context)
    values = outputs.wrong_values(attention.gaps)  # [m, c]
    base = outputs.base(direct).max(axis=1)  # L* [m]
    on_max = (base + outputs.on_max.max(axis=1)).reshape(-1, 1) + DyadicArray.zeros(values.shape)
    ones = DyadicArray.from_integers(np.ones(values.shape, dtype=np.int64))
    return _accept(context, outputs, attention, _Coefficients(on_max, base.reshape(-1, 1) + values, ones, direct.g))


def mean_query_chord(context: MaxOfKContext, tables: PathExpansion, direct: DirectPathBound, attention: AttentionBounds) -> ProvedClasses:
    """Statement (S3, S4 with a chord). With L, R, W as in `margin-drop-average-query-per-output-logit-reasoning`, let
    φ(a) = max_{x ≠ m}(L[x] + a·R[x]), and for each (m, c) let lo < hi be multiples of 2^−26 with lo at most, hi at least, every attention
    bound of the cells (·, m, c). φ is convex, so on [lo, hi] it lies below its chord; a cell is accepted if, with h = hi − lo,

        A·(φ(lo)(hi − 1) + φ(hi)(1 − lo) + h·g[q]) + B·(φ(lo)·hi − φ(hi)·lo + h·(W + g[q])) < 0   for both pairs (A, B);

    the cell (m, m, 0) as there. Conclusion: as there.
    This is the sound form of the published `mean_query+diff`, whose formula is false (docs/findings.md).

    Hypotheses: premise 0 is the path expansion, 1 a `DirectPathBound`, 2 an `AttentionBounds`.
    Hints: none.
    Proof: docs/rules/margins.md.
    Cost: O(d²·n); see `_cost`.
    Source: Gross et al. 2024 (the idea); the chord is ours.
    Machine-checked: docs/proofs/Margins.v, chord_rule.
    """
    outputs = _Outputs(tables, context)
    lo, hi = _anchors(attention, context.task.d_vocab, context.task.n_ctx)  # [m, c]
    base = outputs.base(direct)  # L [m, J]
    at_lo, at_hi = ((base[:, None] + a[:, :, None] * outputs.on_max[:, None]).max(axis=2) for a in (lo, hi))
    one = DyadicArray.from_integers(np.ones((1, 1), dtype=np.int64))
    on_max = at_lo * (hi - one) + at_hi * (one - lo)
    width = hi - lo
    on_others = at_lo * hi - at_hi * lo + width * outputs.wrong_values(attention.gaps)
    return _accept(context, outputs, attention, _Coefficients(on_max, on_others, width, direct.g))


_SharedTables = tuple[DyadicArray, DyadicArray, NDArray[np.bool_], DyadicArray]


@dataclass(frozen=True, slots=True)
class _Coefficients:
    """A cell is accepted if A·(on_max + scale·g[q]) + B·(on_others + scale·g[q]) < 0 for both pairs. First three [m, c], scale > 0."""

    on_max: DyadicArray
    on_others: DyadicArray
    scale: DyadicArray
    g: DyadicArray


class _Outputs:
    """Exact tables over (max token m, rival x ≠ m), [d_vocab, d_vocab − 1]: functions of the network alone."""

    def __init__(self, tables: PathExpansion, context: MaxOfKContext) -> None:
        self.d_vocab = tables.EVOU.shape[0]
        tokens = np.arange(self.d_vocab)
        self._own = tokens[:, None]
        self._rivals = np.array([np.delete(tokens, m) for m in range(self.d_vocab)])
        self._reading = context.reading
        shared = context.memo.once(("margin tables", context.reading), lambda: self._tables(tables))
        self.on_max, self.positions, self.constant, self.row_ranges = shared

    def _tables(self, tables: PathExpansion) -> _SharedTables:
        on_max = self._margins(tables.EVOU)  # R
        positions = (tables.PVOU[:, self._rivals] - tables.PVOU[:, self._own]).max(axis=0)
        direct = self._reading.plus_margin(self._margins(tables.EUPU))
        constant = np.asarray((direct + on_max + positions).is_negative().all(axis=1))  # [m]: is (m, …, m) proved?
        return on_max, positions, constant, tables.EVOU.range(axis=1).running_max(axis=0)

    def _margins(self, table: DyadicArray) -> DyadicArray:
        """table[m, x] − table[m, m] for the rivals x of m."""
        return table[self._own, self._rivals] - table[self._own, self._own]

    def base(self, direct: DirectPathBound) -> DyadicArray:
        """L [m, J]."""
        return self._reading.plus_margin(direct.M[self._rivals] - direct.M[self._own] + self.positions)

    def wrong_values(self, gaps: NDArray[np.int64]) -> DyadicArray:
        """W [m, c] with g₀ = min_{q ≤ m} gaps[q, m, c]; where m < g₀ there is no cell, and the value at token 0 stands in."""
        upper = np.triu(np.ones(gaps.shape[:2], dtype=np.bool_))  # q ≤ m
        smallest = np.where(upper[:, :, None], gaps, self.d_vocab).min(axis=0)  # [m, c]
        return self.row_ranges[np.maximum(self._own - smallest, 0)]


def _anchors(attention: AttentionBounds, d_vocab: int, n_ctx: int) -> tuple[DyadicArray, DyadicArray]:
    """lo < hi [m, c], multiples of 2^−GRID_BITS around the attention bounds of all cells (·, m, c); any where there is no cell."""
    unit = 1 << GRID_BITS
    lo, hi = np.full((d_vocab, n_ctx), unit, dtype=np.int64), np.zeros((d_vocab, n_ctx), dtype=np.int64)
    for group in attention.groups:
        np.minimum.at(lo[:, group.c], group.max_tokens, group.least[0].share(group.least[1]).multiples_below(GRID_BITS))
        np.maximum.at(hi[:, group.c], group.max_tokens, group.most[0].share(group.most[1]).multiples_above(GRID_BITS))
    hi = np.maximum(hi, lo + 1)  # no cell, or bounds that meet: widening is sound
    grid = (DyadicArray.from_integers(ends).times_power_of_two(-GRID_BITS) for ends in (lo, hi))
    return next(grid), next(grid)


def _accept(context: MaxOfKContext, outputs: _Outputs, attention: AttentionBounds, coefficients: _Coefficients) -> ProvedClasses:
    """The accepted cells as classes."""
    enclose = context.arithmetic.enclose
    d, n = context.task.d_vocab, context.task.n_ctx
    on_max, on_others, scale = (enclose(part) for part in (coefficients.on_max, coefficients.on_others, coefficients.scale))
    g = enclose(coefficients.g)
    choices = np.full((d, d, n), -1, dtype=np.int64)
    for m in np.flatnonzero(outputs.constant).tolist():
        choices[m, m, 0] = 0
    for group in attention.groups:
        q, m, c = group.queries, group.max_tokens, group.c
        shared = scale[m, c] * g[q]
        terms = (on_max[m, c] + shared, on_others[m, c] + shared)
        accepted = _negative(group.least, terms) & _negative(group.most, terms)
        p = c if group.query_is_max else c - 1
        others = m - attention.gaps[q, m, c]  # the largest token that is not m
        choices[q[accepted], m[accepted], p] = (others + 1 if p else np.zeros_like(others))[accepted]
    return ProvedClasses(_nested(choices))


def _negative(pair: tuple[Intervals, Intervals], terms: tuple[Intervals, Intervals]) -> NDArray[np.bool_]:
    return (pair[0] * terms[0] + pair[1] * terms[1]).certainly_negative()


def _nested(choices: NDArray[np.int64]) -> tuple[tuple[tuple[int, ...], ...], ...]:
    return tuple(tuple(map(tuple, plane)) for plane in choices.tolist())


def _cost(dimensions: Dimensions, limits: Limits) -> Cost:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    return Cost(7 * d * (d + 1) * n + 2 * n * d * d + 9 * d * d + 10 * d * n + 4 * d)


def _chord_cost(dimensions: Dimensions, limits: Limits) -> Cost:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    return Cost(_cost(dimensions, limits).operations + 6 * n * d * d + 3 * d * (d + 1) * n + 12 * d * n)


_PREMISES = (PathExpansion, DirectPathBound, AttentionBounds)

RULES = (
    Rule(
        name="margin-drop-average-query-per-output-logit-reasoning",
        apply=drop_average_query,
        premises=_PREMISES,
        cost=_cost,
        readings=REALS_AND_MARGINS,
    ),
    Rule(
        name="margin-mean-query+diff",
        apply=mean_query_chord,
        premises=_PREMISES,
        cost=_chord_cost,
        readings=REALS_AND_MARGINS,
    ),
)
