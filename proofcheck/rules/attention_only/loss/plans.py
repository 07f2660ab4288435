"""How the sequences of one max token are cut into boxes: tokens in cells, positions in classes, numbers of tokens by class and cell.

All integers and sizes; nothing here knows the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import comb, factorial, prod

import numpy as np

from proofcheck.arithmetic import Booleans, Integers
from proofcheck.arithmetic.box_losses import MOST_TERMS, Arrangement
from proofcheck.errors import Reason, Rejected

MOST_BOXES = 1 << 21  # of one max token
BOXES_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some boxes: composition rows[c] of each class, how many sequences each holds (within 2^−40 of it), which hold the max token."""

    rows: tuple[Integers, ...]
    sizes: np.ndarray[tuple[int], np.dtype[np.float64]]
    has_max: Booleans

    def with_max(self) -> Chunk:
        """Those whose positions before the query hold the max token."""
        return Chunk(tuple(row[self.has_max] for row in self.rows), self.sizes[self.has_max], self.has_max[self.has_max])


@dataclass(frozen=True)
class Plan:
    """The boxes of one max token m. cells [m + 1]: the cell of each token, 0 for m alone; classes [n − 1]: the class of each position."""

    cells: Integers
    classes: Integers

    @cached_property
    def order(self) -> Integers:
        """Tokens 0 … m, cell by cell."""
        return np.argsort(self.cells, kind="stable")

    @cached_property
    def arrangement(self) -> Arrangement:
        counts = np.bincount(self.cells)
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)[:-1]])
        positions = tuple(np.flatnonzero(self.classes == c) for c in range(_most(self.classes) + 1))
        compositions = tuple(_compositions(len(part), len(counts)) for part in positions)
        return Arrangement(starts, positions, compositions)

    @cached_property
    def chunks(self) -> list[Chunk]:
        """All boxes, once: every way to choose a composition for each class."""
        at = self.arrangement
        counts = np.bincount(self.cells).tolist()
        sizes = [np.array([float(_size(row, counts)) for row in part.tolist()]) for part in at.compositions]
        shape = [len(part) for part in at.compositions]
        found = []
        for start in range(0, prod(shape), BOXES_AT_ONCE):
            many = min(BOXES_AT_ONCE, prod(shape) - start)
            rows = tuple(np.unravel_index(np.arange(start, start + many), shape)) if shape else ()
            size, has_max = np.ones(many), np.zeros(many, dtype=np.bool_)
            for part, numbers, row in zip(sizes, at.compositions, rows, strict=True):
                size = size * part[row]
                has_max |= numbers[row, 0] > 0
            found.append(Chunk(rows, size, has_max))
        return found

    def boxes(self, query: int) -> Iterator[Chunk]:
        """The boxes of the block (query, m): with a query below m, those that hold m before it."""
        if query == len(self.cells) - 1:
            yield from self.chunks
        else:
            yield from (part for part in self._with_max if len(part.sizes))

    @cached_property
    def _with_max(self) -> list[Chunk]:
        return [chunk.with_max() for chunk in self.chunks]


def read_plans(cells: Integers, classes: Integers) -> dict[int, Plan]:
    """max token → its plan, where the hint says one. cells [d, d], classes [d, n]; a row of cells of −1 alone leaves a max token out.

    Rejected(bad-hint) unless cells[m, m] = 0, tokens below m are in cells 1, 2, … with none left out, later entries are −1, the classes of
    the positions before the last are 0, 1, … with none left out, the last is −1; and unless there are at most MOST_BOXES boxes.
    """
    plans = {}
    for m, (row, kinds) in enumerate(zip(cells, classes, strict=True)):
        if (row == -1).all():
            continue
        if row[m] != 0 or (row[m + 1 :] != -1).any() or not _gapless(row[:m] - 1):
            raise _bad(f"cells[{m}]", f"0 for the token {m}, 1, 2, … for those below it, −1 beyond", row)
        if kinds[-1] != -1 or not _gapless(kinds[:-1]):
            raise _bad(f"classes[{m}]", "0, 1, … for positions before the query, −1 for it", kinds)
        if number_of_boxes(row[: m + 1], kinds[:-1]) > MOST_BOXES or (_most(row) + 1) * (_most(kinds) + 1) > MOST_TERMS:
            raise _bad(f"cells[{m}]", f"at most {MOST_BOXES} boxes", row)
        plans[m] = Plan(row[: m + 1].copy(), kinds[:-1].copy())
    return plans


def number_of_boxes(cells: Integers, classes: Integers) -> int:
    """Π over classes of the ways to write its size as a sum of numbers ≥ 0, one for each cell. For any integers, plan or not."""
    many = max(_most(cells) + 1, 1)
    found = 1
    for c in np.unique(classes).tolist():
        found *= comb(int((classes == c).sum()) + many - 1, many - 1)
    return found


def _gapless(labels: Integers) -> bool:
    """0, 1, …, k, each at least once, in any order; or none."""
    return bool(np.array_equal(np.unique(labels), np.arange(_most(labels) + 1)))


def _most(labels: Integers) -> int:
    return int(labels.max(initial=-1))


def _compositions(total: int, parts: int) -> Integers:
    """All rows of `parts` integers ≥ 0 that sum to `total`, each once."""
    if parts == 1:
        return np.array([[total]], dtype=np.int64)
    found = []
    for first in range(total + 1):
        rest = _compositions(total - first, parts - 1)
        found.append(np.concatenate([np.full((len(rest), 1), first, dtype=np.int64), rest], axis=1))
    return np.concatenate(found)


def _size(numbers: list[int], counts: list[int]) -> int:
    """Σ numbers positions filled so that numbers[k] of them hold one of counts[k] tokens: multinomial · Π counts[k]^numbers[k]."""
    ways = factorial(sum(numbers))
    for number, tokens in zip(numbers, counts, strict=True):
        ways = ways // factorial(number) * tokens**number
    return ways


def _bad(path: str, expected: str, found: Integers) -> Rejected:
    return Rejected(Reason.BAD_HINT, f"hint {path} is not a plan", path=path, expected=expected, found=str(found.tolist())[:200])
