"""The ten low-rank splits of the QK circuit with their errors: rules `qk-error-*`. Proofs: docs/rules/qk-error.md."""

from __future__ import annotations

from collections.abc import Callable

from proofcheck.arithmetic import DyadicArray, root_two_above
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.circuits.low_rank import Split, split_subproduct, split_svd
from proofcheck.rules.attention_only.circuits.row_differences import product_ranges
from proofcheck.rules.attention_only.facts import PathExpansion, ScoreApproximation
from proofcheck.rules.hints import ExactHint, HintKind
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def exact(context: MaxOfKContext, tables: PathExpansion) -> ScoreApproximation:
    """Statement (exact QK circuit). S = EQKE and error = 0.

    Conclusion: ∀ q, i, j: |(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q].
    Hypotheses: premise 0 is the path expansion.
    Hints: none.
    Proof: docs/rules/qk-error.md.
    Cost: none beyond the path expansion.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/QkError.v, exact_approximation.
    """
    return ScoreApproximation(tables.EQKE, DyadicArray.zeros((context.task.d_vocab,)))


def svd(
    context: MaxOfKContext, tables: PathExpansion, *, query_direction: DyadicArray, key_direction: DyadicArray, tau: DyadicArray
) -> ScoreApproximation:
    """Statement (spectral remainder). S and A_r B_r as in `split_svd`, and error[q] = c·τ with c a dyadic number in (√2, √2 + 2^−60].

    Conclusion: ∀ q, i, j: |(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q].
    Hypotheses: premise 0 is the path expansion; ‖A_r B_r‖₂ ≤ τ, which the rule checks by two symmetric eliminations (`spectral.py`).
    Hints: query_direction, key_direction f64 [d_vocab], not zero; tau f64 [1], at least the spectral norm: the rule refuses a smaller one.
    Proof: (A_r B_r)[q, i] − (A_r B_r)[q, j] = e_qᵀ(A_r B_r)(e_i − e_j) and |e_i − e_j| ≤ √2.
    Proof: docs/rules/qk-error.md.
    Cost: O(d·D·H + d·D² + D³ + d²); see `_svd_operations`.
    Reason codes: bad-hint.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/QkError.v, svd_elimination.
    """
    split = _svd_split(context, query_direction, key_direction)
    left, right = split.remainder
    if not context.arithmetic.norm_certainly_below(left, right, tau[0]):
        raise Rejected(
            Reason.BAD_HINT,
            "the spectral norm of the remainder is not certainly at most tau",
            path="tau",
            expected="tau² I − MᵀM positive definite for the remainder M",
            found=f"tau = {float(tau.fractions()[0])!r}",
            hint="a larger tau proves a weaker bound; a higher --precision settles closer ones",
        )
    error = root_two_above() * tau + DyadicArray.zeros((context.task.d_vocab,))
    return ScoreApproximation(split.S, error)


def max_diff(
    context: MaxOfKContext, tables: PathExpansion, *, query_direction: DyadicArray, key_direction: DyadicArray
) -> ScoreApproximation:
    """Statement (max row difference). S and A_r B_r as in `split_svd`, and error[q] = Σ_j |A_r[q, j]|·range_i B_r[j, i].

    Conclusion: ∀ q, i, j: |(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q].
    Hypotheses: premise 0 is the path expansion.
    Hints: query_direction, key_direction f64 [d_vocab], not zero, otherwise any.
    Proof: docs/rules/qk-error.md.
    Cost: O(d·D·H + d²); see `_svd_operations`.
    Reason codes: bad-hint.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/RowRange.v, range_mul.
    """
    split = _svd_split(context, query_direction, key_direction)
    return _approximation(split, product_ranges(split.remainder, mean_levels=0))


def mean_max_diff(
    context: MaxOfKContext, tables: PathExpansion, *, query_direction: DyadicArray, key_direction: DyadicArray
) -> ScoreApproximation:
    """Statement (mean row and max row difference). S and A_r B_r as in `split_svd`; with a any row (here near the mean row of A_r),

        error[q] = range_i (a B_r)[i] + Σ_j |A_r[q, j] − a[j]|·range_i B_r[j, i].

    Conclusion: ∀ q, i, j: |(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q].
    Hypotheses: premise 0 is the path expansion.
    Hints: query_direction, key_direction f64 [d_vocab], not zero, otherwise any.
    Proof: docs/rules/qk-error.md.
    Cost: O(d·D·H + d²); see `_svd_operations`.
    Reason codes: bad-hint.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/RowRange.v, range_mul_mean.
    """
    split = _svd_split(context, query_direction, key_direction)
    return _approximation(split, product_ranges(split.remainder, mean_levels=1))


def max_diff_exact(
    context: MaxOfKContext, tables: PathExpansion, *, query_direction: DyadicArray, key_direction: DyadicArray
) -> ScoreApproximation:
    """Statement (exact range of the remainder). S and A_r B_r as in `split_svd`, and error[q] = range_i (A_r B_r)[q, i].

    Conclusion: ∀ q, i, j: |(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q].
    Hypotheses: premise 0 is the path expansion.
    Hints: query_direction, key_direction f64 [d_vocab], not zero, otherwise any.
    Proof: docs/rules/qk-error.md.
    Cost: O(d²·D + d·D·H); see `_svd_operations`.
    Reason codes: bad-hint.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/QkError.v, two_vectors.
    """
    split = _svd_split(context, query_direction, key_direction)
    left, right = split.remainder
    return _approximation(split, (left @ right).range(axis=1))


def max_diff_subproduct(context: MaxOfKContext, tables: PathExpansion, **directions: DyadicArray) -> ScoreApproximation:
    """Statement (max row difference of subproducts). S and R₁R₂R₃R₄ as in `split_subproduct`; with (L, R) one of (R₁ | R₂R₃R₄),
    (R₁R₂ | R₃R₄), (R₁R₂R₃ | R₄), error[q] is the least over the three of Σ_j |L[q, j]|·range_i R[j, i].

    Conclusion: ∀ q, i, j: |(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q].
    Hypotheses: premise 0 is the path expansion.
    Hints: query_direction, key_direction, second_query_direction, second_key_direction
    f64 [d_vocab], W_Q_direction, W_K_direction f64 [d_model]; not zero, otherwise any.
    Proof: docs/rules/qk-error.md.
    Cost: O(d·D·H + d²); see `_subproduct_operations`.
    Reason codes: bad-hint.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/RowRange.v, range_mul.
    """
    return _least_over_splits(_subproduct_split(context, directions), mean_levels=0)


def mean_max_diff_subproduct(context: MaxOfKContext, tables: PathExpansion, **directions: DyadicArray) -> ScoreApproximation:
    """Statement (mean row and max row difference of subproducts). As `qk-error-max-diff-subproduct`, with l a row near the mean row of L:

        error[q] = least over the three (L, R) of range_i (l R)[i] + Σ_j |L[q, j] − l[j]|·range_i R[j, i].

    Conclusion: ∀ q, i, j: |(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q].
    Hypotheses and hints: as `qk-error-max-diff-subproduct`.
    Proof: docs/rules/qk-error.md.
    Cost: O(d·D·H + d²); see `_subproduct_operations`.
    Reason codes: bad-hint.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/RowRange.v, range_mul_mean.
    """
    return _least_over_splits(_subproduct_split(context, directions), mean_levels=1)


def max_diff_recursive(context: MaxOfKContext, tables: PathExpansion, **directions: DyadicArray) -> ScoreApproximation:
    """Statement (recursive max row difference). S and R₁R₂R₃R₄ as in `split_subproduct`, and
    error = |R₁|·(|R₂|·(|R₃|·ρ)) with ρ[k] = range_i R₄[k, i].

    Conclusion: ∀ q, i, j: |(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q].
    Hypotheses and hints: as `qk-error-max-diff-subproduct`. No product of two matrices is formed.
    Proof: docs/rules/qk-error.md.
    Cost: O(d·D + D·H + d²); see `_recursive_operations`.
    Reason codes: bad-hint.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/RowRange.v, recursive_range.
    """
    split = _subproduct_split(context, directions)
    return _approximation(split, product_ranges(split.remainder, mean_levels=0))


def mean_max_diff_recursive(context: MaxOfKContext, tables: PathExpansion, **directions: DyadicArray) -> ScoreApproximation:
    """Statement (mean row, then recursive max row difference). As `qk-error-max-diff-subproduct-recursive` with r a row near the mean of
    R₁:

        error[q] = range_i (r R₂R₃R₄)[i] + Σ_j |R₁[q, j] − r[j]|·(|R₂|·(|R₃|·ρ))[j].

    Conclusion: ∀ q, i, j: |(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q].
    Hypotheses and hints: as `qk-error-max-diff-subproduct`.
    Proof: docs/rules/qk-error.md.
    Cost: O(d·D + D·H + d²); see `_recursive_operations`.
    Reason codes: bad-hint.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/RowRange.v, recursive_range.
    """
    split = _subproduct_split(context, directions)
    return _approximation(split, product_ranges(split.remainder, mean_levels=1))


def mean_recursive_max_diff_recursive(context: MaxOfKContext, tables: PathExpansion, **directions: DyadicArray) -> ScoreApproximation:
    """Statement (mean row at every level). S and R₁R₂R₃R₄ as in `split_subproduct`, and error = e₁ with
    e₄[k] = range_i R₄[k, i] and, for level l = 3, 2, 1 and r a row near the mean of R_l,

        e_l[k] = range_i (r R_{l+1} … R₄)[i] + Σ_j |R_l[k, j] − r[j]|·e_{l+1}[j].

    Conclusion: ∀ q, i, j: |(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q].
    Hypotheses and hints: as `qk-error-max-diff-subproduct`.
    Proof: docs/rules/qk-error.md.
    Cost: O(d·D + D·H + d²); see `_recursive_operations`.
    Reason codes: bad-hint.
    Source: Gross et al. 2024.
    Machine-checked: docs/proofs/RowRange.v, recursive_range.
    """
    split = _subproduct_split(context, directions)
    return _approximation(split, product_ranges(split.remainder, mean_levels=3))


def _approximation(split: Split, error: DyadicArray) -> ScoreApproximation:
    return ScoreApproximation(split.S, error.reshape(-1))


def _least_over_splits(split: Split, mean_levels: int) -> ScoreApproximation:
    R_1, R_2, R_3, R_4 = split.remainder
    R_12, R_34 = R_1 @ R_2, R_3 @ R_4
    bounds = [product_ranges(pair, mean_levels) for pair in ([R_1, R_2 @ R_34], [R_12, R_34], [R_12 @ R_3, R_4])]
    return _approximation(split, bounds[0].minimum(bounds[1]).minimum(bounds[2]))


def _svd_split(context: MaxOfKContext, query_direction: DyadicArray, key_direction: DyadicArray) -> Split:
    return split_svd(context, _column("query_direction", query_direction), _column("key_direction", key_direction))


def _subproduct_split(context: MaxOfKContext, directions: dict[str, DyadicArray]) -> Split:
    columns = {name: _column(name, direction) for name, direction in directions.items()}
    queries = (columns["query_direction"], columns["second_query_direction"])
    keys = (columns["key_direction"], columns["second_key_direction"])
    return split_subproduct(context.model, queries, keys, columns["W_Q_direction"], columns["W_K_direction"])


def _column(name: str, direction: DyadicArray) -> DyadicArray:
    """The hinted vector as a column. Rejected(bad-hint) if it is zero: a direction that says nothing is a mistake."""
    if not direction.integers.any():
        raise Rejected(Reason.BAD_HINT, f"the hint {name} is the zero vector", path=name, expected="a nonzero vector", found="zero")
    return direction.reshape(-1, 1)


def _svd_operations(dimensions: Dimensions) -> int:
    """The split: A, its remainder, that of B, and the three rank-one terms."""
    n, d, D, H = dimensions.n_ctx, dimensions.d_vocab, dimensions.d_model, dimensions.d_head
    return 4 * d * D * H + 15 * d * D + 5 * d * d + 2 * D * H + n * D


def _subproduct_operations(dimensions: Dimensions) -> int:
    """The split: six peelings and seven rank-one terms."""
    n, d, D, H = dimensions.n_ctx, dimensions.d_vocab, dimensions.d_model, dimensions.d_head
    return 13 * d * d + 36 * d * D + 30 * D * H + n * D


def _norm_operations(dimensions: Dimensions) -> int:
    d, D = dimensions.d_vocab, dimensions.d_model
    return 4 * d * D * D + 5 * D * D * D + 4 * D * D + 6 * D + d + 8


def _least_operations(dimensions: Dimensions) -> int:
    """Four matrix products and three bounds, with or without mean rows."""
    d, D, H = dimensions.d_vocab, dimensions.d_model, dimensions.d_head
    return 8 * d * D * H + 18 * d * D + 9 * d * H + 5 * d


def _recursive_operations(dimensions: Dimensions) -> int:
    d, D, H = dimensions.d_vocab, dimensions.d_model, dimensions.d_head
    return 13 * d * D + 16 * D * H + 7 * d + D + H


_SVD_HINTS: dict[str, HintKind] = {"query_direction": ExactHint(("d_vocab",)), "key_direction": ExactHint(("d_vocab",))}
_SUBPRODUCT_HINTS: dict[str, HintKind] = {
    **_SVD_HINTS,
    "second_query_direction": ExactHint(("d_vocab",)),
    "second_key_direction": ExactHint(("d_vocab",)),
    "W_Q_direction": ExactHint(("d_model",)),
    "W_K_direction": ExactHint(("d_model",)),
}

Part = Callable[[Dimensions], int]


def _rule(
    name: str,
    apply: Callable[..., ScoreApproximation],
    hints: dict[str, HintKind],
    *parts: Part,
    singles: Part = lambda dimensions: 0,
) -> Rule:
    """parts: of the cost polynomial."""

    def cost(dimensions: Dimensions, limits: Limits, **hints: object) -> Cost:
        return Cost(sum(part(dimensions) for part in parts), singles=singles(dimensions))

    return Rule(
        name=f"qk-error-{name}",
        apply=apply,
        premises=(PathExpansion,),
        cost=cost,
        hints=hints,
        readings=ALL_READINGS,
        shared=True,
    )


RULES = (
    _rule("exact-EQKE+max-diff-exact", exact, {}),
    _rule(
        "svd",
        svd,
        {**_SVD_HINTS, "tau": ExactHint(("1",))},
        _svd_operations,
        _norm_operations,
        singles=_norm_operations,
    ),
    _rule("max-diff", max_diff, _SVD_HINTS, _svd_operations, lambda s: 5 * s.d_vocab * s.d_model),
    _rule("mean+max-diff", mean_max_diff, _SVD_HINTS, _svd_operations, lambda s: 9 * s.d_vocab * s.d_model + s.d_vocab),
    _rule("max-diff-exact", max_diff_exact, _SVD_HINTS, _svd_operations, lambda s: 2 * s.d_vocab**2 * (s.d_model + 1)),
    _rule("max-diff-subproduct", max_diff_subproduct, _SUBPRODUCT_HINTS, _subproduct_operations, _least_operations),
    _rule("mean+max-diff-subproduct", mean_max_diff_subproduct, _SUBPRODUCT_HINTS, _subproduct_operations, _least_operations),
    _rule("max-diff-subproduct-recursive", max_diff_recursive, _SUBPRODUCT_HINTS, _subproduct_operations, _recursive_operations),
    _rule("mean+max-diff-subproduct-recursive", mean_max_diff_recursive, _SUBPRODUCT_HINTS, _subproduct_operations, _recursive_operations),
    _rule(
        "mean-recursive+max-diff-subproduct-recursive",
        mean_recursive_max_diff_recursive,
        _SUBPRODUCT_HINTS,
        _subproduct_operations,
        _recursive_operations,
    ),
)
