"""The largest entry of a row outside a small set, from a hinted list of the largest entries that is checked
once.

Lemma (lists). Let o_1, …, o_K be columns with A[o_1] ≥ A[o_2] ≥ … ≥ A[o_K], and A[j] ≤ A[o_K] for every
column j that is not listed. For any
set S of columns, max_{j ∉ S} A[j] ≤ A[o], where o is the first listed column outside S, or o_K if there is
none.
Proof. Let j ∉ S. If j is listed, then o stands at j or before it, or is o_K at the end only if no listed
column is outside S, which j
contradicts; so A[j] ≤ A[o]. If j is not listed, A[j] ≤ A[o_K] ≤ A[o].  ∎  Columns may be listed twice.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import DyadicArray, Integers
from proofcheck.arithmetic.operations import count
from proofcheck.errors import Reason, Rejected
from proofcheck.rules.attention_only.windows.centred import Centred
from proofcheck.rules.hints import IntegersHint

LISTS = {  # the hints: columns of the largest entries of each row, in order
    "top_EV": IntegersHint(("d_vocab", "*")),
    "top_EU": IntegersHint(("d_vocab", "*")),
    "top_PV": IntegersHint(("n_ctx", "*")),
}


class Lists:
    """Checked lists [rows, K] of one table [rows, d]."""

    def __init__(self, table: DyadicArray, hint: Integers, name: str) -> None:
        """Rejected(bad-hint) unless the hypotheses of the lemma hold. rows·(d + K) comparisons, exact."""
        rows, d = table.shape
        columns = hint
        if columns.shape[0] != rows or not 1 <= columns.shape[1] <= d:
            raise _refused(name, "has another shape", f"[{rows}, K], 1 ≤ K ≤ {d}", str(list(columns.shape)))
        if columns.min() < 0 or columns.max() >= d:
            raise _refused(
                name,
                "names no column",
                f"0 … {d - 1}",
                str(int(columns.min() if columns.min() < 0 else columns.max())),
            )
        listed = np.take_along_axis(table.integers, columns, axis=1)
        count(rows * (columns.shape[1] - 1))
        ascending = np.asarray(listed[:, :-1] < listed[:, 1:], dtype=np.bool_)
        if ascending.any():
            row, place = (int(k) for k in np.argwhere(ascending)[0])
            raise _refused(
                name,
                "does not descend",
                "entries from the largest down",
                f"row {row}, entries {place} and {place + 1}",
            )
        marked = np.zeros((rows, d), dtype=np.bool_)
        np.put_along_axis(marked, columns, True, axis=1)
        count(rows * d)
        missing = np.asarray(table.integers > listed[:, -1:], dtype=np.bool_) & ~marked
        if missing.any():
            row, column = (int(k) for k in np.argwhere(missing)[0])
            raise _refused(
                name,
                "misses an entry",
                "every entry above the last listed one",
                f"row {row}, column {column}",
            )
        self._columns = columns

    def outside(self, rows: Integers, members: NDArray[np.bool_]) -> Integers:
        """For each row the column o of the lemma for S = the marked columns [d]: [len(rows)]. One operation
        for each list entry read.
        """
        found: Integers = np.array(self._columns[rows, -1], dtype=np.int64)
        pending = np.arange(len(rows))
        for place in range(self._columns.shape[1]):
            count(len(pending))
            columns = self._columns[rows[pending], place]
            outside = ~members[columns]
            found[pending[outside]] = columns[outside]
            pending = pending[~outside]
            if len(pending) == 0:
                break
        return found


def read_lists(tables: Centred, top_EV: Integers, top_EU: Integers, top_PV: Integers) -> tuple[Lists, Lists, Lists]:
    """The lists of EV, EU and PV. Rejected(bad-hint) as `Lists`."""
    return (
        Lists(tables.EV, top_EV, "top_EV"),
        Lists(tables.EU, top_EU, "top_EU"),
        Lists(tables.PV, top_PV, "top_PV"),
    )


def lists_operations(d_vocab: int, lists: Mapping[str, Integers]) -> int:
    """Upper bound on the operations of `read_lists`."""
    return sum(len(hint) * (d_vocab + hint.shape[1]) for hint in lists.values())


def _refused(name: str, what: str, expected: str, found: str) -> Rejected:
    return Rejected(Reason.BAD_HINT, f"the list of largest entries {what}", path=name, expected=expected, found=found)
