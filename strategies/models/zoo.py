"""The networks of the published study: 151 seeds for n_ctx 4, ten each for 5, 10 and 20, and one each with a larger vocabulary.

Source of the seeds: Gross et al. 2024, published code. The weights are trained here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from proofcheck.report import decimal
from strategies.models.metadata import read_metadata
from strategies.models.recipe import Recipe
from strategies.models.save import save
from strategies.models.train import is_of, metadata, train
from strategies.write import write

MANIFEST = "manifest.json"

SEEDS = (
    50, 104, 123, 519, 742, 913, 1185, 1283, 1412, 1490, 1681, 1696, 1895, 1951, 2236, 2306, 2345, 2549, 2743, 2773, 3175, 3254, 3284,
    4157, 4305, 4430, 4647, 4729, 4800, 4810, 5358, 5615, 5781, 5928, 6082, 6155, 6159, 6204, 6532, 6549, 6589, 6910, 7098, 7238, 7310,
    7467, 7790, 7884, 8048, 8299, 8721, 8745, 8840, 8893, 9132, 9134, 9504, 9816, 10248, 11124, 11130, 11498, 11598, 11611, 12141, 12287,
    12457, 12493, 12552, 12561, 13036, 13293, 13468, 13654, 13716, 14095, 14929, 15043, 15399, 15622, 15662, 16069, 16149, 16197, 16284,
    17080, 17096, 17194, 17197, 18146, 18289, 18668, 19004, 19093, 19451, 19488, 19538, 19917, 20013, 20294, 20338, 20415, 20539, 20751,
    20754, 20976, 21317, 21598, 22261, 22286, 22401, 22545, 23241, 23367, 23447, 23633, 23696, 24144, 24173, 24202, 24262, 24438, 24566,
    25516, 26278, 26374, 26829, 26932, 27300, 27484, 27584, 27671, 27714, 28090, 28716, 28778, 29022, 29052, 29110, 29195, 29565, 29725,
    29726, 30371, 30463, 30684, 30899, 31308, 32103, 32374, 32382,
)  # fmt: skip
SELECTED = 123  # the published code's own example
LONGER = (5, 10, 20)
SEEDS_OF_LONGER = (SELECTED, *[seed for seed in SEEDS if seed != SELECTED][:9])

RECIPES = (
    *(Recipe(n_ctx=4, seed=seed) for seed in SEEDS),
    *(Recipe(n_ctx=n_ctx, seed=seed) for n_ctx in LONGER for seed in SEEDS_OF_LONGER),
    Recipe(n_ctx=10, seed=SELECTED, d_vocab=128),
    Recipe(n_ctx=20, seed=SELECTED, d_vocab=512),
)


def file_of(folder: Path, recipe: Recipe) -> Path:
    """Where the model of a recipe is."""
    return folder / f"{recipe.name}.safetensors"


def train_missing(folder: Path, recipes: Sequence[Recipe]) -> Iterator[tuple[Recipe, bool]]:
    """Each recipe when its file is in `folder`, and whether it was trained now. Raises OSError."""
    for recipe in recipes:
        path = file_of(folder, recipe)
        missing = not is_of(path, recipe)
        if missing:
            trained = train(recipe)
            save(trained.weights, path, metadata(recipe, trained))
        yield recipe, missing


def strategy_of(recipe: Recipe) -> str:
    """The strategy that certifies the accuracy of a model: exactly where all sequences can be decided."""
    if recipe.n_ctx <= 5:
        return "exact"
    return "separable-counting" if recipe.d_vocab <= 256 else "separable-early-maximum"  # the former is beyond the limit on work


def write_manifest(folder: Path, recipes: Sequence[Recipe], rows: Mapping[str, Mapping[str, Any]]) -> None:
    """`manifest.json`: recipe, digest and certified accuracy of each model. rows: by model name, from a sweep with `strategy_of`."""
    models = [_entry(file_of(folder, recipe), recipe, rows.get(recipe.name)) for recipe in recipes]
    write(folder / MANIFEST, (json.dumps({"models": models}, indent=1, ensure_ascii=False) + "\n").encode())


def _entry(path: Path, recipe: Recipe, row: Mapping[str, Any] | None) -> dict[str, Any]:
    said = read_metadata(path)
    entry: dict[str, Any] = {
        "file": path.name,
        "n_ctx": recipe.n_ctx,
        "d_vocab": recipe.d_vocab,
        "seed": recipe.seed,
        "steps": recipe.steps,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "torch": said.get("torch", ""),
        "final_loss": float(said.get("final_loss", "nan")),
    }
    if row is None or row["verdict"] != "VERIFIED":
        return entry | {"quality": "accuracy not certified yet"}
    right, wrong, total = (int(row[name]) for name in ("proved", "wrong", "total"))
    exact = right + wrong == total
    how = "exactly" if exact else "at least"
    certified = {"strategy": row["strategy"], "right": right, "total": total, "exact": exact}
    return entry | {"certified": certified, "quality": f"{how} {right} of {total} right ({decimal(100 * right, total, 4)} %)"}
