"""Minima with zero, and joining, of interval arrays of either backend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flint import arb

from proofcheck.arithmetic.ball_intervals import BallIntervals
from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.float_intervals import FloatIntervals
from proofcheck.arithmetic.intervals import Intervals


def at_most_zero(x: Intervals) -> Intervals:
    """min(0, x), entrywise. One operation per entry."""
    return -at_least_zero(-x)


def at_least_zero(x: Intervals) -> Intervals:
    """max(0, x), entrywise. One operation per entry."""
    zero: Intervals
    if isinstance(x, FloatIntervals):
        zero = FloatIntervals(np.zeros(x.shape), np.zeros(x.shape))
    else:
        entries = np.empty(x.shape, dtype=object)
        entries[...] = arb(0)
        zero = BallIntervals(entries)
    return x.maximum(zero)


def enclosed_like(x: Intervals, exact: DyadicArray) -> Intervals:
    """Enclosures of exact values in the backend of `x`."""
    return FloatIntervals.from_dyadic(exact) if isinstance(x, FloatIntervals) else BallIntervals.from_dyadic(exact)


def joined(parts: Sequence[Intervals], axis: int) -> Intervals:
    """Arrays of one backend, one after another along `axis`. Nothing is computed."""
    if all(isinstance(part, FloatIntervals) for part in parts):
        floats = [part for part in parts if isinstance(part, FloatIntervals)]
        return FloatIntervals(np.concatenate([x.lo for x in floats], axis), np.concatenate([x.hi for x in floats], axis))
    balls = [part for part in parts if isinstance(part, BallIntervals)]
    if len(balls) != len(parts):
        raise TypeError("the arrays are of different backends")
    return BallIntervals(np.concatenate([x.entries for x in balls], axis))


def between(lower: Intervals, upper: Intervals) -> Intervals:
    """Enclosures of every real that is at least a point of `lower` and at most a point of `upper`. Nothing is
    computed.
    """
    if isinstance(lower, FloatIntervals) and isinstance(upper, FloatIntervals):
        return FloatIntervals(lower.lo, upper.hi)
    if isinstance(lower, BallIntervals) and isinstance(upper, BallIntervals):
        entries = np.empty(lower.size, dtype=object)
        entries[:] = [a.union(b) for a, b in zip(lower.entries.ravel().tolist(), upper.entries.ravel().tolist(), strict=True)]
        return BallIntervals(entries.reshape(lower.shape))
    raise TypeError("the arrays are of different backends")
