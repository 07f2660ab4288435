"""Rule `cubic`: the published cubic theorem in sign form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import Intervals
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import PathExpansion, ProvedClasses
from proofcheck.rules.attention_only.max_of_k.position_sums import PositionSums
from proofcheck.rules.attention_only.separable.separability import shared_enclosures, table_exponentials
from proofcheck.rules.reading import REALS_AND_MARGINS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def cubic(context: MaxOfKContext, tables: PathExpansion) -> ProvedClasses:
    """Statement (cubic), in sign form. Write w_p for exp(EQKP[q,p]/√H) and v_t for exp(EQKE[q,t]/√H), and for max token m

        PV[x] = max_p(PVOU[p,x] − PVOU[p,m]),   EU(q) = max_{x≠m}(EUPU[q,x] − EUPU[q,m]),
        G(k) = max_{x≠m}(EVOU[k,x] − EVOU[k,m] + PV[x]).

    For q ≤ m, k < m and c ≥ 1 non-query positions not equal to m (c ≤ n − 1 if q = m, c ≤ n − 2 if q < m) let
        Λ(σ) = σ·v_m·(EU(q) + G(m)) + (T − σ)·v_k·(EU(q) + G(k)) + w_{n−1}·v_q·(EU(q) + G(q)),   T = Σ_{p<n−1} w_p,
    where σ is the sum of the n − 1 − c smallest, respectively largest, w_p with p < n − 1. If Λ < 0 for both, k ∈ S(q, m, c).

    Conclusion: ∀ q, m, c: every sequence of the block (q, m) whose c non-max tokens before the query all lie in S(q, m, c) is correct.
    For c = 0 the one sequence (m, …, m, q) is proved where, for all x ≠ m and with B[x] = EUPU[q,x] − EUPU[q,m] + PV[x],
        q < m:  T·v_m·(B[x] + EVOU[m,x] − EVOU[m,m]) + w_{n−1}·v_q·(B[x] + EVOU[q,x] − EVOU[q,m]) < 0,
        q = m:  B[x] + EVOU[m,x] − EVOU[m,m] < 0.
    Hypotheses: premise 0 is the path expansion.
    Hints: none. No division and no softmax: signs of numerators only.
    With a margin δ, EUPU[q,m] − δ stands for EUPU[q,m] everywhere.
    Proof: docs/rules/cubic.md.
    Cost: 6·d²·(d + 1)·n + 16·d²·(d + 1) + 4·d·n² at most.
    Source: Gross et al. 2024, the cubic proof.
    Machine-checked: docs/proofs/Cubic.v, cubic_count.
    """
    bounds = _CubicBounds(tables, context)
    d, most = context.task.d_vocab, context.task.n_ctx
    choices = np.full((d, d, most), -1, dtype=np.int64)
    for m in range(d):
        bounds.fill(choices, m)
    return ProvedClasses(tuple(tuple(tuple(row) for row in plane) for plane in choices.tolist()))


class _CubicBounds:
    """Enclosed tables of Theorem C."""

    def __init__(self, tables: PathExpansion, context: MaxOfKContext) -> None:
        enclosed = shared_enclosures(context, tables)
        self.n_ctx = context.task.n_ctx
        self.EUPU, self.EVOU, self.PVOU = enclosed.EUPU, enclosed.EVOU, enclosed.PVOU
        self.answer = enclosed.EUPU_of_answer
        self.tokens = enclosed.token_weights
        sums = PositionSums(tables, enclosed.position_weights)
        self.own, self.low, self.high = sums.own, sums.low, sums.high

    def fill(self, choices: NDArray[np.int64], m: int) -> None:
        """Write choices[q, m, c] for all q ≤ m."""
        rivals = np.delete(np.arange(self.EUPU.shape[1]), m)
        PV = (self.PVOU[:, rivals] - self.PVOU[:, m : m + 1]).max(axis=0)  # [J]
        direct = self.EUPU[: m + 1, rivals] - self.answer[: m + 1, m : m + 1]  # [Q, J]
        values = self.EVOU[: m + 1, rivals] - self.EVOU[: m + 1, m : m + 1]  # [K, J]
        worst = direct.max(axis=1)[:, None] + (values + PV).max(axis=1)[None, :]  # EU(q) + G(k), [Q, K]
        weights = self.tokens[: m + 1, : m + 1]
        weights_relative = weights.relative_to(weights.exponent.max(axis=1, keepdims=True))
        weighted = weights_relative * worst  # v_k (EU(q) + G(k)), [Q, K]
        self._one_sequence(choices, m, direct + PV, values, weights_relative)
        tokens = np.arange(m + 1)
        own = self.own[: m + 1] * weighted[tokens, tokens]  # the query's term, [Q]
        for c in range(1, self.n_ctx):
            queries = slice(m, m + 1) if c == self.n_ctx - 1 else slice(0, m + 1)  # n − 1 non-max positions need q = m
            negative = np.ones((m + 1, m), dtype=np.bool_)[queries]
            for mass_max, mass_other in ((self.low, self.high), (self.high, self.low)):
                held = mass_max[self.n_ctx - 1 - c][queries] * weighted[queries, m] + own[queries]  # [Q]
                total = mass_other[c][queries, None] * weighted[queries, :m] + held[:, None]
                negative &= total.certainly_negative()
            choices[queries, m, c] = negative.sum(axis=1)

    def _one_sequence(self, choices: NDArray[np.int64], m: int, base: Intervals, values: Intervals, weights: Intervals) -> None:
        """Write choices[q, m, 0]: 0 where the sequence (m, …, m, q) is proved. base = B [Q, J], values [K, J], weights v [Q, K]."""
        certain = (base[m] + values[m]).certainly_negative().all()
        choices[m, m, 0] = 0 if certain else -1
        if self.n_ctx == 1 or m == 0:
            return
        queries = np.arange(m)
        on_max = self.low[self.n_ctx - 1][:m] * weights[:m, m]  # T·v_m, [Q]
        on_query = self.own[:m] * weights[queries, queries]
        margin = on_max[:, None] * (base[:m] + values[m : m + 1]) + on_query[:, None] * (base[:m] + values[:m])
        choices[:m, m, 0] = np.where(margin.certainly_negative().all(axis=1), 0, -1)


def _cost(dimensions: Dimensions, limits: Limits) -> Cost:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    return Cost(6 * d * d * (d + 1) * n + 16 * d * d * (d + 1) + 4 * d * n * n, singles=table_exponentials(dimensions))


RULE = Rule(
    name="cubic",
    apply=cubic,
    premises=(PathExpansion,),
    cost=_cost,
    readings=REALS_AND_MARGINS,
)
