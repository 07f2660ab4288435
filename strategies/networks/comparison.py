"""Is an exported network the model that it was exported from? Both on random prompts, in float64; and if not, which change makes it so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from strategies.models.load import ModelError
from strategies.networks.network import ACTIVATIONS, Network, logits

PROMPTS = 64
ROUNDING = 1e-9  # of the largest logit; both run in float64

Weights = Mapping[str, torch.Tensor]
Forward = Callable[[torch.Tensor], torch.Tensor]

_TRIED = {
    "activation": tuple(ACTIVATIONS),
    "attention": ("causal", "full", "causal-uniform", "full-uniform"),
    "scale": ("1/sqrt(d_head)", "1/1"),
    "normalization": ("none", "LN", "LNPre", "RMS", "RMSPre"),
    "eps": ("1/100000", "1/1000000", "1/100000000", "1/1000000000000"),
    "readout": ("last", "sum"),
}


class WithoutSingle(TorchFunctionMode):
    """Inside, what a model casts to float32 on its way (RMS normalization of some releases) stays in float64: such a cast only rounds."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.float:
            return args[0].double()
        wide = [torch.float64 if value is torch.float32 else value for value in args]
        named = {name: torch.float64 if value is torch.float32 else value for name, value in (kwargs or {}).items()}
        return func(*wide, **named)


def require_equal(network: Network, weights: Weights, theirs: Forward, else_: str) -> None:
    """ModelError unless the network has the logits of `theirs`, from tokens (batch, n_ctx) to logits (batch, d_vocab_out).

    Where `theirs` gives logits of each position, (batch, n_ctx, d_vocab_out), those of the network's read-out position are meant.
    else_: what may be wrong, for the message, where no change of an option or of a square matrix explains the difference.
    """
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, network.sizes["d_vocab"], (PROMPTS, network.sizes["n_ctx"]), generator=generator)
    weights = {name: tensor.double() for name, tensor in weights.items()}
    with torch.no_grad():
        with WithoutSingle():
            answer = theirs(tokens)
        found = _read(network, answer).to(torch.float64)
        ours = logits(network, weights, tokens)
        if found.shape != ours.shape:
            raise ModelError(f"the model's logits have shape {tuple(answer.shape)}, those of its exported weights {tuple(ours.shape)}")
        difference, largest = float((ours - found).abs().max()), float(found.abs().max())
        if _is_near(difference, largest):
            return
        reasons = [words for words, other, changed in _others(network, weights) if _agrees(other, changed, tokens, found)]
    if answer.dtype != torch.float64:
        else_ = f"The model computes in {answer.dtype}: give the module itself, or a function of `copy.deepcopy(module).double()`. {else_}"
    raise ModelError(
        f"the model's logits are not those of its exported weights: they differ by {difference:.2g} (largest logit {largest:.2g}). "
        + (f"They agree with {' or '.join(reasons)}" if reasons else else_)
    )


def _read(network: Network, answer: torch.Tensor) -> torch.Tensor:
    position = network.options["readout"]
    if answer.ndim != 3 or position == "sum":
        return answer
    return answer[:, -1 if position == "last" else position]


def _is_near(difference: float, largest: float) -> bool:
    return difference <= ROUNDING * max(1.0, largest)


def _agrees(network: Network, weights: Weights, tokens: torch.Tensor, found: torch.Tensor) -> bool:
    difference = float((logits(network, weights, tokens) - found).abs().max())
    return _is_near(difference, float(found.abs().max()))


def _others(network: Network, weights: Weights) -> Iterator[tuple[str, Network, Weights]]:
    """Networks that have the same tensors: another option, or a square matrix transposed; with words for each."""
    for name, values in _TRIED.items():
        for value in values:
            try:
                other = Network.of(**network.sizes, **{**network.options, name: value})
                fits = other.shapes() == network.shapes()
            except ModelError:
                continue
            if fits and value != network.options[name]:
                yield f"{name} = {value}", other, weights
    for name, tensor in weights.items():
        other = _transposed(name, tensor)
        if other is not None:
            yield f"{name} transposed", network, {**weights, name: other}


def _transposed(name: str, tensor: torch.Tensor) -> torch.Tensor | None:
    """The same numbers stored the other way, heads side by side; None where the matrix is not square."""
    into_heads = name.endswith(("W_Q", "W_K", "W_V"))
    side_by_side = tensor.permute(1, 0, 2).flatten(1) if into_heads else tensor.flatten(0, -2) if tensor.ndim == 3 else tensor
    if side_by_side.ndim != 2 or side_by_side.shape[0] != side_by_side.shape[1]:
        return None
    if into_heads:
        return side_by_side.T.reshape(-1, tensor.shape[0], tensor.shape[2]).permute(1, 0, 2)
    return side_by_side.T.reshape(tensor.shape)
