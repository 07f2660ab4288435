"""`separable-windows-exact`: docs/rules/separable-windows-exact.md, by looking at every sequence of a block
of a sheet.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import Context, ProvedBlocks
from tests.second_checker.intervals import Interval, certainly_negative, certainly_positive, enclose
from tests.second_checker.margin_terms import block_sequences
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_centred import CentredTables
from tests.second_checker.rules_windows import rounding as float_rounding
from tests.second_checker.windows import Block, Group, falls_to_zero, groups_of, read_lists

RESOLUTION = Fraction(1, 2**20)  # levels are integers of at least 19 bits for n_ctx up to 1024


@dataclass(frozen=True)
class Sheet:
    """What a sheet of the hints says."""

    m: int
    boundaries: list[int]
    alone: list[int]
    parts: list[list[int]]
    queries: list[int]


def rows_by_sheet(hint: Array, number: int, name: str, increasing: bool) -> list[list[list[int]]]:
    """The rows of each sheet without its number."""
    found: list[list[list[int]]] = [[] for _ in range(number)]
    last: list[int] = [-1]
    for row in hint.rows():
        row = [int(entry) for entry in row]
        if not 0 <= row[0] < number or row[0] < last[0] or (increasing and row <= last):
            raise rejected("bad-hint", name, row)
        found[row[0]].append(row[1:])
        last = row
    return found


def read_sheets(hints: dict[str, Array], d: int) -> list[Sheet]:
    """Refuses what the page refuses."""
    tokens = [int(entry) for entry in hints["max_tokens"].entries]
    if 2 * len(tokens) > d * (d + 1) or not all(0 <= m < d for m in tokens):
        raise rejected("bad-hint", "max_tokens", tokens)
    rows = {
        name: rows_by_sheet(hints[name], len(tokens), name, name != "boundaries") for name in ("boundaries", "rivals", "groups", "blocks")
    }
    sheets, blocks = [], set()
    for w, m in enumerate(tokens):
        falling = [b for (b,) in rows["boundaries"][w]]
        alone = [j for (j,) in rows["rivals"][w]]
        named = rows["groups"][w]
        queries = [q for (q,) in rows["blocks"][w]]
        if not falls_to_zero(falling, m):
            raise rejected("bad-hint", "boundaries", falling)
        if any(not 0 <= q <= m or (q, m) in blocks for q in queries):
            raise rejected("bad-hint", "blocks", queries)
        blocks |= {(q, m) for q in queries}
        every = [*alone, *(j for _, j in named)]
        if len(set(every)) != len(every) or m in every or not all(0 <= j < d for j in every) or not all(1 <= g <= d for g, _ in named):
            raise rejected("bad-hint", "groups", named)
        label = {j: g for g, j in named}
        others = [j for j in range(d) if j != m and j not in alone]
        parts = [[j for j in others if label.get(j, 0) == g] for g in sorted({label.get(j, 0) for j in others})] if named else []
        sheets.append(Sheet(m, falling, alone, parts, queries))
    return sheets


class SheetBlock(Block):
    """One block of a sheet."""

    margin = Fraction(0)

    def lower(self, tables: CentredTables, sheet: Sheet, groups: list[Group]) -> list[list[list[Interval]]]:
        """Λ of every group: [n][cells], the query's term repeated."""
        found = [self.with_term(self.levels(group), self.query_term(group)) for group in groups[: len(sheet.alone)]]
        rest = groups[len(sheet.alone) :]
        if not sheet.parts:
            return found + [self.with_term(self.levels(group), self.query_term(group)) for group in rest]
        R = rest[0]
        for part in sheet.parts:
            sums = {t: self.least(tables, part, t) for t in {*(low for low, _ in self.cells[: self.singles]), self.q}}
            levels = [
                [
                    u * self.v[cell] * enclose(sums[low] + pi)
                    if cell < self.singles
                    else u * self.v[cell] * enclose(min(Fraction(0), min(R.h[low:high]) + R.e[self.q] + pi))
                    for cell, (low, high) in enumerate(self.cells)
                ]
                for u, pi in zip(self.u[:-1], R.pi[:-1], strict=True)
            ]
            found.append(self.with_term(levels, self.u[-1] * self.own * enclose(sums[self.q] + R.pi[-1])))
        return found

    def least(self, tables: CentredTables, part: list[int], t: int) -> Fraction:
        """min over the rivals of EV[t, m] − EV[t, j] + EU[q, m] − EU[q, j]."""
        EV, EU = tables.EV[t], tables.EU[self.q]
        return min(EV[self.m] - EV[j] + EU[self.m] - self.margin - EU[j] for j in part)

    def upper(self, groups: list[Group]) -> list[list[list[Interval]]]:
        """Υ of the single rivals."""
        found = []
        for group in groups:
            levels = self.levels(group)
            for i in range(self.n - 1):
                for cell, (low, high) in enumerate(self.cells[self.singles :], start=self.singles):
                    most = max(group.h[low:high]) + group.e[self.q] + group.pi[i]
                    levels[i][cell] = self.u[i] * self.v[cell] * enclose(max(Fraction(0), most))
            found.append(self.with_term(levels, self.query_term(group)))
        return found

    def with_term(self, levels: list[list[Interval]], term: Interval) -> list[list[Interval]]:
        return [*levels, [term] * len(self.cells)]

    def sum_at(self, levels: list[list[Interval]], sequence: tuple[int, ...]) -> Interval:
        """Σ over the positions, and the query's term."""
        total = levels[-1][0]
        for row, token in zip(levels[:-1], sequence, strict=False):
            total = total + row[self.cell_of[token]]
        return total


def separable_windows_exact(context: Context, tables: CentredTables, expansions: int, **hints: Array) -> ProvedBlocks:
    """counts, wrong: all lower sums positive, or some upper one not. least, surely_wrong: with room for
    rounding, so no tie is surely wrong.
    """
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    sheets = read_sheets(hints, d)
    if any(tables.first[q] > sheet.boundaries[0] for sheet in sheets for q in sheet.queries):
        raise rejected("bad-hint", "boundaries", "scores")
    lists = tuple(
        read_lists(hints[f"top_{name}"], table, f"top_{name}")
        for name, table in zip(("EV", "EU", "PV"), (tables.EV, tables.EU, tables.PV), strict=True)
    )
    context.spend(
        sum(d * n * (sheet.m + 1) ** (n - 1) for sheet in sheets for _ in sheet.queries),
        "separable-windows-exact",
    )
    if expansions < sum(d * n * d**n for sheet in sheets for _ in sheet.queries):
        context.doubts.append(("REJECTED", "bad-hint"))
    counts, least, wrong, surely_wrong = (dict.fromkeys(context.blocks(), 0) for _ in range(4))
    examined = 0
    for sheet in sheets:
        groups = groups_of(tables, sheet.m, sheet.alone, lists, context.margin)
        for q in sheet.queries if n > 1 else [q for q in sheet.queries if q == sheet.m]:
            block = SheetBlock(tables, q, sheet.m, sheet.boundaries, net.d_head)
            block.margin = context.margin
            lower, upper = block.lower(tables, sheet, groups), block.upper(groups[: len(sheet.alone)])
            floats = float_rounding(tables, block, context.margin)
            room, high_room = ([rounding(levels, n) + floats for levels in bounds] for bounds in (lower, upper))
            for sequence in block_sequences(q, sheet.m, n):
                examined += 1
                sums = [block.sum_at(levels, sequence) for levels in lower]
                counts[q, sheet.m] += all(certainly_positive(total) for total in sums)
                least[q, sheet.m] += all(certainly_positive(total - more) for total, more in zip(sums, room, strict=True))
                highest = [block.sum_at(levels, sequence) for levels in upper]
                wrong[q, sheet.m] += not all(certainly_positive(total) for total in highest)
                surely_wrong[q, sheet.m] += any(certainly_negative(total + more) for total, more in zip(highest, high_room, strict=True))
    return ProvedBlocks(counts, least, wrong, surely_wrong, examined)


def rounding(levels: list[list[Interval]], n: int) -> Interval:
    """What evaluation may lose of a sum of these bounds: a share of the largest."""
    return enclose(RESOLUTION * (n + 1)) * max(max(abs(x.a), abs(x.b)) for row in levels for x in row)
