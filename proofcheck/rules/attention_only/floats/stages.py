"""How far evaluations in stages can be from the exact network. Proofs: docs/rules/float-stages.md.

A *local* error of a stage is what its own roundings do, given the computed numbers that it starts from. It reaches scores and logits
through exact products of the stages that follow. A *size* bounds a computed number. All numbers here are exact; bounds are rounded up to
multiples of 2^−GRID. Rows of [n·d_vocab, …] are (position, token), positions outermost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import DyadicArray, dyadic_above, multiples_above, reciprocal_below
from proofcheck.models import AttentionOnly, Dimensions
from proofcheck.rules.attention_only.floats.forms import ErrorTables, gamma
from proofcheck.rules.reading import FloatRun, ShortRoundings

GRID = 64
LOST = 60  # a sum of at most 2^TERMS terms loses at most 2^−LOST below the normal range of binary32, if its numbers are below 2^MOST
MOST, TERMS = 40, 20


@dataclass(frozen=True, slots=True)
class StageErrors:
    """scores [d_vocab, n, d_vocab] (times √d_head), values [n, d_vocab, d_vocab], direct [d_vocab, d_vocab] (logits): bounds on errors.

    sizes: by stage, a bound on all numbers that are rounded to the short format or are operands, shape [].
    """

    scores: DyadicArray
    values: DyadicArray
    direct: DyadicArray
    sizes: dict[str, DyadicArray]

    def tables(self) -> ErrorTables:
        """Errors of scores and values as sums of a part of the token and one of the position, which are no less than the errors."""
        score_tokens, tokens = self.scores.min(axis=1), self.values.min(axis=0)
        d = self.direct.shape[0]
        score_positions = (self.scores - score_tokens.reshape(d, 1, d)).max(axis=2)
        positions = (self.values - tokens.reshape(1, d, d)).max(axis=1)
        return ErrorTables(score_tokens, score_positions, tokens, positions, self.direct)


@dataclass(frozen=True, slots=True)
class Part:
    """Of computed numbers: their local error, and their size."""

    local: DyadicArray
    size: DyadicArray

    def plus(self, more: DyadicArray) -> Part:
        """With so much more error, which enlarges the numbers too."""
        return Part(self.local + more, self.size + more)


@dataclass(frozen=True, slots=True)
class Linear:
    """x W + b: exact, local error, error with that of x, size; largest: bounds x W too, shape []."""

    exact: DyadicArray
    local: DyadicArray
    error: DyadicArray
    size: DyadicArray
    largest: DyadicArray


@dataclass(frozen=True, slots=True)
class Stream:
    """The residual stream: exact, error as an operand, error as it is carried to the residual sum."""

    exact: DyadicArray
    operand: DyadicArray
    carried: DyadicArray

    def __getitem__(self, rows: slice) -> Stream:
        return Stream(self.exact[rows], self.operand[rows], self.carried[rows])


def stage_errors(model: AttentionOnly, run: FloatRun, short: ShortRoundings) -> StageErrors:
    """The bounds of Theorem G. At most 36 products of matrices."""
    return _Stages(model, run, short).all()


class _Stages:
    def __init__(self, model: AttentionOnly, run: FloatRun, short: ShortRoundings) -> None:
        self.model, self.short = model, short
        self.n, self.d, self.H = (model.dimensions[name] for name in ("n_ctx", "d_vocab", "d_head"))
        self.u, self.eta = dyadic_above(short.u, GRID), dyadic_above(short.eta, GRID)
        self.gamma = dyadic_above(gamma(run), GRID)
        self.lost = _power(-LOST)
        self.of_weight = self.u + self.gamma + self.u * self.gamma  # (1 + u)(1 + Γ) − 1: of a softmax weight

    def all(self) -> StageErrors:
        model = self.model
        stream = self.stream()
        queries = stream[slice((self.n - 1) * self.d, self.n * self.d)]
        q, k = self.linear(queries, model.W_Q, model.b_Q, scaled=True), self.linear(stream, model.W_K, model.b_K, scaled=True)
        v = self.linear(stream, model.W_V, model.b_V)
        scores, score = self.scores(q, k, queries, stream)
        mix = self.mix(v)
        head = self.head(v, mix)
        of_query, of_value = self.residual(queries, head)
        direct, values, logits = self.logits(v, mix, stream, queries, of_query, of_value)
        tensors = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U", "b_Q", "b_K", "b_V", "b_O", "b_U")
        sizes = {f"weights {name}": _most(getattr(model, name).abs() + self.off(getattr(model, name))) for name in tensors}
        sizes |= {"residual stream": _most(stream.exact.abs() + stream.operand), "queries": q.largest, "keys": k.largest}
        sizes |= {"values": v.largest, "scores": score, "mix": _most(mix.size), "output of the head": _most(head.size)}
        sizes |= {"residual sum": _most(of_query.size) + _most(of_value.size), "logits": logits}
        return StageErrors(scores.reshape(self.d, self.n, self.d), values.reshape(self.n, self.d, self.d), direct, sizes)

    def stream(self) -> Stream:
        """r_i."""
        E, P = self.model.W_E, self.model.W_pos
        off_E, off_P = (self.off(E), self.off(P)) if self.short.residual else (E - E, P - P)
        exact, terms = self.rows(E, P), self.rows(E.abs() + off_E, P.abs() + off_P)
        carried = self.rows(off_E, off_P) + self.roundings(terms)
        operand = self.rounded(Part(carried, exact.abs() + carried)).local
        return Stream(exact, operand, operand if self.short.residual else carried)

    def linear(self, x: Stream, W: DyadicArray, b: DyadicArray, *, scaled: bool = False) -> Linear:
        """x W + b, rounded. scaled: the factor 1/√H may stand in the result before it is rounded."""
        exact, reached = x.exact @ W, _up(x.operand @ W.abs())
        local = self.product(x.exact.abs() + x.operand, W)
        part = self.stored(Part(local, exact.abs() + reached + local))
        largest = _most(part.size)
        if _nonzero(b):
            b_size = b.abs() + self.off_bias(b)
            local, exact = part.local + self.off_bias(b) + self.roundings(part.size + b_size), exact + b
        done = self.rounded(Part(local, exact.abs() + reached + local), self.H if scaled and not self.short.results else 1)
        return Linear(exact, done.local, reached + done.local, done.size, largest.maximum(_most(done.size)))

    def scores(self, q: Linear, k: Linear, queries: Stream, stream: Stream) -> tuple[DyadicArray, DyadicArray]:
        """Errors of √H·scores up to what is common to a query's scores [d, n·d], and the size of what is rounded."""
        W_Q, W_K = self.model.W_Q, self.model.W_K
        keys = k.exact - _mean(k.exact, 0)
        through_query, through_key = _up((keys @ W_Q.T).abs()), _up((q.exact @ W_K.T).abs())
        reached = queries.operand @ through_query.T + q.local @ _up(keys.abs()).T
        reached = reached + through_key @ stream.operand.T + _up(q.exact.abs()) @ k.local.T + q.error @ k.error.T
        local = self.roundings(q.size @ k.size.T)
        if not self.short.results:
            return _up(reached + local), self.lost
        size = _up((q.exact @ k.exact.T).abs() + q.error @ _up(k.exact.abs()).T + q.size @ k.error.T) + local
        part = self.rounded(Part(local, size))
        part = self.rounded(part.plus(self.roundings(part.size)), self.H)
        return _up(reached + part.local), _most(part.size)

    def mix(self, v: Linear) -> Part:
        """Of z, for each value: the local error, of weights' losses too, and the size."""
        weighted = _up(v.size + self.of_weight * v.size)
        losses = _integer(6 * self.n) * self.eta * _most(v.size)
        local = self.roundings(weighted) + losses + self.lost
        return self.rounded(Part(local, weighted + local))

    def head(self, v: Linear, mix: Part) -> Part:
        """Of z W_O + b_O, for each value; a constant is given to each value."""
        W_O, b = self.model.W_O, self.model.b_O
        local = self.product(mix.size, W_O)
        part = self.stored(Part(local, _up((v.exact @ W_O).abs() + self.off_mix(v, mix) @ W_O.abs()) + local))
        if _nonzero(b):
            b_size = b.abs() + self.off_bias(b)
            adding = self.off_bias(b) + self.roundings(part.size + b_size)
            part = self.stored(Part(part.local + adding, part.size + b.abs() + adding))
        return part

    def residual(self, queries: Stream, head: Part) -> tuple[Part, Part]:
        """Of the residual sum as an operand: what the query gives, with all constants, and what each value gives."""
        size = queries.exact.abs() + queries.carried
        of_query = Part(queries.carried, size).plus(self.roundings(size))
        of_value = head.plus(_up(self.gamma * head.size))
        return self.rounded(of_query), of_value.plus(_up(self.u * of_value.size))

    def logits(
        self, v: Linear, mix: Part, stream: Stream, queries: Stream, of_query: Part, of_value: Part
    ) -> tuple[DyadicArray, DyadicArray, DyadicArray]:
        """Errors up to what is common to all logits: of the direct path [d, d], of values [n·d, d]; and the size."""
        model = self.model
        W_U, OU, VOU = model.W_U, model.W_O @ model.W_U, model.W_V @ (model.W_O @ model.W_U)
        to_U, to_OU, to_VOU = (_up((W - _mean(W, 1)).abs()) for W in (W_U, OU, VOU))
        on_values, on_query = v.exact @ OU, (queries.exact + model.b_O) @ W_U
        direct, values = self.product(of_query.size, W_U), self.product(of_value.size, W_U)
        query = Part(direct, _up(on_query.abs() + of_query.local @ W_U.abs()) + direct)
        value = Part(values, _up(on_values.abs() + self.off_mix(v, mix) @ _up(OU.abs()) + of_value.local @ W_U.abs()) + values)
        if self.short.results:
            query, value = self.rounded(query), value.plus(_up(self.u * value.size))
        if _nonzero(model.b_U):
            b, off = model.b_U.abs(), self.off_bias(model.b_U)
            adding = off + self.roundings(query.size + b + off)
            query, value = Part(query.local + adding, query.size + b + adding), value.plus(_up(self.gamma * value.size))
            if self.short.results:
                query, value = self.rounded(query), value.plus(_up(self.u * value.size))
        reached = stream.operand @ to_VOU + v.local @ to_OU
        reached = reached + self.of_weight * (reached + _up((on_values - _mean(on_values, 1)).abs()))
        values = _up(reached + mix.local @ to_OU + of_value.local @ to_U) + value.local
        return _up(of_query.local @ to_U) + query.local, values, _most(query.size) + _most(value.size)

    def off_mix(self, v: Linear, mix: Part) -> DyadicArray:
        """How far z is from the mean of exact values, for each value."""
        return v.error + _up(self.of_weight * v.size) + mix.local

    def product(self, size: DyadicArray, W: DyadicArray) -> DyadicArray:
        """The local error of x W for |x| ≤ size: rounded weights, and the sum."""
        off = self.off(W)
        return _up(size @ off) + self.roundings(size @ (W.abs() + off))

    def roundings(self, size: DyadicArray) -> DyadicArray:
        """What N roundings of binary32 make of a sum whose terms have this size together, and what it loses below the normal range."""
        return _up(self.gamma * size) + self.lost

    def off(self, W: DyadicArray) -> DyadicArray:
        """How far rounded weights are from the file's."""
        return _up(self.u * W.abs()) + self.eta

    def off_bias(self, b: DyadicArray) -> DyadicArray:
        return self.off(b) if self.short.results else b - b

    def rounded(self, part: Part, losses: int = 1) -> Part:
        """Rounded to the short format, with so many times its loss."""
        return part.plus(_up(self.u * part.size) + _integer(losses) * self.eta)

    def stored(self, part: Part) -> Part:
        """What a product of matrices returns."""
        return self.rounded(part) if self.short.results else part

    def rows(self, tokens: DyadicArray, positions: DyadicArray) -> DyadicArray:
        """[d, D], [n, D] → [n·d, D]: sums."""
        D = tokens.shape[1]
        return (positions.reshape(self.n, 1, D) + tokens.reshape(1, self.d, D)).reshape(self.n * self.d, D)


def _up(bound: DyadicArray) -> DyadicArray:
    return multiples_above(bound, GRID)


def _most(sizes: DyadicArray) -> DyadicArray:
    """The largest, shape []."""
    return sizes.reshape(-1).max(axis=0)


def _mean(table: DyadicArray, axis: int) -> DyadicArray:
    """About the mean along an axis of two, which stays, with size 1."""
    mean = table.sum(axis=axis) * reciprocal_below(table.shape[axis])
    return mean.reshape(*((1, -1) if axis == 0 else (-1, 1)))


def _nonzero(b: DyadicArray) -> bool:
    return bool(b.is_positive().any() or b.is_negative().any())


def _power(exponent: int) -> DyadicArray:
    return _integer(1).times_power_of_two(exponent)


def _integer(value: int) -> DyadicArray:
    return DyadicArray.from_integers(np.array(value, dtype=np.int64))


def stages_operations(sizes: Dimensions) -> int:
    """Upper bound on the operations of all of this."""
    n, d, D, H = sizes.n_ctx, sizes.d_vocab, sizes.d_model, sizes.d_head
    rows = n * d + d
    products = 24 * rows * D * H + 10 * d * rows * (D + H) + 14 * rows * d * (D + H) + 6 * D * d * (H + D)
    return 2 * products + 60 * (rows + D + H + d) * (D + H + d + 2) + 60 * d * rows
