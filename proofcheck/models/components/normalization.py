"""Normalization: (x − mean)/√(variance + eps), or x/√(mean square + eps), then ∘ w + b where there are such weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from proofcheck.arithmetic import ColumnArithmetic, Columns, DyadicArray

NONE, LN, LN_PRE, RMS, RMS_PRE = "none", "LN", "LNPre", "RMS", "RMSPre"
NORMALIZATIONS = (NONE, LN, LN_PRE, RMS, RMS_PRE)

WEIGHTS: dict[str, dict[str, tuple[str, ...]]] = {
    NONE: {},
    LN: {"w": ("d_model",), "b": ("d_model",)},
    LN_PRE: {},
    RMS: {"w": ("d_model",)},
    RMS_PRE: {},
}


@dataclass(frozen=True, slots=True)
class Normalization:
    """kind: one of NORMALIZATIONS; weights: w and b, where the kind has them."""

    kind: str
    eps: Fraction
    weights: dict[str, DyadicArray]

    def evaluator(self, arithmetic: ColumnArithmetic) -> Callable[[Columns], Columns]:
        if self.kind == NONE:
            return lambda x: x
        centred = self.kind in (LN, LN_PRE)
        if "w" not in self.weights:
            return lambda x: x.normalized(self.eps, centred=centred)
        diagonal = arithmetic.diagonal(self.weights["w"], self.weights.get("b"))
        return lambda x: diagonal(x.normalized(self.eps, centred=centred))
