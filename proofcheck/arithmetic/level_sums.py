"""How many tuples have a sum of at most zero, where a position has a few levels, each for many tokens. Exact
integers, no float.
"""

from __future__ import annotations

from itertools import accumulate
from math import prod

import numpy as np
from flint import fmpz, fmpz_poly
from numpy.typing import NDArray

from proofcheck.arithmetic.operations import count

MOST_LISTED = 5  # positions: up to here half of them are listed against the other half, beyond it sums are kept in bins
LIMB_BITS = 48  # an addition of counts is one operation for so many bits

Integers = NDArray[np.int64]
_Weighted = tuple[Integers, Integers]  # sums, and how many tuples have them


def nonpositive_tuples(levels: Integers, sizes: Integers, base: int, bins: int, *, first_required: bool) -> int:
    """An upper bound on N = Σ Π_i sizes[l_i] over the tuples (l_0, …, l_{p−1}) with base + Σ_i levels[i, l_i]
    ≤ 0.

    Shapes: levels [p, L] int64, sizes [L] int64, L ≥ 1. With first_required only tuples in which some l_i = 0
    count.
    Hypotheses (checked): sizes ≥ 1, and sizes[0] = 1 with first_required, bins ≥ 1, |base| and every |level|
    below 2^62/(p + 2).
    The result is N itself where `is_listed`; else each position may be rounded down by a bin (see
    `_in_bins`).
    At most `tuples_operations` operations.
    """
    positions = levels.shape[0]
    largest = max(abs(base), int(np.abs(levels).max(initial=0)))
    if (positions + 2) * largest >= 1 << 62 or sizes.min() < 1 or bins < 1 or (first_required and sizes[0] != 1):
        raise OverflowError("sums of levels do not fit 62 bits, or their sizes are wrong")
    if not is_listed(positions, sizes):
        return _in_bins(levels, sizes, base, bins, first_required=first_required)
    if not first_required:
        return _listed([(row, sizes) for row in levels], base)
    return sum(
        _listed(
            [(row[1:], sizes[1:]) for row in levels[:i]] + [(row, sizes) for row in levels[i + 1 :]],
            base + int(levels[i, 0]),
        )
        for i in range(positions)  # by the first position that has level 0, a single token
    )


def is_listed(positions: int, sizes: Integers) -> bool:
    """Whether `nonpositive_tuples` is exact: few positions, and no count of tuples leaves int64."""
    return positions <= MOST_LISTED and int(sizes.sum()) ** positions < 1 << 62


def tuples_operations(positions: int, sizes: Integers, bins: int, *, first_required: bool) -> int:
    """Upper bound on the operations of `nonpositive_tuples`."""
    few, many = len(sizes) - 1, len(sizes)
    if not is_listed(positions, sizes):
        limbs = positions * int(sizes.sum()).bit_length() // LIMB_BITS + 1
        return positions * many * (many + 8) + 2 * positions * (2 * many + 1) * (bins + positions) * limbs
    if not first_required:
        return _listed_operations([many] * positions)
    return sum(1 + _listed_operations([few] * i + [many] * (positions - 1 - i)) for i in range(positions))


def _listed(lists: list[_Weighted], base: int) -> int:
    """The exact number, from all sums of the first half of the positions and all sums of the other half,
    sorted.

    Proof: a pair of halves a, b counts iff b ≤ −base − a; the sorted b that do are the first ones.  ∎
    """
    if not lists:
        return int(base <= 0)
    split = (len(lists) + 1) // 2
    left, right = _all_sums(lists[:split]), _all_sums(lists[split:])
    count(_listed_operations([len(values) for values, _ in lists]))
    order = np.argsort(right[0], kind="stable")
    up_to = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(right[1][order])])
    places = np.searchsorted(right[0][order], -base - left[0], side="right")  # sums equal to the limit count: a tie is a failure
    return int((left[1] * up_to[places]).sum())


def _all_sums(lists: list[_Weighted]) -> _Weighted:
    """Sums of one entry of each list, and the products of their sizes."""
    sums, sizes = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
    for values, more in lists:
        sums = (sums[:, None] + values[None, :]).ravel()
        sizes = (sizes[:, None] * more[None, :]).ravel()
    return sums, sizes


def _listed_operations(lengths: list[int]) -> int:
    """Sums and products of both halves, sorting one, searching it for each sum of the other."""
    split = (len(lengths) + 1) // 2
    left, right = prod(lengths[:split]), prod(lengths[split:])
    made = (2 * left if split > 1 else 0) + (2 * right if len(lengths) - split > 1 else 0)
    return made + right * (right - 1).bit_length() + right + left * (right.bit_length() + 2) if lengths else 1


def _in_bins(levels: Integers, sizes: Integers, base: int, bins: int, *, first_required: bool) -> int:
    """An upper bound on the number of tuples, exact in bins.

    Theorem (bins). Let μ_i = min_l levels[i, l], B = −(base + Σ μ_i), h ≥ 1 and o_i ≥ 0 integers. Every tuple
    that counts has
        Σ_i ⌊(levels[i, l_i] − μ_i + o_i)/h⌋ ≤ ⌊(B + Σ_i o_i)/h⌋.
    Proof: Σ_i (levels[i, l_i] − μ_i + o_i) ≤ B + Σ o_i; divide by h; a sum of floors is at most the floor of
    the sum.  ∎
    These are counted exactly: the coefficients of Π_i Σ_l sizes[l]·x^bin(i, l) up to that power. With
    first_required those of the same
    product without level 0, in the same bins, are taken off. h = ⌊B/bins⌋ + 1 and 0 ≤ o_i < h.
    """
    positions, many = levels.shape
    least = levels.min(axis=1)
    window = -base - int(least.sum())
    count(2 * levels.size)
    if window < 0:
        return 0
    width = window // bins + 1
    heights = levels - least[:, None]
    offsets = _offsets(heights, sizes, width)
    most = (window + sum(offsets.tolist())) // width
    binned = (heights + offsets[:, None]) // width  # both summands are below 2^62
    count(positions * many * (many + 6))
    total = _bounded_products(binned, sizes, most)
    if first_required:
        total -= _bounded_products(binned[:, 1:], sizes[1:], most)
    return total


def _offsets(heights: Integers, sizes: Integers, width: int) -> Integers:
    """For each position an offset in 0 … width − 1: the one among those that put a level on the edge of a bin
    that drops least in all.

    Any offset is valid, so a sum that wraps around here costs bins and no more.
    """
    residues = heights % width
    dropped = ((residues[:, None, :] - residues[:, :, None]) % width * sizes).sum(axis=2)
    return np.asarray(-residues[np.arange(len(heights)), dropped.argmin(axis=1)] % width)


def _bounded_products(binned: Integers, sizes: Integers, most: int) -> int:
    """Σ Π sizes[l_i] over the tuples with Σ_i binned[i, l_i] ≤ most. Bins are ≥ 0, sizes are numbers of
    tokens.

    Levels of one bin are added up first. The coefficients c of the product of all positions but the last give
    Σ_l sizes[l]·Σ_{s ≤ most − bin(l)} c_s.
    """
    if not len(binned):
        return int(most >= 0)  # the empty tuple
    product, bits = fmpz_poly([1]), int(sizes.sum()).bit_length()
    factors = [_merged(row, sizes, most) for row in binned]
    for i, factor in enumerate(factors[:-1]):
        terms, limbs = int(np.count_nonzero(factor)), (i + 1) * bits // LIMB_BITS + 1
        product = product.mul_low(fmpz_poly(factor.tolist()), most + 1)
        count(2 * terms * (most + 1) * limbs if i else terms)
    below = list(accumulate(product.coeffs(), initial=fmpz(0)))  # below[k] = c_0 + … + c_{k−1}
    limbs = len(binned) * bits // LIMB_BITS + 1
    count((len(below) + 2 * int(np.count_nonzero(factors[-1]))) * limbs)
    places = np.flatnonzero(factors[-1])
    return int(sum((int(factors[-1][k]) * below[min(most - k + 1, len(below) - 1)] for k in places.tolist()), fmpz(0)))


def _merged(row: Integers, sizes: Integers, most: int) -> Integers:
    """Σ of the sizes of the levels in each bin up to the largest one that is at most `most`."""
    kept = row <= most
    factor = np.zeros(int(row[kept].max(initial=0)) + 1, dtype=np.int64)
    np.add.at(factor, row[kept], sizes[kept])
    count(len(row))
    return factor
