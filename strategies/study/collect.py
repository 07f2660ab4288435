"""From sweeps and the manifest of their networks to the tables of the study."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from strategies.max_of_k.subcubic_directions import embeddings
from strategies.models.load import load
from strategies.models.zoo import MANIFEST
from strategies.study.table import Network, Result
from strategies.sweep_table import SweepTable


def networks(folder: Path, wanted: set[str]) -> Iterator[Network]:
    """The networks of a zoo that have rows. Raises OSError, KeyError for a network without a certified accuracy."""
    entries: list[dict[str, Any]] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["models"]
    for entry in entries:
        name = Path(entry["file"]).stem
        if name not in wanted:
            continue
        certified = entry["certified"]
        first, second = singular_values(folder / entry["file"])
        sizes = (entry["n_ctx"], entry["d_vocab"], entry["seed"])
        yield Network(name, *sizes, entry["sha256"], certified["right"], certified["total"], certified["exact"], first, second)


def singular_values(model: Path) -> tuple[float, float]:
    """The two largest singular values of EQKE, float64, six digits: they are for plots."""
    weights = load(model)
    E_q, Ebar = embeddings(weights)
    values = torch.linalg.svdvals((E_q @ weights.W_Q + weights.b_Q) @ weights.W_K.T @ Ebar.T)
    return float(f"{values[0]:.6g}"), float(f"{values[1]:.6g}")


def results(sweeps: Iterable[Path], digests: dict[str, str]) -> list[Result]:
    """The rows of sweeps, by model and strategy. Raises ValueError where a row is about other weights than the manifest's."""
    found = []
    for folder in sweeps:
        with SweepTable(folder) as table:
            for row in table.rows():
                if digests.get(row["model"], row["model_sha256"]) != row["model_sha256"]:
                    raise ValueError(f"{folder}: {row['model']} is not the network of the manifest")
                counts = ("proved", "wrong", "undecided", "published", "flops", "unexplained_dimension", "operations")
                found.append(Result(row["model"], row["strategy"], row["code"], *(int(row[name]) for name in counts)))
    return sorted(found, key=lambda row: (row.model, row.strategy))


def models_of(sweeps: Iterable[Path], *, whole: bool) -> set[str]:
    """The networks of sweeps; with `whole` those alone that have every strategy which some network of their task has."""
    strategies: dict[str, set[str]] = {}
    tasks: dict[str, str] = {}
    for folder in sweeps:
        with SweepTable(folder) as table:
            for row in table.rows():
                strategies.setdefault(row["model"], set()).add(row["strategy"])
                tasks[row["model"]] = row["task"]
    every: dict[str, set[str]] = {}
    for model, found in strategies.items():
        every.setdefault(tasks[model], set()).update(found)
    return {model for model, found in strategies.items() if not whole or found == every[tasks[model]]}
