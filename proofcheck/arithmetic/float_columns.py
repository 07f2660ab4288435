"""Column arithmetic in float64: one Euclidean radius for each column. Theorem E, docs/rules/evaluation.md.

Semantics: column b encloses the vectors v with ‖values[:, b] − v‖₂ ≤ radius[b] where radius[b] is finite, and then values[:, b] is finite;
it encloses every vector where radius[b] is infinite or NaN. Radii are at least TINY. No operation mixes columns, so a column that left the
range of float64 does not touch others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from proofcheck.arithmetic.blas import LARGEST_SAMPLE, blas_failures, product_failures
from proofcheck.arithmetic.columns import (
    ACTIVATION_OPERATIONS,
    ATTENTION_OPERATIONS,
    NORMALIZATION_OPERATIONS,
    RELU,
    SOFTMAX_OPERATIONS,
    Attention,
    ColumnArithmetic,
    Columns,
    Lookup,
    Places,
    Scale,
)
from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.fixed_point import Booleans, Integers
from proofcheck.arithmetic.float_bounds import (
    HUGE,
    ROOT_TWO,
    SLACK,
    TINY,
    Doubles,
    U,
    column_norms,
    exact_doubles,
    gamma,
    head_norms,
    norm_above,
    spectral_norm_above,
)
from proofcheck.arithmetic.float_functions import ACTIVATION_ERROR, EXPONENTIAL_ERROR, LIPSCHITZ, activated, exponentials
from proofcheck.arithmetic.float_intervals import enclosing_doubles, rounded_down, rounded_up
from proofcheck.arithmetic.operations import count

PAIRS = 8  # pairs of columns whose products cost no more than that of one pair taken out of its columns
_FIRST = np.zeros(1, dtype=np.int64)
_FIRST.flags.writeable = False


class FloatColumns(Columns):
    """values [k, B], radius [B]; both are never written to once they are here."""

    __slots__ = ("_heads", "_norms", "radius", "values")

    def __init__(self, values: Doubles, radius: Doubles, norms: Doubles | None = None) -> None:
        self.values = values
        self.radius = radius
        self._norms = norms
        self._heads: Doubles | None = None

    @property
    def width(self) -> int:
        return int(self.values.shape[1])

    def norms(self) -> Doubles:
        """At least ‖values[:, b]‖, infinite where that is not finite; computed once."""
        if self._norms is None:
            self._norms = column_norms(self.values)
        return self._norms

    def norms_by_head(self, n_heads: int) -> Doubles:
        """[n_heads, B]: the same for each head's features; computed once, for one number of heads."""
        if self._heads is None or len(self._heads) != n_heads:
            self._heads = head_norms(self.values.reshape(n_heads, -1, self.width))
        return self._heads

    def take(self, places: Places) -> FloatColumns:
        if places is None:
            return self
        norms = None if self._norms is None else np.take(self._norms, places)
        return FloatColumns(np.take(self.values, places, axis=1), np.take(self.radius, places), norms)

    @np.errstate(all="ignore")
    def __add__(self, other: FloatColumns) -> FloatColumns:
        """|fl(x + y) − (x + y)| ≤ U/(1 − U)·|fl(x + y)|, entry by entry."""
        total = FloatColumns(self.values + other.values, self.radius)
        total.radius = (self.radius + other.radius + gamma(1) * total.norms() + TINY) * SLACK
        count(total.values.size)
        return total

    @np.errstate(all="ignore")
    def activated(self, name: str) -> FloatColumns:
        """|f̂(x̂) − f(x)| ≤ |f̂(x̂) − f(x̂)| + L·|x̂ − x|, entry by entry. NaN stays NaN."""
        values = activated(name, self.values)
        count(ACTIVATION_OPERATIONS * values.size)
        if name == RELU:
            return FloatColumns(values, self.radius)  # values are finite where the radius is
        return FloatColumns(values, (LIPSCHITZ[name] * self.radius + ACTIVATION_ERROR * self.norms() + TINY) * SLACK)

    @np.errstate(all="ignore")
    def normalized(self, eps: Fraction, *, centred: bool) -> FloatColumns:
        """c ↦ c/√(‖c‖²/k + eps) has a derivative of norm at most 1/√v, v ≤ ‖c‖²/k + eps between the computed c and the exact one."""
        return self.centre(centred=centred).normalized(eps)

    def centre(self, *, centred: bool) -> Centre:
        """x − mean(x) if centred, else x."""
        k, radius = self.values.shape[0], self.radius
        if centred:
            c = FloatColumns(self.values - self.values.sum(axis=0) / k, radius)
            c.radius = (radius + gamma(k + 2) * (self.norms() + c.norms()) + TINY) * SLACK
        else:
            c = self
        return Centre(c, np.einsum("kb,kb->b", c.values, c.values))

    def logits(self) -> FloatLogits:
        return FloatLogits(self.values, self.radius)


class Centre:
    """What a normalization divides: columns c, and the computed squares of their lengths."""

    __slots__ = ("c", "squares")

    def __init__(self, c: FloatColumns, squares: Doubles) -> None:
        self.c = c
        self.squares = squares

    def variance_below(self, eps: Fraction, further: Doubles | float = 0.0) -> Doubles:
        """At most ‖y‖²/k + eps for every y within the radius and `further` ≥ 0 of the computed c. ArithmeticError for a tiny eps."""
        k = self.c.values.shape[0]
        away = (self.c.radius + further) * SLACK
        shortest = np.maximum(np.sqrt(self.squares) * (1 - gamma(k + 8)) - TINY - away, 0.0)  # outward: down; NaN stays
        return np.asarray((shortest * shortest * (1 / k) + eps_below(eps)) * (1 - 2.0**-40))  # outward: down

    def normalized(self, eps: Fraction) -> FloatColumns:
        """c/√(‖c‖²/k + eps), with its radius."""
        k = self.c.values.shape[0]
        out = FloatColumns(self.c.values / np.sqrt(self.squares / k + float(eps)), self.c.radius)
        out.radius = (self.c.radius / np.sqrt(self.variance_below(eps)) + gamma(k + 8) * out.norms() + TINY) * SLACK
        out.radius = capped_like(out.radius, self.c.norms())
        count(NORMALIZATION_OPERATIONS * out.values.size)
        return out


class FloatLogits:
    """Logits [A, B] with one Euclidean radius for each input."""

    __slots__ = ("radius", "values")

    def __init__(self, values: Doubles, radius: Doubles) -> None:
        self.values = values
        self.radius = radius

    @np.errstate(all="ignore")
    def decide(self, answers: Integers, margin: DyadicArray | None = None) -> tuple[Booleans, Booleans]:
        """A margin v_y − v_j differs from the computed one by at most √2·radius, and by the rounding of one subtraction.

        With least ≤ δ ≤ most around the margin, the answer is right if the smallest computed v_y − v_j is above δ + bound, and wrong if it
        is at most δ − bound. NaN is neither. No margin adds nothing; else the sums are rounded outward (`rounded_up`, `rounded_down`).
        """
        columns = np.arange(len(answers))
        own = self.values[answers, columns]
        rivals = self.values.copy()
        rivals[answers, columns] = -np.inf
        ahead = own - rivals.max(axis=0)
        bound = (ROOT_TWO * self.radius + 2 * U * np.abs(ahead) + TINY) * SLACK
        bound[np.isposinf(ahead)] = 0.0  # there is no rival
        above, below = bound, -bound
        if margin is not None:
            least, most = enclosing_doubles(int(margin.integers[()]), margin.exponent)
            above, below = rounded_up(bound + most), rounded_down(least - bound)
        known = np.isfinite(self.radius) & np.isfinite(own)
        count(2 * self.values.size)
        return known & (ahead > above), known & (ahead <= below)


def capped_like(radius: Doubles, norms: Doubles) -> Doubles:
    """The radius where the norm is finite, else infinity: nothing is known about values that are not finite."""
    return np.where(norms < HUGE, radius, np.inf)


def eps_below(eps: Fraction) -> float:
    """A double from 0 to eps. ArithmeticError unless eps ≥ 2^−200, so that no square near it underflows."""
    if eps < Fraction(1, 2**200):
        raise ArithmeticError("eps is too small for float64 bounds")
    return math.nextafter(float(eps), 0.0)


class FloatAffine:
    """x ↦ x W + b: ‖fl(Wᵀx̂ + b) − (Wᵀx + b)‖ ≤ ‖W‖₂·r + γ_{k+2}(‖W‖_F·‖x̂‖ + ‖b‖) + underflow.

    matrix: Wᵀ. spectral, frobenius, bias_norm: at least these norms.
    """

    __slots__ = ("_bias", "bias_norm", "frobenius", "matrix", "spectral")

    def __init__(self, W: DyadicArray, b: DyadicArray | None) -> None:
        self.matrix = np.ascontiguousarray(exact_doubles(W).T)
        outputs, inputs = self.matrix.shape
        if min(outputs, inputs) > LARGEST_SAMPLE:
            _refuse(product_failures(outputs, inputs, max(outputs, inputs)))
        self._bias = None if b is None else exact_doubles(b)[:, None]
        self.spectral, self.frobenius = spectral_norm_above(self.matrix), norm_above(self.matrix)
        self.bias_norm = 0.0 if self._bias is None else norm_above(self._bias)

    @np.errstate(all="ignore")
    def __call__(self, x: Columns) -> FloatColumns:
        given, k = as_floats(x), self.matrix.shape[1]
        values = self.matrix @ given.values
        if self._bias is not None:
            values += self._bias
        rounding = gamma(k + 2) * (self.frobenius * given.norms() + self.bias_norm)
        count(2 * k * values.size)
        return FloatColumns(values, (self.spectral * given.radius + rounding + TINY) * SLACK)


class FloatDiagonal:
    """x ↦ x∘w + b: ‖fl(x̂∘w + b) − (x∘w + b)‖ ≤ max|w|·r + γ_3(max|w|·‖x̂‖ + ‖b‖) + underflow.

    largest, bias_norm: at least max|w| and ‖b‖.
    """

    __slots__ = ("_bias", "_factors", "bias_norm", "largest")

    def __init__(self, w: DyadicArray, b: DyadicArray | None) -> None:
        self._factors = exact_doubles(w)[:, None]
        self._bias = None if b is None else exact_doubles(b)[:, None]
        self.largest = float(np.abs(self._factors).max()) + TINY
        self.bias_norm = 0.0 if self._bias is None else norm_above(self._bias)

    @np.errstate(all="ignore")
    def __call__(self, x: Columns) -> FloatColumns:
        given = as_floats(x)
        values = given.values * self._factors
        if self._bias is not None:
            values += self._bias
        count(2 * values.size)
        rounding = gamma(3) * (self.largest * given.norms() + self.bias_norm)
        return FloatColumns(values, (self.largest * given.radius + rounding + TINY) * SLACK)


@dataclass(frozen=True, slots=True)
class Attended:
    """z, and bounds. query, key, value [H, B]: at least the norms of the computed vectors of each head, of keys and values the largest.
    …_radius [B]: of the whole vectors. error [H, B]: of scores. spread [H, B]: the computed largest score less the least.
    """

    z: FloatColumns
    query: Doubles
    query_radius: Doubles
    key: Doubles
    key_radius: Doubles
    value: Doubles
    value_radius: Doubles
    error: Doubles
    spread: Doubles


class FloatAttention:
    """Softmax attention of every head. above: at least the scale, and TINY."""

    __slots__ = ("_factor", "above", "n_heads")

    def __init__(self, n_heads: int, scale: Scale) -> None:
        self.n_heads = n_heads
        self._factor = float(scale.ratio) / math.sqrt(scale.square)  # within 4U of the exact scale
        self.above = self._factor * SLACK + TINY
        if not self.above < HUGE:
            raise ArithmeticError("the attention scale is too large for float64 bounds")

    @np.errstate(all="ignore")
    def __call__(
        self, query: Columns, at: Places, keys: Sequence[Columns], values: Sequence[Columns], places: Sequence[Places]
    ) -> Attended:
        n_heads, q = self.n_heads, as_floats(query)
        features, width = len(q.values), q.width if at is None else len(at)
        d_head, m = features // n_heads, len(keys)
        own = narrowed(at)
        q_heads = q.values.reshape(n_heads, d_head, -1)
        scores = np.empty((m, n_heads, width))
        key_norm, key_radius = np.zeros((n_heads, width)), np.zeros(width)
        seen = [narrowed(place) for place in places]
        for j, (key, place) in enumerate(zip(keys, seen, strict=True)):
            k = as_floats(key)
            scores[j] = _products(q_heads, own, k.values.reshape(n_heads, d_head, -1), place, width)
            key_norm = np.maximum(key_norm, rows(k.norms_by_head(n_heads), place))  # NaN and infinity stay
            key_radius = np.maximum(key_radius, rows(k.radius, place))
        scores *= self._factor
        query_norm, query_radius = rows(q.norms_by_head(n_heads), own), rows(q.radius, own)
        error = query_norm * (gamma(d_head + 8) * key_norm + key_radius) + query_radius * (key_norm + key_radius)
        error = (self.above * error + TINY) * SLACK
        scores -= scores.max(axis=0)
        spread = -scores.min(axis=0)
        theta = (error + 2 * U * spread + 2 * EXPONENTIAL_ERROR) * SLACK
        moved = changed_weights(theta)
        weights = exponentials(scores)
        weights /= weights.sum(axis=0)
        value_norm, value_radius = np.zeros((n_heads, width)), np.zeros(width)
        parts = []
        for value, place in zip(values, seen, strict=True):
            v = as_floats(value)
            parts.append(rows(v.values, place).reshape(n_heads, d_head, -1))
            value_norm = np.maximum(value_norm, rows(v.norms_by_head(n_heads), place))
            value_radius = np.maximum(value_radius, rows(v.radius, place))
        z = _weighted(weights, parts)
        by_head = (moved + gamma(2 * m + 2)) * value_norm
        radius = (np.sqrt((by_head * by_head).sum(axis=0)) + math.sqrt(n_heads) * value_radius + TINY) * SLACK
        count(ATTENTION_OPERATIONS * m * z.size + SOFTMAX_OPERATIONS * weights.size)
        mixed = FloatColumns(z.reshape(features, width), radius)
        return Attended(mixed, query_norm, query_radius, key_norm, key_radius, value_norm, value_radius, error, spread)


def changed_weights(theta: Doubles) -> Doubles:
    """At least Σ|α̂ − α| of softmax weights whose logarithms are off by at most θ each: 2·tanh(θ/2) ≤ θ, and 2. Infinite for NaN."""
    return np.where(theta <= 1, theta, np.where(theta < np.inf, 2.0, np.inf))


class FloatColumnArithmetic(ColumnArithmetic):
    """Maps in float64. ArithmeticError if the matrix products of this machine are not conventional float64 ones."""

    def __init__(self) -> None:
        _refuse(blas_failures())

    def lookup(self, table: DyadicArray) -> Lookup:
        stored = np.ascontiguousarray(exact_doubles(table).T)
        norms = column_norms(stored)
        radius = np.full(stored.shape[1], TINY)
        return lambda numbers: FloatColumns(np.take(stored, numbers, axis=1), np.take(radius, numbers), np.take(norms, numbers))

    def affine(self, W: DyadicArray, b: DyadicArray | None) -> FloatAffine:
        return FloatAffine(W, b)

    def diagonal(self, w: DyadicArray, b: DyadicArray | None) -> FloatDiagonal:
        return FloatDiagonal(w, b)

    def attention(self, n_heads: int, scale: Scale) -> Attention:
        attended = FloatAttention(n_heads, scale)

        def apply(query: Columns, at: Places, keys: Sequence[Columns], values: Sequence[Columns], places: Sequence[Places]) -> FloatColumns:
            return attended(query, at, keys, values, places).z

        return apply

    @np.errstate(all="ignore")
    def average(self, values: Sequence[Columns], places: Sequence[Places]) -> FloatColumns:
        """‖fl(Σ v̂_j/m) − Σ v_j/m‖ ≤ Σ r_j/m + γ_{m+2}·max ‖v̂_j‖ + underflow."""
        m = len(values)
        given = [as_floats(value) for value in values]
        total = rows(given[0].values, places[0]).copy()
        radius, norm = np.zeros(total.shape[1]), np.zeros(total.shape[1])
        for value, place in zip(given, places, strict=True):
            radius = radius + rows(value.radius, place)
            norm = np.maximum(norm, rows(value.norms(), place))
        for value, place in zip(given[1:], places[1:], strict=True):
            total += rows(value.values, place)
        total /= m
        count(m * total.size)
        return FloatColumns(total, (radius / m + gamma(m + 2) * norm + TINY) * SLACK)


def _refuse(failures: list[str]) -> None:
    if failures:
        raise ArithmeticError("; ".join(failures))


def as_floats(x: Columns) -> FloatColumns:
    if not isinstance(x, FloatColumns):
        raise TypeError("columns of another arithmetic")
    return x


def narrowed(places: Places) -> Places:
    """The same places; one of them where they are all equal, for numpy to repeat."""
    return places if places is None or len(places) < 2 or bool((places != places[0]).any()) else places[:1]


def _products(left: Doubles, at: Places, right: Doubles, place: Places, width: int) -> Doubles:
    """[H, d, ·], [H, d, ·] → [H, width] or [H, 1]: the scalar products of columns left[:, :, at] and right[:, :, place], head by head.

    Where both are taken from few columns, all pairs of these are multiplied first, by matrix products: sums of d products either way.
    """
    if at is not None and place is not None:
        if len(at) == 1:
            left, at = left[:, :, at], _FIRST
        if len(place) == 1:
            right, place = right[:, :, place], _FIRST
        if left.shape[2] * right.shape[2] <= PAIRS * width:
            pairs = np.matmul(left.transpose(0, 2, 1), right)
            return np.asarray(np.take(pairs.reshape(len(left), -1), at * right.shape[2] + place, axis=1))
    return np.asarray(np.einsum("hdb,hdb->hb", rows(left, at), rows(right, place)))


def _weighted(weights: Doubles, values: Sequence[Doubles]) -> Doubles:
    """Σ_j weights[j]·values[j], head by head: [m, H, B] and m times [H, d, B] or [H, d, 1] → [H, d, B], m products and sums each."""
    width = weights.shape[2]
    fixed = [j for j, value in enumerate(values) if value.shape[2] == 1 < width]
    others = [j for j in range(len(values)) if j not in fixed]
    if len(fixed) > 1:
        z = np.matmul(np.concatenate([values[j] for j in fixed], axis=2), weights[fixed].transpose(1, 0, 2))
    else:
        first, *others = fixed + others
        z = weights[first][:, None] * values[first]
    product = np.empty_like(z)
    for j in others:
        np.multiply(weights[j][:, None], values[j], out=product)
        z += product
    return np.asarray(z)


def rows(values: Doubles, places: Places) -> Doubles:
    return values if places is None else np.take(values, places, axis=-1)
