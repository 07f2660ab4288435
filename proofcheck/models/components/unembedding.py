"""Unembedding: affine maps with a ReLU after each but the last: head.0 … head.{k − 1}, unembed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proofcheck.arithmetic import ColumnArithmetic, Columns, DyadicArray

AffineWeights = tuple[DyadicArray, DyadicArray | None]  # W [in, out], b [out]


@dataclass(frozen=True, slots=True)
class Unembedding:
    """maps: W [in, out] and b [out], or None where there is no bias; the last one is W_U, b_U."""

    maps: Sequence[AffineWeights]

    def evaluator(self, arithmetic: ColumnArithmetic) -> Callable[[Columns], Columns]:
        applied = [arithmetic.affine(W, b) for W, b in self.maps]

        def logits(x: Columns) -> Columns:
            for affine in applied[:-1]:
                x = affine(x).activated("relu")
            return applied[-1](x)

        return logits
