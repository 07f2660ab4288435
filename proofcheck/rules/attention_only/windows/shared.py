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

import numpy as np

from proofcheck.arithmetic import Arithmetic, DyadicArray, Integers, Intervals
from proofcheck.arithmetic.piecewise import at_most_zero, between, joined
from proofcheck.rules.attention_only.windows.exact import lower_integers
from proofcheck.rules.attention_only.windows.grouped_weights import position_weights
from proofcheck.rules.attention_only.windows.levels import Terms
from proofcheck.rules.attention_only.windows.lists import Lists
from proofcheck.rules.attention_only.windows.scores import Scores
from proofcheck.rules.attention_only.windows.sheets import Sheet


class RelativeWeights:
    """v_t/v_m of single tokens, bounds on it for segments, and u_i/u_{n−1}, for classes of queries."""

    def __init__(self, terms: Terms, table: Scores, positions: DyadicArray, arithmetic: Arithmetic, d_head: int) -> None:
        self._weights, self._table, self._positions = terms.weights, table, positions
        self._arithmetic, self._d_head = arithmetic, d_head

    def of(self, sheet: Sheet, queries: Integers) -> tuple[Intervals, Intervals, Intervals]:
        """U [n − 1] and V [L], ranges that hold the factors of every query (for segments: up to a bound on them); v_q/v_m of each, [Q]."""
        cells, table = sheet.cells, self._table
        score = table.known[table.starts[queries] + (cells.max_token - table.first[queries])]
        inverse = self._arithmetic.exponentials(-score, self._d_head)  # 1/v_m
        zero = np.zeros(len(queries), dtype=np.int64)
        own = (self._weights.tokens(queries, queries) * inverse).relative_to(zero)
        parts = [self._weights.tokens(queries[:, None], cells.tokens[None, :])]
        if len(cells.ends):
            parts.append(self._weights.prefixes(queries[:, None], cells.ends[None, :]))
        v = joined([(part * inverse[:, None]).relative_to(zero[:, None]) for part in parts], axis=1)  # [Q, L]
        u = position_weights(self._positions, [queries], self._arithmetic, self._d_head)[0]
        return u, between(v.min(axis=0), v.max(axis=0)), own


class SharedTerms:
    """h, e and π of the groups of one sheet: single rivals, then the named groups, or the rest by lists."""

    def __init__(self, terms: Terms, sheet: Sheet, lists: tuple[Lists, Lists, Lists]) -> None:
        self._terms, self._sheet = terms, sheet
        cells, marks = sheet.cells, sheet.members(terms.d_vocab)
        rows = (np.arange(cells.max_token + 1), sheet.queries, np.arange(terms.n_ctx))
        h, e, pi = (sheet.differences(*some, marks) for some in zip(terms.of_answer, terms.tables, rows, lists, strict=True))
        spans = zip(cells.starts.tolist(), cells.ends.tolist(), strict=True)
        self._least = joined([h[:, cells.tokens], *(h[:, a:b].min(axis=1)[:, None] for a, b in spans)], axis=1)  # [J (+ 1), L]
        self._h, self._e = h, e
        m, J = cells.max_token, len(sheet.rivals)
        parts = [(terms.PV[:, m][:, None] - terms.PV[:, group]).min(axis=1)[None] for group in sheet.groups]
        self.pi = joined([pi[:J], *parts], axis=0) if parts else pi

    def levels(self, places: Integers, u: Intervals, v: Intervals, own_weight: Intervals, bits: int) -> Integers:
        """Integers [G, n, L] for the queries at some places of the sheet, one scale > 0 for each group: [:, i, l] for i < n − 1 are at most
        scale·f_i/(u_{n−1} v_m) for every query of them, every rival of the group and every token of the cell l (H2); [:, n − 1, 0] at most
        scale·f_{n−1}/(u_{n−1} v_m) (H3).
        """
        n, singles = self._terms.n_ctx, self._sheet.cells.singles
        e = self._e[:, places]
        base, own = self._least + e.min(axis=1)[:, None], self._h[:, self._sheet.queries[places]] + e
        if self._sheet.groups:
            base, own = self._divided(places, base, own)
        last = (own_weight[None] * (own + self.pi[:, n - 1][:, None])).min(axis=1)
        z = base[:, None, :] + self.pi[:, : n - 1][:, :, None]
        lowered = joined([z[..., :singles], at_most_zero(z[..., singles:])], axis=2) if singles < z.shape[2] else z
        return np.asarray(lower_integers((lowered * (u[:, None] * v[None, :])[None])[None], last[None], bits)[0])

    def _divided(self, places: Integers, base: Intervals, own: Intervals) -> tuple[Intervals, Intervals]:
        """In place of the rest by lists: its groups, token by token (H1)."""
        terms, sheet, J = self._terms, self._sheet, len(self._sheet.rivals)
        tokens, m, singles = sheet.cells.tokens, sheet.cells.max_token, sheet.cells.singles
        queries = sheet.queries[places]
        bounds, last = [base[:J]], [own[:J]]
        for group in sheet.groups:
            direct = (terms.EU_of_answer[queries, m][:, None] - terms.EU[queries[:, None], group[None, :]]).min(axis=0)  # ē_j
            near = (terms.EV[tokens, m][:, None] - terms.EV[tokens[:, None], group[None, :]]) + direct[None]
            bounds.append(joined([near.min(axis=1)[None], base[J:, singles:]], axis=1))
            other = (terms.EV[queries[:, None], group[None, :]] + terms.EU[queries[:, None], group[None, :]]).max(axis=1)
            last.append(((terms.EV[queries, m] + terms.EU_of_answer[queries, m]) - other)[None])
        return joined(bounds, axis=0), joined(last, axis=0)
