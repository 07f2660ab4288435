"""Losses on boxes of sequences, from the terms of single tokens. Theorem B and all proofs: docs/rules/loss-boxes.md.

A block of sequences: one query with weight w > 0 and value v, and positions that hold tokens, each with its weight and value there. With
Z = Σ w over all of them, the margin over rival j is M_j = d_j + Σ w·v_j / Z for a number d_j (the direct path), and the loss
log(1 + Σ_j exp(−M_j)). Positions are in classes, tokens in cells; a box says how many positions of each class hold a token of each cell.
For any level δ
    M_j ≥ d_j + δ + G/Z₊ if G ≥ 0, else d_j + δ + G/Z₋,      G = Σ min w·(v_j − δ),  Z₋ = Σ min w,  Z₊ = Σ max w,
where minima and maxima are over the positions of the class and the tokens of the cell. −M_j has the same bound with −d, −v and
−δ. At the smallest v_j of the block as δ no term is negative, so M_j ≥ d_j + min v_j: this bound is there whatever the levels are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from flint import arb

from proofcheck.arithmetic.ball_intervals import BallIntervals, Balls, certainly_positive_ball
from proofcheck.arithmetic.cross_entropy import log_sum_ball
from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.fixed_point import Integers
from proofcheck.arithmetic.float_bounds import Doubles
from proofcheck.arithmetic.float_intervals import FloatIntervals
from proofcheck.arithmetic.intervals import Intervals
from proofcheck.arithmetic.log_sums import LOG_SUM_OPERATIONS, log_sum_above, log_sum_below
from proofcheck.arithmetic.operations import count

MOST_TERMS = 1 << 11  # classes times cells, and positions

_SLACK = 2.0**-38  # of every term and weight, relative: covers the rounding of products, sums and quotients
_TINY_WEIGHT = 2.0**-900  # smaller weights count as between 0 and their upper end
_UNDERFLOW = 2.0**-800
_MOST_VALUE = 2.0**90
_MOST_WEIGHT = 2.0**10
_LEVEL_SLACK = 2.0**-50  # of the sum of a level and a quotient
_SHIFT_SLACK = 2.0**-49  # of the sums of value, direct path and level
_TABLE_ROWS = 1 << 10  # classes with more compositions have no table of sums


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Tokens by cell, positions by class. T tokens, P positions, K cells.

    starts [K]: where each cell begins in the order of tokens that weights and values have; classes: the positions of each;
    compositions: for each class all ways [C, K] to have its positions hold tokens of the cells; rows sum to the size of the class.
    """

    starts: Integers
    classes: tuple[Integers, ...]
    compositions: tuple[Integers, ...]


class BoxLosses(Protocol):
    """The losses of the boxes of one block."""

    def losses(self, rows: Sequence[Integers], *, below: bool) -> Intervals:
        """Enclosures of the losses on boxes b: composition rows[c][b] of each class c. Lower ends are 0 unless `below`. [B]."""


def box_losses(
    weights: Intervals, own: Intervals, values: Intervals, own_value: Intervals, direct: Intervals, levels: DyadicArray, at: Arrangement
) -> BoxLosses:
    """weights [P, T], own [] (the query's), values [P, T, J], own_value [J], direct [J], levels [L, J], all exact
    values of finite doubles. ArithmeticError where a number is out of range.
    """
    if len(at.classes) * len(at.starts) > MOST_TERMS or sum(map(len, at.classes)) > MOST_TERMS:
        raise ArithmeticError("too many classes and cells")
    if isinstance(values, FloatIntervals):
        parts = (_floats(weights), _floats(own), values, _floats(own_value), _floats(direct))
        return _FloatBoxLosses(*parts, _doubles(levels), at)
    return _BallBoxLosses(_balls(weights), _balls(own), _balls(values), _balls(own_value), _balls(direct), levels, at)


class _FloatBoxLosses:
    """In float64. Every lower bound of a term carries the slack for what is computed with it later."""

    @np.errstate(all="ignore")
    def __init__(
        self,
        weights: FloatIntervals,
        own: FloatIntervals,
        values: FloatIntervals,
        own_value: FloatIntervals,
        direct: FloatIntervals,
        levels: Doubles,
        at: Arrangement,
    ) -> None:
        self._at = at
        self._levels = levels
        slack = _SLACK + 4 * (_width(weights) + _width(own))  # NaN stays, here and below
        largest = sum(float(np.abs(end).max(initial=0.0)) for part in (values, own_value, direct) for end in (part.lo, part.hi))
        size = 3 * (largest + float(np.abs(levels).max(initial=0.0)))
        heaviest = float(weights.hi.max(initial=0.0)) + float(own.hi)
        lightest = float(np.minimum(weights.lo.min(initial=0.0), own.lo))
        if not (slack < 2.0**-3 and size < _MOST_VALUE and heaviest < _MOST_WEIGHT and lightest >= 0):
            raise ArithmeticError("weights or values leave the range of float64")
        self._slack = slack
        self._size = size * _SHIFT_SLACK
        self._weights, self._own = weights.hi, own.hi
        self._ends = ((values.lo, own_value.lo, direct.lo), (-values.hi, -own_value.hi, -direct.hi))
        light = self._cells(self._weights[:, :, None], np.minimum)
        heavy = self._cells(self._weights[:, :, None], np.maximum)
        self._least = [_Rows(np.maximum(part * (1 - slack) - _UNDERFLOW, 0.0), at.compositions[c]) for c, part in enumerate(light)]
        self._most = [_Rows(part * (1 + slack) + _UNDERFLOW, at.compositions[c]) for c, part in enumerate(heavy)]
        self._own_least = max(float(own.hi) * (1 - slack) - _UNDERFLOW, 0.0)
        self._own_most = float(own.hi) * (1 + slack) + _UNDERFLOW
        self._floors = {False: self._floor(0)}
        self._terms = {False: [self._level(k, 0) for k in range(len(levels))]}

    def losses(self, rows: Sequence[Integers], *, below: bool) -> FloatIntervals:
        most = self._sums(self._most, rows, self._own_most)
        least = self._sums(self._least, rows, self._own_least)
        high = log_sum_above(-self._margins(False, rows, least, most))
        if not below:
            return FloatIntervals(np.zeros_like(high), high)
        if True not in self._terms:
            self._floors[True] = self._floor(1)
            self._terms[True] = [self._level(k, 1) for k in range(len(self._levels))]
        return FloatIntervals(log_sum_below(self._margins(True, rows, least, most)), high)

    @np.errstate(all="ignore")
    def _margins(self, negated: bool, rows: Sequence[Integers], least: Doubles, most: Doubles) -> Doubles:
        """Lower bounds of M, or of −M, at the best level: [B, J]. A level says nothing, −∞, where Z₋ is 0 and G < 0."""
        floor, direct = self._floors[negated], self._ends[int(negated)][2]
        found: Doubles = np.broadcast_to(floor, (len(rows[0]) if rows else 1, len(floor)))
        for level, (own, terms) in zip(self._levels, self._terms[negated], strict=True):
            G = self._sums(terms, rows, own)
            quotient = G / np.where(G >= 0, most, least)
            quotient += ((-level if negated else level) + direct) - self._size  # outward: down
            found = np.maximum(found, quotient)
            count((len(terms) + 5) * G.size)
        return np.asarray(found - _LEVEL_SLACK * np.abs(found))  # outward: down

    def _level(self, k: int, side: int) -> tuple[Doubles, list[_Rows]]:
        """Lower bounds of the query's term [J] and of the terms of each class and cell, at level k of v (side 0) or of −v (side 1)."""
        values, own_value, _ = self._ends[side]
        shift = (-self._levels[k] if side == 0 else self._levels[k]) - self._size  # outward: down
        terms = values + shift
        terms *= self._weights[:, :, None]
        count(2 * terms.size)
        own = self._lowered(np.asarray(self._own * (own_value + shift)))
        return own, [_Rows(self._lowered(part), self._at.compositions[c]) for c, part in enumerate(self._cells(terms, np.minimum))]

    def _floor(self, side: int) -> Doubles:
        """At most the smallest value for each rival, [J]."""
        values, own_value, direct = self._ends[side]
        count(values.size)
        return np.asarray(np.minimum(values.min(axis=(0, 1), initial=np.inf), own_value) + direct - self._size)  # outward: down

    def _lowered(self, terms: Doubles) -> Doubles:
        return terms - self._slack * np.abs(terms) - _UNDERFLOW  # outward: down

    def _cells(self, terms: Doubles, extreme: np.ufunc) -> list[Doubles]:
        """terms [P, T, J] to their extremes over the positions of each class and the tokens of each cell, [K, J]."""
        count(terms.size)
        return [extreme.reduceat(extreme.reduce(terms[part], axis=0), self._at.starts, axis=0) for part in self._at.classes]

    @staticmethod
    def _sums(parts: Sequence[_Rows], rows: Sequence[Integers], own: Doubles | float) -> Doubles:
        """own + Σ_c Σ_k compositions_c[rows_c, k]·part_c[k], [B, J]."""
        if not parts:
            return np.asarray(np.asarray(own)[None], dtype=np.float64).reshape(1, -1)
        total = parts[0].at(rows[0])
        for part, row in zip(parts[1:], rows[1:], strict=True):
            total += part.at(row)
        total += own
        return total


class _Rows:
    """Σ_k counts[r, k]·part[k] for rows r: part [K, J], counts [C, K]; kept for all rows if they are few."""

    __slots__ = ("_counts", "_part", "_table")

    def __init__(self, part: Doubles, counts: Integers) -> None:
        self._part, self._counts = part, counts
        self._table = self._made(counts) if len(counts) <= _TABLE_ROWS else None

    def at(self, rows: Integers) -> Doubles:
        return self._made(self._counts[rows]) if self._table is None else np.take(self._table, rows, axis=0)

    def _made(self, counts: Integers) -> Doubles:
        numbers = counts.astype(np.float64)  # exact: small
        total: Doubles = numbers[:, 0, None] * self._part[0]
        for k in range(1, len(self._part)):
            total += numbers[:, k, None] * self._part[k]
        count(2 * counts.size * self._part.shape[1])
        return total


class _BallBoxLosses:
    """In balls: the same bounds, from the lower ends of balls."""

    def __init__(
        self,
        weights: BallIntervals,
        own: BallIntervals,
        values: BallIntervals,
        own_value: BallIntervals,
        direct: BallIntervals,
        levels: DyadicArray,
        at: Arrangement,
    ) -> None:
        self._at = at
        self._own: Any = own.entries[()]
        self._light, self._heavy = (self._cells(part, largest=side) for side, part in ((False, weights), (True, weights)))
        exact = BallIntervals.from_dyadic(levels)
        self._levels: list[Balls] = [(exact[k] + direct).entries for k in range(levels.shape[0])]
        self._floors = [self._floor(values, own_value, direct), self._floor(-values, -own_value, -direct)]
        self._sides = []
        for sign in (False, True):
            found = []
            for k in range(levels.shape[0]):
                terms, own_term = (values - exact[k]) * weights[:, :, None], (own_value - exact[k]) * own
                terms, own_term = (-terms, -own_term) if sign else (terms, own_term)
                found.append((own_term.entries, self._cells(terms, largest=False)))
            self._sides.append(found)

    def losses(self, rows: Sequence[Integers], *, below: bool) -> BallIntervals:
        boxes = len(rows[0]) if rows else 1
        out = np.empty(boxes, dtype=object)
        for b in range(boxes):
            counts = [self._at.compositions[c][row[b]].tolist() for c, row in enumerate(rows)]
            high = log_sum_ball([-x for x in self._margins(False, counts)]).upper()
            low = log_sum_ball(self._margins(True, counts)).lower() if below else arb(0)
            known = high.is_finite() and low.is_finite()
            out[b] = (low if low > 0 else arb(0)).union(high) if known else arb("nan")
        count(LOG_SUM_OPERATIONS * boxes * (len(self._levels[0]) if self._levels else 1))
        return BallIntervals(out)

    def _margins(self, negated: bool, counts: list[list[int]]) -> list[arb]:
        """Lower bounds of M, or of −M, exact numbers; NaN where nothing is known."""
        found: list[arb] = list(self._floors[int(negated)])
        least = (self._own + _weighted(self._light, counts)).lower()
        most = (self._own + _weighted(self._heavy, counts)).upper()
        for level, (own, terms) in zip(self._levels, self._sides[int(negated)], strict=True):
            sums = own + _weighted(terms, counts)
            signed = -level if negated else level
            bounds = [_at_level(G.lower(), least, most, delta) for G, delta in zip(sums.tolist(), signed.tolist(), strict=True)]
            found = [_better(a, b) for a, b in zip(found, bounds, strict=True)]
        return found

    @staticmethod
    def _floor(values: BallIntervals, own_value: BallIntervals, direct: BallIntervals) -> list[arb]:
        """The smallest value for each rival, rounded down."""
        least = own_value
        if values.size:
            least = -((-own_value).maximum(-values.min(axis=0).min(axis=0)))
        entries: list[arb] = (least + direct).entries.tolist()
        return [x.lower() for x in entries]

    def _cells(self, terms: BallIntervals, *, largest: bool) -> list[list[Balls]]:
        ends = [*self._at.starts.tolist()[1:], terms.shape[1]]
        out = []
        for part in self._at.classes:
            chosen = terms[part].max(axis=0) if largest else terms[part].min(axis=0)
            cells = [chosen[low:high] for low, high in zip(self._at.starts.tolist(), ends, strict=True)]
            out.append([(cell.max(axis=0) if largest else cell.min(axis=0)).entries for cell in cells])
        return out


def _weighted(cells: list[list[Balls]], counts: list[list[int]]) -> Balls:
    total: Balls = np.asarray(arb(0), dtype=object)
    for part, numbers in zip(cells, counts, strict=True):
        for cell, number in zip(part, numbers, strict=True):
            if number:
                total = np.asarray(total + cell * number, dtype=object)
    return total


def _at_level(G: arb, least: arb, most: arb, delta: arb) -> arb:
    """δ + G/Z₊ if G ≥ 0, else δ + G/Z₋, rounded down; G, least and most are exact numbers. NaN where Z₋ is not known to be above 0."""
    divisor = most if G >= 0 else least
    return (delta + G / divisor).lower() if certainly_positive_ball(divisor) else arb("nan")


def _better(a: arb, b: arb) -> arb:
    """The larger of two exact numbers, of which one may be NaN."""
    if not a.is_finite():
        return b
    return b if b.is_finite() and b > a else a


def _width(weights: FloatIntervals) -> float:
    """At least the largest (hi − lo)/hi of the entries that are not tiny. NaN where one is not finite."""
    sizes = np.where(weights.hi > _TINY_WEIGHT, weights.hi, np.inf)
    widths = (weights.hi - weights.lo) / sizes
    return float(widths.max(initial=0.0)) + 2.0**-50


def _doubles(levels: DyadicArray) -> Doubles:
    """The same numbers, which were doubles."""
    found = FloatIntervals.from_dyadic(levels)
    if not (found.lo == found.hi).all():
        raise ArithmeticError("a level is no double")
    return found.lo


def _floats(part: Intervals) -> FloatIntervals:
    if not isinstance(part, FloatIntervals):
        raise TypeError("enclosures of another arithmetic")
    return part


def _balls(part: Intervals) -> BallIntervals:
    if not isinstance(part, BallIntervals):
        raise TypeError("enclosures of another arithmetic")
    return part


__all__ = ["Arrangement", "BoxLosses", "box_losses"]
