"""Bounds on log(1 + Σ_j exp(x_j)) in float64: basic IEEE operations only, in the calling thread. Proofs: docs/rules/evaluation-losses.md.

Every bound is NaN-free: where nothing is known, an upper bound is infinite and a lower bound is 0.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from flint import arb, ctx

from proofcheck.arithmetic.float_bounds import Doubles
from proofcheck.arithmetic.float_functions import LEAST_EXPONENT, exponentials
from proofcheck.arithmetic.operations import count

LOG_ERROR = 2.0**-46  # relative, of `log_one_plus`
LOG_SUM_OPERATIONS = 64  # that a bound counts for each x_j
MOST_TERMS = 1 << 13

_LN2 = float.fromhex("0x1.62e42fefa39efp-1")
_SMALL = 2.0**-5  # up to here the alternating series alone
_TERMS = 11
_GRID = 32  # nodes k/32 in [1, 2]
_LARGEST_SUM = 2.0**1000
_LARGEST_EXPONENT = 4096.0  # of an x_j; beyond it bounds are crude
_SUM_UP, _SUM_DOWN = 1 + 2.0**-37, 1 - 2.0**-37
_FRINGE = 2.0**-36  # of 1 + Σ exp(x_j − c) − 1 where c > 0, absolute
_UP, _DOWN = 1 + 2.0**-40, 1 - 2.0**-40  # of what is near it, rounded to nearest
_TINIEST = 2.0**-1070


def log_one_plus(y: Doubles) -> Doubles:
    """log(1 + y) for 0 ≤ y ≤ 2^1000, within LOG_ERROR (and 2^−1073); increasing up to that error.

    y < 1/32: the alternating series. Else 1 + y = 2^e·(k/32)·(1 + r) with 0 ≤ r ≤ 1/32, and the sum of three logarithms that are ≥ 0.
    """
    with np.errstate(invalid="ignore"):
        parts, powers = np.frexp(1 + y)
        scaled = parts * (2 * _GRID)  # exact, in [32, 64)
        nodes = np.floor(scaled)
        table = _logarithms()[np.clip(nodes, _GRID, 2 * _GRID).astype(np.int64) - _GRID]
        remainder = np.where(y < _SMALL, y, (scaled - nodes) / nodes)
    whole = (powers - 1) * _LN2 + table
    return np.asarray(np.where(y < _SMALL, 0.0, whole) + _series(remainder))


def _series(y: Doubles) -> Doubles:
    """y − y²/2 + … + y^11/11 for 0 ≤ y ≤ 1/32."""
    inner = np.full_like(y, 1 / _TERMS)
    for k in range(_TERMS - 1, 0, -1):
        inner *= y
        inner = 1 / k - inner
    return np.asarray(inner * y)


@lru_cache(maxsize=1)
def _logarithms() -> Doubles:
    """log(k/32) for k = 32 … 64, each within one unit in the last place; the first is 0."""
    before, ctx.prec = ctx.prec, 200
    try:
        table = np.array([float((arb(k) / _GRID).log().mid()) for k in range(_GRID, 2 * _GRID + 1)], dtype=np.float64)
    finally:
        ctx.prec = before
    table.flags.writeable = False
    return table


@np.errstate(all="ignore")
def log_sum_above(x: Doubles) -> Doubles:
    """[B, J] → [B]: at least log(1 + Σ_j exp(t_j)) for all t_j ≤ x[b, j]. J ≤ MOST_TERMS."""
    _require_few(x)
    count(LOG_SUM_OPERATIONS * x.size)
    largest = x.max(axis=1, initial=0.0)  # NaN stays
    usual = largest <= _LARGEST_EXPONENT
    shift = np.where(usual, largest, 0.0)
    shifted = np.where(usual[:, None], x - shift[:, None], 0.0)
    sums = exponentials(shifted).sum(axis=1) * _SUM_UP  # what is below −700 counts as exp(−700): more than it is
    y = sums + np.where(shift > 0, exponentials(-shift) - 1 + _FRINGE, 0.0)
    bound = (shift + log_one_plus(np.clip(y, 0.0, _LARGEST_SUM))) * _UP + _TINIEST
    crude = (largest + x.shape[1]) * _UP  # log(1 + J) ≤ J
    return np.asarray(np.where(usual, bound, np.where(largest < np.inf, crude, np.inf)))


@np.errstate(all="ignore")
def log_sum_below(x: Doubles) -> Doubles:
    """[B, J] → [B]: at most log(1 + Σ_j exp(t_j)) for all t_j ≥ x[b, j], and at least 0. NaN and +∞ say nothing. J ≤ MOST_TERMS."""
    _require_few(x)
    count(LOG_SUM_OPERATIONS * x.size)
    known = np.where(x < np.inf, x, -np.inf)
    largest = known.max(axis=1, initial=0.0)
    usual = largest <= _LARGEST_EXPONENT
    shift = np.where(usual, largest, 0.0)
    shifted = np.where(usual[:, None], known - shift[:, None], 0.0)
    terms = np.where(shifted < LEAST_EXPONENT, 0.0, exponentials(np.maximum(shifted, LEAST_EXPONENT)))
    sums = terms.sum(axis=1) * _SUM_DOWN
    rest = np.where(-shift < LEAST_EXPONENT, 0.0, exponentials(-shift)) - 1 - _FRINGE
    y = sums + np.where(shift > 0, rest, 0.0)
    bound = (shift + log_one_plus(np.clip(y, 0.0, _LARGEST_SUM))) * _DOWN - _TINIEST
    return np.asarray(np.maximum(np.where(usual, bound, largest * _DOWN), 0.0))


def _require_few(x: Doubles) -> None:
    if x.shape[1] > MOST_TERMS:
        raise ArithmeticError("too many exponentials in one sum")
