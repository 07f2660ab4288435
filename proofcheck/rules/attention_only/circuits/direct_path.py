"""The five bounds on the direct path: rules `direct-path-*`. Proofs: docs/rules/direct-path.md."""

from __future__ import annotations

from collections.abc import Callable

from proofcheck.arithmetic import DyadicArray
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.circuits.row_differences import mean_row
from proofcheck.rules.attention_only.facts import DirectPathBound, PathExpansion
from proofcheck.rules.hints import ExactHint, HintKind
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def global_max_diff_exact(context: MaxOfKContext, tables: PathExpansion) -> DirectPathBound:
    """Statement (global range). M = 0 and g[q] = max_{q',x} EUPU[q', x] − min_{q',x} EUPU[q', x] for every q.

    Conclusion: ∀ q, m, x: EUPU[q, x] − EUPU[q, m] ≤ (M[x] − M[m]) + g[q].
    Hypotheses: premise 0 is the path expansion.
    Hints: none.
    Proof: docs/rules/direct-path.md.
    Cost: 2·d² + d.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/DirectPath.v, direct_path_global_exact.
    """
    flat = tables.EUPU.reshape(-1)
    d = context.task.d_vocab
    return DirectPathBound(DyadicArray.zeros((d,)), flat.range(axis=0) + DyadicArray.zeros((d,)))


def max_diff_exact(context: MaxOfKContext, tables: PathExpansion) -> DirectPathBound:
    """Statement (row range). M = 0 and g[q] = max_x EUPU[q, x] − min_x EUPU[q, x].

    Conclusion: ∀ q, m, x: EUPU[q, x] − EUPU[q, m] ≤ (M[x] − M[m]) + g[q].
    Hypotheses: premise 0 is the path expansion.
    Hints: none.
    Proof: docs/rules/direct-path.md.
    Cost: 2·d² + d.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/DirectPath.v, direct_path_exact.
    """
    return DirectPathBound(DyadicArray.zeros((context.task.d_vocab,)), tables.EUPU.range(axis=1))


def max_diff(context: MaxOfKContext, tables: PathExpansion) -> DirectPathBound:
    """Statement (max row difference). M = b_O W_U + b_U and g[q] = Σ_j |E_q[q, j]|·range_x W_U[j, x], with E_q = W_E + W_pos[n − 1].

    Conclusion: ∀ q, m, x: EUPU[q, x] − EUPU[q, m] ≤ (M[x] − M[m]) + g[q].
    Hypotheses: premise 0 is the path expansion.
    Hints: none.
    Proof: docs/rules/direct-path.md.
    Cost: 9·d·D + D + d.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/DirectPath.v, direct_path.
    """
    return _around(context, DyadicArray.zeros((1, context.model.dimensions.d_model)))


def mean_query_max_diff(context: MaxOfKContext, tables: PathExpansion) -> DirectPathBound:
    """Statement (mean query, max row difference). With e the mean row of E_q = W_E + W_pos[n − 1] (a dyadic number at or just below it),

        M = (e + b_O) W_U + b_U   and   g[q] = Σ_j |E_q[q, j] − e[j]|·range_x W_U[j, x].

    Conclusion: ∀ q, m, x: EUPU[q, x] − EUPU[q, m] ≤ (M[x] − M[m]) + g[q]. Any row e is sound.
    Hypotheses: premise 0 is the path expansion.
    Hints: none.
    Proof: docs/rules/direct-path.md.
    Cost: 11·d·D + D + d.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/DirectPath.v, direct_path.
    """
    return _around(context, mean_row(context.model.last_embedding()))


def svd_query_max_diff(context: MaxOfKContext, tables: PathExpansion, *, direction: DyadicArray) -> DirectPathBound:
    """Statement (hinted query, max row difference). With w the hint `direction` and E_q = W_E + W_pos[n − 1],

        M = (w + b_O) W_U + b_U   and   g[q] = Σ_j |E_q[q, j] − w[j]|·range_x W_U[j, x].

    Conclusion: ∀ q, m, x: EUPU[q, x] − EUPU[q, m] ≤ (M[x] − M[m]) + g[q], for every w.
    Hypotheses: premise 0 is the path expansion.
    Hints: direction f64 [d_model], any finite vector.
    Proof: docs/rules/direct-path.md.
    Cost: 9·d·D + D + d.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/DirectPath.v, direct_path.
    """
    return _around(context, direction.reshape(1, -1))


def _around(context: MaxOfKContext, row: DyadicArray) -> DirectPathBound:
    """M = (row + b_O) W_U + b_U and g[q] = Σ_j |E_q[q, j] − row[j]|·range_x W_U[j, x], for any row [1, d_model]."""
    model = context.model
    M = (row + model.b_O) @ model.W_U + model.b_U
    ranges = model.W_U.range(axis=1).reshape(-1, 1)
    g = (model.last_embedding() - row).abs() @ ranges
    return DirectPathBound(M.reshape(-1), g.reshape(-1))


def _around_cost(dimensions: Dimensions, limits: Limits, **hints: object) -> Cost:
    d, D = dimensions.d_vocab, dimensions.d_model
    return Cost(9 * d * D + D + d)


def _mean_cost(dimensions: Dimensions, limits: Limits) -> Cost:
    d, D = dimensions.d_vocab, dimensions.d_model
    return Cost(11 * d * D + D + d)


def _exact_cost(dimensions: Dimensions, limits: Limits) -> Cost:
    d = dimensions.d_vocab
    return Cost(2 * d * d + d)


def _rule(
    name: str,
    apply: Callable[..., DirectPathBound],
    cost: Callable[..., Cost],
    hints: dict[str, HintKind] | None = None,
) -> Rule:
    return Rule(
        name=f"direct-path-{name}",
        apply=apply,
        premises=(PathExpansion,),
        cost=cost,
        hints=hints or {},
        readings=ALL_READINGS,
        shared=True,
    )


RULES = (
    _rule("global-max-diff-exact", global_max_diff_exact, _exact_cost),
    _rule("max-diff-exact", max_diff_exact, _exact_cost),
    _rule("max-diff", max_diff, _around_cost),
    _rule("mean-query+max-diff", mean_query_max_diff, _mean_cost),
    _rule("svd-query+max-diff", svd_query_max_diff, _around_cost, {"direction": ExactHint(("d_model",))}),
)
