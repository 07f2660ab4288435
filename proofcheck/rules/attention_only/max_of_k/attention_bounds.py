"""Rule `attention-bounds`: how much attention the max token gets, from scores known up to an error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import Integers, Intervals, PositiveTable
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import AttentionBounds, AttentionCells, PathExpansion, ScoreApproximation
from proofcheck.rules.attention_only.max_of_k.position_sums import PositionSums
from proofcheck.rules.attention_only.separable.separability import shared_exponentials, table_exponentials
from proofcheck.rules.hints import IntegersHint
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def attention_bounds(context: MaxOfKContext, tables: PathExpansion, scores: ScoreApproximation, *, gaps: Integers) -> AttentionBounds:
    """Statement (S1 and S2, attention to the max token). Fix q ≤ m and c ≥ 1, the number of positions (the query's included) that do not
    hold m, and let every token that is not m be at most m − g, g = gaps[q, m, c] ≥ 1 (so q = m or q ≤ m − g). Write
    w_p = exp(EQKP[q, p]/√H), and p' = c − [q ≠ m] for the number of such positions before the query; with premise 1

        A  = exp((S[q, m] − error[q])/√H)·(sum of the n − 1 − p' smallest w_p, p < n − 1, + [q = m]·w_{n−1}),
        B  = max_{k ≤ m − g} exp(S[q, k]/√H)·(sum of the p' largest w_p, p < n − 1, + [q < m]·w_{n−1}),
        A' = exp((S[q, m] + error[q])/√H)·(sum of the n − 1 − p' largest + [q = m]·w_{n−1}),
        B' = min_{k ≤ m − g} exp(S[q, k]/√H)·(sum of the p' smallest + [q < m]·w_{n−1}).

    Conclusion: ∀ such sequences:  A/(A + B) ≤ Σ_{i : x_i = m} α_i ≤ A'/(A' + B').
    Hypotheses: premise 0 is the path expansion, premise 1 a `ScoreApproximation`.
    Hints: gaps i64 [d_vocab, d_vocab, n_ctx] indexed [q, m, c], integers from 1 to d_vocab everywhere.
    Proof: docs/rules/attention-bounds.md.
    Cost: 3·d·(d + 1)·n for the cells, 6·d² + d·n² for their parts; see `_cost`.
    Reason codes: bad-hint.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/AttentionBounds.v, attention_bounds.
    """
    _require_gaps(gaps, context.task.d_vocab)
    bounds = _AttentionParts(tables, scores, context)
    groups = [bounds.cells(gaps, c, query_is_max) for c in range(1, context.task.n_ctx) for query_is_max in (False, True)]
    return AttentionBounds(gaps, tuple(groups))


def _require_gaps(gaps: NDArray[np.int64], d_vocab: int) -> None:
    """Rejected(bad-hint) unless all gaps are from 1 to d_vocab."""
    wrong = (gaps < 1) | (gaps > d_vocab)
    if wrong.any():
        place = [int(k) for k in np.argwhere(wrong)[0]]
        raise Rejected(
            Reason.BAD_HINT,
            f"gap [q, m, c] = {place} is out of range",
            path="gaps",
            expected=f"integers from 1 to {d_vocab}",
            found=str(int(gaps[tuple(place)])),
        )


class _AttentionParts:
    """Enclosed parts of A, B, A', B' for one model and score approximation."""

    def __init__(self, tables: PathExpansion, scores: ScoreApproximation, context: MaxOfKContext) -> None:
        arithmetic, d_head = context.arithmetic, context.model.dimensions.d_head
        self.n_ctx, self.d_vocab = context.task.n_ctx, context.task.d_vocab
        self.tokens = shared_exponentials(context, scores.S)  # [Q, K]
        self.lowered = arithmetic.exponentials(-scores.error, d_head)  # [Q]
        self.raised = arithmetic.exponentials(scores.error, d_head)
        self.largest = scores.S.running_argmax(axis=1)  # [Q, K]: the token ≤ k with the largest score
        self.smallest = scores.S.running_argmin(axis=1)
        sums = PositionSums(tables, shared_exponentials(context, tables.EQKP))
        self.own, self.low, self.high = sums.own, sums.low, sums.high

    def cells(self, gaps: NDArray[np.int64], c: int, query_is_max: bool) -> AttentionCells:
        """All cells of this c with q = m ≥ g, or with q ≤ m − g."""
        q, m = np.indices((self.d_vocab, self.d_vocab))
        last = m - gaps[:, :, c]  # the largest token that is not m
        inside = (q == m) & (last >= 0) if query_is_max else q <= last
        queries, max_tokens = np.nonzero(inside)
        others = c if query_is_max else c - 1
        limit = last[queries, max_tokens]
        masses = [sums[k] for k in (self.n_ctx - 1 - others, others) for sums in (self.low, self.high)]
        on_max, on_others = masses[:2], masses[2:]  # each (low, high), [Q]
        if query_is_max:
            on_max = [mass + self.own for mass in on_max]
        else:
            on_others = [mass + self.own for mass in on_others]
        own_score = self.tokens[queries, max_tokens]
        rival = self.tokens[queries, self.largest[queries, limit]]
        weakest = self.tokens[queries, self.smallest[queries, limit]]
        least = _pair(own_score * self.lowered[queries], rival, on_max[0][queries], on_others[1][queries])
        most = _pair(own_score * self.raised[queries], weakest, on_max[1][queries], on_others[0][queries])
        return AttentionCells(c, query_is_max, queries, max_tokens, least, most)


def _pair(score: PositiveTable, rival: PositiveTable, mass: Intervals, rival_mass: Intervals) -> tuple[Intervals, Intervals]:
    """(score·mass, rival·rival_mass) divided by one power of two for each cell, so that nothing overflows."""
    shift = np.maximum(score.exponent, rival.exponent)
    return score.relative_to(shift) * mass, rival.relative_to(shift) * rival_mass


def _cost(dimensions: Dimensions, limits: Limits, **hints: object) -> Cost:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    return Cost(3 * d * (d + 1) * n + 6 * d * d + d * n * n + 6 * d * n + 4 * d, singles=table_exponentials(dimensions))


RULE = Rule(
    name="attention-bounds",
    apply=attention_bounds,
    premises=(PathExpansion, ScoreApproximation),
    cost=_cost,
    readings=ALL_READINGS,
    hints={"gaps": IntegersHint(("d_vocab", "d_vocab", "n_ctx"))},
)
