"""State dicts of TransformerLens models, for `save`; transformer_lens itself is never imported here.

Settings are refused by name, and then the exported network is run against the model on random sequences: a hook, a module that was
exchanged or a setting that was changed after the model was built shows there. Supported releases: docs/models.md.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch

from strategies.models.forward import logits
from strategies.models.load import BUFFERS, Model, ModelError, from_state_dict
from strategies.models.metadata import described, task_words

SEQUENCES = 64  # on which the exported network must have the model's own logits
ROUNDING = 1e-9  # of the largest logit; both run in float64

# setting -> the value it must have; a release that lacks the setting lacks the feature too
REQUIRED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "n_layers": (lambda value: value == 1, "1"),
    "n_heads": (lambda value: value == 1, "1"),
    "n_key_value_heads": (lambda value: value in (None, 1), "None or 1"),
    "attn_only": (lambda value: value is True, "True (no MLP)"),
    "normalization_type": (lambda value: value is None, "None (no LayerNorm or RMSNorm)"),
    "final_rms": (lambda value: not value, "False"),
    "post_embedding_ln": (lambda value: not value, "False"),
    "use_normalization_before_and_after": (lambda value: not value, "False"),
    "attention_dir": (lambda value: value == "causal", "'causal'"),
    "positional_embedding_type": (lambda value: value == "standard", "'standard' (learned, absolute)"),
    "use_local_attn": (lambda value: not value, "False"),
    "use_attn_scale": (lambda value: value is True, "True"),
    "use_qk_norm": (lambda value: not value, "False"),
    "attn_scores_soft_cap": (lambda value: value is None or value <= 0, "-1.0 (off)"),
    "output_logits_soft_cap": (lambda value: value is None or value <= 0, "-1.0 (off)"),
    "load_in_4bit": (lambda value: not value, "False"),
}

# our name -> the bridge's, and whether it is a torch Linear weight, stored (out, in)
NATIVE: dict[str, tuple[str, bool]] = {
    "embed.W_E": ("embed.weight", False),
    "pos_embed.W_pos": ("pos_embed.weight", False),
    **{f"blocks.0.attn.W_{c}": (f"blocks.0.attn.{c.lower()}.weight", True) for c in "QKVO"},
    **{f"blocks.0.attn.b_{c}": (f"blocks.0.attn.{c.lower()}.bias", False) for c in "QKVO"},
    "unembed.W_U": ("unembed.weight", True),
    "unembed.b_U": ("unembed.bias", False),
}


class Exported(dict[str, torch.Tensor]):
    """A state dict, and what the adapter knows about the network: `save` writes `metadata` into the file."""

    def __init__(self, state_dict: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
        super().__init__(state_dict)
        self.metadata = metadata


def from_hooked_transformer(model: Any, task: str = "") -> Exported:
    """The state dict of a TransformerLens `HookedTransformer`: names and shapes of `load`, dtypes kept, no buffers.

    The tensors are contiguous copies on the CPU. `task` is what the network was trained for: "max-of-k", which is completed with
    the model's sizes, or other words with a "=" in them; "" if that is not known. It goes into the file that `save` writes.
    Errors: ModelError naming the setting or tensor that this project's one-layer, one-head, attention-only network has
    no place for, or if the exported network has other logits than the model.
    """
    _check_settings(model.cfg)
    state_dict = {name: _copy(tensor) for name, tensor in model.state_dict().items() if name not in BUFFERS}
    return _checked(state_dict, model, task)


def from_transformer_bridge(bridge: Any, task: str = "") -> Exported:
    """The state dict of a `TransformerBridge` made by `TransformerBridge.boot_native`; arguments and result as the other adapter.

    Errors: ModelError as the other adapter's, and for a bridge around a model of another library.
    """
    _check_settings(bridge.cfg)
    architecture = getattr(bridge.cfg, "architecture", None)
    if architecture not in (None, "TransformerLensNative"):
        raise ModelError(f"architecture is {architecture!r}, must be a model of TransformerBridge.boot_native")
    native = dict(bridge.state_dict())
    state_dict = {}
    for name, (source, transposed) in NATIVE.items():
        if source not in native:
            raise ModelError(f"the bridge has no tensor {source}")
        tensor = native.pop(source)
        tensor = tensor.T if transposed else tensor
        heads = name.startswith("blocks.0.attn.") and not name.endswith("b_O")
        state_dict[name] = _copy(tensor.unsqueeze(0) if heads else tensor)
    if native:
        raise ModelError(f"unknown tensor {min(native)} in the bridge")
    return _checked(state_dict, bridge, task)


def _check_settings(cfg: Any) -> None:
    for setting, (holds, expected) in REQUIRED.items():
        value = getattr(cfg, setting, _ABSENT)
        if value is not _ABSENT and not holds(value):
            raise ModelError(
                f"{setting} is {value!r}, must be {expected}; other transformers: strategies.networks.adapters.from_transformer_lens"
            )
    if cfg.d_vocab_out not in (-1, cfg.d_vocab):
        raise ModelError(f"d_vocab_out is {cfg.d_vocab_out}, must be d_vocab = {cfg.d_vocab}")
    scale = cfg.attn_scale
    if scale not in (-1, math.sqrt(cfg.d_head)):  # -1 means sqrt(d_head) in every release
        raise ModelError(f"attn_scale is {scale}, must be sqrt(d_head) = {math.sqrt(cfg.d_head)}")


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()


def _checked(state_dict: dict[str, torch.Tensor], original: Any, task: str) -> Exported:
    network = from_state_dict(state_dict)  # names, shapes, dtypes, finiteness
    _compare(network, original)
    words = task if "=" in task or not task else task_words(network.n_ctx, network.d_vocab, task)
    return Exported(state_dict, described(words))


def _compare(network: Model, original: Any) -> None:
    """ModelError unless the network has the logits of `original`, a module from tokens (batch, n_ctx) to logits (batch, n_ctx, d_vocab)."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, network.d_vocab, (SEQUENCES, network.n_ctx), generator=generator)
    with torch.no_grad():
        theirs = in_double(original)(tokens)[:, -1].to(torch.float64)
        ours = logits(network, tokens)
    difference, largest = float((ours - theirs).abs().max()), float(theirs.abs().max())
    if not difference <= ROUNDING * max(1.0, largest):
        raise ModelError(
            f"the model's logits are not those of its exported weights: they differ by {difference:.2g} (largest logit {largest:.2g}). "
            "A hook, an exchanged module, or a setting changed after the model was built: remove it, or build the model anew"
        )


def in_double(original: Any) -> Any:
    """A copy of a model on the CPU that computes in float64, also where the library casts to the dtype of its settings; without dropout."""
    double = copy.deepcopy(original).to("cpu").double().eval()
    for module in double.modules():
        settings = getattr(module, "cfg", None)
        if isinstance(getattr(settings, "dtype", None), torch.dtype):
            settings.dtype = torch.float64  # of the copy
    return double


_ABSENT = object()
