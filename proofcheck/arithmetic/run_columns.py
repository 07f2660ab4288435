"""Column arithmetic in float64 with a second radius: how far every conforming evaluation is from the exact vector. docs/semantics-float.md.

Semantics: column b has own.values[:, b] within own.radius[b] of the exact vector (`float_columns`), and every conforming evaluation of the
stages so far holds a vector within reach[b] of the exact one, where both are finite; then no number of the evaluation that led to it has
left the format. Where one is infinite or NaN nothing is claimed. Norms are Euclidean.
Theorem and proofs: docs/rules/evaluation-floats.md, whose names are used: Γ, u, η, τ, κ, ω.

Bounds are computed as in `float_bounds` (SLACK, TINY): a term with η that underflows here is below TINY.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from proofcheck.arithmetic.columns import RELU, Attention, ColumnArithmetic, Columns, Lookup, Map, Places, Scale
from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.float_bounds import HUGE, SLACK, TINY, Doubles, U, exact_doubles
from proofcheck.arithmetic.float_columns import (
    FloatAffine,
    FloatAttention,
    FloatColumnArithmetic,
    FloatColumns,
    FloatDiagonal,
    FloatLogits,
    changed_weights,
    narrowed,
    rows,
)
from proofcheck.arithmetic.float_functions import LIPSCHITZ


class OutsideFormatError(ArithmeticError):
    """A weight or constant is no normal number of the format, and not 0."""


@dataclass(frozen=True, slots=True)
class Conforming:
    """Which evaluations are meant: operations return exact·(1 + d) + h, |d| ≤ u = 2^−unit, |h| ≤ η = 2^−least, numbers reach 2^largest and
    have `digits` bits; at most `roundings` N of a term of a stage; softmax weights within τ + κu|·| and η, τ ≤ 1/2; activation functions
    within ω|x| + η. N·u ≤ 1/2.
    """

    unit: int
    least: int
    largest: int
    digits: int
    roundings: int
    tau: Fraction
    kappa: int
    activation: Fraction

    @property
    def u(self) -> float:
        return math.ldexp(1.0, -self.unit)

    @property
    def eta(self) -> float:
        return math.ldexp(1.0, -self.least)

    @property
    def gamma(self) -> float:
        """At least Γ = Nu/(1 − Nu)."""
        share = self.roundings * self.u  # exact
        if not share <= 0.5:
            raise ArithmeticError("so many roundings leave nothing of a number")
        return share / (1 - share) * SLACK

    def within(self, bound: Doubles, size: Doubles) -> Doubles:
        """The bound where numbers of this size, and some times it, are in the format; else infinity."""
        return np.where(size < math.ldexp(1.0, self.largest - 7), bound, np.inf)

    def holds(self, values: Doubles) -> bool:
        """Whether each is 0 or a normal number of the format."""
        significands, exponents = np.frexp(values)
        scaled = np.ldexp(significands, self.digits)
        normal = (scaled == np.rint(scaled)) & (exponents - 1 >= -self.least) & (exponents <= self.largest)
        return bool((normal | (values == 0)).all())


def above(value: Fraction) -> float:
    """A double that is at least the value, which is at least 0."""
    return math.nextafter(float(value), math.inf) if value else 0.0


class RunColumns(Columns):
    """own; reach [B]; and of sums: the reach of the terms without the roundings of the sum, and at least the sum of the terms' norms."""

    __slots__ = ("_norms", "_terms", "own", "reach", "run")

    def __init__(self, run: Conforming, own: FloatColumns, reach: Doubles, terms: tuple[Doubles, Doubles] | None = None) -> None:
        self.run = run
        self.own = own
        self.reach = reach
        self._terms = terms
        self._norms: Doubles | None = None

    @property
    def width(self) -> int:
        return self.own.width

    @property
    def features(self) -> int:
        return int(self.own.values.shape[0])

    def norms(self) -> Doubles:
        """At least the norm of what an evaluation holds; infinite from HUGE on."""
        if self._norms is None:
            norms = (self.own.norms() + self.own.radius + self.reach) * SLACK
            self._norms = np.where(norms < HUGE, norms, np.inf)
        return self._norms

    def terms(self) -> tuple[Doubles, Doubles]:
        return (self.reach, self.norms()) if self._terms is None else self._terms

    def take(self, places: Places) -> RunColumns:
        if places is None:
            return self
        terms = None if self._terms is None else (np.take(self._terms[0], places), np.take(self._terms[1], places))
        return RunColumns(self.run, self.own.take(places), np.take(self.reach, places), terms)

    @np.errstate(all="ignore")
    def __add__(self, other: RunColumns) -> RunColumns:
        """A sum of terms t in any order: Σρ_t + Γ·Σ‖t̃‖ + losses."""
        run, gamma = self.run, self.run.gamma
        (reach, mass), (other_reach, other_mass) = self.terms(), other.terms()
        losses = 4 * (1 + gamma) * run.eta * math.sqrt(self.features)
        together = (reach + other_reach + losses + TINY) * SLACK, (mass + other_mass) * SLACK
        total = run.within((together[0] + gamma * together[1] + TINY) * SLACK, together[1])
        return RunColumns(run, self.own + other.own, total, together)

    @np.errstate(all="ignore")
    def activated(self, name: str) -> RunColumns:
        """|f̃(x̃) − f(x)| ≤ ω|x̃| + L|x̃ − x| + losses, entry by entry; ω = 0 for ReLU."""
        run, losses = self.run, 4 * self.run.eta * math.sqrt(self.features)
        error = 0.0 if name == RELU else above(run.activation)
        norms = self.norms()
        reach = (LIPSCHITZ[name] * self.reach + error * norms + losses + TINY) * SLACK
        return RunColumns(run, self.own.activated(name), run.within(reach, (LIPSCHITZ[name] + error) * norms))

    @np.errstate(all="ignore")
    def normalized(self, eps: Fraction, *, centred: bool) -> RunColumns:
        """(ρ + (1 + Φ)(A + 16√k η))/√v + Φ√k + 16√k η, with A from the mean and the products, Φ from the variance."""
        run, gamma, root = self.run, self.run.gamma, math.sqrt(self.features)
        if eps < Fraction(1, 2**run.least):
            raise OutsideFormatError("eps is below the normal numbers of the format")
        centre = self.own.centre(centred=centred)
        variance = centre.variance_below(eps, self.reach)
        norms = self.norms()
        squares = norms * norms
        relative = ((gamma * squares * (1 / self.features) + 8 * run.eta) / variance + TINY) * SLACK
        relative = np.where(relative <= 0.5, relative, np.inf)  # NaN becomes infinity
        inverse = (relative + gamma + relative * gamma) * SLACK  # Φ
        terms = gamma * norms * (root * (1 + gamma) + 3 if centred else 1.0)
        reach = (self.reach + (1 + inverse) * (terms + 16 * root * run.eta)) / np.sqrt(variance)
        reach = (reach + inverse * root + 16 * root * run.eta + TINY) * SLACK
        return RunColumns(run, centre.normalized(eps), run.within(reach, squares + root * norms * (1 + 1 / np.sqrt(variance))))

    @np.errstate(all="ignore")
    def logits(self) -> FloatLogits:
        """Who is ahead by more than √2·(r + ρ + 2η) in our values is ahead in every evaluation, also where subnormals are read as 0."""
        return FloatLogits(self.own.values, (self.own.radius + self.reach + 2 * self.run.eta) * SLACK)


class RunColumnArithmetic(ColumnArithmetic):
    """Maps in float64 with both radii. OutsideFormatError where a weight is no number of the format; ArithmeticError as `float_columns`."""

    def __init__(self, run: Conforming) -> None:
        self._run = run
        self._own = FloatColumnArithmetic()

    def _require_held(self, *weights: DyadicArray | None) -> None:
        for exact in weights:
            if exact is not None and not self._run.holds(exact_doubles(exact)):
                raise OutsideFormatError("a weight is no normal number of the format")

    def lookup(self, table: DyadicArray) -> Lookup:
        self._require_held(table)
        find = self._own.lookup(table)

        def apply(numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> RunColumns:
            own = find(numbers)
            if not isinstance(own, FloatColumns):
                raise TypeError("columns of another arithmetic")
            return RunColumns(self._run, own, np.full(own.width, TINY))

        return apply

    def affine(self, W: DyadicArray, b: DyadicArray | None) -> Map:
        """σ̄ρ + Γ(‖W‖_F·‖x̃‖ + ‖b‖) + (1 + Γ)η(√k‖W‖_F + (4k + 4)√m)."""
        self._require_held(W, b)
        run, gamma, own = self._run, self._run.gamma, FloatAffine(W, b)
        m, k = own.matrix.shape
        losses = (1 + gamma) * run.eta * (math.sqrt(k) * own.frobenius + (4 * k + 4) * math.sqrt(m))

        @np.errstate(all="ignore")
        def apply(x: Columns) -> RunColumns:
            given = _runs(x)
            form = own.frobenius * given.norms() + own.bias_norm
            reach = (own.spectral * given.reach + gamma * form + losses + TINY) * SLACK
            return RunColumns(run, own(given.own), run.within(reach, form))

        return apply

    def diagonal(self, w: DyadicArray, b: DyadicArray | None) -> Map:
        """max|w|·ρ + Γ(max|w|·‖x̃‖ + ‖b‖) + (1 + Γ)η√k(max|w| + 6)."""
        self._require_held(w, b)
        run, gamma, own = self._run, self._run.gamma, FloatDiagonal(w, b)

        @np.errstate(all="ignore")
        def apply(x: Columns) -> RunColumns:
            given = _runs(x)
            form = own.largest * given.norms() + own.bias_norm
            losses = (1 + gamma) * run.eta * math.sqrt(given.features) * (own.largest + 6)
            reach = (own.largest * given.reach + gamma * form + losses + TINY) * SLACK
            return RunColumns(run, own(given.own), run.within(reach, form))

        return apply

    def attention(self, n_heads: int, scale: Scale) -> Attention:
        """√Σ_h(μ_h V_h + Γ Ṽ_h)² + √H·ρ_v + losses, μ_h ≥ Σ|α̃ − α|."""
        run, attended = self._run, FloatAttention(n_heads, scale)
        if scale.ratio and not Fraction(1, 2**run.least) <= scale.ratio < 2**run.largest:
            raise OutsideFormatError("the scale of attention is no normal number of the format")

        @np.errstate(all="ignore")
        def apply(query: Columns, at: Places, keys: Sequence[Columns], values: Sequence[Columns], places: Sequence[Places]) -> RunColumns:
            q, k, v = _runs(query), [_runs(key) for key in keys], [_runs(value) for value in values]
            own = attended(q.own, at, [key.own for key in k], [value.own for value in v], places)
            q_reach = rows(q.reach, narrowed(at))
            k_reach, v_reach = _largest([key.reach for key in k], places), _largest([value.reach for value in v], places)
            gamma, eta, d, m = run.gamma, run.eta, q.features // n_heads, len(k)
            # exact norms, and those of an evaluation
            q_norm, k_norm = own.query + own.query_radius, own.key + own.key_radius
            q_most, k_most = q_norm + q_reach, k_norm + k_reach
            form = attended.above * q_most * k_most
            losses = (1 + gamma) * (1 + attended.above) * eta * (4 * math.sqrt(d) * (q_most + k_most) + 6 * d + 8)
            error = attended.above * (q_norm * k_reach + q_reach * k_most) + gamma * form + losses
            error = (error + TINY) * SLACK
            spread = (own.spread * (1 + 4 * U) + 2 * own.error + 2 * error) * SLACK
            theta = (error + above(run.tau) + run.kappa * run.u * spread + TINY) * SLACK
            moved = changed_weights(theta) + 4 * m * eta
            v_norm = own.value + own.value_radius
            v_most = v_norm + v_reach
            by_head = moved * v_norm + gamma * v_most
            mixing = math.sqrt(q.features) * 16 * m * eta * (v_most.max(axis=0) + 2)
            reach = (np.sqrt((by_head * by_head).sum(axis=0)) + math.sqrt(n_heads) * v_reach + mixing + TINY) * SLACK
            size = ((1 + attended.above) * (q_most * k_most + q_most + k_most) + 4 * m * (v_most + 1)).max(axis=0)
            return RunColumns(run, own.z, run.within(reach, size))

        return apply

    @np.errstate(all="ignore")
    def average(self, values: Sequence[Columns], places: Sequence[Places]) -> RunColumns:
        """max ρ_j + Γ·max‖ṽ_j‖ + 8mη√k."""
        run, m, v = self._run, len(values), [_runs(value) for value in values]
        own = self._own.average([value.own for value in v], places)
        norm, v_reach = _largest([value.norms() for value in v], places), _largest([value.reach for value in v], places)
        reach = (v_reach + run.gamma * norm + 8 * m * run.eta * math.sqrt(v[0].features) + TINY) * SLACK
        return RunColumns(run, own, run.within(reach, m * norm))


def _runs(x: Columns) -> RunColumns:
    if not isinstance(x, RunColumns):
        raise TypeError("columns of another arithmetic")
    return x


def _largest(bounds: Sequence[Doubles], places: Sequence[Places]) -> Doubles:
    """The maximum over keys of bounds [B_j] that are taken at their places; NaN and infinity stay."""
    largest = rows(bounds[0], places[0])
    for bound, place in zip(bounds[1:], places[1:], strict=True):
        largest = np.maximum(largest, rows(bound, place))
    return largest
