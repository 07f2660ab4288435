"""The five rules `direct-path-…`: docs/rules/direct-path.md."""

from __future__ import annotations

from fractions import Fraction

from tests.second_checker.certificate_format import Array
from tests.second_checker.exact import add_row, plus, product
from tests.second_checker.facts import Context, DirectPathBound, Tables
from tests.second_checker.ranges import mean_row, row_range, weighted
from tests.second_checker.weights import Vector


def global_max_diff_exact(context: Context, tables: Tables) -> DirectPathBound:
    entries = [entry for row in tables.EUPU for entry in row]
    d = context.network.d_vocab
    return DirectPathBound([Fraction(0)] * d, [row_range(entries)] * d)


def max_diff_exact(context: Context, tables: Tables) -> DirectPathBound:
    return DirectPathBound([Fraction(0)] * context.network.d_vocab, [row_range(row) for row in tables.EUPU])


def max_diff(context: Context, tables: Tables) -> DirectPathBound:
    return around(context, [Fraction(0)] * context.network.d_model)


def mean_query_max_diff(context: Context, tables: Tables) -> DirectPathBound:
    net = context.network
    return around(context, mean_row(add_row(net.W_E, net.W_pos[-1])))


def svd_query_max_diff(context: Context, tables: Tables, direction: Array) -> DirectPathBound:
    return around(context, [Fraction(entry) for entry in direction.entries])


def around(context: Context, center: Vector) -> DirectPathBound:
    """M = (center + b_O) W_U + b_U, g[q] = Σ_j |E_q[q, j] − center[j]| range_x W_U[j, x]."""
    net = context.network
    M = plus(product([plus(center, net.b_O)], net.W_U)[0], net.b_U)
    ranges = [row_range(row) for row in net.W_U]
    return DirectPathBound(M, [weighted(row, center, ranges) for row in add_row(net.W_E, net.W_pos[-1])])
