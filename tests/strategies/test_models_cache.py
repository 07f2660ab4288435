"""`train_or_load`: once trained, found; what is not whole is trained again; a remote folder through fsspec."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from strategies.models import cache
from strategies.models.cache import recipe_hash, train_or_load
from strategies.models.load import load
from strategies.models.recipe import Recipe
from strategies.models.train import Trained, train

RECIPE = Recipe(n_ctx=2, seed=0, d_vocab=8, steps=3, d_model=8)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """The recipes that have been trained."""
    found: list[Recipe] = []

    def counting(recipe: Recipe, device: str = "cpu") -> Trained:
        found.append(recipe)
        return train(recipe, device)

    monkeypatch.setattr(cache, "train", counting)
    return found


def test_a_model_is_trained_once(tmp_path: Path, trained: list[Recipe]) -> None:
    first = train_or_load(RECIPE, tmp_path / "cache")
    data = first.read_bytes()
    assert train_or_load(RECIPE, tmp_path / "cache") == first
    assert first.read_bytes() == data
    assert trained == [RECIPE]
    assert load(first).d_vocab == 8
    other = train_or_load(replace(RECIPE, seed=1), tmp_path / "cache")
    assert other != first
    assert len(trained) == 2


def test_everything_in_a_recipe_is_in_its_hash() -> None:
    others = [{"n_ctx": 3}, {"seed": 1}, {"d_vocab": 9}, {"steps": 4}, {"biases": True}, {"d_model": 9}]
    assert {next(iter(change)) for change in others} == set(Recipe.__dataclass_fields__)
    assert len({recipe_hash(RECIPE), *(recipe_hash(replace(RECIPE, **change)) for change in others)}) == 1 + len(others)


def _damage_weights(path: Path, note: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))


def _other_recipe(path: Path, note: Path) -> None:
    words = json.loads(note.read_text())
    words["recipe"]["seed"] = 17
    note.write_text(json.dumps(words))


@pytest.mark.parametrize(
    "damage",
    [
        _damage_weights,
        _other_recipe,
        lambda path, note: path.write_bytes(path.read_bytes()[:-100]),
        lambda path, note: path.write_bytes(b""),
        lambda path, note: path.unlink(),
        lambda path, note: note.unlink(),
        lambda path, note: note.write_text('{"recipe": {'),
        lambda path, note: note.write_bytes(b"\xff\xfe"),
    ],
)
def test_an_entry_that_is_not_whole_is_trained_again(damage: Callable[[Path, Path], None], tmp_path: Path, trained: list[Recipe]) -> None:
    path = train_or_load(RECIPE, tmp_path)
    data = path.read_bytes()
    damage(path, path.with_suffix(".json"))
    assert train_or_load(RECIPE, tmp_path) == path
    assert path.read_bytes() == data
    assert len(trained) == 2
    train_or_load(RECIPE, tmp_path)
    assert len(trained) == 2


def test_weights_of_another_recipe_with_a_matching_note_are_not_used(tmp_path: Path, trained: list[Recipe]) -> None:
    path = train_or_load(RECIPE, tmp_path)
    other = train_or_load(replace(RECIPE, seed=1), tmp_path)
    path.write_bytes(other.read_bytes())
    words = json.loads(path.with_suffix(".json").read_text())
    words["sha256"] = json.loads(other.with_suffix(".json").read_text())["sha256"]
    path.with_suffix(".json").write_text(json.dumps(words, indent=1) + "\n")
    train_or_load(RECIPE, tmp_path)
    assert len(trained) == 3


def test_a_remote_folder_is_filled_and_used(tmp_path: Path, trained: list[Recipe]) -> None:
    remote = "memory://models"
    fsspec.filesystem("memory").store.clear()
    first = train_or_load(RECIPE, tmp_path / "here", remote)
    there = train_or_load(RECIPE, tmp_path / "there", remote)
    assert there.read_bytes() == first.read_bytes()
    assert len(trained) == 1
    assert sorted(name.rpartition(".")[2] for name in fsspec.filesystem("memory").store) == ["json", "safetensors"]
    name = next(name for name in fsspec.filesystem("memory").store if name.endswith("safetensors"))
    fsspec.filesystem("memory").pipe_file(name, b"half of a file")
    again = train_or_load(RECIPE, tmp_path / "elsewhere", remote)  # not used, and mended
    assert again.read_bytes() == first.read_bytes()
    assert len(trained) == 2
    assert fsspec.filesystem("memory").cat_file(name) == first.read_bytes()
    fsspec.filesystem("memory").store.clear()
    train_or_load(RECIPE, tmp_path / "here", remote)  # found here, and put there
    assert len(trained) == 2
    assert fsspec.filesystem("memory").cat_file(name) == first.read_bytes()


def test_the_default_folder_is_the_user_s_cache(tmp_path: Path, trained: list[Recipe], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = train_or_load(RECIPE)
    assert path.parent == tmp_path / "proofcheck" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.default_folder() == Path.home() / ".cache" / "proofcheck" / "models"
