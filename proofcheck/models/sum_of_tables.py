"""A sum of tables, a ReLU, an affine map: relu(Σ_i W_E[i, x_i]) W_U + b_U. Every logit is a rational number, computed exactly.

The networks of "grokking group multiplication" with the first layer folded into its embeddings are of this form. Weights:
embed.W_E [n_ctx, d_vocab, d_model], one table for each position; unembed.W_U [d_model, d_vocab_out]; unembed.b_U [d_vocab_out], optional.
"""

from __future__ import annotations

from dataclasses import dataclass

from proofcheck.arithmetic import Arithmetic, DyadicArray, Integers, Intervals
from proofcheck.models.architecture import Architecture, Evaluator, Options
from proofcheck.models.dimensions import Dimensions
from proofcheck.models.tensors import refuse_unknown, tensor
from proofcheck.models.weights import Weights

NAME = "sum-of-tables-relu"
_SHAPES = {
    "embed.W_E": ("n_ctx", "d_vocab", "d_model"),
    "unembed.W_U": ("d_model", "d_vocab_out"),
    "unembed.b_U": ("d_vocab_out",),
}


@dataclass(frozen=True, slots=True)
class SumOfTables:
    """Exact weights: W_E [n_ctx, d_vocab, d_model], W_U [d_model, d_vocab_out], b_U [1, d_vocab_out]."""

    dimensions: Dimensions
    W_E: DyadicArray
    W_U: DyadicArray
    b_U: DyadicArray

    def evaluator(self, arithmetic: Arithmetic) -> Evaluator:
        def logits(tokens: Integers) -> Intervals:
            hidden = self.W_E[0, tokens[:, 0]]
            for i in range(1, self.dimensions.n_ctx):
                hidden = hidden + self.W_E[i, tokens[:, i]]
            return arithmetic.enclose(hidden.maximum(DyadicArray.zeros((1, 1))) @ self.W_U + self.b_U)

        return logits

    def table_bits(self) -> int:
        """Of the logits of all tokens of one position: an entry is a sum of d_model + 1 products, of n_ctx + 1 weights each at most."""
        sizes = self.dimensions
        low = min(0, self.W_E.exponent, self.W_U.exponent, self.b_U.exponent)
        high = max(1, *(part.exponent + part.bits() for part in (self.W_E, self.W_U, self.b_U)))
        bits = 2 * (high - low) + (sizes.d_model + 1).bit_length() + sizes.n_ctx.bit_length()
        return max(sizes.d_vocab * sizes.n_ctx * sizes.d_model, sizes.d_vocab * sizes.d_vocab_out) * bits


def _build(dimensions: Dimensions, options: Options, weights: Weights) -> SumOfTables:
    refuse_unknown(weights.tensors, frozenset(_SHAPES), NAME, "tables by position, a ReLU and an unembedding")
    W_E, W_U = (tensor(name, _SHAPES[name], weights.tensors, dimensions) for name in ("embed.W_E", "unembed.W_U"))
    b_U = tensor("unembed.b_U", _SHAPES["unembed.b_U"], weights.tensors, dimensions, optional=True)
    return SumOfTables(dimensions, W_E, W_U, b_U.reshape(1, -1))


def _forward(sizes: Dimensions, options: Options) -> int:
    """Sixteen times what is counted: sums of Python integers take so much longer than those of arrays."""
    return 16 * (sizes.n_ctx * sizes.d_model + 2 * sizes.d_model * sizes.d_vocab_out + sizes.d_vocab_out)


SUM_OF_TABLES = Architecture(
    name=NAME,
    dimensions=("n_ctx", "d_vocab", "d_model", "d_vocab_out"),
    options={},
    tensors=lambda dimensions, options: frozenset(_SHAPES),
    build=_build,
    answers=lambda dimensions: dimensions.d_vocab_out,
    prepare=lambda dimensions, options: 0,
    forward=_forward,
    declared=lambda options: {"proofcheck.normalization": "none", "proofcheck.activation": "relu"},
    model=SumOfTables,
)
