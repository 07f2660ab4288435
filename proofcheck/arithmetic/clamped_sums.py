"""How many tuples have a sum of at most zero, where a position has a few levels, each for many tokens: sums kept in a few bins around zero.

Exact integers of any size, no float.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import fmpz, fmpz_poly
from numpy.typing import NDArray

from proofcheck.arithmetic.operations import count

LIMB_BITS = 48  # an addition of counts is one operation for so many bits
MOST_BINS = 1 << 13

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bins:
    """`fine` bins for the largest |level 0|; a sum is kept while it is at least `below` bins under zero, up to `above` bins over it."""

    fine: int
    below: int
    above: int

    @property
    def states(self) -> int:
        return self.below + self.above + 1


def clamped_tuples(levels: Integers, sizes: Integers, base: int, bins: Bins, *, first_required: bool) -> int:
    """An upper bound on N = Σ Π_i sizes[l_i] over the tuples (l_0, …, l_{p−1}) with base + Σ_i levels[i, l_i] ≤ 0.

    Shapes: levels [p, L] int64, sizes [L] int64, L ≥ 1. With first_required only tuples in which some l_i = 0 count.
    Hypotheses (checked): sizes ≥ 1, fine ≥ 1, below ≥ 0, above ≥ 1, |base| and every |level| below 2^62/(p + 2).

    Theorem (clamped sums). Let h ≥ 1 and o_i be integers, d_i(l) = ⌊(levels[i, l] + o_i)/h⌋ and T = ⌊(Σ o_i − base)/h⌋. Run through a tuple
    with s_0 = −T and s_{i+1} = min(above, s_i + d_i(l_i)); it fails if some s_i < −below, or s_p ≤ 0. Every tuple with base + Σ levels ≤ 0
    fails.
    Proof: s_i ≤ Σ_{k<i} d_k(l_k) − T as minima only lower it. If the tuple has not failed before, s_p ≤ Σ d_i(l_i) − T ≤
    ⌊Σ (levels[i, l_i] + o_i)/h⌋ − T ≤ ⌊(Σ o_i − base)/h⌋ − T = 0; a sum of floors is at most the floor of the sum.  ∎
    Whether a tuple fails depends on the tuple alone, so with first_required the tuples that fail less those without level 0 that fail are
    those with level 0 that fail. They are counted exactly, state by state. h = ⌊max_i |levels[i, 0]| / fine⌋ + 1; the offsets put a level
    of each position on the edge of a bin. At most `clamped_operations` operations.
    """
    positions = levels.shape[0]
    largest = max(abs(base), int(np.abs(levels).max(initial=0)))
    if (positions + 2) * largest >= 1 << 62 or sizes.min() < 1 or min(bins.fine, bins.above) < 1 or bins.below < 0:
        raise OverflowError("sums of levels do not fit 62 bits, or sizes or bins are wrong")
    width = int(np.abs(levels[:, 0]).max(initial=0)) // bins.fine + 1
    offsets = _offsets(levels, sizes, width)
    start = -((sum(offsets.tolist()) - base) // width)
    steps = np.clip((levels + offsets[:, None]) // width, -bins.states, bins.states)  # further than all states is out of them, too
    count(levels.size * (levels.shape[1] + 8))
    total = _failing(steps, sizes, start, bins)
    if first_required:
        total -= _failing(steps[:, 1:], sizes[1:], start, bins)
    return total


def clamped_operations(positions: int, sizes: Integers, bins: Bins, *, first_required: bool) -> int:
    """Upper bound on the operations of `clamped_tuples`."""
    many = len(sizes)
    limbs = positions * int(sizes.sum()).bit_length() // LIMB_BITS + 1
    each = positions * (many + (2 * many + 3) * bins.states * limbs)
    return positions * many * (many + 8) + (2 if first_required else 1) * each


def _offsets(levels: Integers, sizes: Integers, width: int) -> Integers:
    """For each position the offset of least size that puts a level on the edge of a bin, of the level with which least is dropped in all.

    Any offset is valid, so a sum that wraps around here costs bins and no more.
    """
    residues = levels % width
    dropped = ((residues[:, None, :] - residues[:, :, None]) % width * sizes).sum(axis=2)
    chosen = residues[np.arange(len(levels)), dropped.argmin(axis=1)]
    return np.asarray(np.where(2 * chosen > width, width - chosen, -chosen))


def _failing(steps: Integers, sizes: Integers, start: int, bins: Bins) -> int:
    """Σ Π sizes[l_i] over the tuples that fail, for steps d_i(l) in −states … states [p, L] and s_0 = start."""
    states, every = bins.states, int(sizes.sum())
    if start < -bins.below:
        return int(every ** len(steps))
    kept = [fmpz(0)] * states  # number of tuples in each state s = k − below
    kept[min(start, bins.above) + bins.below] = fmpz(1)
    fallen = fmpz(0)
    for i, row in enumerate(steps):
        under = -int(row.min(initial=0))  # so many states below the lowest one can be reached
        factor = np.zeros(int(row.max(initial=0)) + under + 1, dtype=np.int64)
        np.add.at(factor, row + under, sizes)
        limbs = (i + 1) * every.bit_length() // LIMB_BITS + 1
        count(len(row) + (2 * int(np.count_nonzero(factor)) + 3) * (states - kept.count(fmpz(0))) * limbs)
        product = (fmpz_poly(kept) * fmpz_poly(factor.tolist())).coeffs()  # of the states k − under
        fallen = fallen * every + sum(product[:under])
        kept = product[under : under + states]
        kept += [fmpz(0)] * (states - len(kept))
        kept[-1] += sum(product[under + states :])
    return int(fallen + sum(kept[: bins.below + 1]))
