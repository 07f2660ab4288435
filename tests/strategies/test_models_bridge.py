"""The TransformerBridge adapter against the library's own logits (TransformerLens 3.9 and later)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from strategies.models.adapters import from_transformer_bridge
from strategies.models.forward import logits
from strategies.models.load import STATE_DICT_NAMES, ModelError, load
from strategies.models.metadata import described, read_metadata
from strategies.models.save import save

model_bridge = pytest.importorskip("transformer_lens.model_bridge")
config = pytest.importorskip("transformer_lens.config")
if not hasattr(model_bridge.TransformerBridge, "boot_native"):
    pytest.skip("this TransformerLens has no TransformerBridge.boot_native", allow_module_level=True)

SETTINGS: dict[str, Any] = {
    "d_model": 8, "d_head": 4, "n_heads": 1, "n_layers": 1, "n_ctx": 3, "d_vocab": 5, "d_vocab_out": 5,
    "attn_only": True, "normalization_type": None, "seed": 0, "act_fn": "relu",
}  # fmt: skip
SEQUENCES = torch.cartesian_prod(*[torch.arange(5)] * 3)


def boot(dtype: torch.dtype = torch.float64, **changed: Any) -> Any:
    """A native bridge with random weights, biases too."""
    settings = config.TransformerBridgeConfig(**(SETTINGS | changed))
    bridge = model_bridge.TransformerBridge.boot_native(settings, dtype=dtype)
    generator = torch.Generator().manual_seed(0)
    state_dict = bridge.state_dict()
    bridge.load_state_dict({n: torch.randn(t.shape, generator=generator).to(t.dtype) for n, t in state_dict.items()})
    return bridge


def through_a_file(bridge: Any, folder: Path) -> torch.Tensor:
    save(from_transformer_bridge(bridge), folder / "model.safetensors")
    return logits(load(folder / "model.safetensors"), SEQUENCES)


@pytest.mark.parametrize("processed", [False, True])
def test_logits_are_the_library_s(processed: bool, tmp_path: Path) -> None:
    bridge = boot()
    if processed:
        bridge.enable_compatibility_mode()
    theirs = bridge(SEQUENCES)[:, -1]
    assert (through_a_file(bridge, tmp_path) - theirs).abs().max().item() < 1e-12 * theirs.abs().max().item()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_dtype_names_and_numbers_are_kept(dtype: torch.dtype) -> None:
    bridge = boot(dtype)
    state_dict = from_transformer_bridge(bridge)
    assert set(state_dict) == set(STATE_DICT_NAMES.values())
    assert all(tensor.dtype == dtype and tensor.is_contiguous() for tensor in state_dict.values())
    assert torch.equal(state_dict["blocks.0.attn.W_Q"], bridge.blocks[0].attn.W_Q)
    assert torch.equal(state_dict["blocks.0.attn.W_O"], bridge.blocks[0].attn.W_O)
    assert torch.equal(state_dict["unembed.W_U"], bridge.W_U)


REFUSED: list[dict[str, Any]] = [
    {"n_layers": 2},
    {"n_heads": 2},
    {"attn_only": False, "d_mlp": 8},
    {"normalization_type": "LN"},
    {"normalization_type": "LNPre"},
    {"normalization_type": "RMSPre"},
    {"final_rms": True},
    {"attention_dir": "bidirectional"},
    {"positional_embedding_type": "rotary", "rotary_dim": 4},
    {"use_attn_scale": False},
    {"attn_scale": 3.0},
    {"d_vocab_out": 7},
    {"attn_scores_soft_cap": 5.0},
    {"output_logits_soft_cap": 5.0},
]


@pytest.mark.parametrize("changed", REFUSED, ids=lambda changed: next(iter(changed)))
def test_refused_by_name_and_value(changed: dict[str, Any]) -> None:
    setting, value = next(iter(changed.items()))
    from_transformer_bridge(boot())  # the twin: accepted without the change
    with pytest.raises(ModelError, match=f"{setting} is {value!r}, must be"):
        from_transformer_bridge(boot(**changed))


def test_the_scale_given_as_a_number_is_accepted() -> None:
    from_transformer_bridge(boot(attn_scale=2.0))


def test_other_numbers_are_refused() -> None:
    bridge = boot()
    from_transformer_bridge(bridge)
    with torch.no_grad():
        next(bridge.parameters())[0, 0] = torch.inf
    with pytest.raises(ModelError, match="not finite"):
        from_transformer_bridge(bridge)


def test_the_file_says_what_the_adapter_knows(tmp_path: Path) -> None:
    save(from_transformer_bridge(boot(), task="max-of-k"), tmp_path / "model")
    assert read_metadata(tmp_path / "model") == described("max-of-k n_ctx=3 d_vocab=5")
    save(from_transformer_bridge(boot()), tmp_path / "model")
    assert read_metadata(tmp_path / "model") == described()
    assert from_transformer_bridge(boot(), task="min of 2, base=5").metadata["proofcheck.task"] == "min of 2, base=5"


def _double_the_pattern(bridge: Any) -> None:
    bridge.add_hook("blocks.0.attn.hook_pattern", lambda value, hook: 2 * value)


def _normalise(bridge: Any) -> None:
    bridge.unembed.register_forward_pre_hook(lambda module, inputs: (inputs[0] - inputs[0].mean(-1, keepdim=True),))


@pytest.mark.parametrize("change", [_double_the_pattern, _normalise])
def test_what_the_settings_do_not_show_is_refused(change: Any) -> None:
    bridge = boot(torch.float32)
    from_transformer_bridge(bridge)  # the twin
    change(bridge)
    with pytest.raises(ModelError, match="not those of its exported weights"):
        from_transformer_bridge(bridge)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_the_comparison_does_not_change_the_model(dtype: torch.dtype) -> None:
    bridge = boot(dtype)
    before = {name: tensor.clone() for name, tensor in bridge.state_dict().items()}
    from_transformer_bridge(bridge)
    assert all(tensor.dtype == dtype and torch.equal(tensor, before[name]) for name, tensor in bridge.state_dict().items())
