"""Column arithmetic in balls: the reference, slow. Every operation is flint's, so every entry encloses."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from flint import arb, arb_mat, fmpq

from proofcheck.arithmetic.ball_intervals import BallIntervals, Balls, balls, certainly_at_most_zero_ball, certainly_positive_ball
from proofcheck.arithmetic.columns import (
    ACTIVATION_OPERATIONS,
    ACTIVATIONS,
    ATTENTION_OPERATIONS,
    GELU,
    GELU_NEW,
    GELU_NEW_CUBIC,
    NORMALIZATION_OPERATIONS,
    RELU,
    SOFTMAX_OPERATIONS,
    Attention,
    ColumnArithmetic,
    Columns,
    Lookup,
    Map,
    Places,
    Scale,
)
from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.operations import count

_MOST_SCORE = 2**40  # larger scores would need exponents of thousands of digits


def rational_ball(x: Fraction) -> arb:
    """A ball around x."""
    return arb(fmpq(x.numerator, x.denominator))


class BallColumns(Columns):
    """An object array of balls, [k, B]."""

    __slots__ = ("entries",)

    def __init__(self, entries: Balls) -> None:
        self.entries = entries

    @property
    def width(self) -> int:
        return int(self.entries.shape[1])

    def take(self, places: Places) -> BallColumns:
        return self if places is None else BallColumns(self.entries[:, places])

    def __add__(self, other: BallColumns) -> BallColumns:
        count(self.entries.size)
        return BallColumns(self.entries + other.entries)

    def activated(self, name: str) -> BallColumns:
        if name not in ACTIVATIONS:
            raise ValueError(f"no activation {name!r}")
        function = {RELU: _relu, GELU: _gelu, GELU_NEW: _gelu_new}.get(name, _silu)
        out = np.empty(self.entries.size, dtype=object)
        out[:] = [function(x) for x in self.entries.ravel().tolist()]
        count(ACTIVATION_OPERATIONS * out.size)
        return BallColumns(out.reshape(self.entries.shape))

    def normalized(self, eps: Fraction, *, centred: bool) -> BallColumns:
        k = self.entries.shape[0]
        centres = self.entries - _sums(self.entries) / arb(k) if centred else self.entries
        variances = _sums(centres * centres) / arb(k) + rational_ball(eps)
        inverse = np.empty(self.width, dtype=object)
        inverse[:] = [variance.rsqrt() for variance in variances.ravel().tolist()]
        count(NORMALIZATION_OPERATIONS * self.entries.size)
        return BallColumns(centres * inverse)

    def logits(self) -> BallIntervals:
        return BallIntervals(self.entries.T)


class BallColumnArithmetic(ColumnArithmetic):
    """Maps in balls of flint's present precision."""

    def lookup(self, table: DyadicArray) -> Lookup:
        rows = balls(table)
        return lambda numbers: BallColumns(rows[numbers].T)

    def affine(self, W: DyadicArray, b: DyadicArray | None) -> Map:
        inputs, outputs = W.shape
        matrix = arb_mat(outputs, inputs, balls(W.T).ravel().tolist())
        bias = None if b is None else balls(b)[:, None]

        def apply(x: Columns) -> BallColumns:
            entries = _entries(x)
            product = matrix * arb_mat(inputs, x.width, entries.ravel().tolist())
            out = np.empty(outputs * x.width, dtype=object)
            out[:] = product.entries()
            count(2 * inputs * out.size)
            shaped = out.reshape(outputs, x.width)
            return BallColumns(shaped if bias is None else shaped + bias)

        return apply

    def diagonal(self, w: DyadicArray, b: DyadicArray | None) -> Map:
        factors, bias = balls(w)[:, None], None if b is None else balls(b)[:, None]

        def apply(x: Columns) -> BallColumns:
            entries = _entries(x) * factors
            count(2 * entries.size)
            return BallColumns(entries if bias is None else entries + bias)

        return apply

    def attention(self, n_heads: int, scale: Scale) -> Attention:
        factor = rational_ball(scale.ratio) / arb(scale.square).sqrt()

        def apply(query: Columns, at: Places, keys: Sequence[Columns], values: Sequence[Columns], places: Sequence[Places]) -> BallColumns:
            q = _by_head(query.take(at), n_heads)
            heads, d_head, width = q.shape
            total = np.full((heads, width), arb(0), dtype=object)
            z = np.full(q.shape, arb(0), dtype=object)
            scores = [_sums(np.moveaxis(q * _by_head(k.take(p), n_heads), 1, 0)) * factor for k, p in zip(keys, places, strict=True)]
            centres = _largest_centres(scores)
            for score, v, p in zip(scores, values, places, strict=True):
                weight = _exponentials(score - centres)
                total = total + weight
                z = z + weight[:, None] * _by_head(v.take(p), n_heads)
            count(ATTENTION_OPERATIONS * len(keys) * q.size + SOFTMAX_OPERATIONS * len(keys) * heads * width)
            return BallColumns((z / total[:, None]).reshape(heads * d_head, width))

        return apply

    def average(self, values: Sequence[Columns], places: Sequence[Places]) -> BallColumns:
        total = _entries(values[0].take(places[0]))
        for value, place in zip(values[1:], places[1:], strict=True):
            total = total + _entries(value.take(place))
        count(len(values) * total.size)
        return BallColumns(total / arb(len(values)))


def _entries(x: Columns) -> Balls:
    if not isinstance(x, BallColumns):
        raise TypeError("columns of another arithmetic")
    return x.entries


def _by_head(x: Columns, n_heads: int) -> Balls:
    return _entries(x).reshape(n_heads, -1, x.width)


def _sums(entries: Balls) -> Balls:
    """Sums over the first axis, of at least one entry."""
    total = entries[0]
    for part in entries[1:]:
        total = total + part
    return np.asarray(total, dtype=object)


def _largest_centres(scores: list[Balls]) -> Balls:
    """For each head and column an exact number near the largest score. Softmax does not change when it is subtracted, whatever it is."""
    out = np.empty(scores[0].shape, dtype=object)
    for index in np.ndindex(out.shape):
        found = [score[index] for score in scores]
        if not all(x.is_finite() and abs(x).upper() < _MOST_SCORE for x in found):
            raise ArithmeticError("a score is too large to exponentiate")
        middles = [x.mid() for x in found]
        largest = middles[0]
        for middle in middles[1:]:
            largest = middle if middle > largest else largest
        out[index] = largest
    return out


def _exponentials(entries: Balls) -> Balls:
    out = np.empty(entries.size, dtype=object)
    out[:] = [x.exp() for x in entries.ravel().tolist()]
    return out.reshape(entries.shape)


def _relu(x: arb) -> arb:
    """A ball around max(x, 0): x itself, 0, or around [0, upper end]."""
    if certainly_positive_ball(x):
        return x
    if certainly_at_most_zero_ball(x):
        return arb(0)
    return arb(0).union(x.upper()) if x.is_finite() else arb("nan")


def _gelu(x: arb) -> arb:
    """x·Φ(x) = x·(1 + erf(x/√2))/2."""
    return x * (1 + (x / arb(2).sqrt()).erf()) / 2


def _gelu_new(x: arb) -> arb:
    """x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2."""
    argument = (2 / arb.pi()).sqrt() * (x + rational_ball(GELU_NEW_CUBIC) * x * x * x)
    return x * (1 + argument.tanh()) / 2


def _silu(x: arb) -> arb:
    """x/(1 + e^−x) = x·(1 + tanh(x/2))/2."""
    return x * (1 + (x / 2).tanh()) / 2
