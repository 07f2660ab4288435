"""The networks of the published study: the list, the manifest, and a rerun that trains and certifies only what is missing."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import proofcheck
from strategies.cli import zoo as command
from strategies.cli.main import main
from strategies.models import zoo
from strategies.models.recipe import Recipe
from strategies.models.save import save
from strategies.models.train import is_of, metadata, train
from strategies.models.zoo import RECIPES, SEEDS, file_of
from tests.shipped import one

ROOT = Path(__file__).parents[2]
SMALL = (Recipe(n_ctx=2, seed=0, d_vocab=8, steps=300), Recipe(n_ctx=6, seed=0, d_vocab=4, steps=300))


def test_the_published_seeds() -> None:
    assert len(SEEDS) == len(set(SEEDS)) == 151
    published = hashlib.sha256(",".join(map(str, SEEDS)).encode()).hexdigest()  # of the published list as it is printed
    assert published.startswith("1064ccf946985f38")
    assert len(RECIPES) == 151 + 3 * 10 + 2
    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES)
    assert {(r.n_ctx, r.d_vocab) for r in RECIPES} == {(4, 64), (5, 64), (10, 64), (20, 64), (10, 128), (20, 512)}


def test_the_manifest_of_the_repository_is_that_of_its_files() -> None:
    folder = ROOT / "certificates" / "models" / "zoo"
    models = json.loads((folder / zoo.MANIFEST).read_text())["models"]
    assert [entry["file"] for entry in models] == [file_of(folder, recipe).name for recipe in RECIPES]
    for entry, recipe in zip(models, RECIPES, strict=True):
        data = (folder / entry["file"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        assert is_of(folder / entry["file"], recipe)
        assert entry["certified"]["total"] == recipe.d_vocab**recipe.n_ctx
        assert entry["certified"]["exact"] is (recipe.n_ctx <= 5)


@pytest.mark.parametrize("index", [0, 75, 151, 161, 171])
def test_the_manifest_s_accuracies_have_certificates(index: int) -> None:
    folder = ROOT / "certificates" / "models" / "zoo"
    entry = json.loads((folder / zoo.MANIFEST).read_text())["models"][index]
    stem = Path(entry["file"]).stem
    report = proofcheck.verify(one("zoo", f"{stem}--{entry['certified']['strategy']}"))
    assert report.verdict is proofcheck.Verdict.VERIFIED
    assert (report.proved, report.total, report.exact) == (
        entry["certified"]["right"],
        entry["certified"]["total"],
        entry["certified"]["exact"],
    )
    assert report.model_sha256 == entry["sha256"]


def test_what_is_there_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for module in (zoo, command):
        monkeypatch.setattr(module, "RECIPES", SMALL)
    given = ["zoo", str(tmp_path / "models"), "--certificates", str(tmp_path / "certificates")]
    assert main([*given, "--models", "max-of-2*"]) == 0
    assert "1 models trained, 0 kept" in capsys.readouterr().out
    assert main(given) == 0
    assert "1 models trained, 1 kept" in capsys.readouterr().out
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.suffix in (".json", ".safetensors")}
    assert main(given) == 0
    assert "0 models trained, 2 kept" in capsys.readouterr().out
    assert before == {path: path.read_bytes() for path in before}
    exact, counted = json.loads((tmp_path / "models" / zoo.MANIFEST).read_text())["models"]
    assert exact["certified"]["exact"]
    assert exact["certified"]["total"] == 64
    assert re.fullmatch(r"exactly \d+ of 64 right \(\d+\.\d{4}…? %\)", exact["quality"])
    assert counted["certified"]["strategy"] == "separable-counting"
    assert re.fullmatch(r"(exactly|at least) \d+ of 4096 right \(\d+\.\d{4}…? %\)", counted["quality"])
    assert main([*given, "--models", "no-such-*"]) == 2


def test_a_file_is_of_its_recipe_only(tmp_path: Path) -> None:
    recipe = replace(SMALL[0], steps=1)
    trained = train(recipe)
    path = tmp_path / "model.safetensors"
    save(trained.weights, path, metadata(recipe, trained))
    assert is_of(path, recipe)
    for change in ({"seed": 1}, {"steps": 2}, {"n_ctx": 3}, {"d_vocab": 9}, {"biases": True}, {"d_model": 16}):
        assert not is_of(path, replace(recipe, **change))
    save(trained.weights, path)
    assert not is_of(path, recipe)  # it does not say


def test_train_or_load_prints_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["train-or-load", "max-of-k", "--n-ctx", "2", "--d-vocab", "8", "--seed", "0", "--steps", "2", "--cache", str(tmp_path)]
    assert main(given) == 0
    first = capsys.readouterr().out
    assert main(given) == 0
    assert capsys.readouterr().out == first
    assert is_of(Path(first.strip()), Recipe(n_ctx=2, seed=0, d_vocab=8, steps=2))
    assert main([*given, "--remote", "no-such-protocol://x"]) == 2
    assert "no-such-protocol" in capsys.readouterr().err
