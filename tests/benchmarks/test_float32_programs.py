"""The float32 programs of the paired comparison count what the rules prove, on networks without near-ties."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from benchmarks import float32_programs
from benchmarks.float32_programs import PROGRAMS, float32
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, certificate, safetensors_bytes, trained_like

import proofcheck

BRUTE_FORCES = [name for name in PROGRAMS if not name.startswith("cubic")]
CUBICS = [name for name in PROGRAMS if name.startswith("cubic")]
SHAPES = (Shape(3, 5), Shape(4, 4), Shape(3, 6))


@pytest.mark.parametrize("seed", range(6))
def test_counts(seed: int, tmp_path: Path) -> None:
    shape = SHAPES[seed % len(SHAPES)]
    weights = safetensors_bytes(trained_like(shape, seed, biases=seed % 2 == 0, gain=1.0))
    path = tmp_path / "weights.safetensors"
    path.write_bytes(weights)
    model = float32(str(path))
    for names, steps in ((BRUTE_FORCES, BRUTE_FORCE), (CUBICS, CUBIC)):
        proved = proofcheck.verify(certificate(weights, shape, steps), model=path).proved
        with torch.no_grad():
            assert {name: PROGRAMS[name](model, 1) for name in names} == dict.fromkeys(names, proved)
        assert proved > 0


@pytest.mark.parametrize("name", ["published brute force", "lean brute force"])
def test_every_third_batch(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = Shape(3, 7)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors_bytes(trained_like(shape, 1, gain=0.7)))
    model = float32(str(path))
    inputs = torch.cartesian_prod(*[torch.arange(7)] * 3)
    right = float32_programs.logits(model, inputs).argmax(-1) == inputs.amax(-1)
    monkeypatch.setattr(float32_programs, "BATCH", 10)
    looked_at = torch.arange(len(inputs)) // 10 % 3 == 0
    with torch.no_grad():
        assert PROGRAMS[name](model, 1) == int(right.sum()) < len(inputs)
        assert PROGRAMS[name](model, 3) == int((right & looked_at).sum())
