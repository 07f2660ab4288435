"""`shared-windows`: docs/rules/shared-windows.md, by looking at every sequence of a block of each class."""

from __future__ import annotations

from fractions import Fraction

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import Context, ProvedBlocks, max_of_k_block
from tests.second_checker.intervals import Interval, certainly_positive, enclose, exp, interval, sqrt
from tests.second_checker.margin_terms import block_sequences
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_centred import CentredTables
from tests.second_checker.rules_windows_exact import Sheet, read_sheets
from tests.second_checker.windows import groups_of, read_lists

RESOLUTION = Fraction(1, 2**32)
ZERO = Fraction(0)
MOST_BINS = 8192
Lists = tuple[list[list[int]], ...]


def read_classes(hint: Array, sheets: list[Sheet]) -> list[list[list[int]]]:
    """The queries of each class of each sheet."""
    labels = [int(entry) for entry in hint.entries]
    if len(labels) != sum(len(sheet.queries) for sheet in sheets):
        raise rejected("bad-hint", "classes", len(labels))
    out, start = [], 0
    for sheet in sheets:
        mine = labels[start : start + len(sheet.queries)]
        start += len(sheet.queries)
        classes = [[q for q, label in zip(sheet.queries, mine, strict=True) if label == name] for name in sorted(set(mine))]
        if any(len(some) > 1 and sheet.m in some for some in classes):
            raise rejected("bad-hint", "classes", mine)
        out.append(classes)
    return out


def read_bins(hint: Array, number: int) -> list[tuple[int, int, int]]:
    """fine, below, above of each sheet."""
    rows = [tuple(int(entry) for entry in row) for row in hint.rows()]
    if len(rows) != number:
        raise rejected("bad-hint", "bins", len(rows))
    for fine, below, above in rows:
        if not (1 <= fine <= MOST_BINS and 0 <= below <= MOST_BINS and 1 <= above <= MOST_BINS):
            raise rejected("bad-hint", "bins", (fine, below, above))
    return [(fine, below, above) for fine, below, above in rows]


class ClassOfQueries:
    """One class of a sheet: ranges of the factors, and Λ of every group."""

    def __init__(self, tables: CentredTables, sheet: Sheet, queries: list[int], d_head: int, lists: Lists) -> None:
        self.tables, self.sheet, self.queries, self.m = tables, sheet, queries, sheet.m
        self.n, root = len(tables.PV), sqrt(d_head)
        f = sheet.boundaries[0]
        self.cells = [(self.m, self.m + 1), *((t, t + 1) for t in range(f, self.m))]
        self.singles = len(self.cells)
        self.cells += zip(sheet.boundaries[1:], sheet.boundaries[:-1], strict=True)
        self.cell_of = {t: c for c, (low, high) in enumerate(self.cells) for t in range(low, high)}
        one = {q: exp(enclose(tables.score(q, self.m)) / root) for q in queries}
        self.v = []
        for cell, (low, high) in enumerate(self.cells):
            if cell < self.singles:
                values = [exp(enclose(tables.score(q, low) - tables.score(q, self.m)) / root) for q in queries]
            else:
                values = [tables.prefix_weight(q, high, root) / one[q] for q in queries]
            self.v.append(hull(values))
        steps = [[row[i] - row[-1] for i in range(self.n - 1)] for row in (tables.positions[q] for q in queries)]
        self.u = [hull([exp(enclose(row[i]) / root) for row in steps]) for i in range(self.n - 1)]
        self.own = {q: exp(enclose(tables.score(q, q) - tables.score(q, self.m)) / root) for q in queries}
        factor = max(1, *(x.b for x in (*self.v, *self.u, *self.own.values())))
        size = sum(max(abs(entry) for row in table for entry in row) for table in (tables.EV, tables.EU, tables.PV))
        self.room = enclose(RESOLUTION * (self.n + 2) * (1 + size)) * factor * factor
        self.groups = self._groups(lists)

    def _groups(self, lists: Lists) -> list[tuple[list[list[Interval]], Interval]]:
        """(Λ_i(c) for i < n − 1, Λ_{n−1}) of every group."""
        rest = groups_of(self.tables, self.m, self.sheet.alone, lists, Fraction(0))
        found = []
        for group in rest if not self.sheet.parts else rest[: len(self.sheet.alone)]:
            e = min(group.e[q] for q in self.queries)
            heights = [min(group.h[low:high]) + e for low, high in self.cells]
            last = [self.own[q] * enclose(group.h[q] + group.e[q] + group.pi[-1]) for q in self.queries]
            found.append(self._levels(heights, group.pi, last))
        EV, EU, PV, m = self.tables.EV, self.tables.EU, self.tables.PV, self.m
        for part in self.sheet.parts:
            R = rest[-1]
            direct = {j: min(EU[q][m] - EU[q][j] for q in self.queries) for j in part}
            far = min(R.e[q] for q in self.queries)
            heights = [
                min(EV[low][m] - EV[low][j] + direct[j] for j in part) if cell < self.singles else min(R.h[low:high]) + far
                for cell, (low, high) in enumerate(self.cells)
            ]
            pi = [min(row[m] - row[j] for j in part) for row in PV]
            last = [self.own[q] * enclose(min(EV[q][m] - EV[q][j] + EU[q][m] - EU[q][j] for j in part) + pi[-1]) for q in self.queries]
            found.append(self._levels(heights, pi, last))
        return found

    def _levels(self, heights: list[Fraction], pi: list[Fraction], last: list[Interval]) -> tuple[list[list[Interval]], Interval]:
        rows = []
        for i in range(self.n - 1):
            z = [height + pi[i] for height in heights]
            rows.append([self.u[i] * self.v[c] * enclose(x if c < self.singles else min(ZERO, x)) for c, x in enumerate(z)])
        return rows, interval(min(x.a for x in last), max(x.b for x in last))

    def proved(self, bins: tuple[int, int, int], *, room: bool) -> int:
        """Sequences of the block of each query; with `room`, what is left when evaluation and bins take their share, or 0."""
        q, required = self.queries[0], self.queries[0] < self.m
        size = max_of_k_block(q, self.m, self.n)
        left = size
        for rows, last in self.groups:
            more = enclose(0)
            if room:
                more = self.room
            total, gains = low(last), []
            for row in rows:
                least = min(low(x) for x in row)
                total = total + least
                gains.append(low(row[0]) - least)
            if required and gains:
                total = total + min(gains)
            if certainly_positive(total - more) and (self.n > 1 or not required):
                continue
            if room and self.n > 6:
                return 0  # what bins may cost has no simple bound
            for sequence in block_sequences(q, self.m, self.n):
                total = low(last)
                for row, token in zip(rows, sequence, strict=False):
                    total = total + low(row[self.cell_of[token]])
                left -= not certainly_positive(total - more)
        return max(0, left)


def hull(values: list[Interval]) -> Interval:
    return interval(min(value.a for value in values), max(value.b for value in values))


def low(value: Interval) -> Interval:
    return value.a


def shared_windows(context: Context, tables: CentredTables, additions: int, **hints: Array) -> ProvedBlocks:
    """counts: in real numbers and without bins. least: with room for rounding and bins."""
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    sheets = read_sheets(hints, d)
    bins = read_bins(hints["bins"], len(sheets))
    classes = read_classes(hints["classes"], sheets)
    if any(tables.first[q] > sheet.boundaries[0] for sheet in sheets for q in sheet.queries):
        raise rejected("bad-hint", "boundaries", "scores")
    lists = tuple(
        read_lists(hints[f"top_{name}"], table, f"top_{name}")
        for name, table in zip(("EV", "EU", "PV"), (tables.EV, tables.EU, tables.PV), strict=True)
    )
    context.spend(
        sum(d * n * (sheet.m + 1) ** (n - 1) for sheet, some in zip(sheets, classes, strict=True) for _ in some), "shared-windows"
    )
    enough = additions >= sum(1_000 * d * n * (d**n + sum(row)) for row, some in zip(bins, classes, strict=True) for _ in some)
    counts, least = dict.fromkeys(context.blocks(), 0), dict.fromkeys(context.blocks(), 0)
    for sheet, row, some in zip(sheets, bins, classes, strict=True):
        for queries in some:
            if n == 1 and queries != [sheet.m]:
                continue
            place = ClassOfQueries(tables, sheet, queries, net.d_head, lists)
            found, sure = place.proved(row, room=False), place.proved(row, room=True)
            for q in queries:
                counts[q, sheet.m], least[q, sheet.m] = found, sure if enough else 0
    return ProvedBlocks(counts, least)
