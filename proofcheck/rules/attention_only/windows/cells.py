"""The hints that say which rivals stand alone and which tokens are taken together, for each max token.

For a max token m with boundaries f = b_0 > b_1 > … > b_s = 0, f ≤ m, the tokens 0 … m are divided into the
cells
    {m},   {t} for f ≤ t < m (near tokens),   [b_{i+1}, b_i) for i < s (segments of the far tokens t < f),
so every token ≤ m is in exactly one cell. f = 0 gives single tokens alone. Rivals X ⊂ {0 … d − 1}∖{m} stand
alone; the others are one group.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import Integers
from proofcheck.errors import Reason, Rejected


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one max token: `tokens` = (m, f, …, m − 1), then segments start ≤ t < end from the largest
    tokens down.
    """

    max_token: int
    tokens: Integers
    starts: Integers
    ends: Integers

    @property
    def sizes(self) -> Integers:
        """Number of tokens of each cell, in the order of the levels: single tokens first, the max token
        before all.
        """
        return np.concatenate([np.ones(len(self.tokens), dtype=np.int64), self.ends - self.starts])

    @property
    def singles(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True, slots=True)
class Window:
    """Cells and single rivals of one max token."""

    cells: Cells
    rivals: Integers

    def members(self, d_vocab: int) -> NDArray[np.bool_]:
        """X ∪ {m} as marks [d]."""
        marks = np.zeros(d_vocab, dtype=np.bool_)
        marks[self.rivals] = True
        marks[self.cells.max_token] = True
        return marks


def cells(max_token: int, boundaries: Integers) -> Cells:
    """The cells of b_0 > … > b_s = 0 with b_0 ≤ max_token."""
    near = np.arange(boundaries[0], max_token, dtype=np.int64)
    return Cells(
        max_token,
        np.concatenate([np.array([max_token], dtype=np.int64), near]),
        boundaries[1:],
        boundaries[:-1],
    )


def read_windows(boundaries: Integers, rivals: Integers, d_vocab: int) -> dict[int, Window]:
    """max token -> window, from the hints `boundaries` [*, 2], rows (m, b), and `rivals` [*, 2], rows (m, j).
    Small max tokens first.

    Rejected(bad-hint) unless the rows increase in m, the boundaries of each m fall strictly from at most m to
    0, the rivals of each m
    increase strictly, are tokens, are not m, and every m of `rivals` has boundaries.
    """
    bounds = _by_first(boundaries, d_vocab, "boundaries")
    alone = _by_first(rivals, d_vocab, "rivals")
    for m, falling in bounds.items():
        if not falling_to_zero(falling, m):
            raise _refused(
                "boundaries",
                f"of max token {m} do not divide the tokens",
                f"from at most {m} strictly down to 0",
                str(falling[:8]),
            )
    for m, chosen in alone.items():
        if m not in bounds:
            raise _refused(
                "rivals",
                f"of max token {m} stand without boundaries",
                "boundaries for the same max token",
                str(m),
            )
        if not 0 <= chosen[0] <= chosen[-1] < d_vocab or m in chosen or any(a >= b for a, b in pairwise(chosen)):
            raise _refused(
                "rivals",
                f"of max token {m} are not distinct rivals",
                f"increasing tokens below {d_vocab}, not {m}",
                str(chosen[:8]),
            )
    return {
        m: Window(cells(m, np.array(falling, dtype=np.int64)), np.array(alone.get(m, []), dtype=np.int64)) for m, falling in bounds.items()
    }


def falling_to_zero(boundaries: list[int], m: int) -> bool:
    """Whether m ≥ b_0 > … > b_s = 0."""
    return bool(boundaries) and boundaries[0] <= m and boundaries[-1] == 0 and all(a > b for a, b in pairwise(boundaries))


def _by_first(hint: Integers, d_vocab: int, name: str) -> dict[int, list[int]]:
    """Rows (m, value) as m -> values in order; 0 ≤ m < d_vocab, not decreasing."""
    if len(hint) > d_vocab * (d_vocab + 1):
        raise _refused(name, "are too many", f"at most {d_vocab * (d_vocab + 1)} rows", str(len(hint)))
    out: dict[int, list[int]] = {}
    before = 0
    for m, value in hint.tolist():
        if not before <= m < d_vocab:
            raise _refused(name, "are not in order of max tokens", f"{before} … {d_vocab - 1}", str(m))
        out.setdefault(m, []).append(value)
        before = m
    return out


def wanted_prefixes(windows: dict[int, Window], d_vocab: int) -> NDArray[np.bool_]:
    """[q, s]: whether some block (q, m) with a window needs a bound on the weights of the tokens t < s."""
    wanted = np.zeros((d_vocab, d_vocab + 1), dtype=np.bool_)
    for m, window in windows.items():
        wanted[: m + 1, window.cells.ends] = True
    return wanted


def require_scores(windows: dict[int, Window], first: Integers) -> None:
    """Rejected(bad-hint) unless the score of every single token of every block with a window was computed."""
    largest = np.maximum.accumulate(first)  # over the queries q ≤ m
    for m, window in windows.items():
        f = int(window.cells.tokens[1:].min(initial=m))
        if largest[m] > f:
            raise _refused(
                "boundaries",
                f"of max token {m} reach below the computed scores",
                f"at least {int(largest[m])}",
                str(f),
            )


COUNT_SINGLES = 100  # a count of tuples takes as long as so many operations one by one, whatever its size
JOB_SINGLES = 100  # and so does a set of queries with a loop of its own


def window_shapes(boundaries: list[list[int]], rivals: list[list[int]], d: int) -> dict[int, tuple[int, int, int]]:
    """m -> (single tokens, segments, groups) of the hints at most, whatever they hold."""
    out: dict[int, tuple[int, int, int]] = {}
    for m, b in boundaries:
        if 0 <= m < d:
            singles, segments, _ = out.get(m, (1 + max(0, min(m, m - b)), -1, 0))
            out[m] = (singles, min(d, segments + 1), 1)
    for m, _ in rivals:
        if m in out:
            singles, segments, groups = out[m]
            out[m] = (singles, segments, min(d, groups + 1))
    return out


def _refused(name: str, what: str, expected: str, found: str) -> Rejected:
    return Rejected(Reason.BAD_HINT, f"the {name} {what}", path=name, expected=expected, found=found)
