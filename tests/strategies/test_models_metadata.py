"""What a weight file says about itself, and what contradicts a proof about Max-of-K."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from test_models_load import random_state_dict

from strategies.models.adapters import Exported
from strategies.models.metadata import KNOWN, contradiction, described, read_metadata, stated_task, task_words
from strategies.models.recipe import Recipe
from strategies.models.save import save
from strategies.models.train import metadata, train

TASK = "max-of-k n_ctx=4 d_vocab=64"


def test_the_words_of_a_task() -> None:
    assert task_words(4, 64) == TASK
    assert task_words(2, 10, "min-of-k") == "min-of-k n_ctx=2 d_vocab=10"


def test_a_trained_file_says_everything() -> None:
    recipe = Recipe(n_ctx=4, seed=1, steps=1)
    words = metadata(recipe, train(recipe))
    assert {key: words[key] for key in words if key.startswith("proofcheck.")} == KNOWN | {"proofcheck.task": TASK}
    assert contradiction(words, TASK) is None


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"proofcheck.task": "min-of-k n_ctx=4 d_vocab=64"}, "min-of-k n_ctx=4 d_vocab=64"),
        ({"proofcheck.task": "max-of-k n_ctx=5 d_vocab=64"}, "max-of-k n_ctx=5 d_vocab=64"),
        ({"proofcheck.normalization": "LNPre"}, "LNPre"),
        ({"proofcheck.attention_scale": "8.0"}, "8.0"),
        ({"proofcheck.activation": "relu"}, "relu"),
        ({"proofcheck.architecture": "attention-only-two-layers"}, "attention-only-two-layers"),
    ],
)
def test_every_contradiction_is_found(changed: dict[str, str], found: str) -> None:
    (key,) = changed
    assert contradiction(described(TASK), TASK) is None  # the twin
    assert contradiction(described(TASK) | changed, TASK) == (key, found, (KNOWN | {"proofcheck.task": TASK})[key])
    assert contradiction(changed, TASK) is not None  # also where nothing else is said


def test_a_file_that_says_nothing_contradicts_nothing() -> None:
    assert stated_task({}) == stated_task({"format": "pt"}) == ""
    assert contradiction({"format": "pt"}, TASK) is None


def test_files_trained_before_the_keys_existed_state_their_recipe() -> None:
    old = {"recipe": "max-of-k", "n_ctx": "4", "d_vocab": "64", "seed": "50"}
    assert stated_task(old) == TASK
    assert contradiction(old, TASK) is None
    assert contradiction(old, "max-of-k n_ctx=4 d_vocab=32") is not None


def test_save_writes_what_an_adapter_knows(tmp_path: Path) -> None:
    exported = Exported(random_state_dict(torch.float32), described("max-of-k n_ctx=3 d_vocab=5"))
    save(exported, tmp_path / "model", {"note": "mine"})
    assert read_metadata(tmp_path / "model") == described("max-of-k n_ctx=3 d_vocab=5") | {"note": "mine"}
    save(dict(exported), tmp_path / "plain")
    with safe_open(str(tmp_path / "plain"), framework="pt") as file:
        assert not file.metadata()
