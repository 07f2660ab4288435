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

from proofcheck.arithmetic import DyadicArray
from proofcheck.errors import Declined, Reason, Rejected

ARCHITECTURE = "attention-only-one-layer-one-head"

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
class Dimensions:
    """Integer dimensions of the architecture."""

    n_ctx: int
    d_vocab: int
    d_model: int
    d_head: int

    def size(self, name: str) -> int:
        return 1 if name == "1" else int(getattr(self, name))


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

    def __init__(self, dimensions: Dimensions, tensors: Mapping[str, DyadicArray]) -> None:
        """Raises Declined(unsupported-architecture) naming a tensor of another architecture, Rejected(wrong-shape, bad-weights)."""
        _refuse_other_architectures(tensors)
        self.dimensions = dimensions
        exact = {name: _shaped(name, shape, tensors, dimensions) for name, shape in _SHAPES.items()}
        for name, shape in _BIASES.items():
            zero = DyadicArray.zeros(tuple(dimensions.size(axis) for axis in shape))
            exact[name] = _shaped(name, shape, {name: tensors.get(name, zero)}, dimensions)
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
        low = min(0, *(tensor.exponent for tensor in exact.values()))
        high = max(1, *(tensor.exponent + tensor.bits() for tensor in exact.values()))
        self._span = high - low  # every weight is a multiple of 2^low, and below 2^high in size; low ≤ 0 < high

    def table_bits(self) -> int:
        """Upper bound on the bits of all entries of the largest table of `path_tables`, before it is made.

        Proof: an entry is a sum of at most (2·d_model + 1)²·d_head products of at most four weights, so it is a multiple of 2^(4·low), and
        below that number times 2^(4·high) in size.  ∎
        """
        sizes = self.dimensions
        terms = (2 * sizes.d_model + 1) ** 2 * sizes.d_head
        return sizes.d_vocab * max(sizes.d_vocab, sizes.n_ctx) * (4 * self._span + terms.bit_length())

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


_DECLARED = {
    "proofcheck.normalization": "none",
    "proofcheck.activation": "none",
    "proofcheck.attention_scale": "sqrt(d_head)",
}


def refuse_other_declarations(metadata: Mapping[str, str]) -> None:
    """Declined(unsupported-architecture) where the weight file itself says that the network is another one; see docs/models.md.

    No tensor shows a LayerNorm without parameters or another attention scale, so only the file's own word can.
    """
    for name, meant in _DECLARED.items():
        declared = metadata.get(name, meant)
        if declared != meant:
            raise Declined(
                Reason.UNSUPPORTED_ARCHITECTURE,
                f"the weight file declares {name} = {declared[:80]}",
                path=f"__metadata__.{name}",
                expected=meant,
                found=declared[:80],
                hint=f"the architecture {ARCHITECTURE} means {name} = {meant}: docs/semantics.md",
            )


def _refuse_other_architectures(tensors: Mapping[str, DyadicArray]) -> None:
    for name in sorted(tensors):
        if name in TENSORS or name in _BUFFERS:
            continue
        raise Declined(
            Reason.UNSUPPORTED_ARCHITECTURE,
            f"tensor {name} does not belong to a {ARCHITECTURE} transformer",
            path=name,
            expected="one layer, one head, no LayerNorm, no MLP, learned positions",
            found=name,
            hint="only attention-only models with one layer and one head are supported",
        )


def _shaped(name: str, axes: tuple[str, ...], tensors: Mapping[str, DyadicArray], dimensions: Dimensions) -> DyadicArray:
    if name not in tensors:
        if name == "unembed.W_U":
            raise Declined(
                Reason.UNSUPPORTED_ARCHITECTURE,
                "the weights have no unembedding of their own",
                path=name,
                expected=name,
                found="nothing",
                hint="an unembedding tied to the embedding is not supported: save its transpose as unembed.W_U if that is what is meant",
            )
        raise Rejected(Reason.BAD_WEIGHTS, f"the weights lack tensor {name}", path=name, expected=name, found="nothing")
    shape = tuple(dimensions.size(axis) for axis in axes)
    found = tensors[name].shape
    if len(found) == 3 and len(axes) == 3 and found[0] != 1:
        raise Declined(
            Reason.UNSUPPORTED_ARCHITECTURE,
            f"tensor {name} has {found[0]} heads",
            path=name,
            expected="1 head",
            found=f"{found[0]} heads",
        )
    if name in ("unembed.W_U", "unembed.b_U") and len(found) == len(shape) and found[:-1] == shape[:-1] and found[-1] not in (0, shape[-1]):
        raise Declined(
            Reason.UNSUPPORTED_ARCHITECTURE,
            f"tensor {name} has {found[-1]} outputs for {shape[-1]} tokens",
            path=name,
            expected=f"d_vocab_out = d_vocab = {shape[-1]}",
            found=f"d_vocab_out = {found[-1]}",
        )
    if found != shape:
        raise Rejected(
            Reason.WRONG_SHAPE,
            f"tensor {name} has shape {list(found)}",
            path=name,
            expected=f"[{', '.join(axes)}] = {list(shape)}",
            found=str(list(found)),
        )
    return tensors[name]
