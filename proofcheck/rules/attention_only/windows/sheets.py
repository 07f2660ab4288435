"""The hints of exact windows: sheets, each with its max token, cells, single rivals, groups of the others and
queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import Integers, Intervals
from proofcheck.errors import Reason, Rejected
from proofcheck.rules.attention_only.windows.cells import Cells, cells, falling_to_zero
from proofcheck.rules.attention_only.windows.lists import Lists

Table = list[list[int]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Blocks (q, m), q ∈ queries, that are looked at with the same cells and rivals.

    rivals: J, looked at one by one. groups: a partition of all other rivals ≠ m, () if they are taken
    together by lists.
    """

    cells: Cells
    rivals: Integers
    groups: tuple[Integers, ...]
    queries: Integers

    @property
    def others(self) -> Integers:
        """All rivals in groups, group by group."""
        return np.concatenate([np.zeros(0, dtype=np.int64), *self.groups])

    def members(self, d_vocab: int) -> NDArray[np.bool_]:
        """S = J ∪ {m} as marks [d]."""
        marks = np.zeros(d_vocab, dtype=np.bool_)
        marks[[*self.rivals.tolist(), self.cells.max_token]] = True
        return marks

    def differences(self, answer: Intervals, table: Intervals, rows: Integers, known: Lists, marks: NDArray[np.bool_]) -> Intervals:
        """answer[row, m] − A[row, column], for the single rivals and the listed entry outside S, if there is one: [J (+ 1), rows]."""
        columns = np.broadcast_to(self.rivals[:, None], (len(self.rivals), len(rows)))
        if not marks.all():
            columns = np.concatenate([columns, known.outside(rows, marks)[None, :]])
        return answer[rows, self.cells.max_token] - table[rows[None, :], columns]


def read_sheets(
    max_tokens: Integers,
    boundaries: Integers,
    rivals: Integers,
    groups: Integers,
    blocks: Integers,
    d_vocab: int,
) -> list[Sheet]:
    """max_tokens [W]; boundaries [*, 2], rows (sheet, b); rivals [*, 2], rows (sheet, j); groups [*, 3], rows
    (sheet, group, j);
    blocks [*, 2], rows (sheet, q). Rows of the last three increase strictly.

    Rejected(bad-hint) unless sheets exist and max tokens are tokens; each sheet's boundaries fall strictly
    from at most m to 0; rivals and
    members of groups are tokens other than m, in one place of their sheet, groups from 1 to d_vocab; 0 ≤ q ≤
    m; no block is in two sheets.
    Other rivals of a sheet that names a group are its group 0.
    """
    number = len(max_tokens)
    if number > d_vocab * (d_vocab + 1) // 2 or (number and not 0 <= max_tokens.min() <= max_tokens.max() < d_vocab):
        raise refused(
            "max_tokens",
            "are no tokens",
            f"0 … {d_vocab - 1}, at most {d_vocab * (d_vocab + 1) // 2}",
            str(max_tokens.tolist()[:8]),
        )
    falling = _by_sheet(boundaries, number, "boundaries", increasing=False)
    alone = _by_sheet(rivals, number, "rivals")
    members = _by_sheet(groups, number, "groups")
    queries = _by_sheet(blocks, number, "blocks")
    sheets, seen = [], set()
    for w, m in enumerate(max_tokens.tolist()):
        bounds = [b for (b,) in falling.get(w, [])]
        if not falling_to_zero(bounds, m):
            raise refused(
                "boundaries",
                f"of sheet {w} do not divide the tokens",
                f"from at most {m} strictly down to 0",
                str(bounds[:8]),
            )
        mine = [q for (q,) in queries.get(w, [])]
        if any(not 0 <= q <= m or (q, m) in seen for q in mine):
            raise refused(
                "blocks",
                f"of sheet {w} are not distinct blocks",
                f"queries up to {m}, each block once",
                str(mine[:8]),
            )
        seen |= {(q, m) for q in mine}
        chosen = [j for (j,) in alone.get(w, [])]
        sheets.append(
            Sheet(
                cells(m, np.array(bounds, dtype=np.int64)),
                np.array(chosen, dtype=np.int64),
                _partition(w, m, chosen, members.get(w, []), d_vocab),
                np.array(mine, dtype=np.int64),
            )
        )
    return sheets


def _partition(sheet: int, m: int, alone: list[int], members: Table, d_vocab: int) -> tuple[Integers, ...]:
    """The groups of the others, group 0 first; () if no group is named or none is left."""
    named = [j for _, j in members]
    if len({*alone, *named, m}) < len(alone) + len(named) + 1 or any(not 0 <= j < d_vocab for j in (*alone, *named)):
        raise refused(
            "groups",
            f"and rivals of sheet {sheet} are not distinct rivals",
            f"tokens below {d_vocab}, not {m}",
            str(named[:8]),
        )
    if any(not 1 <= group <= d_vocab for group, _ in members):
        raise refused("groups", f"of sheet {sheet} have no valid number", f"1 … {d_vocab}", str(members[:8]))
    label = {j: group for group, j in members}
    if not label:
        return ()
    parts: dict[int, list[int]] = {}
    for j in range(d_vocab):
        if j != m and j not in set(alone):
            parts.setdefault(label.get(j, 0), []).append(j)
    return tuple(np.array(parts[group], dtype=np.int64) for group in sorted(parts))


def _by_sheet(hint: Integers, sheets: int, name: str, *, increasing: bool = True) -> dict[int, Table]:
    """Rows (sheet, …) as sheet -> rests of rows, in order."""
    out: dict[int, Table] = {}
    before: list[int] = [-1]
    for row in hint.tolist():
        if not 0 <= row[0] < sheets or row[0] < before[0] or (increasing and row <= before):
            raise refused(name, "are not in order", f"sheets 0 … {sheets - 1}, rows that increase", str(row))
        out.setdefault(row[0], []).append(row[1:])
        before = row
    return out


def refused(name: str, what: str, expected: str, found: str) -> Rejected:
    """Rejected(bad-hint)."""
    return Rejected(Reason.BAD_HINT, f"the {name} {what}", path=name, expected=expected, found=found)


def sheet_prefixes(sheets: list[Sheet], d_vocab: int) -> NDArray[np.bool_]:
    """[q, s]: whether some block needs a bound on the weights of the tokens t < s."""
    wanted = np.zeros((d_vocab, d_vocab + 1), dtype=np.bool_)
    for sheet in sheets:
        wanted[sheet.queries[:, None], sheet.cells.ends[None, :]] = True
    return wanted


def require_sheet_scores(sheets: list[Sheet], first: Integers) -> None:
    """Rejected(bad-hint) unless the score of every single token was computed for every query of its sheet."""
    for w, sheet in enumerate(sheets):
        least, needed = int(sheet.cells.tokens.min()), int(first[sheet.queries].max(initial=0))
        if needed > least:
            raise refused(
                "boundaries",
                f"of sheet {w} reach below the computed scores",
                f"at least {needed}",
                str(least),
            )


def rows_of_sheets(hint: Integers, sheets: int) -> list[int]:
    """The number of rows of each sheet, whatever the hint holds."""
    first = hint[:, 0]
    counts: list[int] = np.bincount(first[(first >= 0) & (first < sheets)], minlength=sheets).tolist()
    return counts


def near_tokens(max_tokens: list[int], boundaries: list[list[int]], d: int) -> list[int]:
    """Single tokens of each sheet at most, from its first boundary."""
    out = [d] * len(max_tokens)
    for w, b in reversed(boundaries):
        if 0 <= w < len(max_tokens):
            out[w] = min(d, max(0, max_tokens[w] - max(b, 0))) + 1
    return out
