"""Elementary functions of float64 arrays with proved errors: basic IEEE operations only, in the calling thread.

Proofs: docs/rules/evaluation.md.

NaN in, NaN out. The constants' own errors are compared with flint in tests/arithmetic/test_float_functions.py.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from flint import arb, ctx

from proofcheck.arithmetic.columns import GELU, GELU_NEW, GELU_NEW_CUBIC, RELU, SILU
from proofcheck.arithmetic.float_bounds import Doubles

EXPONENTIAL_ERROR = 2.0**-48  # relative, where x ≥ LEAST_EXPONENT
LEAST_EXPONENT = -700.0
ACTIVATION_ERROR = 2.0**-46  # of GELU, GELU_NEW and SILU, relative to |x|
LIPSCHITZ = {RELU: 1.0, GELU: 1.13, GELU_NEW: 1.13, SILU: 1.1}  # sup |f'| is 1, 1.12891, 1.12900, 1.09984

_LOG2_E = float.fromhex("0x1.71547652b82fep0")
_LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")  # 32 bits, so that k·_LN2_HIGH is exact for |k| < 2^21
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")  # |ln 2 − high − low| < 2^−85
_COEFFICIENTS = tuple(1 / math.factorial(j) for j in range(14))  # each correctly rounded


def exponentials(x: Doubles) -> Doubles:
    """exp(max(x, −700)) for x ≤ 0, within EXPONENTIAL_ERROR; positive.

    x = k·ln 2 + r with |r| ≤ 0.3467; Taylor's polynomial of degree 13 of e^r; times 2^k, exactly.
    """
    r = np.maximum(x, LEAST_EXPONENT)
    k = np.rint(r * _LOG2_E)
    r -= k * _LN2_HIGH
    r -= k * _LN2_LOW
    y = np.full_like(r, _COEFFICIENTS[13])
    for coefficient in _COEFFICIENTS[12::-1]:
        y *= r
        y += coefficient
    with np.errstate(invalid="ignore"):  # of NaN any power will do: y is NaN
        powers = ((k.astype(np.int64) + 1023) << 52).view(np.float64)
    y *= powers
    return np.asarray(y)


def sigmoid(z: Doubles) -> Doubles:
    """1/(1 + e^−z), within 2^−47."""
    small = exponentials(-np.abs(z))
    share = 1 / (1 + small)
    return np.asarray(np.where(z < 0, small * share, share), dtype=np.float64)


_GRID, _MOST, _ORDER = 64, 8.5, 6  # steps of 1/64 in [−8.5, 8.5]; Taylor's polynomial of degree 6


@lru_cache(maxsize=1)
def _normal_table() -> tuple[Doubles, ...]:
    """The Taylor coefficients of Φ at k/64, from degree 0 to 6, each correct to one unit in the last place."""
    before, ctx.prec = ctx.prec, 200
    try:
        rows = [_normal_taylor(arb(k) / _GRID) for k in range(-int(_MOST * _GRID), int(_MOST * _GRID) + 1)]
    finally:
        ctx.prec = before
    table = np.array(rows, dtype=np.float64).T.copy()
    table.flags.writeable = False
    return tuple(table)


def _normal_taylor(a: arb) -> list[float]:
    """Φ(a), then Φ^(n+1)(a)/(n + 1)! = (−1)^n He_n(a) φ(a)/(n + 1)! with He_{n+1} = a He_n − n He_{n−1}."""
    density = (-a * a / 2).exp() / (2 * arb.pi()).sqrt()
    coefficients = [(1 + (a / arb(2).sqrt()).erf()) / 2]
    before, hermite = arb(0), arb(1)
    for n in range(_ORDER):
        coefficients.append((-1) ** n * hermite * density / math.factorial(n + 1))
        before, hermite = hermite, a * hermite - n * before
    return [float(coefficient.mid()) for coefficient in coefficients]


def normal_distribution(x: Doubles) -> Doubles:
    """Φ(x) = (1 + erf(x/√2))/2, within 2^−50."""
    table = _normal_table()
    clamped = np.minimum(np.maximum(x, -_MOST), _MOST)
    nearest = np.rint(clamped * _GRID)
    step = clamped - nearest / _GRID
    with np.errstate(invalid="ignore"):  # NaN takes any row: its step is NaN
        rows = nearest.astype(np.int64) + int(_MOST * _GRID)
    y = np.take(table[_ORDER], rows, mode="clip")
    for coefficients in table[_ORDER - 1 :: -1]:
        y *= step
        y += np.take(coefficients, rows, mode="clip")
    return np.asarray(y)


_GELU_NEW_FACTOR = float.fromhex("0x1.9884533d43651p0")  # 2·√(2/π)


def activated(name: str, x: Doubles) -> Doubles:
    """f(x): exact for relu; for the others |error| ≤ ACTIVATION_ERROR·|x|, up to underflow, for |x| < 2^300."""
    if name == RELU:
        return np.asarray(np.maximum(x, 0.0))
    if name == GELU:
        return np.asarray(x * normal_distribution(x))
    if name == GELU_NEW:
        return np.asarray(x * sigmoid(_GELU_NEW_FACTOR * (x * (1 + float(GELU_NEW_CUBIC) * (x * x)))))
    if name == SILU:
        return np.asarray(x * sigmoid(x))
    raise ValueError(f"no activation {name!r}")
