"""Lower bounds on the margin terms of a class of queries at once, on the cells of one max token.

Notation as in `levels`: f_i^{q,m,j}(t) = u_i v_t (h_j(t) + e_j(q) + π_j(i)), u and v of the query q. Dividing all terms of (q, m) by
u_{n−1} v_m > 0 changes no sign (Theorem S). Let Q be a class of queries q ≤ m.

H1. For a group g of rivals outside S = J ∪ {m}, ē_j = min_{q∈Q} e_j(q) and a single token t, h_j(t) + e_j(q) ≥ min_{j∈g} (h_j(t) + ē_j) for
    every j ∈ g and q ∈ Q, and π_j(i) ≥ min_{j∈g} π_j(i). For a single rival h + e ≥ h_j(t) + ē_j; on segments, and for the rest by lists,
    h + e is at least the sum of the bounds of `levels` with the smallest e of the queries.  Proof: e_j(q) ≥ ē_j.  ∎
H2. Let z ≤ h_j(t) + e_j(q) + π_j(i) for all j ∈ g, q ∈ Q, and let the ranges U, V hold u_i/u_{n−1} and v_t/v_m of every q ∈ Q. Then
    f_i/(u_{n−1} v_m) ≥ min_{U, V} u v z for a single token; for a segment with v_t/v_m ≤ M on it, ≥ min(0, z)·M·max U.
    Proof: u v (h + e + π) ≥ u v z, as u v > 0, and (u, v) ∈ U × V. On a segment it is ≥ u v min(0, z) ≥ max U·M·min(0, z).  ∎
H3. The query's own term is f_{n−1}(q)/(u_{n−1} v_m) = (v_q/v_m) (h_j(q) + e_j(q) + π_j(n − 1)), at least the smallest of these over all
    j ∈ g and q ∈ Q.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from proofcheck.arithmetic import Arithmetic, DyadicArray, Integers, Intervals
from proofcheck.arithmetic.piecewise import at_most_zero, between, joined
from proofcheck.rules.attention_only.windows.exact import lower_integers
from proofcheck.rules.attention_only.windows.grouped_weights import position_weights
from proofcheck.rules.attention_only.windows.levels import Terms
from proofcheck.rules.attention_only.windows.lists import Lists
from proofcheck.rules.attention_only.windows.scores import Scores
from proofcheck.rules.attention_only.windows.sheets import Sheet

ENTRIES = 1 << 18  # of levels that are computed together: bounds memory


class RelativeWeights:
    """v_t/v_m of single tokens, bounds on it for segments, and u_i/u_{n−1}, for classes of queries."""

    def __init__(self, terms: Terms, table: Scores, positions: DyadicArray, arithmetic: Arithmetic, d_head: int) -> None:
        self._weights, self._table, self._positions = terms.weights, table, positions
        self._arithmetic, self._d_head = arithmetic, d_head

    def of(self, sheet: Sheet, classes: list[Integers]) -> tuple[Intervals, Intervals, Intervals]:
        """U [C, n − 1] and V [C, L], ranges that hold the factors of every query of each class (for segments: up to a bound on them);
        v_q/v_m of every query of the sheet, [Q]. Classes are places among the queries.
        """
        cells, table, queries = sheet.cells, self._table, sheet.queries
        score = table.known[table.starts[queries] + (cells.max_token - table.first[queries])]
        inverse = self._arithmetic.exponentials(-score, self._d_head)  # 1/v_m
        zero = np.zeros(len(queries), dtype=np.int64)
        own = (self._weights.tokens(queries, queries) * inverse).relative_to(zero)
        parts = [self._weights.tokens(queries[None, :], cells.tokens[:, None])]
        if len(cells.ends):
            parts.append(self._weights.prefixes(queries[None, :], cells.ends[:, None]))
        v = joined([(part * inverse[None, :]).relative_to(zero[None, :]) for part in parts], axis=0)  # [L, Q]
        u = position_weights(self._positions, [queries[places] for places in classes], self._arithmetic, self._d_head)
        return u, between(_least(v, classes), -_least(-v, classes)), own


def _least(x: Intervals, classes: list[Integers]) -> Intervals:
    """The smallest entry of each class: [·, Q] as [C, ·]."""
    return joined([x[:, places].min(axis=1)[None] for places in classes], axis=0)


class SharedTerms:
    """h, e and π of the groups of one sheet: single rivals, then the named groups, or the rest by lists."""

    def __init__(self, terms: Terms, sheet: Sheet, lists: tuple[Lists, Lists, Lists]) -> None:
        cells, queries, tokens, m = sheet.cells, sheet.queries, sheet.cells.tokens, sheet.cells.max_token
        marks, rows = sheet.members(terms.d_vocab), (np.arange(m + 1), queries, np.arange(terms.n_ctx))
        h, self._e, pi = (sheet.differences(*some, marks) for some in zip(terms.of_answer, terms.tables, rows, lists, strict=True))
        spans = zip(cells.starts.tolist(), cells.ends.tolist(), strict=True)
        self._h = joined([h[:, tokens], *(h[:, a:b].min(axis=1)[:, None] for a, b in spans)], axis=1)  # on cells, [J (+ 1), L]
        self._single = len(sheet.rivals) if sheet.groups else h.shape[0]  # groups that are one rival, or the rest by lists
        self._singles = cells.singles
        own, position = [(h[:, queries] + self._e)[: self._single]], [pi[: self._single]]
        self._divided = []  # for each named group the terms h of its rivals on single tokens [k, ·], and e [·, Q]
        for group in sheet.groups:
            near = terms.EV[tokens, m][:, None] - terms.EV[tokens[:, None], group[None, :]]
            self._divided.append((near, terms.EU_of_answer[queries, m][None, :] - terms.EU[queries[None, :], group[:, None]]))
            other = (terms.EV[queries[None, :], group[:, None]] + terms.EU[queries[None, :], group[:, None]]).max(axis=0)
            own.append(((terms.EV[queries, m] + terms.EU_of_answer[queries, m]) - other)[None])
            position.append((terms.PV[:, m][:, None] - terms.PV[:, group]).min(axis=1)[None])
        self._pi = joined(position, axis=0)  # [G, n]
        self._own = joined(own, axis=0) + self._pi[:, terms.n_ctx - 1][:, None]  # H3, but for its factor: [G, Q]

    def levels(self, classes: list[Integers], u: Intervals, v: Intervals, own_weight: Intervals, bits: int) -> Iterator[Integers]:
        """For each class integers [G, n, L], one scale > 0 for each group: [:, i, l] for i < n − 1 are at most scale·f_i/(u_{n−1} v_m) for
        every query of the class, every rival of the group and every token of the cell l (H2), [:, n − 1, 0] at most
        scale·f_{n−1}/(u_{n−1} v_m) (H3). Classes are places among the queries; u, v, own_weight as of `RelativeWeights`.
        """
        e, last = _least(self._e, classes), _least(own_weight[None] * self._own, classes)
        direct = [_least(part, classes) for _, part in self._divided]
        singles, (groups, n), L = self._singles, self._pi.shape, v.shape[1]
        together = max(1, ENTRIES // (groups * n * L))
        for start in range(0, len(classes), together):
            some = range(start, min(start + together, len(classes)))
            base = self._h[None] + e[some, :, None]  # [some, J (+ 1), L]
            bounds = [base[:, : self._single]]
            for (near, _), least in zip(self._divided, direct, strict=True):  # H1
                single = joined([(near + least[k : k + 1]).min(axis=1)[None, None] for k in some], axis=0)
                bounds.append(joined([single, base[:, self._single :, singles:]], axis=2))
            z = joined(bounds, axis=1)[:, :, None, :] + self._pi[:, : n - 1][None, :, :, None]
            lowered = joined([z[..., :singles], at_most_zero(z[..., singles:])], axis=3) if singles < L else z
            yield from lower_integers(lowered * (u[some, :, None] * v[some, None, :])[:, None], last[some], bits)
