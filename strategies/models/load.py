"""Read a model file into float64 tensors."""

from __future__ import annotations

import errno
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from strategies.models.foreign_files import what_it_is

STATE_DICT_NAMES = {
    "W_E": "embed.W_E",
    "W_pos": "pos_embed.W_pos",
    "W_Q": "blocks.0.attn.W_Q",
    "W_K": "blocks.0.attn.W_K",
    "W_V": "blocks.0.attn.W_V",
    "W_O": "blocks.0.attn.W_O",
    "W_U": "unembed.W_U",
    "b_Q": "blocks.0.attn.b_Q",
    "b_K": "blocks.0.attn.b_K",
    "b_V": "blocks.0.attn.b_V",
    "b_O": "blocks.0.attn.b_O",
    "b_U": "unembed.b_U",
}
BUFFERS = ("blocks.0.attn.mask", "blocks.0.attn.IGNORE")
EXACT_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class ModelError(ValueError):
    """The file or model is not a one-layer, one-head, attention-only network this project reads."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The weights as float64 tensors, each number exactly the stored one. The head axis is gone.

    Shapes: W_E (d_vocab, d_model), W_pos (n_ctx, d_model), W_Q, W_K, W_V (d_model, d_head), W_O (d_head, d_model),
    W_U (d_model, d_vocab); b_Q, b_K, b_V (d_head), b_O (d_model), b_U (d_vocab).
    """

    W_E: torch.Tensor
    W_pos: torch.Tensor
    W_Q: torch.Tensor
    W_K: torch.Tensor
    W_V: torch.Tensor
    W_O: torch.Tensor
    W_U: torch.Tensor
    b_Q: torch.Tensor
    b_K: torch.Tensor
    b_V: torch.Tensor
    b_O: torch.Tensor
    b_U: torch.Tensor

    @property
    def d_vocab(self) -> int:
        """Number of tokens."""
        return self.W_E.shape[0]

    @property
    def n_ctx(self) -> int:
        """Sequence length; the last position, n_ctx − 1, is the query's."""
        return self.W_pos.shape[0]

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.W_E.shape[1]

    @property
    def d_head(self) -> int:
        """Width of the head; scores are divided by its square root."""
        return self.W_Q.shape[1]


def load(path: str | Path) -> Model:
    """Read the safetensors file at `path`, TransformerLens state-dict names; missing biases are 0.

    Errors: OSError when there is no such file; ModelError naming the tensor when one is missing, unknown, of another
    shape, of a dtype other than float16, bfloat16, float32, float64, or not finite; ModelError saying what the file is
    instead of a safetensors file, and how to convert it.
    """
    if Path(path).is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder; name the weight file in it", str(path))
    try:
        with safe_open(str(path), framework="pt") as file:
            return from_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except SafetensorError as error:
        raise ModelError(f"{path} is not a safetensors file: {what_it_is(Path(path)) or error}") from error


def from_state_dict(state_dict: dict[str, torch.Tensor]) -> Model:
    """The Model of a state dict with TransformerLens names and shapes; errors as `load`."""
    unknown = sorted(set(state_dict) - set(STATE_DICT_NAMES.values()) - set(BUFFERS))
    if unknown:
        raise ModelError(
            f"unknown tensor {unknown[0]}: not part of a one-layer attention-only network; the strategy `evaluation` is for others"
        )
    missing = [n for f, n in STATE_DICT_NAMES.items() if f.startswith("W_") and n not in state_dict]
    if missing:
        raise ModelError(f"missing tensor {missing[0]}")
    shapes = _shapes(state_dict)
    return Model(**{f.name: _exact(state_dict, f.name, shapes[f.name]) for f in fields(Model)})


def _shapes(state_dict: dict[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """The shape in the file of every tensor, from the dimensions that W_E, W_pos and W_Q give."""
    first = {field: state_dict[STATE_DICT_NAMES[field]] for field in ("W_E", "W_pos", "W_Q")}
    for field, rank in (("W_E", 2), ("W_pos", 2), ("W_Q", 3)):
        if first[field].ndim != rank or 0 in first[field].shape:
            raise ModelError(f"{STATE_DICT_NAMES[field]} has shape {tuple(first[field].shape)}, expected rank {rank}")
    d, D = first["W_E"].shape
    n, H = first["W_pos"].shape[0], first["W_Q"].shape[2]
    shapes = {"W_E": (d, D), "W_pos": (n, D), "W_U": (D, d), "W_O": (1, H, D), "b_O": (D,), "b_U": (d,)}
    return shapes | {f"W_{c}": (1, D, H) for c in "QKV"} | {f"b_{c}": (1, H) for c in "QKV"}


def _exact(state_dict: dict[str, torch.Tensor], field: str, shape: tuple[int, ...]) -> torch.Tensor:
    """One tensor in float64 without its head axis."""
    name = STATE_DICT_NAMES[field]
    tensor = state_dict.get(name)
    if tensor is None:
        tensor = torch.zeros(shape, dtype=torch.float64)
    if tuple(tensor.shape) != shape:
        raise ModelError(f"{name} has shape {tuple(tensor.shape)}, expected {shape}")
    if tensor.dtype not in EXACT_DTYPES:
        raise ModelError(f"{name} has dtype {tensor.dtype}, expected float16, bfloat16, float32 or float64")
    if not bool(torch.isfinite(tensor).all()):
        raise ModelError(f"{name} has a number that is not finite")
    tensor = tensor.detach().to("cpu", torch.float64)
    return tensor[0] if name.startswith("blocks.0.attn.") and field != "b_O" else tensor
