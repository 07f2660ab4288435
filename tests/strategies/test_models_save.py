"""Saving: exact tensors, equal bytes, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from test_models_load import random_state_dict

from strategies.models.save import save


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_dtype_and_numbers_are_kept(dtype: torch.dtype, tmp_path: Path) -> None:
    state_dict = random_state_dict(dtype)
    save(state_dict, tmp_path / "model.safetensors", {"recipe": "none", "note": 'quoted " and ∀'})
    with safe_open(str(tmp_path / "model.safetensors"), framework="pt") as file:
        assert file.metadata() == {"recipe": "none", "note": 'quoted " and ∀'}
        assert set(file.keys()) == set(state_dict)
        for name, tensor in state_dict.items():
            read = file.get_tensor(name)
            assert read.dtype == dtype
            assert torch.equal(read, tensor)


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    names = [f"key{i}" for i in range(20)]
    save(random_state_dict(), tmp_path / "a", dict.fromkeys(names, "x"))
    save(random_state_dict(), tmp_path / "b", dict.fromkeys(reversed(names), "x"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_views_are_made_contiguous(tmp_path: Path) -> None:
    square = torch.arange(9.0).reshape(3, 3)
    save({"a": square.T, "b": square}, tmp_path / "views")
    with safe_open(str(tmp_path / "views"), framework="pt") as file:
        assert file.get_tensor("a").tolist() == square.T.tolist()


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        save(random_state_dict(), tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    with pytest.raises(FileNotFoundError):
        save(random_state_dict(), tmp_path / "absent" / "model")
    save(random_state_dict(), tmp_path / "model")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "taken"]
