"""One-layer, one-head, attention-only transformer with learned positions: its real-number semantics.

For tokens x_0 … x_{n−1} (n = n_ctx) and query q = x_{n−1}, read at the last position, with every operation over the reals:

    score_i  = ((W_E[q] + W_pos[n−1]) W_Q + b_Q) · ((W_E[x_i] + W_pos[i]) W_K + b_K) / √d_head
    α        = softmax(score_0 … score_{n−1})                        (causal: the last position sees every position)
    logit    = ((W_E[q] + W_pos[n−1]) + Σ_i α_i (((W_E[x_i] + W_pos[i]) W_V + b_V) W_O) + b_O) W_U + b_U

No LayerNorm, no MLP. Shapes as in TransformerLens: see `_SHAPES`. Source: Gross et al. 2024, appendix on Max-of-K; docs/semantics.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import Arithmetic, DyadicArray, Integers, Intervals
from proofcheck.errors import Declined, Reason
from proofcheck.models.architecture import Architecture, Evaluator, Options
from proofcheck.models.dimensions import Dimensions
from proofcheck.models.tensors import refuse_unknown, tensor
from proofcheck.models.weights import Weights

NAME = "attention-only-one-layer-one-head"

_SHAPES: dict[str, tuple[str, ...]] = {
    "embed.W_E": ("d_vocab", "d_model"),
    "pos_embed.W_pos": ("n_ctx", "d_model"),
    "blocks.0.attn.W_Q": ("1", "d_model", "d_head"),
    "blocks.0.attn.W_K": ("1", "d_model", "d_head"),
    "blocks.0.attn.W_V": ("1", "d_model", "d_head"),
    "blocks.0.attn.W_O": ("1", "d_head", "d_model"),
    "unembed.W_U": ("d_model", "d_vocab"),
}
_BIASES: dict[str, tuple[str, ...]] = {
    "blocks.0.attn.b_Q": ("1", "d_head"),
    "blocks.0.attn.b_K": ("1", "d_head"),
    "blocks.0.attn.b_V": ("1", "d_head"),
    "blocks.0.attn.b_O": ("d_model",),
    "unembed.b_U": ("d_vocab",),
}
_BUFFERS = frozenset({"blocks.0.attn.mask", "blocks.0.attn.IGNORE"})

TENSORS = frozenset(_SHAPES) | frozenset(_BIASES)


@dataclass(frozen=True, slots=True)
class PathTables:
    """Exact tables of the path expansion (units: logits; EQKE and EQKP are pre-softmax scores times √d_head).

    EUPU [d_vocab, d_vocab]  direct path: (W_E[q] + W_pos[n−1] + b_O) W_U + b_U
    EVOU [d_vocab, d_vocab]  OV circuit: (W_E[t] W_V + b_V) W_O W_U
    PVOU [n_ctx, d_vocab]    OV circuit, positions: W_pos[i] W_V W_O W_U
    EQKE [d_vocab, d_vocab]  QK circuit: ((W_E[q] + W_pos[n−1]) W_Q + b_Q) · (W_E[t] W_K + b_K)
    EQKP [d_vocab, n_ctx]    QK circuit, positions: ((W_E[q] + W_pos[n−1]) W_Q + b_Q) · (W_pos[i] W_K)
    """

    EUPU: DyadicArray
    EVOU: DyadicArray
    PVOU: DyadicArray
    EQKE: DyadicArray
    EQKP: DyadicArray


class AttentionOnly:
    """Exact weights of one network; shapes are the TransformerLens ones without the head axis.

    W_E [d_vocab, d_model], W_pos [n_ctx, d_model], W_Q, W_K, W_V [d_model, d_head], W_O [d_head, d_model], W_U [d_model, d_vocab],
    b_Q, b_K, b_V [1, d_head], b_O [1, d_model], b_U [1, d_vocab]; a bias that the file lacks is exactly zero.
    """

    __slots__ = ("W_E", "W_K", "W_O", "W_Q", "W_U", "W_V", "W_pos", "_span", "b_K", "b_O", "b_Q", "b_U", "b_V", "dimensions")

    def __init__(self, dimensions: Dimensions, exact: Mapping[str, DyadicArray]) -> None:
        """exact: every tensor of `_SHAPES` and `_BIASES`, of these shapes."""
        self.dimensions = dimensions
        self.W_E = exact["embed.W_E"]
        self.W_pos = exact["pos_embed.W_pos"]
        self.W_Q = exact["blocks.0.attn.W_Q"][0]
        self.W_K = exact["blocks.0.attn.W_K"][0]
        self.W_V = exact["blocks.0.attn.W_V"][0]
        self.W_O = exact["blocks.0.attn.W_O"][0]
        self.W_U = exact["unembed.W_U"]
        self.b_Q = exact["blocks.0.attn.b_Q"]
        self.b_K = exact["blocks.0.attn.b_K"]
        self.b_V = exact["blocks.0.attn.b_V"]
        self.b_O = exact["blocks.0.attn.b_O"].reshape(1, -1)
        self.b_U = exact["unembed.b_U"].reshape(1, -1)
        low = min(0, *(part.exponent for part in exact.values()))
        high = max(1, *(part.exponent + part.bits() for part in exact.values()))
        self._span = high - low  # every weight is a multiple of 2^low, and below 2^high in size; low ≤ 0 < high

    def table_bits(self) -> int:
        """Upper bound on the bits of all entries of the largest table of `path_tables`, before it is made.

        Proof: an entry is a sum of at most (2·d_model + 1)²·d_head products of at most four weights, so it is a multiple of 2^(4·low), and
        below that number times 2^(4·high) in size.  ∎
        """
        sizes = self.dimensions
        terms = (2 * sizes.d_model + 1) ** 2 * sizes.d_head
        return sizes.d_vocab * max(sizes.d_vocab, sizes.n_ctx) * (4 * self._span + terms.bit_length())

    def evaluator(self, arithmetic: Arithmetic) -> Evaluator:
        """The semantics of the module docstring through the path expansion.

        Proof: α_i = w_i/(w_i + Σ_{j≠i} w_j) with w_i = exp(score_i) times a power of two that is the same for all i.  ∎
        """
        tables, positions = self.path_tables(), np.arange(self.dimensions.n_ctx)
        EUPU, EVOU, PVOU = (arithmetic.enclose(table) for table in (tables.EUPU, tables.EVOU, tables.PVOU))
        on_tokens, on_positions = (arithmetic.exponentials(table, self.dimensions.d_head) for table in (tables.EQKE, tables.EQKP))

        def logits(tokens: Integers) -> Intervals:
            queries = tokens[:, -1]
            weights = on_tokens[queries[:, None], tokens] * on_positions[queries]
            relative = weights.relative_to(weights.exponent.max(axis=1, keepdims=True))  # [B, n]
            total = EUPU[queries]
            for i in positions:
                attention = relative[:, i].share(relative[:, positions != i].sum(axis=1))
                total = total + attention[:, None] * (EVOU[tokens[:, i]] + PVOU[i : i + 1])
            return total

        return logits

    def last_embedding(self) -> DyadicArray:
        """[d_vocab, d_model]: W_E + W_pos[n_ctx − 1], the residual stream of each query token at the last position."""
        return self.W_E + self.W_pos[-1:]

    def path_tables(self) -> PathTables:
        """The path expansion, exactly. Postcondition: score and logit of the module docstring are

        score_i = (EQKE[q, x_i] + EQKP[q, i]) / √d_head,   logit = EUPU[q] + Σ_i α_i (EVOU[x_i] + PVOU[i]).
        """
        last = self.last_embedding()
        queries = last @ self.W_Q + self.b_Q
        W_OU = self.W_O @ self.W_U
        return PathTables(
            EUPU=(last + self.b_O) @ self.W_U + self.b_U,
            EVOU=(self.W_E @ self.W_V + self.b_V) @ W_OU,
            PVOU=(self.W_pos @ self.W_V) @ W_OU,
            EQKE=queries @ (self.W_E @ self.W_K + self.b_K).T,
            EQKP=queries @ (self.W_pos @ self.W_K).T,
        )


def path_tables_operations(dimensions: Dimensions) -> int:
    """Upper bound on the operations of `path_tables`."""
    n, d, D, H = dimensions.n_ctx, dimensions.d_vocab, dimensions.d_model, dimensions.d_head
    return 2 * (d * d * (D + 2 * H) + d * D * (3 * H) + n * D * H * 2 + 2 * n * d * H + H * D * d) + 2 * d * (D + d + 3 * H)


def _forward(dimensions: Dimensions, options: Options) -> int:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    return n * (n + 5) + 3 * n * d


def _build(dimensions: Dimensions, options: Options, weights: Weights) -> AttentionOnly:
    """Declined(unsupported-architecture) naming a tensor of another architecture, Rejected(wrong-shape, bad-weights)."""
    tensors = {name: found for name, found in weights.tensors.items() if name not in _BUFFERS}
    refuse_unknown(tensors, TENSORS, NAME, "one layer, one head, no LayerNorm, no MLP, learned positions")
    _refuse_heads(tensors)
    _refuse_other_unembeddings(tensors, dimensions)
    required = {name: tensor(name, axes, tensors, dimensions) for name, axes in _SHAPES.items()}
    biases = {name: tensor(name, axes, tensors, dimensions, optional=True) for name, axes in _BIASES.items()}
    return AttentionOnly(dimensions, {**required, **biases})


def _refuse_heads(tensors: Mapping[str, DyadicArray]) -> None:
    for name in _SHAPES:
        found = tensors[name].shape if name in tensors else ()
        if len(_SHAPES[name]) == len(found) == 3 and found[0] != 1:
            raise Declined(
                Reason.UNSUPPORTED_ARCHITECTURE,
                f"tensor {name} has {found[0]} heads",
                path=name,
                expected="1 head",
                found=f"{found[0]} heads",
            )


def _refuse_other_unembeddings(tensors: Mapping[str, DyadicArray], dimensions: Dimensions) -> None:
    if "unembed.W_U" not in tensors:
        raise Declined(
            Reason.UNSUPPORTED_ARCHITECTURE,
            "the weights have no unembedding of their own",
            path="unembed.W_U",
            expected="unembed.W_U",
            found="nothing",
            hint="an unembedding tied to the embedding is not supported: save its transpose as unembed.W_U if that is what is meant",
        )
    for name, axes in (("unembed.W_U", ("d_model", "d_vocab")), ("unembed.b_U", ("d_vocab",))):
        found, shape = tensors[name].shape if name in tensors else (), tuple(map(dimensions.size, axes))
        if found and len(found) == len(shape) and found[:-1] == shape[:-1] and found[-1] not in (0, shape[-1]):
            raise Declined(
                Reason.UNSUPPORTED_ARCHITECTURE,
                f"tensor {name} has {found[-1]} outputs for {shape[-1]} tokens",
                path=name,
                expected=f"d_vocab_out = d_vocab = {shape[-1]}",
                found=f"d_vocab_out = {found[-1]}",
            )


def _prepare(dimensions: Dimensions, options: Options) -> int:
    d, n = dimensions.d_vocab, dimensions.n_ctx
    return path_tables_operations(dimensions) + d * (d + n)


ATTENTION_ONLY = Architecture(
    name=NAME,
    dimensions=("n_ctx", "d_vocab", "d_model", "d_head"),
    options={},
    tensors=lambda dimensions, options: TENSORS,
    build=_build,
    answers=lambda dimensions: dimensions.d_vocab,
    prepare=_prepare,
    forward=_forward,
    declared=lambda options: {
        "proofcheck.normalization": "none",
        "proofcheck.activation": "none",
        "proofcheck.attention_scale": "sqrt(d_head)",
    },
    model=AttentionOnly,
)
