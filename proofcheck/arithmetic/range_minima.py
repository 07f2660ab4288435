"""Minima of integer rows over ranges of columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.fixed_point import IntegerArray
from proofcheck.arithmetic.operations import count


def range_minima(values: IntegerArray, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """min of values[r, starts[k] : ends[k]], as int64 [R, K]. Hypothesis (checked): 0 ≤ starts[k] < ends[k] ≤ T for values [R, T].

    Each different range is reduced once: R operations for each of its columns.
    """
    if len(starts) == 0:
        return np.zeros((values.shape[0], 0), dtype=np.int64)
    if not ((starts >= 0) & (starts < ends) & (ends <= values.shape[1])).all():
        raise ValueError("a range is empty or outside the columns")
    width = values.shape[1] + 1  # above every end, so that a range is one number
    keys, which = np.unique(starts * width + ends, return_inverse=True)
    ranges = np.stack([keys // width, keys % width], axis=1)
    count(values.shape[0] * int((ranges[:, 1] - ranges[:, 0]).sum()))
    padded = np.concatenate([values, values[:, :1]], axis=1).astype(np.int64)  # so that every end is an index
    minima = np.minimum.reduceat(padded, ranges.ravel(), axis=1)[:, ::2]  # every other segment is the gap after a range
    return minima[:, which.reshape(-1)]
