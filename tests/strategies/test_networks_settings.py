"""Settings of TransformerLens that could change the function: refused by name, or the checker computes the library's logits.

The checker's side is its trusted forward pass in balls on the saved file; the library's side runs in float64.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from models.transformer_reference import Case

from proofcheck.arithmetic import Arithmetic, exclusive_precision
from proofcheck.arithmetic.ball_intervals import ends
from proofcheck.limits import Limits
from proofcheck.models import decode_weights
from proofcheck.models.transformer import TRANSFORMER
from strategies.models.adapters import in_double
from strategies.models.load import ModelError
from strategies.models.save import save
from strategies.networks.adapters import from_tensors, from_transformer_lens, task_json
from strategies.networks.comparison import WithoutSingle
from strategies.networks.evaluate import network_of
from strategies.networks.network import Network, logits

BASE: dict[str, Any] = {
    "n_layers": 2, "n_heads": 2, "d_model": 8, "d_head": 4, "d_mlp": 12, "n_ctx": 4, "d_vocab": 6, "act_fn": "gelu",
    "normalization_type": "LN", "seed": 0,
}  # fmt: skip
TASK = task_json("token-at", n_ctx=4, d_vocab=6, position=1)
SAME: list[dict[str, Any]] = [
    {},
    {"attn_scale": 3.0},
    {"attn_scale": 0.25},
    {"attention_dir": "bidirectional"},
    {"eps": 1e-2},
    {"normalization_type": None},
    {"normalization_type": "LNPre"},
    {"normalization_type": "RMS"},
    {"normalization_type": "RMS", "eps": 1e-2, "attn_scale": 2.0},
    {"normalization_type": "RMSPre"},
    {"attn_only": True},
    {"act_fn": "relu"},
    {"act_fn": "gelu_new"},
    {"act_fn": "silu"},
    {"d_vocab_out": 7},
    {"d_head": 3},
    {"use_split_qkv_input": True},
    {"use_attn_result": True},
    {"use_attn_in": True},
    {"use_hook_mlp_in": True},
    {"use_hook_tokens": True},
    {"default_prepend_bos": False},
    {"n_key_value_heads": 2},
    {"dtype": torch.float64},
    {"dtype": torch.bfloat16},
    {"window_size": 2, "attn_types": ["local", "local"]},  # without use_local_attn: not in use
    {"rotary_dim": 4},
    {"relative_attention_max_distance": 4, "relative_attention_num_buckets": 4},
    {"attn_scores_soft_cap": 0.0},
]
REFUSED: list[dict[str, Any]] = [
    {"n_key_value_heads": 1},
    {"act_fn": "solu"},
    {"act_fn": "solu_ln"},
    {"act_fn": "gelu_fast"},
    {"positional_embedding_type": "rotary", "rotary_dim": 4},
    {"positional_embedding_type": "shortformer"},
    {"positional_embedding_type": "alibi"},
    {"positional_embedding_type": "relative_positional_bias", "relative_attention_max_distance": 4, "relative_attention_num_buckets": 4},
    {"attn_scores_soft_cap": 5.0},
    {"output_logits_soft_cap": 5.0},
    {"parallel_attn_mlp": True},
    {"gated_mlp": True},
    {"use_local_attn": True, "window_size": 2, "attn_types": ["local", "local"]},
    {"final_rms": True, "normalization_type": "LNPre"},
    {"use_qk_norm": True, "normalization_type": "RMS"},
    {"post_embedding_ln": True},
    {"use_normalization_before_and_after": True, "normalization_type": "RMS"},
    {"scale_attn_by_inverse_layer_idx": True},
    {"num_experts": 2, "experts_per_token": 1},
    {"scale_embedding": True},
    {"rmsnorm_uses_offset": True, "normalization_type": "RMS"},
    {"tie_word_embeddings": True},
]


def built(changed: dict[str, Any]) -> Any:
    """A model of this release with random weights; skipped where the release has no such model."""
    pytest.importorskip("transformer_lens")
    settings = BASE | changed
    try:
        try:
            from transformer_lens import HookedTransformer, HookedTransformerConfig

            model = HookedTransformer(HookedTransformerConfig(**settings, device="cpu"))
        except ImportError:
            from transformer_lens.config import TransformerBridgeConfig
            from transformer_lens.model_bridge import TransformerBridge

            model = TransformerBridge.boot_native(TransformerBridgeConfig(**settings))
    except (AssertionError, KeyError, NotImplementedError, TypeError, UnboundLocalError, ValueError) as error:
        pytest.skip(f"the library itself has no such model: {type(error).__name__} {error}"[:200])
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.7 * torch.randn(parameter.shape, generator=generator))
    return model


def proved_about(path: Path, tokens: Any) -> Any:
    """Middles of the checker's balls for the logits of a file, as doubles."""
    network, _ = network_of(path, tokens.shape[1])
    options = Case(network.sizes, network.options, {}).read_options
    dimensions = TRANSFORMER.read_dimensions(network.sizes, Limits())
    weights = decode_weights(path.read_bytes(), TRANSFORMER.tensors(dimensions, options), Limits())
    with exclusive_precision():
        found: Any = TRANSFORMER.build(dimensions, options, weights).evaluator(Arithmetic("arb", 128))(tokens)
    pairs = [ends(x) for x in found.entries.ravel().tolist()]
    low, high = (np.array([m * 2.0**e for m, e in side]).reshape(found.shape) for side in zip(*pairs, strict=True))
    assert (high - low).max() < 1e-15 * (1 + np.abs(high).max())  # their ends, rounded
    return (low + high) / 2


@pytest.mark.parametrize("changed", SAME, ids=str)
def test_what_is_accepted_is_what_the_checker_computes(changed: dict[str, Any], tmp_path: Path) -> None:
    model = built(changed)
    save(from_transformer_lens(model, TASK), tmp_path / "m.safetensors")
    tokens = np.random.default_rng(7).integers(0, 6, (40, 4))
    with torch.no_grad(), WithoutSingle():
        theirs = in_double(model)(torch.tensor(tokens))[:, -1].double().numpy()
    assert np.abs(proved_about(tmp_path / "m.safetensors", tokens) - theirs).max() <= 1e-9 * max(1, np.abs(theirs).max())


@pytest.mark.parametrize("changed", REFUSED, ids=str)
def test_what_is_not_meant_is_refused_by_its_name(changed: dict[str, Any]) -> None:
    model = built(changed)
    with pytest.raises(ModelError) as caught:
        from_transformer_lens(model, TASK)
    assert str(caught.value).startswith(f"{next(iter(changed))} is ")


def test_settings_that_the_library_itself_ignores_are_no_way_to_another_function(tmp_path: Path) -> None:
    """boot_native of 4.x divides by the square root of d_head also without use_attn_scale; a HookedTransformer does not divide."""
    model = built({"use_attn_scale": False})
    try:
        save(from_transformer_lens(model, TASK), tmp_path / "m.safetensors")
    except ModelError as error:
        assert "They agree with scale = 1/sqrt(d_head)" in str(error)
        return
    tokens = np.random.default_rng(7).integers(0, 6, (40, 4))
    with torch.no_grad():
        theirs = in_double(model)(torch.tensor(tokens))[:, -1].numpy()
    assert np.abs(proved_about(tmp_path / "m.safetensors", tokens) - theirs).max() <= 1e-9 * np.abs(theirs).max()


class Root(torch.nn.Module):
    """Root mean square normalization before an unembedding, which computes in single precision whatever it is given."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.eps = eps
        self.E = torch.nn.Parameter(torch.randn(4, 6, generator=generator))
        self.w = torch.nn.Parameter(torch.randn(6, generator=generator))
        self.U = torch.nn.Parameter(torch.randn(6, 4, generator=generator))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.E[tokens[:, -1]].float()
        x = (x.to(torch.float32) / (x.pow(2).mean(-1, keepdim=True, dtype=torch.float32) + self.eps).sqrt()).type_as(self.w)
        return x * self.w @ self.U


@pytest.mark.parametrize(("eps", "agrees"), [(1e-6, True), (1.1e-6, False), (1e-5, False)])
def test_casts_to_single_precision_hide_no_other_eps(eps: float, agrees: bool) -> None:
    model = Root(1e-6)
    network = Network.of(
        n_layers=0, n_heads=0, d_head=0, n_positions=0, n_ctx=2, d_vocab=4, d_model=6, attention="full", normalization="RMS", eps=eps
    )
    names = {"embed.W_E": "E", "ln_final.w": "w", "unembed.W_U": "U"}
    tokens = torch.tensor([[0, 1], [1, 3]])
    task = task_json("token-at", n_ctx=2, d_vocab=4, position=1)
    if agrees:
        exported = from_tensors(network, model.state_dict(), names, task, model=model)
        double = {name: tensor.double() for name, tensor in exported.items()}
        assert float((logits(network, double, tokens) - model(tokens).detach()).abs().max()) < 1e-5
        return
    with pytest.raises(ModelError, match="differ by"):
        from_tensors(network, model.state_dict(), names, task, model=model)
