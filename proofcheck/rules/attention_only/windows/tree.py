"""Logit terms of single tokens without an EVOU table: exact for a few rivals, bounded for ranges of the
others.

A_t [d_model] are the value vectors of `centred.py`, so h for rival j is A_t·(U_m − U_j) + b_U[m] − b_U[j],
U_j the columns of W_U. A hint puts the
rivals in an order; for each token t another divides that order into ranges. Ranges of one rival are exact;
longer ones are bounded:

T1. Let B [D, R] be any matrix, η ≥ ‖BᵀB − I‖₂ (Frobenius is enough), A' = BᵀA, U'_j = BᵀU_j ∈ Π_k [lo_k,
hi_k] for the rivals j of a range,
    res² = ‖A‖² − (1 − η)‖A'‖² and perp_j² = ‖U_j‖² − (1 − η)‖U'_j‖². Then for every rival j of the range
        A·U_j ≤ Σ_k A'_k (A'_k > 0 ? hi_k : lo_k) + res·max perp + η ‖A'‖ max ‖U'‖.
    Proof. A·U_j = A'·U'_j + (A − B A')·(U_j − B U'_j) + A'·(I − BᵀB) U'_j: multiply out. The first term is at
    most its maximum over the box; the
    last is at most η ‖A'‖ ‖U'_j‖. ‖A − B A'‖² = ‖A‖² − 2‖A'‖² + A'·BᵀB A' ≤ res², since A'·BᵀB A' ≤ (1 + η)
    ‖A'‖²; U_j likewise.  ∎
    Without the last term the bound is false unless B is exactly orthonormal.
T2. On tokens t < b: h(t) ≥ −max_{t<b} ‖A_t‖·‖U_m − U_j‖ + b_U[m] − b_U[j] (Cauchy–Schwarz), and ‖U_m − U_j‖ ≤
‖U_m − ū‖ + max_j ‖U_j − ū‖ for any ū.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from proofcheck.arithmetic import DyadicArray, Integers, concatenate
from proofcheck.arithmetic.operations import count
from proofcheck.arithmetic.roots import root_above
from proofcheck.errors import Reason, Rejected
from proofcheck.rules.attention_only.windows.cells import Window

ALL = -1  # in place of one rival
Ranges = dict[int, list[int]]  # token -> ends of its ranges of the order, the last one d_vocab


class RivalTree:
    """Bounds on A_t·U_j + b_U[j]. values A [d, D], columns Uᵀ [d, D], bias [d]; basis B [D, R]; order [d];
    centre ū [1, D].
    """

    def __init__(
        self,
        values: DyadicArray,
        columns: DyadicArray,
        bias: DyadicArray,
        basis: DyadicArray,
        order: Integers,
        centre: DyadicArray,
    ) -> None:
        self._values, self._columns, self._bias, self._order, self._basis = (
            values,
            columns,
            bias,
            order,
            basis,
        )
        self._biased = bool(np.any(bias.integers != 0))
        gram = basis.T @ basis - DyadicArray.from_integers(np.eye(basis.shape[1], dtype=np.int64))
        flat = gram.reshape(-1)
        self._eta = root_above((flat * flat).sum(axis=0))
        self._small_values, self._small_columns = values @ basis, columns @ basis  # A' and U', [d, R]
        one = DyadicArray.from_integers(np.array(1)) - self._eta
        sizes = []
        for vectors, small in ((values, self._small_values), (columns, self._small_columns)):
            square, small_square = (vectors * vectors).sum(axis=1), (small * small).sum(axis=1)
            sizes.append((root_above(square - one * small_square), root_above(small_square), root_above(square)))
        (self._residual, self._small_norm, norms), (self._perp, self._small_column_norm, _) = sizes
        self._largest_value = norms.running_max(axis=0)  # max_{t<=k} ‖A_t‖
        around = columns - centre
        self._radius = root_above((around * around).sum(axis=1))
        self._largest_radius = self._radius.max(axis=0)
        self._entries: dict[tuple[int, int], DyadicArray] = {}
        self._distances: dict[tuple[int, int], DyadicArray] = {}
        self._nodes: dict[tuple[int, int], tuple[DyadicArray, ...]] = {}
        self._bounds: dict[tuple[int, int, int], DyadicArray] = {}

    def entry(self, token: int, rival: int) -> DyadicArray:
        """A_t·U_j + b_U[j], exact, once for each pair: 2·D operations."""
        if (token, rival) not in self._entries:
            value = (self._values[token] * self._columns[rival]).sum(axis=0)
            self._entries[token, rival] = value + self._bias[rival] if self._biased else value
        return self._entries[token, rival]

    def heights(self, window: Window, ranges: Ranges) -> DyadicArray:
        """h of the groups of one max token on its cells, from below: [G, L]."""
        cells, m = window.cells, window.cells.max_token
        marks = window.members(len(self._order))
        rows = []
        for j in window.rivals.tolist():
            single = [self.entry(t, m) - self.entry(t, j) for t in cells.tokens.tolist()]
            rows.append([*single, *self._far(window, j)])
        if not marks.all():
            single = [self.entry(t, m) - self._rest(t, marks, ranges[t]) for t in cells.tokens.tolist()]
            rows.append([*single, *self._far(window, ALL)])
        flat = concatenate([value.reshape(1) for row in rows for value in row], axis=0)
        return flat.reshape(len(rows), len(rows[0]))

    def distance(self, m: int, rival: int) -> DyadicArray:
        """An upper bound on ‖U_m − U_j‖, for all rivals if rival is ALL; once for each pair."""
        if (m, rival) not in self._distances:
            if rival == ALL:
                found = self._radius[m] + self._largest_radius
            else:
                difference = self._columns[m] - self._columns[rival]
                found = root_above((difference * difference).sum(axis=0))
            self._distances[m, rival] = found
        return self._distances[m, rival]

    def reach(self, window: Window) -> DyadicArray:
        """`distance` of the groups of rivals: [G]."""
        m, groups = window.cells.max_token, window.rivals.tolist()
        if not window.members(len(self._order)).all():
            groups.append(ALL)
        return concatenate([self.distance(m, j).reshape(1) for j in groups], axis=0)

    def _bias_gap(self, m: int, rival: int) -> DyadicArray:
        """b_U[m] − b_U[j], or its minimum over all rivals."""
        if not self._biased:
            return DyadicArray.zeros(())
        return self._bias[m] - (self._bias.max(axis=0) if rival == ALL else self._bias[rival])

    def _far(self, window: Window, rival: int) -> list[DyadicArray]:
        """T2 on the segments."""
        m = window.cells.max_token
        gap, distance = self._bias_gap(m, rival), self.distance(m, rival)
        return [gap - self._largest_value[int(end) - 1] * distance for end in window.cells.ends]

    def _rest(self, token: int, marks: np.ndarray, ends: list[int]) -> DyadicArray:
        """An upper bound on the entries of the rivals that are not marked: exact leaves outside S, and whole
        ranges, whoever is in them.
        """
        found: list[DyadicArray] = []
        start = 0
        for end in ends:
            if end - start > 1:
                found.append(self._bound(token, start, end))
            elif not marks[self._order[start]]:
                found.append(self.entry(token, int(self._order[start])))
            start = end
        return concatenate([value.reshape(1) for value in found], axis=0).max(axis=0)

    def _bound(self, token: int, start: int, end: int) -> DyadicArray:
        """T1 for the rivals order[start:end]."""
        key = (token, start, end)
        if key not in self._bounds:
            low, high, perp, small, bias = self._node(start, end)
            coordinates = self._small_values[token]
            positive = np.asarray(coordinates.integers > 0, dtype=np.bool_)  # A'_k > 0 takes the upper end of the box
            count(coordinates.size)
            exponent = min(low.exponent, high.exponent)
            corner = DyadicArray(np.where(positive, high.at_exponent(exponent), low.at_exponent(exponent)), exponent)
            bound = (coordinates * corner).sum(axis=0) + self._residual[token] * perp + self._eta * self._small_norm[token] * small
            self._bounds[key] = bound + bias if self._biased else bound
        return self._bounds[key]

    def _node(self, start: int, end: int) -> tuple[DyadicArray, ...]:
        """The box of U', the largest perp and ‖U'‖, the largest bias of a range, once for each."""
        if (start, end) not in self._nodes:
            inside = self._order[start:end]
            box = self._small_columns[inside]
            largest = [part[inside].max(axis=0) for part in (self._perp, self._small_column_norm)]
            bias = self._bias[inside].max(axis=0) if self._biased else DyadicArray.zeros(())
            self._nodes[start, end] = (box.min(axis=0), box.max(axis=0), *largest, bias)
        return self._nodes[start, end]


def read_ranges(hint: Integers, windows: dict[int, Window], d_vocab: int) -> Ranges:
    """token -> ends, from rows (token, end). Rejected(bad-hint) unless tokens do not decrease, the ends of
    each rise strictly from at least 1
    to d_vocab, so that the ranges cover the order, and every single token of every window has ranges."""
    out: Ranges = {}
    before = 0
    for token, end in hint.tolist():
        if not before <= token < d_vocab:
            raise _refused("rows are not in order of tokens", f"{before} … {d_vocab - 1}", str(token))
        out.setdefault(token, []).append(end)
        before = token
    for token, ends in out.items():
        if ends[0] < 1 or ends[-1] != d_vocab or any(b <= a for a, b in pairwise(ends)):
            raise _refused(
                f"the ranges of token {token} do not cover the rivals",
                f"from 1 on strictly up to {d_vocab}",
                str(ends[:8]),
            )
    for m, window in windows.items():
        missing = [t for t in window.cells.tokens.tolist() if t not in out]
        if missing:
            raise _refused(
                f"a single token of max token {m} has no ranges",
                "ranges for every single token",
                str(missing[0]),
            )
    return out


def require_order(order: Integers, basis: DyadicArray) -> None:
    """Rejected(bad-hint) unless every rival is in the order once, and the basis has a column."""
    if basis.shape[1] < 1:
        raise Rejected(
            Reason.BAD_HINT,
            "the basis has no column",
            path="basis",
            expected="[d_model, R], R ≥ 1",
            found=str(list(basis.shape)),
        )
    if sorted(order.tolist()) != list(range(len(order))):
        raise Rejected(
            Reason.BAD_HINT,
            "the order does not hold every rival once",
            path="order",
            expected="a permutation",
            found=str(order.tolist()[:8]),
        )


def _refused(what: str, expected: str, found: str) -> Rejected:
    return Rejected(Reason.BAD_HINT, what, path="ranges", expected=expected, found=found)
