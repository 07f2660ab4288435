"""Working arrays are cut into chunks to fit caches. Small networks never fill one: here chunks have 1 … 50 entries, and nothing changes."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path
from random import Random
from types import ModuleType

import numpy as np
import pytest

import proofcheck
from proofcheck.arithmetic import bounded_sums, fixed_point
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem
from tests.second_checker.drafts import write_certificate, write_random_separable, write_thinned, write_whole_boxes
from tests.second_checker.random_models import write_mid_size_model, write_model

ROOT = Path(__file__).parents[2]
SEPARABLE = ("exact", "separable-counting", "separable-early-maximum", "separable-minimum")
TRIALS = 4


def chunked() -> list[tuple[ModuleType, str]]:
    """Every constant of the checker that says how long a working array is, or how many logits a batch has: by name, so that a new one is
    found."""
    modules = [
        import_module(found.name)
        for found in pkgutil.walk_packages([str(ROOT / "proofcheck")], "proofcheck.")
        if "__main__" not in found.name
    ]
    return [(module, name) for module in modules for name in vars(module) if "CHUNK" in name or name.startswith("BATCH_")]


def shrink(monkeypatch: pytest.MonkeyPatch, rng: Random) -> None:
    """Other small chunks in each module, and other splits of the sums over all sequences."""
    for module, name in chunked():
        monkeypatch.setattr(module, name, rng.randint(1, 50))
    monkeypatch.setattr(fixed_point, "_COLUMNS", rng.randint(1, 50))
    monkeypatch.setattr(fixed_point, "_ROWS", rng.randint(2, 5))  # 1 would never stop splitting


def findings(path: Path) -> tuple[object, ...]:
    """All that a report says of the network."""
    report = proofcheck.verify(path)
    code = report.error.code if report.error else None
    return report.verdict, code, report.proved, report.wrong, report.undecided


def same_in_small_chunks(paths: list[Path], monkeypatch: pytest.MonkeyPatch, seed: int) -> list[tuple[object, ...]]:
    """The findings with whole chunks, after those with small ones were compared."""
    expected = [findings(path) for path in paths]
    rng = Random(seed)
    for _ in range(TRIALS):
        with monkeypatch.context() as patch:
            shrink(patch, rng)
            for path, known in zip(paths, expected, strict=True):
                assert findings(path) == known, path.name
    return expected


def test_the_constants_are_found() -> None:
    homes = {module.__name__.rpartition(".")[2] for module, _ in chunked()}
    assert {"evaluation", "fixed_point", "largest_sums", "nonpositive_sums"} <= homes
    assert {"separability", "block_bounds", "boxes", "separable_minimum", "separable_early_maximum", "separable_partition"} <= homes


@pytest.mark.parametrize("seed", range(8))
def test_small_networks(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rules that go block by block, with searched and with random hints."""
    weights = tmp_path / "weights.safetensors"
    write_model(weights, seed)
    problem, rng, paths = Problem(weights), Random(seed), []
    for name in [name for name in STRATEGIES if not name.startswith("subcubic--")]:
        paths.append(tmp_path / f"{name}.json")
        write_certificate(problem, name, paths[-1])
    for k in range(4):
        paths.append(tmp_path / f"random-{k}.json")
        write_random_separable(problem, paths[-1], rng)
    paths.append(tmp_path / "whole-boxes.json")
    write_whole_boxes(problem, paths[-1])
    same_in_small_chunks(paths, monkeypatch, seed)


def test_a_network_of_four_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """d_vocab = 17: thousands of chunks in each rule."""
    weights, paths = tmp_path / "weights.safetensors", []
    write_mid_size_model(weights, 1)
    for name in SEPARABLE:
        paths.append(tmp_path / f"{name}.json")
        write_thinned(Problem(weights), name, paths[-1], every=5)
    found = same_in_small_chunks(paths, monkeypatch, 0)
    assert all(isinstance(proved, int) and proved > 0 for _, _, proved, *_ in found)


@pytest.mark.parametrize("seed", range(20))
def test_counts_with_and_without_listed_pairs(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above MOST_PAIRED_COLUMNS tokens the pairs of the first two positions are not listed: the count is the same."""
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, 12, (int(rng.integers(1, 5)), int(rng.integers(1, 7))))
    required = bool(seed % 2)
    expected = bounded_sums.count_bounded_sums(bins, 15, last_required=required)
    monkeypatch.setattr(bounded_sums, "MOST_PAIRED_COLUMNS", 0)
    assert bounded_sums.count_bounded_sums(bins, 15, last_required=required) == expected
