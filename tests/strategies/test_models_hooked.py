"""The HookedTransformer adapter against the library's own logits (TransformerLens 2 and 3; 4 has no such class)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from strategies.models.adapters import from_hooked_transformer
from strategies.models.forward import logits
from strategies.models.load import STATE_DICT_NAMES, ModelError, load
from strategies.models.recipe import Recipe, initial_weights
from strategies.models.save import save
from strategies.models.seeds import Seeds

try:
    from transformer_lens import HookedTransformer, HookedTransformerConfig
except ImportError:
    pytest.skip("this TransformerLens has no HookedTransformer", allow_module_level=True)

SETTINGS: dict[str, Any] = {
    "d_model": 8, "d_head": 4, "n_heads": 1, "n_layers": 1, "n_ctx": 3, "d_vocab": 5, "d_vocab_out": 5,
    "attn_only": True, "normalization_type": None, "seed": 0, "act_fn": "relu", "device": "cpu",
}  # fmt: skip
SEQUENCES = torch.cartesian_prod(*[torch.arange(5)] * 3)


def build(dtype: torch.dtype = torch.float64, **changed: Any) -> Any:
    """A HookedTransformer with random weights, biases too."""
    model = HookedTransformer(HookedTransformerConfig(**(SETTINGS | changed), dtype=dtype))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


def test_logits_are_the_library_s(tmp_path: Path) -> None:
    model = build()
    save(from_hooked_transformer(model), tmp_path / "model.safetensors")
    ours, theirs = logits(load(tmp_path / "model.safetensors"), SEQUENCES), model(SEQUENCES)[:, -1]
    assert (ours - theirs).abs().max().item() < 1e-12 * theirs.abs().max().item()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_dtype_names_and_numbers_are_kept(dtype: torch.dtype) -> None:
    model = build(dtype)
    state_dict = from_hooked_transformer(model)
    assert set(state_dict) == set(STATE_DICT_NAMES.values())
    assert all(tensor.dtype == dtype and tensor.is_contiguous() for tensor in state_dict.values())
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in state_dict.items())


REFUSED: list[dict[str, Any]] = [
    {"n_layers": 2},
    {"n_heads": 2},
    {"attn_only": False, "d_mlp": 8},
    {"normalization_type": "LN"},
    {"normalization_type": "LNPre"},
    {"final_rms": True},
    {"post_embedding_ln": True},
    {"attention_dir": "bidirectional"},
    {"positional_embedding_type": "rotary", "rotary_dim": 4},
    {"positional_embedding_type": "shortformer"},
    {"use_attn_scale": False},
    {"attn_scale": 3.0},
    {"use_local_attn": True, "window_size": 2, "attn_types": ["local"]},
    {"d_vocab_out": 7},
    {"attn_scores_soft_cap": 5.0},
    {"output_logits_soft_cap": 5.0},
]


@pytest.mark.parametrize("changed", REFUSED, ids=lambda changed: next(iter(changed)))
def test_refused_by_name_and_value(changed: dict[str, Any]) -> None:
    setting, value = next(iter(changed.items()))
    from_hooked_transformer(build())  # the twin: accepted without the change
    with pytest.raises(ModelError, match=f"{setting} is {value!r}, must be"):
        from_hooked_transformer(build(**changed))


def test_the_recipe_starts_from_the_library_s_weights() -> None:
    settings = SETTINGS | {"d_model": 32, "d_head": 32, "n_ctx": 4, "d_vocab": 64, "d_vocab_out": 64}
    settings["seed"] = Seeds.of(123).model
    theirs = from_hooked_transformer(HookedTransformer(HookedTransformerConfig(**settings)))
    ours = initial_weights(Recipe(n_ctx=4, seed=123))
    assert all(torch.equal(theirs[name], ours[name]) for name in ours)
