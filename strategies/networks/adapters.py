"""From models of other libraries to weight files of the architecture `transformer`; transformer_lens itself is never imported here.

Settings are refused by name. Then the exported network is run against the model on random prompts: a hook, an exchanged module or a
setting that was changed after the model was built shows there. Nothing is folded, multiplied or rounded: tensors are copied.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from typing import Any

import torch

from strategies.models.adapters import Exported, in_double
from strategies.models.load import ModelError
from strategies.models.metadata import TASK
from strategies.networks.comparison import Forward, require_equal
from strategies.networks.network import Network
from strategies.networks.task_words import read_task, task_document

LINK = "docs/models.md, 'Transformers of any options'"
TRANSPOSED = "the transpose would fit: True in `names` is for a matrix stored (out, in), as torch's Linear does"

# setting -> values that change nothing; a release that lacks the setting lacks the feature too
_PLAIN: dict[str, tuple[Any, ...]] = {
    "gated_mlp": (False,),
    "final_rms": (False,),
    "post_embedding_ln": (False,),
    "use_normalization_before_and_after": (False,),
    "positional_embedding_type": ("standard",),
    "use_local_attn": (False,),
    "use_qk_norm": (False,),
    "parallel_attn_mlp": (False,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "num_experts": (None,),
    "attn_scores_soft_cap": (None, -1.0, 0, 0.0),
    "output_logits_soft_cap": (None, -1.0, 0, 0.0),
    "scale_embedding": (None, False),
    "rmsnorm_uses_offset": (False,),
    "load_in_4bit": (False,),
    "tie_word_embeddings": (False, None),
}
_LENS = "A hook, an exchanged module, or a setting changed after the model was built: remove it, or build the model anew"
_PLAIN_MODEL = (
    "No change of one option or of one square matrix makes them agree. Does the model do something that docs/semantics.md has not, or in "
    "another order: normalization after a component, none before the unembedding, a bias or a mask that `names` and options leave out?"
)
_NORMALIZATIONS = {None: "none", "LN": "LN", "LNPre": "LNPre", "RMS": "RMS", "RMSPre": "RMSPre"}
_ACTIVATIONS = {"relu": "relu", "gelu": "gelu", "gelu_new": "gelu_new", "gelu_pytorch_tanh": "gelu_new", "silu": "silu"}


def from_transformer_lens(model: Any, task: str, readout: str | int = "last", n_ctx: int = 0) -> Exported:
    """The weights and words of a TransformerLens `HookedTransformer`, or of a bridge made by `TransformerBridge.boot_native`.

    task: words ("max-of-k n_ctx=4 d_vocab=12"), or a JSON document as `task_json` makes it. readout: the position that answers: "last", or
    a number. n_ctx: tokens of a prompt, at most those that the model was made for (0: just these). Tensors are contiguous copies on the
    CPU, with their dtype.
    Errors: ModelError naming the setting or tensor that is not supported, or if the exported network has other logits than the model.
    """
    cfg = getattr(model, "cfg", None)
    if cfg is None or not hasattr(cfg, "d_head") or not isinstance(model, torch.nn.Module):
        raise ModelError(
            f"a {type(model).__name__} is no model of TransformerLens; `from_tensors` takes any other: docs/models.md, 'Plain PyTorch'"
        )
    _require_plain(cfg)
    if readout == "sum":
        raise ModelError("a model of TransformerLens has logits at each position: readout is 'last' or a position")
    if n_ctx > cfg.n_ctx:
        raise ModelError(f"n_ctx is {n_ctx}, above the {cfg.n_ctx} positions that the model was made for")
    weights = _from_bridge(model, cfg) if "embed.weight" in dict(model.state_dict()) else _from_hooked(model, cfg)
    network = _network(cfg, weights, readout, n_ctx or cfg.n_ctx)
    _require_tensors(network, weights)
    require_equal(network, weights, in_double(model), _LENS)
    return Exported(weights, {**network.metadata(), **_task_metadata(network, task)})


def from_tensors(
    network: Network,
    state_dict: Mapping[str, torch.Tensor],
    names: Mapping[str, str | tuple[str, bool]],
    task: str,
    unused: Collection[str] = (),
    model: Forward | None = None,
) -> Exported:
    """The weights of any PyTorch model. names: ours -> theirs, or (theirs, whether it is a torch Linear weight, stored (out, in)).

    A head axis is added where the tensor lacks it ([d_model, n_heads·d_head] is cut into heads). unused: their tensors that do not change
    the function. model: from tokens (batch, n_ctx) to logits (batch, d_vocab_out); where it is given, the exported network is run beside it
    in float64. Errors: ModelError naming the tensor that is missing, has no place, or has another shape; or if logits differ.
    """
    shapes = network.shapes()
    weights = {}
    sources = {ours: (source, False) if isinstance(source, str) else source for ours, source in names.items()}
    for ours, (theirs, transposed) in sources.items():
        if theirs not in state_dict:
            raise ModelError(f"the model has no tensor {theirs}; it has {_some(state_dict)}")
        if ours not in shapes:
            raise ModelError(f"a network of these settings has no tensor {ours}; it has {_some(shapes)}. {LINK}")
        tensor = state_dict[theirs].T if transposed else state_dict[theirs]
        weights[ours] = _copy(_with_heads(ours, tensor, shapes[ours][0]))
        fits = weights[ours].shape == shapes[ours][0]
        if not fits and tensor.ndim == 2 and _with_heads(ours, tensor.T, shapes[ours][0]).shape == shapes[ours][0]:
            raise ModelError(f"{theirs} has shape {tuple(state_dict[theirs].shape)}, expected {shapes[ours][0]} for {ours}: {TRANSPOSED}")
    left = sorted(set(state_dict) - {theirs for theirs, _ in sources.values()} - set(unused))
    if left:
        raise ModelError(f"the model's tensor {left[0]} is not in `names`: give it a place, or name it in `unused`")
    _require_tensors(network, weights)
    if model is not None:
        require_equal(network, weights, in_double(model) if isinstance(model, torch.nn.Module) else model, _PLAIN_MODEL)
    return Exported(weights, {**network.metadata(), **_task_metadata(network, task)})


def _some(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:30]) + (f" and {len(found) - 30} more" if len(found) > 30 else "")


def _task_metadata(network: Network, text: str) -> dict[str, str]:
    """The task as a certificate has it, and in the words that the checker compares. ModelError if it is none, or does not fit."""
    try:
        spec, task = read_task(text)
    except ValueError as error:
        raise ModelError(str(error)) from error
    for name, found in (("n_ctx", task.n_ctx), ("d_vocab", task.d_vocab)):
        if found != network.sizes[name]:
            raise ModelError(f"the task has {name} = {found}, the network {network.sizes[name]}")
    if task.answers > network.sizes["d_vocab_out"]:
        raise ModelError(f"the task has answers below {task.answers}, the network {network.sizes['d_vocab_out']} logits")
    document = text if text.lstrip().startswith("{") else json.dumps(task_document(spec.name, spec.fields), separators=(",", ":"))
    return {TASK: spec.words(), "task": document}


def task_json(name: str, **fields: Any) -> str:
    """A task as a JSON document; tables as certificates encode them."""
    return json.dumps(task_document(name, fields), separators=(",", ":"))


def _require_plain(cfg: Any) -> None:
    for setting, values in _PLAIN.items():
        value = getattr(cfg, setting, values[0])
        if value not in values:
            raise ModelError(f"{setting} is {value!r}, must be {values[0]!r}: {LINK} says what is supported")
    heads = getattr(cfg, "n_key_value_heads", None)
    if heads not in (None, cfg.n_heads):
        raise ModelError(f"n_key_value_heads is {heads}, must be n_heads = {cfg.n_heads}: {LINK}")
    if getattr(cfg, "normalization_type", None) not in _NORMALIZATIONS:
        raise ModelError(f"normalization_type is {cfg.normalization_type!r}, must be None, LN, LNPre, RMS or RMSPre: {LINK}")
    if not cfg.attn_only and cfg.act_fn not in _ACTIVATIONS:
        raise ModelError(f"act_fn is {cfg.act_fn!r}, must be relu, gelu, gelu_new or silu: {LINK}")
    if cfg.attention_dir not in ("causal", "bidirectional"):
        raise ModelError(f"attention_dir is {cfg.attention_dir!r}, must be 'causal' or 'bidirectional': {LINK}")


def _network(cfg: Any, weights: Mapping[str, torch.Tensor], readout: str | int, n_ctx: int) -> Network:
    normalization = _NORMALIZATIONS[getattr(cfg, "normalization_type", None)]
    return Network.of(
        n_layers=cfg.n_layers,
        n_heads=cfg.n_heads,
        n_ctx=n_ctx,
        n_positions=cfg.n_ctx,
        d_vocab=cfg.d_vocab,
        d_vocab_out=cfg.d_vocab_out if cfg.d_vocab_out > 0 else cfg.d_vocab,
        d_model=cfg.d_model,
        d_head=cfg.d_head,
        d_mlp=0 if cfg.attn_only else cfg.d_mlp,
        attention="causal" if cfg.attention_dir == "causal" else "full",
        scale=_scale(cfg),
        normalization=normalization,
        eps="0/1" if normalization == "none" else _rational(Fraction(float(cfg.eps))),
        activation="none" if cfg.attn_only else _ACTIVATIONS[cfg.act_fn],
        readout=readout,
    )


def _scale(cfg: Any) -> str:
    """Scores are divided by attn_scale, the library's double; the square root of d_head is meant exactly."""
    if not cfg.use_attn_scale:
        return "1/1"
    return "1/sqrt(d_head)" if cfg.attn_scale in (-1, math.sqrt(cfg.d_head)) else _rational(1 / Fraction(float(cfg.attn_scale)))


def _rational(number: Fraction) -> str:
    return f"{number.numerator}/{number.denominator}"


def _from_hooked(model: Any, cfg: Any) -> dict[str, torch.Tensor]:
    """Grouped key heads that are as many as the heads are keys and values under the names _W_K, _W_V, _b_K, _b_V."""
    tensors = {name: _copy(tensor) for name, tensor in model.state_dict().items() if name.rpartition(".")[2] not in ("mask", "IGNORE")}
    own = getattr(cfg, "n_key_value_heads", None) == cfg.n_heads
    return {re.sub(r"\.attn\._([Wb]_[KV])$", r".attn.\1", name) if own else name: tensor for name, tensor in tensors.items()}


def _from_bridge(bridge: Any, cfg: Any) -> dict[str, torch.Tensor]:
    if getattr(cfg, "architecture", None) not in (None, "TransformerLensNative"):
        raise ModelError(f"architecture is {cfg.architecture!r}, must be a model of TransformerBridge.boot_native")
    native = dict(bridge.state_dict())
    names = {"embed.W_E": ("embed.weight", False), "pos_embed.W_pos": ("pos_embed.weight", False)}
    names |= {"unembed.W_U": ("unembed.weight", True), "unembed.b_U": ("unembed.bias", False)}
    norms = ["ln_final"]
    for layer in range(cfg.n_layers):
        block = f"blocks.{layer}."
        norms += [f"{block}ln1", f"{block}ln2"]
        names |= {f"{block}attn.W_{c}": (f"{block}attn.{c.lower()}.weight", True) for c in "QKVO"}
        names |= {f"{block}attn.b_{c}": (f"{block}attn.{c.lower()}.bias", False) for c in "QKVO"}
        names |= {f"{block}mlp.W_{c}": (f"{block}mlp.{c}.weight", True) for c in ("in", "out")}
        names |= {f"{block}mlp.b_{c}": (f"{block}mlp.{c}.bias", False) for c in ("in", "out")}
    names |= {f"{norm}.{ours}": (f"{norm}.{theirs}", False) for norm in norms for ours, theirs in (("w", "weight"), ("b", "bias"))}
    found = {}
    for ours, (theirs, transposed) in names.items():
        if theirs in native:
            tensor = native.pop(theirs)
            shape = _bridge_shape(ours, cfg)
            found[ours] = _copy(_with_heads(ours, tensor.T if transposed else tensor, shape))
    if native:
        raise ModelError(f"unknown tensor {min(native)} in the bridge: {LINK}")
    return found


def _bridge_shape(name: str, cfg: Any) -> tuple[int, ...]:
    heads, width, model = cfg.n_heads, cfg.d_head, cfg.d_model
    kind = name.rpartition(".")[2]
    if kind in ("W_Q", "W_K", "W_V"):
        return heads, model, width
    return {"W_O": (heads, width, model), "b_Q": (heads, width), "b_K": (heads, width), "b_V": (heads, width)}.get(kind, ())


def _with_heads(name: str, tensor: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Cut [d_model, n_heads·d_head], [n_heads·d_head, d_model] and [n_heads·d_head] into heads; nothing is computed."""
    kind = name.rpartition(".")[2]
    if kind in ("W_Q", "W_K", "W_V") and tensor.ndim == 2:
        return tensor.reshape(tensor.shape[0], shape[0], -1).permute(1, 0, 2)
    if kind in ("W_O", "b_Q", "b_K", "b_V") and tensor.ndim == len(shape) - 1:
        return tensor.reshape(shape[0], -1, *tensor.shape[1:])
    return tensor


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()


def _require_tensors(network: Network, weights: Mapping[str, torch.Tensor]) -> None:
    shapes = network.shapes()
    for name, tensor in weights.items():
        if name not in shapes:
            raise ModelError(f"tensor {name} does not belong to a network of these settings: {LINK}")
        if tuple(tensor.shape) != shapes[name][0]:
            raise ModelError(f"{name} has shape {tuple(tensor.shape)}, expected {shapes[name][0]}")
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"{name} has a number that is not finite")
    missing = [name for name, (_, absent) in shapes.items() if name not in weights and not absent]
    if missing:
        raise ModelError(
            f"missing tensor {missing[0]}, which a network of these settings has: docs/semantics.md, 'Architecture transformer'"
        )
