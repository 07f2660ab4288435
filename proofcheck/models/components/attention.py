"""Attention: every head's softmax over the visible keys, or their mean; W_O and b_O after it.

z^h_i = Σ_j α_j ((x_j W_V^h + b_V^h)),   α = softmax_j(scale · (x_i W_Q^h + b_Q^h)·(x_j W_K^h + b_K^h)),   out_i = Σ_h z^h_i W_O^h + b_O
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from proofcheck.arithmetic import ColumnArithmetic, Columns, DyadicArray, Places, Scale

CAUSAL, FULL, CAUSAL_UNIFORM, FULL_UNIFORM = "causal", "full", "causal-uniform", "full-uniform"
ATTENTIONS = (CAUSAL, FULL, CAUSAL_UNIFORM, FULL_UNIFORM)
DEFAULT_SCALE = "1/sqrt(d_head)"

SCORES: dict[str, tuple[str, ...]] = {"W_Q": ("n_heads", "d_model", "d_head"), "W_K": ("n_heads", "d_model", "d_head")}
SCORE_BIASES: dict[str, tuple[str, ...]] = {"b_Q": ("n_heads", "d_head"), "b_K": ("n_heads", "d_head")}
VALUES: dict[str, tuple[str, ...]] = {"W_V": ("n_heads", "d_model", "d_head"), "W_O": ("n_heads", "d_head", "d_model")}
VALUE_BIASES: dict[str, tuple[str, ...]] = {"b_V": ("n_heads", "d_head"), "b_O": ("d_model",)}
BUFFERS = ("mask", "IGNORE")

Attend = Callable[[Columns, Places, Sequence[Columns], Sequence[Columns], Sequence[Places]], Columns]


def is_causal(attention: str) -> bool:
    return attention in (CAUSAL, CAUSAL_UNIFORM)


def is_uniform(attention: str) -> bool:
    return attention in (CAUSAL_UNIFORM, FULL_UNIFORM)


@dataclass(frozen=True, slots=True)
class AttentionMaps:
    """query and key are None where attention is uniform. attend(queries, at, keys, values, places): see `ColumnArithmetic.attention`."""

    query: Callable[[Columns], Columns] | None
    key: Callable[[Columns], Columns] | None
    value: Callable[[Columns], Columns]
    attend: Attend


@dataclass(frozen=True, slots=True)
class Attention:
    """Exact weights by name, without those that are not there; W_Q and W_K are not read where attention is uniform."""

    weights: dict[str, DyadicArray]
    scale: Scale
    uniform: bool

    @property
    def n_heads(self) -> int:
        return self.weights["W_V"].shape[0]

    def evaluator(self, arithmetic: ColumnArithmetic) -> AttentionMaps:
        value = self._projection(arithmetic, "V")
        W_O = self.weights["W_O"]
        output = arithmetic.affine(W_O.reshape(-1, W_O.shape[2]), self.weights.get("b_O"))
        if self.uniform:

            def average(q: Columns, at: Places, keys: Sequence[Columns], values: Sequence[Columns], places: Sequence[Places]) -> Columns:
                return output(arithmetic.average(values, places))

            return AttentionMaps(None, None, value, average)
        softmax = arithmetic.attention(self.n_heads, self.scale)

        def attend(q: Columns, at: Places, keys: Sequence[Columns], values: Sequence[Columns], places: Sequence[Places]) -> Columns:
            return output(softmax(q, at, keys, values, places))

        return AttentionMaps(self._projection(arithmetic, "Q"), self._projection(arithmetic, "K"), value, attend)

    def _projection(self, arithmetic: ColumnArithmetic, letter: str) -> Callable[[Columns], Columns]:
        """x ↦ x W^h + b^h, head after head."""
        W, b = self.weights[f"W_{letter}"], self.weights.get(f"b_{letter}")
        d_model = W.shape[1]
        side_by_side = DyadicArray(np.ascontiguousarray(W.integers.transpose(1, 0, 2)).reshape(d_model, -1), W.exponent)
        return arithmetic.affine(side_by_side, None if b is None else b.reshape(-1))


def scale_of(option: Fraction | str, d_head: int) -> Scale:
    """The factor of scores: 1/√d_head, or a rational."""
    return Scale(Fraction(1), d_head) if isinstance(option, str) else Scale(option, 1)
