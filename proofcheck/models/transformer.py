"""Transformers of any number of layers and heads: real-number semantics.

For tokens x_0 … x_{n−1} (n = n_ctx), with every operation over the reals (docs/semantics.md):

    x_i     = W_E[t_i] + W_pos[i]                                    (one W_E for each position, or no W_pos, where the options say so)
    n_layers times:
        x_i += Σ_h Σ_j α^h_{ij} (ln1(x_j) W_V^h + b_V^h) W_O^h + b_O     over j ≤ i (causal) or all j; α: softmax of scores, or uniform
        x_i += act(ln2(x_i) W_in + b_in) W_out + b_out                  if d_mlp > 0
    readout = x_{n−1}, x_p, or Σ_i x_i
    logits  = ln_final(readout) W_U + b_U                               after the ReLU layers of `head`, if there are any

The first update is there if n_heads > 0. All x_i of a layer are updated at once. Names and shapes of tensors as in TransformerLens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from proofcheck.arithmetic import ACTIVATIONS, RELU, Arithmetic, ColumnArithmetic, Columns, Decided, DyadicArray, Integers, Intervals
from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import ChoiceKind, Kind, RationalKind, Value, wrong_type
from proofcheck.limits import Limits
from proofcheck.models.architecture import Architecture, Options
from proofcheck.models.components import attention as attention_component
from proofcheck.models.components import mlp as mlp_component
from proofcheck.models.components.attention import ATTENTIONS, DEFAULT_SCALE, Attention, AttentionMaps, is_causal, is_uniform, scale_of
from proofcheck.models.components.embedding import BY_POSITION, EMBEDDINGS, Embedding
from proofcheck.models.components.embedding import shapes as embedding_shapes
from proofcheck.models.components.mlp import MLP
from proofcheck.models.components.normalization import NONE, NORMALIZATIONS, WEIGHTS, Normalization
from proofcheck.models.components.unembedding import AffineWeights, Unembedding
from proofcheck.models.dimensions import Dimensions
from proofcheck.models.prefixes import Groups, by_input, by_prefix
from proofcheck.models.tensors import refuse_unknown, tensor
from proofcheck.models.transformer_cost import forward_operations, prepare_operations, product_operations
from proofcheck.models.weights import Weights

NAME = "transformer"
LAST, SUM = "last", "sum"


@dataclass(frozen=True, slots=True)
class ScaleKind:
    """The factor of attention scores: "1/sqrt(d_head)", or a rational p/q ≥ 0."""

    def read(self, value: Value, path: str, limits: Limits) -> Fraction | str:
        return DEFAULT_SCALE if value == DEFAULT_SCALE else RationalKind().read(value, path, limits)

    def words(self) -> str:
        return f"{DEFAULT_SCALE}, or a rational p/q"


@dataclass(frozen=True, slots=True)
class ReadoutKind:
    """Where the logits are read: "last", "sum", or a position."""

    def read(self, value: Value, path: str, limits: Limits) -> int | str:
        if isinstance(value, int):
            if value < 0:
                raise Rejected(Reason.BAD_NUMBER, "no such position", path=path, expected=self.words(), found=str(value)[:40])
            return value
        return ChoiceKind((LAST, SUM)).read(value, path, limits)

    def words(self) -> str:
        return "last, sum, or a position"


@dataclass(frozen=True, slots=True)
class WidthsKind:
    """The widths of the ReLU layers between read-out and unembedding: a list of integers from 1 on, empty for none."""

    def read(self, value: Value, path: str, limits: Limits) -> tuple[int, ...]:
        if not isinstance(value, tuple):
            raise wrong_type(value, path, "a list of widths")
        for k, width in enumerate(value):
            if not isinstance(width, int):
                raise wrong_type(width, f"{path}[{k}]", "an integer")
            if width < 1:
                raise Rejected(Reason.BAD_NUMBER, "the number is too small", path=f"{path}[{k}]", expected="at least 1", found=str(width))
            limits.require("dimension", width, path=f"{path}[{k}]")
        return value

    def words(self) -> str:
        return "a list of widths"


OPTIONS: Mapping[str, Kind] = {
    "embedding": ChoiceKind(EMBEDDINGS),
    "attention": ChoiceKind(ATTENTIONS),
    "scale": ScaleKind(),
    "normalization": ChoiceKind(NORMALIZATIONS),
    "eps": RationalKind(),
    "activation": ChoiceKind((NONE, *ACTIVATIONS)),
    "readout": ReadoutKind(),
    "head": WidthsKind(),
}
DIMENSIONS = ("n_layers", "n_heads", "n_ctx", "n_positions", "d_vocab", "d_vocab_out", "d_model", "d_head", "d_mlp")
MAY_BE_ZERO = frozenset({"n_layers", "n_heads", "n_positions", "d_head", "d_mlp"})


@dataclass(frozen=True, slots=True)
class Layer:
    """attention and mlp are None where the network has none."""

    ln1: Normalization
    attention: Attention | None
    ln2: Normalization
    mlp: MLP | None


@dataclass(frozen=True, slots=True)
class Transformer:
    """One exact network. readout: a position, or None for the sum over positions."""

    dimensions: Dimensions
    causal: bool
    readout: int | None
    embedding: Embedding
    layers: tuple[Layer, ...]
    ln_final: Normalization
    unembedding: Unembedding

    def evaluator(self, arithmetic: Arithmetic) -> Callable[[Integers], Intervals | Decided]:
        """The semantics of the module docstring; states that inputs share are computed once (`prefixes`)."""
        return self.evaluator_in(arithmetic.columns())

    def evaluator_in(self, columns: ColumnArithmetic) -> Callable[[Integers], Intervals | Decided]:
        """The same in a column arithmetic of the caller's."""
        return _Evaluation(self, columns).logits

    def plain_roundings(self) -> int:
        """What a plain float evaluation needs at most, of a term of one stage: docs/semantics-float.md, Transformers."""
        sizes = self.dimensions
        widths = (W.shape[0] for W, _ in self.unembedding.maps)
        terms = max(sizes.d_model, sizes.d_mlp, sizes.n_heads * sizes.d_head, 2 * sizes.n_ctx, 2 * sizes.n_layers + sizes.n_ctx, *widths)
        return int(terms) + 8

    def has_smooth_activation(self) -> bool:
        """Whether an activation function of it is another than ReLU, whose evaluation is exact."""
        return any(layer.mlp is not None and layer.mlp.activation != RELU for layer in self.layers)

    def table_bits(self) -> int:
        """No rule makes exact tables of it."""
        return 0


@dataclass(frozen=True, slots=True)
class _State:
    """The residual stream at one position: columns for groups of inputs."""

    columns: Columns
    groups: Groups | None  # None: column t is the state after token t


@dataclass(frozen=True, slots=True)
class _LayerMaps:
    ln1: Callable[[Columns], Columns]
    attention: AttentionMaps | None
    ln2: Callable[[Columns], Columns]
    mlp: Callable[[Columns], Columns] | None


class _Evaluation:
    """Prepared maps, and what depends on one token alone."""

    def __init__(self, network: Transformer, columns: ColumnArithmetic) -> None:
        self._network = network
        self._layers = [
            _LayerMaps(
                layer.ln1.evaluator(columns),
                None if layer.attention is None else layer.attention.evaluator(columns),
                layer.ln2.evaluator(columns),
                None if layer.mlp is None else layer.mlp.evaluator(columns),
            )
            for layer in network.layers
        ]
        self._ln_final = network.ln_final.evaluator(columns)
        self._unembedding = network.unembedding.evaluator(columns)
        n = network.dimensions.n_ctx
        self._read = [network.readout] if network.readout is not None else list(range(n))
        self._seen = list(range(self._read[-1] + 1)) if network.causal else list(range(n))  # positions that can matter
        at = network.embedding.evaluator(columns, n)
        self._start = {i: at(i) for i in self._seen}
        if all(layer.attention is None for layer in self._layers):  # every state depends on its own token alone
            self._start = {i: self._without_attention(self._start[i]) for i in self._read}
            self._layers = []
        self._projected = self._projections(self._layers[0], self._start, self._updated(0)) if self._layers else {}

    def _without_attention(self, x: Columns) -> Columns:
        for layer in self._layers:
            x = x if layer.mlp is None else x + layer.mlp(layer.ln2(x))
        return x

    def logits(self, tokens: Integers) -> Intervals | Decided:
        """[B, n_ctx] → logits of each input."""
        groups = self._groups(tokens)
        states = {i: _State(columns, None) for i, columns in self._start.items()}
        for number, layer in enumerate(self._layers):
            updated = self._updated(number)
            projected = self._projected if number == 0 else self._projections(layer, {i: s.columns for i, s in states.items()}, updated)
            states = {i: self._update(layer, i, states, projected, groups, tokens) for i in updated}
        return self._unembedding(self._ln_final(self._readout(states, groups, tokens))).logits()

    def _groups(self, tokens: Integers) -> dict[int, Groups]:
        """Of the positions that are updated or read, after attention: by prefix if causal, else every input for itself."""
        wanted = {*self._read, *(self._updated(0) if self._layers else [])}
        return by_prefix(tokens, wanted) if self._network.causal else dict.fromkeys(wanted, by_input(tokens))

    def _updated(self, number: int) -> list[int]:
        """The positions whose state after this layer can matter: after the last layer, and without attention, those that are read."""
        attends_later = any(layer.attention is not None for layer in self._layers[number + 1 :])
        return self._seen if attends_later else self._read

    def _projections(self, layer: _LayerMaps, states: Mapping[int, Columns], updated: Sequence[int]) -> dict[str, dict[int, Columns]]:
        """Queries of the positions that are updated, keys and values of those that they see."""
        if layer.attention is None:
            return {}
        normalized = {i: layer.ln1(columns) for i, columns in states.items()}
        query, key, value = layer.attention.query, layer.attention.key, layer.attention.value
        return {
            "q": {} if query is None else {i: query(normalized[i]) for i in updated},
            "k": {} if key is None else {i: key(columns) for i, columns in normalized.items()},
            "v": {i: value(columns) for i, columns in normalized.items()},
        }

    def _update(
        self,
        layer: _LayerMaps,
        i: int,
        states: Mapping[int, _State],
        projected: Mapping[str, Mapping[int, Columns]],
        groups: Mapping[int, Groups],
        tokens: Integers,
    ) -> _State:
        """The state of position i after one layer."""
        state = states[i]
        x, held = state.columns, state.groups
        if layer.attention is not None:
            own = groups[i]
            visible = [j for j in states if j <= i or not self._network.causal]
            at = _places(state, i, own, tokens)
            places = [_places(states[j], j, own, tokens) for j in visible]
            values = [projected["v"][j] for j in visible]
            keys = [projected["k"][j] for j in visible] if projected["k"] else values
            query = projected["q"][i] if projected["q"] else x
            x, held = x.take(at) + layer.attention.attend(query, at, keys, values, places), own
        if layer.mlp is not None:
            x = x + layer.mlp(layer.ln2(x))
        return _State(x, held)

    def _readout(self, states: Mapping[int, _State], groups: Mapping[int, Groups], tokens: Integers) -> Columns:
        """One column for each input. A causal sum is shared by prefix too: it is a sum over the prefix."""
        everyone = by_input(tokens)
        first, *others = self._read
        if not self._network.causal:
            total = states[first].columns.take(_places(states[first], first, everyone, tokens))
            for i in others:
                total = total + states[i].columns.take(_places(states[i], i, everyone, tokens))
            return total
        total, held = states[first].columns.take(_places(states[first], first, groups[first], tokens)), groups[first]
        for i in others:
            own = groups[i]
            total, held = total.take(held.places(own)) + states[i].columns.take(_places(states[i], i, own, tokens)), own
        return total.take(held.places(everyone))


def _places(state: _State, i: int, finer: Groups, tokens: Integers) -> Integers | None:
    """Where the state of position i stands for each of the finer groups."""
    return tokens[finer.first, i] if state.groups is None else state.groups.places(finer)


def tensor_shapes(dimensions: Dimensions, options: Options) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Name -> axes, and whether it may be absent (a bias, which is then 0)."""
    found = {name: (axes, False) for name, axes in embedding_shapes(dimensions, options["embedding"]).items()}
    norm = WEIGHTS[options["normalization"]]
    for layer in range(dimensions.n_layers):
        block = f"blocks.{layer}."
        if dimensions.n_heads:
            scored = {} if is_uniform(options["attention"]) else attention_component.SCORES
            biased = {} if is_uniform(options["attention"]) else attention_component.SCORE_BIASES
            found |= {f"{block}attn.{name}": (axes, False) for name, axes in {**scored, **attention_component.VALUES}.items()}
            found |= {f"{block}attn.{name}": (axes, True) for name, axes in {**biased, **attention_component.VALUE_BIASES}.items()}
            found |= {f"{block}ln1.{name}": (axes, False) for name, axes in norm.items()}
        if dimensions.d_mlp:
            found |= {f"{block}mlp.{name}": (axes, False) for name, axes in mlp_component.MATRICES.items()}
            found |= {f"{block}mlp.{name}": (axes, True) for name, axes in mlp_component.BIASES.items()}
            found |= {f"{block}ln2.{name}": (axes, False) for name, axes in norm.items()}
    found |= {f"ln_final.{name}": (axes, False) for name, axes in norm.items()}
    width = "d_model"
    for k, after in enumerate(options["head"]):
        found |= {f"head.{k}.W": ((width, str(after)), False), f"head.{k}.b": ((str(after),), True)}
        width = str(after)
    return found | {"unembed.W_U": ((width, "d_vocab_out"), False), "unembed.b_U": (("d_vocab_out",), True)}


def _ignored(dimensions: Dimensions, options: Options) -> frozenset[str]:
    """Tensors that may be there and are not read: buffers, and queries and keys of uniform attention."""
    unread = (*attention_component.SCORES, *attention_component.SCORE_BIASES) if is_uniform(options["attention"]) else ()
    names = (*attention_component.BUFFERS, *unread) if dimensions.n_heads else ()
    return frozenset(f"blocks.{layer}.attn.{name}" for layer in range(dimensions.n_layers) for name in names)


def _build(dimensions: Dimensions, options: Options, weights: Weights) -> Transformer:
    require_consistent(dimensions, options)
    axes = tensor_shapes(dimensions, options)
    what = "the tensors of its dimensions and options: docs/semantics.md lists them"
    refuse_unknown(weights.tensors, frozenset(axes) | _ignored(dimensions, options), NAME, what)
    exact = {
        name: tensor(name, names, weights.tensors, dimensions)
        for name, (names, optional) in axes.items()
        if name in weights.tensors or not optional
    }
    kind, eps = options["normalization"], options["eps"]

    def part(prefix: str) -> dict[str, DyadicArray]:
        return {name.removeprefix(prefix): found for name, found in exact.items() if name.startswith(prefix)}

    def layer(number: int) -> Layer:
        block = f"blocks.{number}."
        scale, uniform = scale_of(options["scale"], max(1, dimensions.d_head)), is_uniform(options["attention"])
        return Layer(
            Normalization(kind, eps, part(f"{block}ln1.")),
            Attention(part(f"{block}attn."), scale, uniform) if dimensions.n_heads else None,
            Normalization(kind, eps, part(f"{block}ln2.")),
            MLP(part(f"{block}mlp."), options["activation"]) if dimensions.d_mlp else None,
        )

    W_E, W_pos = exact["embed.W_E"], exact.get("pos_embed.W_pos")
    tables = W_E if options["embedding"] == BY_POSITION else W_E.reshape(1, *W_E.shape)
    maps: list[AffineWeights] = [(exact[f"head.{k}.W"], exact.get(f"head.{k}.b")) for k in range(len(options["head"]))]
    readout = options["readout"]
    return Transformer(
        dimensions,
        is_causal(options["attention"]),
        None if readout == SUM else dimensions.n_ctx - 1 if readout == LAST else readout,
        Embedding(tables, None if W_pos is None else W_pos[: dimensions.n_ctx]),
        tuple(layer(number) for number in range(dimensions.n_layers)),
        Normalization(kind, eps, part("ln_final.")),
        Unembedding([*maps, (exact["unembed.W_U"], exact.get("unembed.b_U"))]),
    )


def require_consistent(dimensions: Dimensions, options: Options) -> None:
    """Rejected(bad-number, bad-string) where sizes and options contradict each other, so that one network has one encoding."""
    sizes = dimensions
    _require(sizes.n_positions == 0 or sizes.n_positions >= sizes.n_ctx, "n_positions", "0, or at least n_ctx", sizes.n_positions)
    _require((sizes.n_heads > 0) == (sizes.d_head > 0), "d_head", "0 if and only if n_heads is 0", sizes.d_head)
    _require(sizes.n_layers > 0 or sizes.n_heads == sizes.d_mlp == 0, "n_layers", "at least 1 where there are heads or an MLP", 0)
    _require(sizes.n_layers == 0 or sizes.n_heads + sizes.d_mlp > 0, "n_layers", "0 where there are no heads and no MLP", sizes.n_layers)
    _require(
        (sizes.d_mlp > 0) == (options["activation"] != NONE),
        "d_mlp",
        "0 if and only if activation is none",
        f"{sizes.d_mlp}, with activation {options['activation']}",
    )
    normalizes = options["normalization"] != NONE
    _require_option((options["eps"] > 0) == normalizes, "eps", "above 0 if and only if there is a normalization", options["eps"])
    plain = sizes.n_heads == 0 or is_uniform(options["attention"])
    _require_option(not plain or options["scale"] == DEFAULT_SCALE, "scale", f"{DEFAULT_SCALE} where there are no scores", options["scale"])
    _require_option(sizes.n_heads > 0 or options["attention"] == "full", "attention", "full where there are no heads", options["attention"])
    readout = options["readout"]
    inside = not isinstance(readout, int) or readout < sizes.n_ctx - 1
    _require_option(inside, "readout", "a position before the last (or last, or sum)", readout)


def _require(holds: bool, name: str, expected: str, found: int | str) -> None:
    if not holds:
        path = f"$.model.dimensions.{name}"
        raise Rejected(
            Reason.BAD_NUMBER, f"{name} does not fit the other sizes and options", path=path, expected=expected, found=str(found)
        )


def _require_option(holds: bool, name: str, expected: str, found: Any) -> None:
    if not holds:
        path = f"$.model.options.{name}"
        message = f"{name} does not fit the other sizes and options"
        raise Rejected(Reason.BAD_STRING, message, path=path, expected=expected, found=str(found)[:80])


def _tensors(dimensions: Dimensions, options: Options) -> frozenset[str]:
    return frozenset(tensor_shapes(dimensions, options))


def _declared(options: Options) -> Mapping[str, str]:
    """What the metadata of a weight file must say where it says something."""
    readout = options["readout"]
    return {
        "proofcheck.embedding": options["embedding"],
        "proofcheck.attention": options["attention"],
        "proofcheck.attention_scale": "sqrt(d_head)" if options["scale"] == DEFAULT_SCALE else "as proofcheck.scale says",
        "proofcheck.scale": _rational_words(options["scale"]),
        "proofcheck.normalization": options["normalization"],
        "proofcheck.eps": _rational_words(options["eps"]),
        "proofcheck.activation": options["activation"],
        "proofcheck.readout": str(readout),
        "proofcheck.head": ",".join(map(str, options["head"])),
    }


def _rational_words(value: Fraction | str) -> str:
    return value if isinstance(value, str) else f"{value.numerator}/{value.denominator}"


TRANSFORMER = Architecture(
    name=NAME,
    dimensions=DIMENSIONS,
    options=OPTIONS,
    tensors=_tensors,
    build=_build,
    answers=lambda dimensions: dimensions.d_vocab_out,
    prepare=prepare_operations,
    forward=forward_operations,
    products=product_operations,
    declared=_declared,
    may_be_zero=MAY_BE_ZERO,
)
