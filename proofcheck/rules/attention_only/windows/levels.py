"""Enclosed bounds on the margin terms of the groups of rivals, on the cells of one max token.

Notation: f_i^{q,m,j}(t) = u_i v_t ((EV[t, m] − EV[t, j]) + (EU[q, m] − EU[q, j]) + (PV[i, m] − PV[i, j]))
with u_i = exp(Y_q·P_i/√H) and
v_t = exp(Y_q·E_t/√H) (Theorem S, centred tables). With a margin δ, EU[q, m] − δ
stands for EU[q, m]. A group is a rival j alone, with h(t) = EV[t, m] − EV[t, j]
and e(q), π(i) alike, or
the rest R of all rivals outside S = X ∪ {m}, with a column for each row that holds at least the largest entry
outside S (`Lists`).

W1. f_i^{q,m,j}(t) ≥ u_i v_t (h(t) + e(q) + π(i)) for every rival j of the group.
    Proof: each of the three entries that is subtracted is at least that of j, and u_i v_t > 0.  ∎
W2. Let M ≥ max_{a≤t<b} v_t. Then v_t (h(t) + z) ≥ min(0, z + min h)·M for a ≤ t < b, the minimum over the
same tokens.
    Proof: v_t > 0 and h(t) + z ≥ z + min h. If z + min h ≥ 0 the left side is ≥ 0; else it is at least v_t (z
    + min h) ≥ M (z + min h).  ∎
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import Arithmetic, Intervals
from proofcheck.arithmetic.piecewise import at_most_zero, joined
from proofcheck.rules.attention_only.windows.cells import Window
from proofcheck.rules.attention_only.windows.centred import Centred
from proofcheck.rules.attention_only.windows.lists import Lists
from proofcheck.rules.attention_only.windows.scores import Scores, Weights
from proofcheck.rules.reading import Reading

Booleans = NDArray[np.bool_]


class Terms:
    """The enclosed tables of one network. 2·d² + n·d entries enclosed, and the exponentials of `Weights` and
    of d·n position scores.
    """

    def __init__(self, exact: Centred, table: Scores, wanted: Booleans, arithmetic: Arithmetic, d_head: int, reading: Reading) -> None:
        self.n_ctx, self.d_vocab = exact.PV.shape
        self.EV, self.EU, self.PV = (arithmetic.enclose(part) for part in (exact.EV, exact.EU, exact.PV))
        self.EU_of_answer = arithmetic.enclose(reading.less_margin(exact.EU)) if reading.margin else self.EU
        self.weights = Weights(table, wanted, arithmetic, d_head)
        positions = arithmetic.exponentials(exact.positions, d_head)
        self.u = positions.relative_to(positions.exponent.max(axis=1, keepdims=True))  # u_i up to a factor for each query, [d, n]
        before = self.u[:, : self.n_ctx - 1]
        self.u_sum = before.sum(axis=1)  # Σ_{i<n−1} u_i, [d]
        self.u_min = before.min(axis=1) if self.n_ctx > 1 else self.u_sum

    @property
    def tables(self) -> tuple[Intervals, Intervals, Intervals]:
        """EV, EU, PV."""
        return self.EV, self.EU, self.PV

    @property
    def of_answer(self) -> tuple[Intervals, Intervals, Intervals]:
        """What stands for the logits of the answer: the same, EU less the margin."""
        return self.EV, self.EU_of_answer, self.PV


class GroupTerms:
    """h, e, π of the groups of one max token (single rivals, then the rest unless S is everything), and the
    weights of its cells.
    """

    def __init__(self, terms: Terms, window: Window, lists: tuple[Lists, Lists, Lists]) -> None:
        m, n = window.cells.max_token, terms.n_ctx
        self.window, self.terms = window, terms
        marks = window.members(terms.d_vocab)
        parts = []
        for table, answer, known, rows in zip(terms.tables, terms.of_answer, lists, (m + 1, m + 1, n), strict=True):
            places = np.arange(rows)
            columns = np.broadcast_to(window.rivals[:, None], (len(window.rivals), rows))
            if not marks.all():
                columns = np.concatenate([columns, known.outside(places, marks)[None, :]])
            parts.append(answer[places, m] - table[places[None, :], columns])
        self.h, self.e, self.pi = parts  # [G, m + 1], [G, m + 1], [G, n]
        cells = window.cells
        segments = [self.h[:, a:b].min(axis=1)[:, None] for a, b in zip(cells.starts.tolist(), cells.ends.tolist(), strict=True)]
        self.heights = joined([self.h[:, cells.tokens], *segments], axis=1)  # h, or its minimum, of each cell: [G, L]
        queries = np.arange(m + 1)
        own = terms.weights.tokens(queries, queries)
        single = terms.weights.tokens(queries[:, None], cells.tokens[None, :])
        weights = [single]
        if len(cells.ends):
            weights.append(terms.weights.prefixes(queries[:, None], cells.ends[None, :]))
        shift = np.max([own.exponent, *(part.exponent.max(axis=1) for part in weights)], axis=0)  # carries no claim: a power of two
        self.v = joined([part.relative_to(shift[:, None]) for part in weights], axis=1)  # v of single tokens, M of segments: [Q, L]
        self.v_own = own.relative_to(shift)  # v_q: [Q]

    @property
    def groups(self) -> int:
        return self.e.shape[0]

    def lowered(self, z: Intervals) -> Intervals:
        """h + z of the single tokens as it is, of the segments min(0, ·): along the last axis [..., L]. One
        operation for each segment.
        """
        singles = self.window.cells.singles
        if z.shape[-1] == singles:
            return z
        return joined([z[..., :singles], at_most_zero(z[..., singles:])], axis=len(z.shape) - 1)
