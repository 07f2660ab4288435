"""MLP: act(x W_in + b_in) W_out + b_out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proofcheck.arithmetic import ColumnArithmetic, Columns, DyadicArray

MATRICES: dict[str, tuple[str, ...]] = {"W_in": ("d_model", "d_mlp"), "W_out": ("d_mlp", "d_model")}
BIASES: dict[str, tuple[str, ...]] = {"b_in": ("d_mlp",), "b_out": ("d_model",)}


@dataclass(frozen=True, slots=True)
class MLP:
    """Exact weights by name, without biases that are not there."""

    weights: dict[str, DyadicArray]
    activation: str

    def evaluator(self, arithmetic: ColumnArithmetic) -> Callable[[Columns], Columns]:
        into = arithmetic.affine(self.weights["W_in"], self.weights.get("b_in"))
        out = arithmetic.affine(self.weights["W_out"], self.weights.get("b_out"))
        return lambda x: out(into(x).activated(self.activation))
