"""Fixed point: enclosures as integers, whose sums are exact and order-free."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.operations import count

SUM_BITS = 31  # sums are taken in int32
_CHUNK = 1 << 17  # entries of one working array: two of them stay in the second-level cache
_COLUMNS = 1 << 10  # length of an inner loop beyond which nothing is gained
_ROWS = 16  # least number of inner loops that share a table of columns

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
IntegerArray = NDArray[np.int32] | Integers


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """Integer enclosures of a real array x with one positive scale for each index a of axis 0.

    Hypothesis kept by the constructors in the backends:  ∀ a, k:  lower[a, k] ≤ scale_a · x[a, k] ≤ lower[a, k] + width,
    with scale_a > 0 unknown to the user of the class (signs of sums do not depend on it), width ≥ 0, and |lower| ≤ 2^bits.
    """

    lower: IntegerArray
    width: int
    bits: int


def smallest_sums(base: IntegerArray, terms: list[IntegerArray]) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """min over j of base[a, j] + Σ_i terms[i][a, j, t_i], for all a and t = (t_0, …, t_{p−1}), in blocks.

    Shapes: base [A, J], terms[i] [A, J, T_i] with J ≥ 1. Yields (start, block [A, K]): block[a, k] belongs to the t whose row-major index
    is start + k; the blocks cover all indices once, in order. A block is valid until the next one is asked for.
    Hypothesis (checked): (p + 1) · max|entry| < 2^31, so no int32 sum overflows and every one is exact.
    A·J·ΠT_i additions and as many comparisons, plus lower-order sums.
    """
    check_sums(base, terms)
    sizes = [term.shape[2] for term in terms]
    total = prod(sizes)
    if total * base.shape[0] == 0:
        return
    count(2 * base.shape[1] * base.shape[0] * total)
    split = _split(sizes)  # the terms from `split` on make the columns
    tails = _joined(np.zeros_like(base, dtype=np.int32), terms[split:])  # [A, J, columns]
    heads = _joined(base.astype(np.int32, copy=False), terms[:split])  # [A, J, rows]
    columns = tails.shape[2]
    step = max(1, _CHUNK // (base.shape[0] * columns))
    for row in range(0, heads.shape[2], step):
        yield row * columns, _smallest_of_rows(heads[:, :, row : row + step], tails)


def _split(sizes: list[int]) -> int:
    """Where rows end and columns begin: the last term alone makes the columns, and one more while that makes inner loops longer, as long as
    they have not _COLUMNS entries and at least _ROWS rows remain. Any split gives the same sums.
    """
    split = max(0, len(sizes) - 1)
    while prod(sizes[split:]) < _COLUMNS and prod(sizes[: split - 1]) >= _ROWS:  # for split ≤ 1 the second product is 1
        split -= 1
    return split


def check_sums(base: IntegerArray, terms: list[IntegerArray]) -> None:
    """OverflowError unless every sum of one entry of each array fits int32."""
    bound = max([_magnitude(base), *(_magnitude(term) for term in terms)]) * (len(terms) + 1)
    if bound >= 1 << SUM_BITS:
        raise OverflowError(f"sums up to {bound} do not fit {SUM_BITS} bits")


def _joined(base: NDArray[np.int32], terms: list[IntegerArray]) -> NDArray[np.int32]:
    """base[a, j] + Σ_i terms[i][a, j, t_i] as [A, J, ΠT_i], row-major in t."""
    sums = base[:, :, None]
    for term in terms:
        sums = (sums[:, :, :, None] + term.astype(np.int32, copy=False)[:, :, None, :]).reshape(*base.shape, -1)
    return sums


def _smallest_of_rows(heads: NDArray[np.int32], tails: NDArray[np.int32]) -> NDArray[np.int32]:
    """min over j of heads[a, j, r] + tails[a, j, c] as [A, rows · columns]: one pass over a block in the cache for each j."""
    out = heads[:, 0, :, None] + tails[:, 0, None, :]
    scratch = np.empty_like(out)
    for j in range(1, heads.shape[1]):
        np.add(heads[:, j, :, None], tails[:, j, None, :], out=scratch)
        np.minimum(out, scratch, out=out)
    return out.reshape(out.shape[0], -1)


def _magnitude(values: IntegerArray) -> int:
    return max(abs(int(values.min())), abs(int(values.max()))) if values.size else 0
