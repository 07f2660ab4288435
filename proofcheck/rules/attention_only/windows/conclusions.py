"""What follows from the bounds on groups and cells: a block as a whole, or an upper bound on the number of
its failures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import Integers, Intervals
from proofcheck.arithmetic.level_sums import nonpositive_tuples, tuples_operations
from proofcheck.arithmetic.piecewise import joined
from proofcheck.rules.attention_only.windows.levels import GroupTerms
from proofcheck.rules.attention_only.windows.scores import distinct
from proofcheck.rules.budget import Budget

LEVEL_BITS = 40  # levels are integers up to 2^40: sums of n_ctx + 2 ≤ 1,026 of them are below 2^52

Booleans = NDArray[np.bool_]


def beaten(group: GroupTerms) -> Booleans:
    """Where W3 proves that every sequence of the block (q, m) beats every rival of the group: [G, Q], q = 0 …
    m.

    Theorem (W3). Let π* = min_{i<n−1} π(i), Y_c for a single token t its v_t (h(t) + e + π*), for a segment
    the bound of W2 with
    z = e + π*, μ ≤ all of them, Y_q = v_q (h(q) + e + π(n − 1)), and

        S = u_{n−1} Y_q + (Σ_{i<n−1} u_i) μ + [q < m]·(min_{i<n−1} u_i) (Y_m − μ).

    If S > 0 and (q = m or n ≥ 2), every sequence of the block beats every rival of the group.
    Proof. By W1 and W2 f_i(x_i) ≥ u_i Y_{c(x_i)} ≥ u_i μ for i < n − 1, where c(t) is the cell of t, and
    f_{n−1}(q) ≥ u_{n−1} Y_q. If q < m some
    k < n − 1 has x_k = m, a cell of its own, so f_k(m) ≥ u_k Y_m = u_k μ + u_k (Y_m − μ), and Y_m ≥ μ.  ∎
    Everything is enclosed, so each comparison holds for the exact S of the theorem with M any upper bound.
    """
    terms, m, n = group.terms, group.window.cells.max_token, group.terms.n_ctx
    queries = np.arange(m + 1)
    own = group.v_own * ((group.h + group.e) + group.pi[:, n - 1][:, None])  # [G, Q]: the query's token t = q
    total = terms.u[queries, n - 1] * own
    if n > 1:
        z = group.e + group.pi[:, : n - 1].min(axis=1)[:, None]  # [G, Q]
        Y = group.lowered(group.heights[:, None, :] + z[:, :, None]) * group.v  # [G, Q, L]
        least = Y.min(axis=2)
        total = total + terms.u_sum[queries] * least
        gain = terms.u_min[:m] * (Y[:, :m, 0] - least[:, :m])
        total = joined([total[:, :m] + gain, total[:, m:]], axis=1)
    proved = total.certainly_positive()
    if n == 1:
        proved[:, :m] = False  # there is no such block
    return proved


def levels(group: GroupTerms, rows: Integers, queries: Integers) -> Intervals:
    """For the pairs (group rows[c], query queries[c]): the bounds of W1 and W2 position by position, [C, n,
    L].

    Entry [c, i, l] for i < n − 1: on f_i of every token of the cell l, with z = e + π(i). Entry [c, n − 1,
    l], whatever l is: on f_{n−1}(q).
    """
    terms, n = group.terms, group.terms.n_ctx
    different = distinct(queries)
    which = np.searchsorted(different, queries)
    factors = terms.u[different, : n - 1][:, :, None] * group.v[different][:, None, :]  # u_i v_c, [different queries, n − 1, L]
    base = group.heights[rows] + group.e[rows, queries][:, None]  # [C, L]
    z = base[:, None, :] + group.pi[rows[:, None], np.arange(n - 1)[None, :]][:, :, None]
    before = group.lowered(z) * factors[which]
    own_factor = terms.u[different, n - 1] * group.v_own[different]
    own = own_factor[which] * ((group.h[rows, queries] + group.e[rows, queries]) + group.pi[rows, n - 1])
    return joined([before, own[:, None, None].broadcast_to((len(rows), 1, before.shape[2]))], axis=1)


def failing(group: GroupTerms, query: int, lower: Integers, bins: int, budget: Budget) -> int:
    """An upper bound on the number of sequences of the block (query, m) that do not beat some rival of one
    group.

    lower [n, L] are integers ≤ scale·(entries of `levels`) for one scale > 0.
    Theorem (W4). If x does not beat a rival of the group, Σ_{i<n−1} lower[i, c(x_i)] + lower[n − 1] ≤ 0, c(t)
    the cell of t; every tuple of
    cells stands for as many sequences as the product of their sizes, and some c(x_i) is {m} if q < m.
    Proof. By W1 and W2 the sum is at most scale·Σ_i f_i(x_i) ≤ 0. The cells divide the tokens ≤ m.  ∎
    Raises Exhausted, before the count, if the budget does not suffice.
    """
    cells = group.window.cells
    required = query < cells.max_token
    budget.spend(tuples_operations(len(lower) - 1, cells.sizes, bins, first_required=required))
    return nonpositive_tuples(lower[:-1], cells.sizes, int(lower[-1, 0]), bins, first_required=required)
