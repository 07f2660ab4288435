"""Fixed point: enclosures as integers, whose sums are exact and order-free."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.operations import count

SUM_BITS = 31  # sums are taken in int32
_CHUNK = 1 << 18  # entries of one working array: stays in the second-level cache


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """Integer enclosures of a real array x with one positive scale for each index a of axis 0.

    Hypothesis kept by the constructors in the backends:  ∀ a, k:  lower[a, k] ≤ scale_a · x[a, k] ≤ lower[a, k] + width,
    with scale_a > 0 unknown to the user of the class (signs of sums do not depend on it), width ≥ 0, and |lower| ≤ 2^bits.
    """

    lower: NDArray[np.int64]
    width: int
    bits: int


def smallest_sums(base: NDArray[np.int32], terms: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    """min over j of base[a, j] + Σ_i terms[i][a, j, t_i], for all a and t = (t_0, …, t_{p−1}).

    Shapes: base [A, J], terms[i] [A, J, T_i] with J ≥ 1; result [A, T_0, …, T_{p−1}].
    Hypothesis (checked): (p + 1) · max|entry| < 2^31, so no int32 sum overflows and every one is exact.
    A·J·ΠT_i additions and as many comparisons, plus lower-order sums.
    """
    bound = max([_magnitude(base), *(_magnitude(term) for term in terms)]) * (len(terms) + 1)
    if bound >= 1 << SUM_BITS:
        raise OverflowError(f"sums up to {bound} do not fit {SUM_BITS} bits")
    sizes = [term.shape[2] for term in terms]
    out = np.empty((base.shape[0], *sizes), dtype=np.int32)
    if out.size == 0:
        return out
    count(2 * base.shape[1] * out.size)
    head = 0  # leading axes that are looped over, so that one working array has at most _CHUNK entries
    while head < len(sizes) and base.shape[0] * int(np.prod(sizes[head:], dtype=np.int64)) > _CHUNK:
        head += 1
    for tokens in product(*(range(size) for size in sizes[:head])):
        start = base
        for term, token in zip(terms[:head], tokens, strict=True):
            start = start + term[:, :, token]
        _smallest_sums_block(start, terms[head:], out[(slice(None), *tokens)])
    return out


def _smallest_sums_block(base: NDArray[np.int32], terms: list[NDArray[np.int32]], out: NDArray[np.int32]) -> None:
    """`smallest_sums` written into `out` [A, T_0, …]; one pass over the block for each j."""
    if not terms:
        np.minimum.reduce(base, axis=1, out=out)
        return
    scratch = np.empty(out.shape, dtype=np.int32)
    for j in range(base.shape[1]):
        partial = base[:, j]
        for term in terms[:-1]:
            partial = partial[..., None] + _aligned(term[:, j], partial.ndim - 1)
        if j == 0:
            np.add(partial[..., None], _aligned(terms[-1][:, j], partial.ndim - 1), out=out)
        else:
            np.add(partial[..., None], _aligned(terms[-1][:, j], partial.ndim - 1), out=scratch)
            np.minimum(out, scratch, out=out)


def _aligned(term: NDArray[np.int32], axes: int) -> NDArray[np.int32]:
    """[A, T] as [A, 1, …, 1, T] with `axes` ones."""
    return term.reshape(term.shape[0], *(1,) * axes, term.shape[1])


def _magnitude(values: NDArray[np.int32]) -> int:
    return max(abs(int(values.min())), abs(int(values.max()))) if values.size else 0
