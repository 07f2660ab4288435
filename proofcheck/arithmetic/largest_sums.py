"""The two largest sums of a row of one table and a row of another, in enclosures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.ball_intervals import BallIntervals
from proofcheck.arithmetic.float_intervals import FloatIntervals, rounded_down, rounded_up
from proofcheck.arithmetic.intervals import Intervals
from proofcheck.arithmetic.operations import count

_CHUNK = 1 << 17  # entries of one working array

Integers = NDArray[np.int64]


def largest_two_sums(left: Intervals, right: Intervals) -> tuple[Integers, Intervals]:
    """index [R, T] and sums [2, R, T] for left [T, K], right [R, K], K ≥ 2, both of one backend, such that for all enclosed reals a, b

        sums[0, r, t] ∋ max_k (a[t, k] + b[r, k])   and   sums[1, r, t] ∋ max_{k ≠ index[r, t]} (a[t, k] + b[r, k]).

    index[r, t] is a k with a nearly largest sum; nothing is claimed about it. 3·R·T·K operations.
    """
    if isinstance(left, FloatIntervals) and isinstance(right, FloatIntervals):
        return _in_floats(left, right)
    if isinstance(left, BallIntervals) and isinstance(right, BallIntervals):
        return _in_balls(left, right)
    raise TypeError("the tables are of different backends")


@np.errstate(all="ignore")
def _in_floats(left: FloatIntervals, right: FloatIntervals) -> tuple[Integers, FloatIntervals]:
    """Upper ends are summed and compared; every lower end is the upper one less the widths.

    Proof. Let z be the largest fl(left.hi[t, k] + right.hi[r, k]), at k*. Upper end: an exact sum that rounds to z is at most
    rounded_up(z) by the lemma (outward), and one that rounds below z is ≤ z, as rounding is monotone. Lower end: a[t, k*] + b[r, k*] is at
    least the exact sum of the upper ends less the widths, so at least rounded_down(z) − width. The second maximum is the same over
    the k ≠ index.  ∎ NaN wins every comparison of np.argmax and np.max, and encloses everything.
    """
    tokens, choices = left.shape
    rows = right.shape[0]
    count(3 * left.size * rows)
    index = np.zeros((rows, tokens), dtype=np.int64)
    largest = np.zeros((2, rows, tokens))
    step = max(1, _CHUNK // (tokens * choices))
    for start in range(0, rows, step):
        part = slice(start, start + step)
        sums = left.hi[None] + right.hi[part, None, :]  # [r, T, K]
        places = sums.argmax(axis=2)
        index[part] = places
        largest[0, part] = np.take_along_axis(sums, places[:, :, None], axis=2)[:, :, 0]
        np.put_along_axis(sums, places[:, :, None], -np.inf, axis=2)
        largest[1, part] = sums.max(axis=2)
    widths = [rounded_up(np.asarray((table.hi - table.lo).max(axis=1))) for table in (left, right)]
    width = rounded_up(widths[0][None, :] + widths[1][:, None])
    return index, FloatIntervals(rounded_down(rounded_down(largest) - width), rounded_up(largest))


def _in_balls(left: BallIntervals, right: BallIntervals) -> tuple[Integers, BallIntervals]:
    choices = left.shape[1]
    rows, tokens = right.shape[0], left.shape[0]
    entries = np.empty((2, rows, tokens), dtype=object)
    index = np.zeros((rows, tokens), dtype=np.int64)
    for r in range(rows):
        sums = left + right[r : r + 1]  # [T, K]
        index[r] = sums.fixed_point(32).lower.argmax(axis=1)
        others = (index[r][:, None] + np.arange(1, choices)[None, :]) % choices
        entries[0, r] = sums.max(axis=1).entries
        entries[1, r] = sums[np.arange(tokens)[:, None], others].max(axis=1).entries
    return index, BallIntervals(entries)
