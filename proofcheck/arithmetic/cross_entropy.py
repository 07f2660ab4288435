"""Cross-entropies of enclosed logits, and exact sums of bounds. Theorem and proofs: docs/rules/evaluation-losses.md.

The cross-entropy of logits l with right answer y is −log softmax(l)[y] = log(1 + Σ_{j≠y} exp(l_j − l_y)), in nats.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import arb

from proofcheck.arithmetic.ball_intervals import BallIntervals, ends
from proofcheck.arithmetic.columns import Decided
from proofcheck.arithmetic.fixed_point import Booleans, Integers
from proofcheck.arithmetic.float_bounds import ROOT_TWO, SLACK, TINY, Doubles
from proofcheck.arithmetic.float_columns import FloatLogits
from proofcheck.arithmetic.float_intervals import FloatIntervals, rounded_down, rounded_up
from proofcheck.arithmetic.intervals import Intervals
from proofcheck.arithmetic.log_sums import LOG_SUM_OPERATIONS, log_sum_above, log_sum_below
from proofcheck.arithmetic.operations import count

RELATIVE_WIDTH, ABSOLUTE_WIDTH = 2.0**-20, 2.0**-60  # of a loss; a wider one is better computed again

_TINIEST = 4_096  # smaller exponents of ends are rounded outward

Bounds = tuple[Fraction, Fraction]


def cross_entropies(logits: Intervals | Decided, answers: Integers) -> Intervals:
    """Enclosures of the losses of B inputs: logits of A answers each, answers [B] → [B].

    Where nothing is known: [0, ∞], or a ball that is not finite.

    From one Euclidean radius r of the logits: each difference l_j − l_y moves by at most √2·r, for l ↦ l_j − l_y has a gradient of norm √2.
    """
    if isinstance(logits, FloatLogits):
        return _of_radii(logits, answers)
    if isinstance(logits, FloatIntervals):
        return _of_intervals(logits, answers)
    if isinstance(logits, BallIntervals):
        return _of_balls(logits, answers)
    raise TypeError("logits of another arithmetic")


def rivals(logits: int, answers: Integers) -> Integers:
    """[B, A − 1]: all numbers below A = `logits` but the answer."""
    columns = np.arange(logits)[None, :]
    return np.where(columns[:, :-1] >= answers[:, None], columns[:, 1:], columns[:, :-1])


@np.errstate(all="ignore")
def _of_radii(logits: FloatLogits, answers: Integers) -> FloatIntervals:
    inputs = np.arange(len(answers))
    values = logits.values.T
    own = values[inputs, answers][:, None]
    differences = values[inputs[:, None], rivals(values.shape[1], answers)] - own
    moved = (ROOT_TWO * logits.radius + TINY) * SLACK
    known = np.where(np.isfinite(moved), moved, np.inf)[:, None]
    count(4 * differences.size)
    return FloatIntervals(
        log_sum_below(rounded_down(rounded_down(differences) - known)), log_sum_above(rounded_up(rounded_up(differences) + known))
    )


@np.errstate(all="ignore")
def _of_intervals(logits: FloatIntervals, answers: Integers) -> FloatIntervals:
    inputs = np.arange(len(answers))
    differences = logits[inputs[:, None], rivals(logits.shape[1], answers)] - logits[inputs, answers][:, None]
    return FloatIntervals(log_sum_below(differences.lo), log_sum_above(differences.hi))


def _of_balls(logits: BallIntervals, answers: Integers) -> BallIntervals:
    out = np.empty(len(answers), dtype=object)
    for k, answer in enumerate(answers.tolist()):
        row = logits.entries[k].tolist()
        out[k] = log_sum_ball([logit - row[answer] for j, logit in enumerate(row) if j != answer])
    count(LOG_SUM_OPERATIONS * logits.size)
    return BallIntervals(out)


def log_sum_ball(differences: list[arb]) -> arb:
    """A ball around log(1 + Σ exp(x_j)) = c + log(exp(−c) + Σ exp(x_j − c)), c any exact number."""
    shift = arb(0)
    for x in differences:
        if not x.is_finite():
            return arb("nan")
        middle = x.mid()  # exact, so the comparison is decided
        shift = middle if middle > shift else shift
    if shift > 0:
        total = (-shift).exp()
        for x in differences:
            total += (x - shift).exp()
        return shift + total.log()
    total = arb(0)
    for x in differences:
        total += x.exp()
    return total.log1p()


@np.errstate(all="ignore")
def wide(losses: Intervals) -> Booleans:
    """Where an enclosure of a loss is so wide, or so little known, that a higher precision should be tried. Of balls: where not finite."""
    if isinstance(losses, FloatIntervals):
        return np.asarray(~(losses.hi - losses.lo <= RELATIVE_WIDTH * losses.hi + ABSOLUTE_WIDTH))
    return np.array([not x.is_finite() for x in _entries(losses)], dtype=np.bool_)


def exact_bounds(losses: Intervals) -> list[Bounds]:
    """The ends of enclosures [B], exactly; lower ends at least 0, as losses are. ArithmeticError where an end is not finite."""
    if isinstance(losses, FloatIntervals):
        if not (np.isfinite(losses.lo).all() and np.isfinite(losses.hi).all()):
            raise ArithmeticError("a loss has no finite bound")
        return [(max(Fraction(low), Fraction(0)), Fraction(high)) for low, high in zip(losses.lo.tolist(), losses.hi.tolist(), strict=True)]
    pairs = [ends(x) for x in _entries(losses)]
    return [(_below(low), _above(high)) for low, high in pairs]


def packed_bounds(losses: Intervals) -> Integers:
    """[B] → [B, 2]: the bits of float64 bounds of losses, below and above; of balls, of which only those that are not finite are wide,
    [0, ∞].
    """
    packed = np.empty((losses.size, 2))
    packed[:, 0], packed[:, 1] = (losses.lo, losses.hi) if isinstance(losses, FloatIntervals) else (0.0, np.inf)
    return packed.view(np.int64)


def unpacked_bounds(packed: Integers) -> Intervals:
    """[B, 2] → [B]: the enclosures of `packed_bounds`."""
    bounds = np.ascontiguousarray(packed, dtype=np.int64).view(np.float64)
    return FloatIntervals(bounds[:, 0].copy(), bounds[:, 1].copy())


def sums_by_key(losses: Intervals, keys: Integers) -> dict[int, tuple[Fraction, Fraction, Fraction]]:
    """key → bounds of Σ losses[k] over the k with keys[k] = key, and an upper bound on each of these losses.

    Float64: a sum of at most 2^12 numbers ≥ 0 in any order has a relative error below 2^−40. ArithmeticError where an end is not finite.
    """
    if isinstance(losses, FloatIntervals) and losses.size <= 1 << 12:
        return _float_sums(losses, keys)
    out: dict[int, tuple[Fraction, Fraction, Fraction]] = {}
    for key, (low, high) in zip(keys.tolist(), exact_bounds(losses), strict=True):
        lower, upper, largest = out.get(key, (Fraction(0), Fraction(0), Fraction(0)))
        out[key] = (lower + low, upper + high, max(largest, high))
    return out


def weighted_sums(losses: Intervals, sizes: Doubles) -> tuple[Fraction, Fraction, Fraction]:
    """Bounds of Σ size_b·loss_b, and an upper bound on each loss; sizes [B] are within a relative 2^−40 of the exact ones, B ≤ 2^10.

    Float64: products and sums of B numbers ≥ 0 in any order have a relative error below 2^−40. ArithmeticError where an end is not finite.
    """
    if isinstance(losses, FloatIntervals):
        lower, upper = float((losses.lo * sizes).sum()) * (1 - 2.0**-38), float((losses.hi * sizes).sum()) * (1 + 2.0**-38)  # outward
        if not (lower >= 0 and upper < np.inf):
            raise ArithmeticError("a loss has no finite bound")
        return Fraction(lower), Fraction(upper) + Fraction(1, 2**1000), Fraction(float(losses.hi.max(initial=0.0)))
    lower_sum, upper_sum, largest = Fraction(0), Fraction(0), Fraction(0)
    for (low, high), size in zip(exact_bounds(losses), sizes.tolist(), strict=True):
        lower_sum, upper_sum = lower_sum + low * Fraction(size), upper_sum + high * Fraction(size)
        largest = max(largest, high)
    return lower_sum * (1 - Fraction(1, 2**38)), upper_sum * (1 + Fraction(1, 2**38)), largest


def _float_sums(losses: FloatIntervals, keys: Integers) -> dict[int, tuple[Fraction, Fraction, Fraction]]:
    if not (np.isfinite(losses.lo).all() and np.isfinite(losses.hi).all()):
        raise ArithmeticError("a loss has no finite bound")
    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]])) if len(keys) else np.zeros(0, dtype=np.int64)
    lower = np.add.reduceat(np.maximum(losses.lo[order], 0.0), starts) * (1 - 2.0**-39)  # outward: down
    upper = np.add.reduceat(losses.hi[order], starts) * (1 + 2.0**-39) + TINY  # outward: up
    largest = np.maximum.reduceat(losses.hi[order], starts)
    count(3 * losses.size)
    return {
        key: (Fraction(low), Fraction(high), Fraction(most))
        for key, low, high, most in zip(sorted_keys[starts].tolist(), lower.tolist(), upper.tolist(), largest.tolist(), strict=True)
    }


def _entries(losses: Intervals) -> list[arb]:
    if not isinstance(losses, BallIntervals):
        raise TypeError("losses of another arithmetic")
    entries: list[arb] = losses.entries.ravel().tolist()
    return entries


def _below(end: tuple[int, int]) -> Fraction:
    """The lower end of a loss, or 0: a number of 2^40 binary digits is not written out."""
    integer, exponent = end
    small = integer <= 0 or integer.bit_length() + exponent < -_TINIEST
    return Fraction(0) if small else Fraction(integer) * Fraction(2) ** exponent


def _above(end: tuple[int, int]) -> Fraction:
    """The upper end of a loss, at least 2^−4096, and 0 if it is 0 or less."""
    integer, exponent = end
    if integer <= 0:
        return Fraction(0)
    small = integer.bit_length() + exponent < -_TINIEST  # then it is below 2^−4096
    return Fraction(1, 2**_TINIEST) if small else Fraction(integer) * Fraction(2) ** exponent


__all__ = [
    "cross_entropies",
    "exact_bounds",
    "log_sum_ball",
    "packed_bounds",
    "rivals",
    "sums_by_key",
    "unpacked_bounds",
    "weighted_sums",
    "wide",
]
