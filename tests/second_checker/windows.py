"""What docs/rules/separable-windows.md says of one max token: groups, cells, and the bounds Λ of W1 and W2."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tests.second_checker.certificate_format import Array
from tests.second_checker.intervals import Interval, enclose, exp, interval, sqrt
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_centred import CentredTables, Expansion
from tests.second_checker.weights import Matrix, Vector


def read_rows(hint: Array, d: int, name: str) -> dict[int, list[int]]:
    """m -> values, rows in order of m."""
    found: dict[int, list[int]] = {}
    last = 0
    for m, value in hint.rows():
        m, value = int(m), int(value)
        if not last <= m < d:
            raise rejected("bad-hint", name, (m, value))
        found.setdefault(m, []).append(value)
        last = m
    return found


def read_boundaries(hint: Array, d: int) -> dict[int, list[int]]:
    """Strictly from at most m down to 0."""
    found = read_rows(hint, d, "boundaries")
    for m, falling in found.items():
        if not falls_to_zero(falling, m):
            raise rejected("bad-hint", "boundaries", falling)
    return found


def falls_to_zero(falling: list[int], m: int) -> bool:
    """Strictly, from at most m."""
    return bool(falling) and falling[0] <= m and falling[-1] == 0 and sorted(set(falling), reverse=True) == falling


def read_rivals(hint: Array, d: int, known: dict[int, list[int]]) -> dict[int, list[int]]:
    """Distinct rivals, increasing, of max tokens with boundaries."""
    found = read_rows(hint, d, "rivals")
    for m, chosen in found.items():
        if m not in known or sorted(set(chosen)) != chosen or not all(0 <= j < d and j != m for j in chosen):
            raise rejected("bad-hint", "rivals", chosen)
    return found


def read_lists(hint: Array, table: Matrix, name: str) -> list[list[int]]:
    """Columns of the largest entries of each row, in order."""
    d = len(table[0])
    if hint.shape[0] != len(table) or not 1 <= hint.shape[1] <= d:
        raise rejected("bad-hint", name, hint.shape)
    lists = [[int(column) for column in row] for row in hint.rows()]
    for row, columns in zip(table, lists, strict=True):
        if not all(0 <= column < d for column in columns):
            raise rejected("bad-hint", name, columns)
        values = [row[column] for column in columns]
        others = [row[j] for j in range(d) if j not in columns]
        if values != sorted(values, reverse=True) or (others and max(others) > values[-1]):
            raise rejected("bad-hint", name, columns)
    return lists


def entry_outside(row: Vector, columns: list[int], members: set[int]) -> Fraction:
    """The listed entry of the lemma on lists."""
    return row[next((column for column in columns if column not in members), columns[-1])]


@dataclass(frozen=True)
class Group:
    """h by token, e by query, π by position."""

    h: Vector
    e: Vector
    pi: Vector


def groups_of(
    tables: CentredTables | Expansion, m: int, alone: list[int], lists: tuple[list[list[int]], ...], margin: Fraction
) -> list[Group]:
    """Each rival alone, then the others unless there are none."""
    every, less = (tables.EV, tables.EU, tables.PV), (Fraction(0), margin, Fraction(0))
    found = [Group(*([row[m] - off - row[j] for row in table] for table, off in zip(every, less, strict=True))) for j in alone]
    members = {*alone, m}
    if len(members) < len(tables.EV):
        found.append(
            Group(
                *(
                    [row[m] - off - entry_outside(row, columns, members) for row, columns in zip(table, listed, strict=True)]
                    for table, listed, off in zip(every, lists, less, strict=True)
                )
            )
        )
    return found


class Block:
    """One query and max token with cells: which cell a token is in, weights, and the bounds for a group."""

    def __init__(self, tables: CentredTables, q: int, m: int, boundaries: list[int], d_head: int) -> None:
        self.q, self.m, self.n = q, m, len(tables.PV)
        root = sqrt(d_head)
        f = boundaries[0]
        self.cells = [
            (m, m + 1),
            *((t, t + 1) for t in range(f, m)),
            *zip(boundaries[1:], boundaries[:-1], strict=True),
        ]
        self.singles = 1 + m - f
        self.cell_of = {t: c for c, (low, high) in enumerate(self.cells) for t in range(low, high)}
        self.u = [exp(enclose(score) / root) for score in tables.positions[q]]
        single = [exp(enclose(tables.score(q, low)) / root) for low, _ in self.cells[: self.singles]]
        self.v = [*single, *(tables.prefix_weight(q, high, root) for _, high in self.cells[self.singles :])]
        self.own = exp(enclose(tables.score(q, q)) / root)

    def bound(self, group: Group, cell: int, z: Fraction) -> Interval:
        """v_t (h(t) + z), or for a segment the bound of W2."""
        low, high = self.cells[cell]
        least = min(group.h[low:high]) + z
        return self.v[cell] * enclose(least if cell < self.singles else min(Fraction(0), least))

    def query_term(self, group: Group) -> Interval:
        """On f_{n−1}(q)."""
        return self.u[-1] * self.own * enclose(group.h[self.q] + group.e[self.q] + group.pi[-1])

    def whole(self, group: Group) -> Interval:
        """W3."""
        total = self.query_term(group)
        if self.n == 1:
            return total
        z = group.e[self.q] + min(group.pi[:-1])
        bounds = [self.bound(group, cell, z) for cell in range(len(self.cells))]
        least = interval(min(bound.a for bound in bounds), min(bound.b for bound in bounds))
        for u in self.u[:-1]:
            total = total + u * least
        if self.q < self.m:
            smallest = interval(min(u.a for u in self.u[:-1]), min(u.b for u in self.u[:-1]))
            total = total + smallest * (bounds[0] - least)
        return total

    def levels(self, group: Group) -> list[list[Interval]]:
        """Λ_i(c) for i < n − 1."""
        return [
            [self.u[i] * self.bound(group, cell, group.e[self.q] + group.pi[i]) for cell in range(len(self.cells))]
            for i in range(self.n - 1)
        ]
