"""HookedTransformers of TransformerLens 2 and 3 with any options become certificates (release 4 has none: most are skipped)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import proofcheck
from proofcheck import Verdict
from strategies.models.adapters import in_double
from strategies.models.load import ModelError
from strategies.models.save import save
from strategies.networks.adapters import from_transformer_lens, task_json
from strategies.networks.evaluate import prove

SETTINGS: dict[str, Any] = {
    "n_layers": 2, "n_heads": 2, "d_model": 16, "d_head": 8, "d_mlp": 24, "n_ctx": 4, "d_vocab": 6, "act_fn": "gelu",
    "normalization_type": "LN", "seed": 0, "device": "cpu",
}  # fmt: skip
TASK = task_json("kth-largest", n_ctx=3, d_vocab=6, k=2, alphabets=("0-5",) * 3)


def hooked(**changed: Any) -> Any:
    try:
        from transformer_lens import HookedTransformer, HookedTransformerConfig
    except ImportError:
        pytest.skip("this TransformerLens has no HookedTransformer")
    model = HookedTransformer(HookedTransformerConfig(**(SETTINGS | changed)))
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) / 2
    return model


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"normalization_type": "LNPre", "act_fn": "relu"},
        {"normalization_type": None, "act_fn": "silu", "attention_dir": "bidirectional"},
        {"normalization_type": "RMS", "act_fn": "gelu_new"},
        {"attn_only": True},
        {"use_attn_scale": False},
        {"attn_scale": 3.0},
    ],
    ids=str,
)
def test_the_count_is_the_model_s_own(changed: dict[str, Any], tmp_path: Path) -> None:
    model = hooked(**changed)
    save(from_transformer_lens(model, TASK, n_ctx=3), tmp_path / "m.safetensors")
    prove(tmp_path / "m.safetensors", tmp_path / "c.json")
    report = proofcheck.verify(tmp_path / "c.json")
    words = torch.cartesian_prod(*[torch.arange(6)] * 3)
    with torch.no_grad():
        found = in_double(model)(words)[:, -1].argmax(-1)
    assert (report.verdict, report.exact, report.notes) == (Verdict.VERIFIED, True, ())
    assert report.proved == int((found == words.sort(dim=1).values[:, 1]).sum())


def test_settings_that_are_not_meant_are_refused() -> None:
    with pytest.raises(ModelError, match="positional_embedding_type is 'rotary'"):
        from_transformer_lens(hooked(positional_embedding_type="rotary", rotary_dim=8), TASK)


class Casting(torch.nn.Module):
    """As TransformerLens does it: what is computed is cast to the dtype of the settings."""

    def __init__(self) -> None:
        super().__init__()
        self.cfg = type("Settings", (), {"dtype": torch.float32})()
        self.W = torch.nn.Parameter(torch.full((2, 2), 1 / 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ self.W).to(self.cfg.dtype) @ self.W


def test_a_copy_in_double_computes_in_double_where_the_library_casts() -> None:
    model, x = Casting(), torch.ones(1, 2, dtype=torch.float64)
    W = model.W.detach().double()
    assert bool((in_double(model)(x).detach() == x @ W @ W).all())
    assert (model.cfg.dtype, model.W.dtype) == (torch.float32, torch.float32)


def test_what_is_no_model_of_the_library_is_refused_with_what_takes_it() -> None:
    with pytest.raises(ModelError, match="a Linear is no model of TransformerLens; `from_tensors` takes any other"):
        from_transformer_lens(torch.nn.Linear(2, 2), TASK)
