"""The direct path of groups of queries: each query near to a row of logits that it shares with others.

Lemma. Let g_N be any rows, G = (g − ℓ) W_U, and δ_q ≥ ‖L_q + b_O − g_N‖ for the row N of query q. Then for
all q, m, j
    EU[q, m] − EU[q, j] = (L_q + b_O − ℓ)·(U_m − U_j) ≥ G[N, m] − G[N, j] − δ_q·‖U_m − U_j‖
    (Cauchy–Schwarz).
With g_q = L_q + b_O a row for each query, δ = 0 and G is EU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import DyadicArray, Integers, concatenate
from proofcheck.rules.attention_only.windows.cells import Window
from proofcheck.rules.attention_only.windows.lists import Lists


@dataclass(frozen=True, slots=True)
class DirectRows:
    """G [N, d] and its lists; row_of [d]: the row of each query; deviations δ [d] rounded up, None where they
    are 0. of_answer [N, d]: G less the margin.
    """

    rows: DyadicArray
    of_answer: DyadicArray
    lists: Lists
    row_of: Integers
    deviations: DyadicArray | None

    def bounds(self, window: Window, members: list[Integers], reach: DyadicArray) -> DyadicArray:
        """Lower bounds on EU[q, m] − EU[q, j], less the margin, for all queries of each job and rivals of each group: [jobs,
        G]. reach [G] ≥ ‖U_m − U_j‖.
        """
        m, marks = window.cells.max_token, window.members(self.rows.shape[1])
        used = np.unique(np.concatenate([self.row_of[queries] for queries in members]))
        columns = np.broadcast_to(window.rivals[None, :], (len(used), len(window.rivals)))
        if not marks.all():
            columns = np.concatenate([columns, self.lists.outside(used, marks)[:, None]], axis=1)
        own = self.of_answer[used, m][:, None] - self.rows[used[:, None], columns]  # [rows, G]
        out = []
        for queries in members:
            least = own[np.searchsorted(used, np.unique(self.row_of[queries]))].min(axis=0)
            if self.deviations is not None:
                least = least - self.deviations[queries].max(axis=0) * reach
            out.append(least.reshape(1, -1))
        return concatenate(out, axis=0)
