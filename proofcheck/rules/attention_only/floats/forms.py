"""How far scores and logits of conforming float evaluations can be from the exact ones: absolute forms. Proofs: docs/semantics-float.md.

A *form* of a coordinate is that coordinate with every tensor replaced by its absolute value; a bar means a form in which every produced
coordinate is enlarged by what may be lost of it below the normal range, a 0 that it is not. With Γ ≥ every |Π(1 + d)^{±1} − 1| of at most N
roundings, a computed sum of terms is within Γ·bar + (1 + Γ)·(bar − bar₀) of the exact one.
All numbers here are exact; bounds are rounded up to multiples of 2^−(unit + 40).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from proofcheck.arithmetic import DyadicArray, dyadic_above, multiples_above, significant_bits
from proofcheck.arithmetic.roots import root_above
from proofcheck.models import AttentionOnly, Dimensions, PathTables
from proofcheck.rules.reading import FloatFormat, FloatRun

GRID = 40  # bits below the unit roundoff


@dataclass(frozen=True, slots=True)
class ErrorTables:
    """scores of tokens [d_vocab, d_vocab] and positions [d_vocab, n_ctx] (times √d_head): bounds on the errors of computed scores.

    tokens [d_vocab, d_vocab], positions [n_ctx, d_vocab], direct [d_vocab, d_vocab] (logits): bounds on the errors of value paths.
    """

    score_tokens: DyadicArray
    score_positions: DyadicArray
    tokens: DyadicArray
    positions: DyadicArray
    direct: DyadicArray


@dataclass(frozen=True, slots=True)
class Forms(ErrorTables):
    """largest: no number of an evaluation, other than scores that fall out of the softmax, is above it in size."""

    largest: DyadicArray


def gamma(run: FloatRun) -> Fraction:
    """Γ = Nu/(1 − Nu). ArithmeticError unless Nu is below 1/2."""
    share = Fraction(run.roundings, 2**run.format.unit)
    if share * 2 >= 1:
        raise ArithmeticError("so many roundings leave nothing of a number")
    return share / (1 - share)


def forms(model: AttentionOnly, run: FloatRun) -> Forms:
    """The forms of one network. 12 matrix products."""
    return _Forms(model, run).all()


class _Forms:
    def __init__(self, model: AttentionOnly, run: FloatRun) -> None:
        self.format, self.dimensions = run.format, model.dimensions
        self.gamma = dyadic_above(gamma(run), run.format.unit + GRID)
        self.W = {name: getattr(model, name).abs() for name in ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")}
        self.b = {name: getattr(model, name).abs() for name in ("b_Q", "b_K", "b_V", "b_O", "b_U")}

    def all(self) -> Forms:
        n, D, H = (self.dimensions[name] for name in ("n_ctx", "d_model", "d_head"))
        W, b = self.W, self.b
        tokens0, last0 = W["W_E"], W["W_E"] + W["W_pos"][-1:]
        tokens, last = tokens0 + self.lost(1), last0 + self.lost(1)
        # scores: the scale may stand at queries, keys or products
        query0, query = last0 @ W["W_Q"] + b["b_Q"], last @ W["W_Q"] + b["b_Q"] + self.lost(2 * D + 2 * H + 2)
        key0, key = tokens0 @ W["W_K"] + b["b_K"], tokens @ W["W_K"] + b["b_K"] + self.lost(2 * D + 2 * H + 2)
        key_positions = W["W_pos"] @ W["W_K"]
        scores0, scores = query0 @ key0.T, query @ key.T + self.lost(4 * H)
        scores_positions0, scores_positions = query0 @ key_positions.T, query @ key_positions.T
        # values
        value0, value = tokens0 @ W["W_V"] + b["b_V"], tokens @ W["W_V"] + b["b_V"] + self.lost(2 * D + 1)
        value_positions = W["W_pos"] @ W["W_V"]
        most_value = value.reshape(-1).max(axis=0) + value_positions.reshape(-1).max(axis=0)
        mixing = self.lost(4 * n) * (most_value + _integer(2))
        through = W["W_O"].sum(axis=0).reshape(1, -1)  # of a constant in each feature of the head, [1, D]
        residual0, residual = last0 + b["b_O"], last + b["b_O"] + mixing * through + self.lost(2 * H + 3)
        W_OU = W["W_O"] @ W["W_U"]
        direct0, direct = residual0 @ W["W_U"] + b["b_U"], residual @ W["W_U"] + b["b_U"] + self.lost(2 * D + 1)
        values0, values, on_positions = value0 @ W_OU, value @ W_OU, value_positions @ W_OU
        out = (value @ W["W_O"]).reshape(-1).max(axis=0) + (value_positions @ W["W_O"]).reshape(-1).max(axis=0)
        produced = [
            *(table.reshape(-1).max(axis=0) for table in (tokens, last, query)),
            key.reshape(-1).max(axis=0) + key_positions.reshape(-1).max(axis=0),
            scores.reshape(-1).max(axis=0) + scores_positions.reshape(-1).max(axis=0),
            most_value + mixing,
            out + residual.reshape(-1).max(axis=0),
            direct.reshape(-1).max(axis=0) + values.reshape(-1).max(axis=0) + on_positions.reshape(-1).max(axis=0),
        ]
        largest = produced[0]
        for table in produced[1:]:
            largest = largest + table  # no less than each
        return Forms(
            score_tokens=self.error(scores0, scores),
            score_positions=self.error(scores_positions0, scores_positions),
            tokens=self.error(values0, values),
            positions=self.error(on_positions, on_positions),
            direct=self.error(direct0, direct),
            largest=largest * _integer(16 * n),
        )

    def lost(self, operations: int) -> DyadicArray:
        """What so many operations may lose below the normal range, shape [1, 1]."""
        return _integer(operations).times_power_of_two(-self.format.least).reshape(1, 1)

    def error(self, exact: DyadicArray, bar: DyadicArray) -> DyadicArray:
        """Γ·bar + (1 + Γ)·(bar − bar₀), rounded up."""
        return multiples_above(self.gamma * bar + (_integer(1) + self.gamma) * (bar - exact), self.format.unit + GRID)


def weight_errors(tables: PathTables, found: ErrorTables, run: FloatRun, d_head: int) -> tuple[DyadicArray, DyadicArray]:
    """Bounds on √d_head·Θ as a sum of a part of tokens [d_vocab, d_vocab] and one of positions [d_vocab, n_ctx].

    Θ = e + τ + κu·(largest − least score of the query + 2·largest e): docs/semantics-float.md.
    """
    bits = run.format.unit + GRID
    root = root_above(_integer(d_head).reshape(1))
    spread = tables.EQKE.range(axis=1) + tables.EQKP.range(axis=1)
    largest = found.score_tokens.max(axis=1) + found.score_positions.max(axis=1)
    share = _integer(run.kappa).times_power_of_two(-run.format.unit)
    constant = dyadic_above(run.tau, bits) * root + share * (spread + largest + largest)
    return multiples_above(found.score_tokens + constant.reshape(-1, 1), bits), found.score_positions


def certainly_small(tokens: DyadicArray, positions: DyadicArray, d_head: int) -> bool:
    """Whether every Θ is at most 1/2, so that e^Θ ≤ 2: 4·(√d_head·Θ)² ≤ d_head."""
    most = tokens.max(axis=1) + positions.max(axis=1)
    return not bool((_integer(4) * most * most - _integer(d_head)).is_positive().any())


def least_roundings(dimensions: Dimensions) -> int:
    """Roundings that a plain evaluation makes of a term at most: 2·d_model + d_head + 2·n_ctx + 8, docs/semantics-float.md."""
    return 2 * dimensions.d_model + dimensions.d_head + 2 * dimensions.n_ctx + 8


def exact_in(model: AttentionOnly, kind: FloatFormat) -> str:
    """Nothing if every weight is 0 or a normal number of the format, else what is wrong."""
    for name in ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U", "b_Q", "b_K", "b_V", "b_O", "b_U"):
        digits, least, most = significant_bits(getattr(model, name))
        if digits > kind.digits:
            return f"{name} has a weight of {digits} significant bits, {kind.name} has {kind.digits}"
        if digits and (least < -kind.least or most > kind.largest):
            return f"{name} has a weight outside 2^-{kind.least} … 2^{kind.largest}"
    return ""


def _integer(value: int) -> DyadicArray:
    return DyadicArray.from_integers(np.array(value, dtype=np.int64))


def forms_operations(sizes: Dimensions) -> int:
    """Upper bound on the operations of all of this."""
    n, d, D, H = sizes.n_ctx, sizes.d_vocab, sizes.d_model, sizes.d_head
    products = 14 * d * D * H + 6 * n * D * H + 8 * d * d * H + 4 * n * d * H + 4 * d * d * D
    return 2 * products + 40 * (d * d + n * d + d * D + d * H + n * D + D * H + D * d + H * D)
