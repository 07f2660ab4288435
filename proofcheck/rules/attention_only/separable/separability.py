"""Theorem S (separability): the margin's sign is the sign of a sum of one-token terms.

Notation: query q (last token), max token m, rival j ≠ m, position i, token t ≤ m;
    w_{q,i}(t) = exp((EQKE[q,t] + EQKP[q,i]) / √d_head) > 0,
    f_i^{q,m,j}(t) = w_{q,i}(t) · ((EVOU[t,m] − EVOU[t,j]) + (PVOU[i,m] − PVOU[i,j]) + (EUPU[q,m] − EUPU[q,j])).
Then for every sequence x with last token q, with Z = Σ_i w_{q,i}(x_i) > 0:
    Z · (logit[m] − logit[j]) = Σ_i f_i^{q,m,j}(x_i),
so x (with maximum m) is answered correctly iff Σ_i f_i^{q,m,j}(x_i) > 0 for every j ≠ m.
Proof: logit = EUPU[q] + Σ_i (w_i/Z)(EVOU[x_i] + PVOU[i]) and Σ_i w_i/Z = 1; multiply by Z.  ∎
With a margin δ (`reading`), EUPU[q,m] − δ stands for EUPU[q,m] in f. Then Σ_i f_i = Z · (logit[m] − logit[j] − δ), by the same proof, and
everything that follows holds with this f: nothing more is used of f than w > 0 and these sums (docs/readings.md).
A positive factor common to all i, t and j may be taken out for each (q, m); here it is a power of two near the largest weight among t ≤ m.
Source: docs/rules/separability.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import Arithmetic, DyadicArray, FixedPoint, Intervals, PositiveTable
from proofcheck.arithmetic.ball_intervals import BallIntervals, Balls
from proofcheck.arithmetic.piecewise import at_least_zero, between, enclosed_like
from proofcheck.errors import Reason, Rejected
from proofcheck.models import Dimensions, PathTables
from proofcheck.rules.attention_only.facts import FloatTables, LogitTables, PathExpansion
from proofcheck.rules.reading import Reading, ReadingKind
from proofcheck.rules.rule import MaxOfKContext

Queries = slice | NDArray[np.int64]  # a range of queries, or any of them

CHUNK_ENTRIES = 1 << 17  # entries of one table of margin terms: a few of them fit the cache


class MarginTerms:
    """The terms f of Theorem S in enclosures, for any (queries, max token)."""

    def __init__(self, enclosed: Enclosures) -> None:
        self.n_ctx, self.d_vocab = enclosed.PVOU.shape
        self._token_weights, self._position_weights = enclosed.token_weights, enclosed.position_weights
        self._EUPU, self._EVOU, self._PVOU = enclosed.EUPU, enclosed.EVOU, enclosed.PVOU
        self._answer = enclosed.EUPU_of_answer
        self._loss = enclosed.loss
        self._values_of = -1  # the max token that `_values` belongs to
        self._values = self._PVOU

    def rivals(self, max_token: int) -> NDArray[np.int64]:
        """The d_vocab − 1 rivals j ≠ max_token, in the order of the axis J of `fixed_point`."""
        return np.delete(np.arange(self.d_vocab), max_token)

    def fixed_point(self, queries: Queries, max_token: int, bits: int) -> FixedPoint:
        """f_i^{q,m,j}(t) as integers, one positive scale for each q: shape [Q, n_ctx, J, max_token + 1], J = d_vocab − 1.

        About 2·Q·n_ctx·J·(m + 1) operations.
        """
        weights, values, direct = self._factors(queries, max_token)
        return self._product(weights, values, direct, bits)

    def _product(self, weights: Intervals, values: Intervals, offsets: Intervals, bits: int) -> FixedPoint:
        """weights · (values + offsets) as integers. In the reading of floats entry by entry: one error bound for all of them, as the
        product takes it, would be that of the entry that is furthest off.
        """
        if self._loss is None:
            return weights.fixed_point_product(values, offsets, bits)
        return (weights * (values + offsets)).fixed_point(bits)

    def _factors(self, queries: Queries, m: int) -> tuple[Intervals, Intervals, Intervals]:
        """w [Q, n, 1, T], value differences of tokens and positions [n, J, T], direct path differences [Q, 1, J, 1]."""
        rivals = self.rivals(m)
        if self._values_of != m:
            tokens = self._margins(self._EVOU[: m + 1], m, rivals)  # [T, J]
            positions = self._margins(self._PVOU, m, rivals)  # [n, J]
            self._values = positions[:, :, None] + _transposed(tokens)[None, :, :]
            self._values_of = m
        direct = self._direct(queries, m, rivals)  # [Q, J]
        return self.weights(queries, m)[:, :, None, :], self._values, direct[:, None, :, None]

    def weights(self, queries: Queries, max_token: int) -> Intervals:
        """w_{q,i}(t) for t ≤ max_token up to one positive factor for each q (a power of two): shape [Q, n_ctx, max_token + 1]."""
        tokens = self._token_weights[queries, None, : max_token + 1]
        positions = self._position_weights[queries, :, None]
        weights = tokens * positions
        shift = weights.exponent.max(axis=(1, 2), keepdims=True)
        return self._lossy(weights.relative_to(shift))

    def _lossy(self, weights: Intervals) -> Intervals:
        """Weights relative to a power of two that is at least each of them, with what floats may lose or gain: [max(0, w − 2η), w + 2η].

        ArithmeticError if a weight may be above 1.
        """
        if self._loss is None:
            return weights
        return lossy(weights, self._loss)

    def chunks(self, max_token: int) -> list[slice]:
        """Slices of the queries 0 … max_token whose terms have about CHUNK_ENTRIES entries."""
        entries = self.n_ctx * (self.d_vocab - 1) * (max_token + 1)
        step = max(1, CHUNK_ENTRIES // entries)
        return [slice(start, min(start + step, max_token + 1)) for start in range(0, max_token + 1, step)]

    def _direct(self, queries: Queries, m: int, rivals: NDArray[np.int64]) -> Intervals:
        """Direct path differences, less the margin: [Q, J]."""
        return self._answer[queries, m : m + 1] - self._EUPU[queries][:, rivals]

    def _margins(self, table: Intervals, m: int, rivals: NDArray[np.int64]) -> Intervals:
        """table[:, m] − table[:, j] for the rivals j."""
        return table[:, m : m + 1] - table[:, rivals]


@dataclass(frozen=True, slots=True)
class Enclosures:
    """Enclosures of the path tables, and of exp(EQKE/√d_head) and exp(EQKP/√d_head).

    EUPU_of_answer: EUPU less the margin, what stands for the logit of the answer.
    In the reading of floats each number lies between those of the evaluations, and weights may lose or gain `loss` [1] more (`lossy`).
    """

    token_weights: PositiveTable
    position_weights: PositiveTable
    EUPU: Intervals
    EVOU: Intervals
    PVOU: Intervals
    EUPU_of_answer: Intervals
    loss: DyadicArray | None = None


def float_enclosures(tables: FloatTables, d_head: int, arithmetic: Arithmetic) -> Enclosures:
    """The same of what conforming evaluations compute: twice as many exponentials and entries."""
    tokens = arithmetic.exponentials_between(tables.EQKE - tables.EQKE_error, tables.EQKE + tables.EQKE_error, d_head)
    positions = arithmetic.exponentials_between(tables.EQKP - tables.EQKP_error, tables.EQKP + tables.EQKP_error, d_head)
    EUPU, EVOU, PVOU = (
        between(arithmetic.enclose(table - error), arithmetic.enclose(table + error))
        for table, error in (
            (tables.EUPU, tables.EUPU_error),
            (tables.EVOU, tables.EVOU_error),
            (tables.PVOU, tables.PVOU_error),
        )
    )
    return Enclosures(tokens, positions, EUPU, EVOU, PVOU, EUPU, tables.loss)


def enclosures(tables: PathTables, d_head: int, arithmetic: Arithmetic, reading: Reading) -> Enclosures:
    """2 d_vocab² + n_ctx·d_vocab entries, d_vocab² + d_vocab·n_ctx exponentials; with a margin d_vocab² entries more."""
    tokens, positions = arithmetic.exponentials(tables.EQKE, d_head), arithmetic.exponentials(tables.EQKP, d_head)
    EUPU, EVOU, PVOU = (arithmetic.enclose(table) for table in (tables.EUPU, tables.EVOU, tables.PVOU))
    answer = arithmetic.enclose(reading.less_margin(tables.EUPU)) if reading.margin else EUPU
    return Enclosures(tokens, positions, EUPU, EVOU, PVOU, answer)


def shared_enclosures(context: MaxOfKContext, tables: LogitTables) -> Enclosures:
    """The enclosures for the context's network, reading, backend and precision, made once.

    Rejected(wrong-premise) unless the tables are float tables in the reading of floats, and the path expansion in the others.
    """
    arithmetic, d_head = context.arithmetic, context.model.dimensions.d_head
    wanted = FloatTables if context.reading.kind is ReadingKind.FLOATS else PathExpansion
    if not isinstance(tables, wanted):
        raise Rejected(
            Reason.WRONG_PREMISE,
            "the tables are those of another reading than the claim's",
            expected=wanted.__name__,
            found=type(tables).__name__,
            hint="float-tables or float-stages makes those of a claim about floats, path-expansion those of the others",
        )
    key = ("enclosures", arithmetic.backend, arithmetic.precision, context.reading)
    if isinstance(tables, FloatTables):
        return context.memo.once(key, lambda: float_enclosures(tables, d_head, arithmetic))
    return context.memo.once(key, lambda: enclosures(tables, d_head, arithmetic, context.reading))


def settled_in_balls(context: MaxOfKContext) -> int:
    """How many single sequences may be settled in balls: none in the reading of floats, where exact margins decide nothing."""
    return 0 if context.reading.kind is ReadingKind.FLOATS else context.limits.settled_in_balls


def shared_exponentials(context: MaxOfKContext, exact: DyadicArray) -> PositiveTable:
    """Enclosures of exp(exact/√d_head), made once for each exact table: certificates about one network often have the same scores."""
    arithmetic, d_head = context.arithmetic, context.model.dimensions.d_head
    key = ("exponentials", arithmetic.backend, arithmetic.precision, exact.shape, exact.exponent, tuple(exact.integers.ravel().tolist()))
    return context.memo.once(key, lambda: arithmetic.exponentials(exact, d_head))


class ExactMargins:
    """The same sums in balls, for single sequences and single boxes: settles what integer terms leave undecided."""

    def __init__(self, tables: PathTables, d_head: int, arithmetic: Arithmetic, reading: Reading) -> None:
        self._reading = reading
        self._tables = tables
        self._d_head = d_head
        self._arithmetic = arithmetic

    def margins(self, sequence: tuple[int, ...], max_token: int) -> Balls:
        """Balls around Σ_i f_i^{q,m,j}(x_i) for j ≠ max_token, where q is the last token. n_ctx exponentials."""
        t = self._tables
        tokens = list(sequence)
        q, m = tokens[-1], max_token
        scores = t.EQKE[q, tokens] + t.EQKP[q]
        weights = self._arithmetic.exponential_balls(scores, self._d_head)
        logits = t.EVOU[tokens] + t.PVOU + t.EUPU[q : q + 1]  # [n, d]
        margins: DyadicArray = self._reading.less_margin(logits[:, m : m + 1]) - logits
        balls = self._arithmetic.balls(margins)
        sums = (weights[:, None] * balls).sum(axis=0)
        balls_of_rivals: Balls = np.delete(sums, m)
        return balls_of_rivals

    def bounds(self, ranges: Sequence[tuple[int, int]], query: int, max_token: int) -> tuple[Balls, Balls]:
        """Balls around Σ_i min and Σ_i max of f_i^{q,m,j}(t) over ranges[i][0] ≤ t < ranges[i][1], i = 0 … n_ctx − 1, for j ≠ max_token."""
        t = self._tables
        minima, maxima = [], []
        for i, (low, high) in enumerate(ranges):
            weights = self._arithmetic.exponential_balls(t.EQKE[query, low:high] + t.EQKP[query, i : i + 1], self._d_head)
            logits = t.EVOU[low:high] + t.PVOU[i : i + 1] + t.EUPU[query : query + 1]  # [T, d]
            margins = self._reading.less_margin(logits[:, max_token : max_token + 1]) - logits
            terms = BallIntervals(weights[:, None] * self._arithmetic.balls(margins))
            minima.append(terms.min(axis=0).entries)
            maxima.append(terms.max(axis=0).entries)
        return np.delete(np.sum(minima, axis=0), max_token), np.delete(np.sum(maxima, axis=0), max_token)


def lossy(weights: Intervals, loss: DyadicArray) -> Intervals:
    """[max(0, w − loss), w + loss], entrywise; loss broadcasts. ArithmeticError unless every w is certainly at most 1."""
    require_at_most_one(weights)
    return at_least_zero(weights + between(enclosed_like(weights, -loss), enclosed_like(weights, loss)))


def require_at_most_one(weights: Intervals) -> None:
    """ArithmeticError unless every weight is at most the power of two that it is relative to."""
    one = enclosed_like(weights, DyadicArray.from_integers(np.ones(1, dtype=np.int64)))
    if not (weights - one).certainly_at_most_zero().all():
        raise ArithmeticError("a weight is above the power of two that it is relative to")


def _transposed(values: Intervals) -> Intervals:
    """[T, J] as [J, T]."""
    rows, columns = values.shape
    return values[np.arange(rows)[None, :], np.arange(columns)[:, None]]


def table_exponentials(dimensions: Dimensions) -> int:
    """Exponentials of the tables of scores of tokens and of positions; twice, as in the reading of floats."""
    return 2 * dimensions.d_vocab * (dimensions.d_vocab + dimensions.n_ctx)


def settled_operations(n_ctx: int, d_vocab: int, sequences: int) -> int:
    """Upper bound on the operations of `ExactMargins.margins` for that many sequences, or of `bounds` for boxes that cost as much."""
    return sequences * n_ctx * (6 * d_vocab + 2)
