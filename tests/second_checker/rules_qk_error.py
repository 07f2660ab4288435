"""The ten rules `qk-error-…`: docs/rules/qk-error.md, with its names for vectors and matrices."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import isqrt

from tests.second_checker.certificate_format import Array
from tests.second_checker.exact import add_row, minus, outer, plus_all, product, transpose
from tests.second_checker.facts import Context, ScoreApproximation, Tables
from tests.second_checker.outcome import rejected
from tests.second_checker.positive_definite import spectral_norm_at_most
from tests.second_checker.ranges import mean_row, recursive_error, row_range, split_error
from tests.second_checker.rules_counts import ContradictionError
from tests.second_checker.weights import Matrix, Network, Vector

SQRT_2_ABOVE = Fraction(isqrt(2 * 4**60) + 1, 2**60)  # in (√2, √2 + 2^−60]


def exact_EQKE(context: Context, tables: Tables) -> ScoreApproximation:
    return ScoreApproximation(tables.EQKE, [Fraction(0)] * context.network.d_vocab)


def direction(name: str, hint: Array) -> Vector:
    """A hinted vector, not zero."""
    if not any(hint.entries):
        raise rejected("bad-hint", name, "zero")
    return [Fraction(entry) for entry in hint.entries]


def embeddings(net: Network) -> tuple[Matrix, Matrix]:
    """(E_q, K): queries, and tokens moved by the mean position."""
    return add_row(net.W_E, net.W_pos[-1]), add_row(net.W_E, mean_row(net.W_pos))


def without(v: Vector, M: Matrix) -> tuple[Vector, Matrix]:
    """(vᵀM, M − v vᵀM)."""
    row = product([v], M)[0]
    return row, minus(M, outer(v, row))


def bias_term(net: Network, K: Matrix) -> Matrix:
    """1 ⊗ b_Q W_Kᵀ Kᵀ."""
    row = product(product([net.b_Q], transpose(net.W_K)), transpose(K))[0]
    return [row] * net.d_vocab


def require_split(tables: Tables, S: Matrix, remainder: Matrix) -> None:
    """EQKE − S − remainder is constant in each row, exactly."""
    for row in minus(minus(tables.EQKE, S), remainder):
        if row_range(row) != 0:
            raise ContradictionError("the split of EQKE is no identity")


def split_svd(context: Context, tables: Tables, query_direction: Array, key_direction: Array) -> tuple[Matrix, Matrix, Matrix]:
    """(S, A_r, B_r)."""
    net = context.network
    u, v = direction("query_direction", query_direction), direction("key_direction", key_direction)
    E_q, K = embeddings(net)
    A = product(product(E_q, net.W_Q), transpose(net.W_K))
    B = transpose(K)
    _, A_r = without(u, A)
    Bv = product(B, [[entry] for entry in v])
    B_r = minus(B, product(Bv, [v]))
    uAB = product(product([u], A), B)[0]
    A_rBv = [row[0] for row in product(A_r, Bv)]
    S = plus_all([outer(u, uAB), outer(A_rBv, v), bias_term(net, K)])
    require_split(tables, S, product(A_r, B_r))
    return S, A_r, B_r


def svd(context: Context, tables: Tables, query_direction: Array, key_direction: Array, tau: Array) -> ScoreApproximation:
    S, A_r, B_r = split_svd(context, tables, query_direction, key_direction)
    bound = Fraction(tau.entries[0])
    context.spend(6 * context.network.d_vocab**3, "spectral norm")
    if bound < 0 or not spectral_norm_at_most(product(A_r, B_r), bound):
        raise rejected("bad-hint", "tau", float(bound))
    return ScoreApproximation(S, [SQRT_2_ABOVE * bound] * context.network.d_vocab)


def max_diff(context: Context, tables: Tables, **hints: Array) -> ScoreApproximation:
    S, A_r, B_r = split_svd(context, tables, **hints)
    return ScoreApproximation(S, split_error(A_r, B_r, mean=False))


def mean_max_diff(context: Context, tables: Tables, **hints: Array) -> ScoreApproximation:
    S, A_r, B_r = split_svd(context, tables, **hints)
    return ScoreApproximation(S, split_error(A_r, B_r, mean=True))


def max_diff_exact(context: Context, tables: Tables, **hints: Array) -> ScoreApproximation:
    S, A_r, B_r = split_svd(context, tables, **hints)
    return ScoreApproximation(S, [row_range(row) for row in product(A_r, B_r)])


def split_subproduct(
    context: Context,
    tables: Tables,
    query_direction: Array,
    key_direction: Array,
    second_query_direction: Array,
    second_key_direction: Array,
    W_Q_direction: Array,
    W_K_direction: Array,
) -> tuple[Matrix, list[Matrix]]:
    """(S, [R₁, R₂, R₃, R₄])."""
    net = context.network
    u1, u2 = direction("query_direction", query_direction), direction("second_query_direction", second_query_direction)
    v1, v2 = direction("key_direction", key_direction), direction("second_key_direction", second_key_direction)
    w, z = direction("W_Q_direction", W_Q_direction), direction("W_K_direction", W_K_direction)
    E, K = embeddings(net)
    X = product(net.W_Q, transpose(net.W_K))
    a, E1 = without(u1, E)
    a2, E2 = without(u2, E1)
    b, K1 = without(v1, K)
    b2, K2 = without(v2, K1)
    c, Q1 = without(w, net.W_Q)
    f, Kf = without(z, net.W_K)

    def column(M: Matrix, v: Vector) -> Vector:
        return [row[0] for row in product(M, [[entry] for entry in v])]

    def row(v: Vector, M: Matrix) -> Vector:
        return product([v], M)[0]

    S = plus_all(
        [
            outer(u1, row(row(a, X), transpose(K))),
            outer(column(product(E1, X), b), v1),
            outer(u2, row(row(a2, X), transpose(K1))),
            outer(column(product(E2, X), b2), v2),
            outer(column(E2, w), row(row(c, transpose(net.W_K)), transpose(K2))),
            outer(column(product(E2, Q1), f), row(z, transpose(K2))),
            bias_term(net, K),
        ]
    )
    factors = [E2, Q1, transpose(Kf), transpose(K2)]
    require_split(tables, S, reduce(product, factors))
    return S, factors


def subproduct(context: Context, tables: Tables, hints: dict[str, Array], *, mean: bool) -> ScoreApproximation:
    """The least over the three cuts of the product."""
    S, factors = split_subproduct(context, tables, **hints)
    cuts = [split_error(reduce(product, factors[:cut]), reduce(product, factors[cut:]), mean=mean) for cut in (1, 2, 3)]
    return ScoreApproximation(S, [min(errors) for errors in zip(*cuts, strict=True)])


def max_diff_subproduct(context: Context, tables: Tables, **hints: Array) -> ScoreApproximation:
    return subproduct(context, tables, hints, mean=False)


def mean_max_diff_subproduct(context: Context, tables: Tables, **hints: Array) -> ScoreApproximation:
    return subproduct(context, tables, hints, mean=True)


def recursive(context: Context, tables: Tables, hints: dict[str, Array], means: int) -> ScoreApproximation:
    """Lemma 3 with mean rows at R₁ … R_means."""
    S, factors = split_subproduct(context, tables, **hints)
    return ScoreApproximation(S, recursive_error(factors, means))


def max_diff_subproduct_recursive(context: Context, tables: Tables, **hints: Array) -> ScoreApproximation:
    return recursive(context, tables, hints, 0)


def mean_max_diff_subproduct_recursive(context: Context, tables: Tables, **hints: Array) -> ScoreApproximation:
    return recursive(context, tables, hints, 1)


def mean_recursive_max_diff_subproduct_recursive(context: Context, tables: Tables, **hints: Array) -> ScoreApproximation:
    return recursive(context, tables, hints, 3)
