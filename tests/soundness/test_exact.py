"""The rules that go below whole blocks against ground truth, on small networks that are hard for rounded arithmetic.

Truth is `soundness.truth`: every sequence by an interval forward pass that shares nothing with `proofcheck`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from soundness.adversarial_models import KINDS, adversarial_model
from soundness.small_models import BRUTE_FORCE, TABLES, Shape, certificate, safetensors_bytes
from soundness.truth import Truth, ground_truth, read_tensors

import proofcheck
from proofcheck import Report, Step
from strategies.max_of_k.exact import propose_exact
from strategies.max_of_k.strategy import Problem

MODELS = 252  # 28 of each kind


@cache
def model(k: int) -> tuple[str, Shape, bytes, Truth]:
    name, shape, tensors = adversarial_model(k)
    weights = safetensors_bytes(tensors)
    return name, shape, weights, ground_truth(read_tensors(weights))


def verify(k: int, steps: tuple[Step, ...], folder: Path, backend: Any = "fast") -> Report:
    _, shape, weights, _ = model(k)
    path = folder / "weights.safetensors"
    path.write_bytes(weights)
    report = proofcheck.verify(certificate(weights, shape, steps), model=path, backend=backend)
    report.raise_for_verdict()
    return report


def all_blocks(d: int) -> np.ndarray:
    return np.array([(q, m) for m in range(d) for q in range(m + 1)], dtype="<i8")


def random_tree(rng: np.random.Generator, n: int, d: int, m: int, first: int) -> list[int]:
    """A random tree of the box, in preorder."""
    nodes: list[int] = []
    stack = [{i: (0, m if i < first else m + 1) for i in range(n - 1) if i != first}]
    while stack:
        box = stack.pop()
        wide = [i for i, (low, high) in box.items() if high - low > 1]
        if not wide or rng.random() < 0.25:
            nodes.append(-1)
            continue
        i = int(rng.choice(wide))
        low, high = box[i]
        threshold = int(rng.integers(low + 1, high))
        nodes.append(i * d + threshold)
        stack += [{**box, i: (threshold, high)}, {**box, i: (low, threshold)}]
    return nodes


def partition(shape: Shape, seed: int, share: float = 1.0) -> tuple[Step, ...]:
    """Random trees for a random share of the blocks."""
    rng = np.random.default_rng(seed)
    n, d = shape.n_ctx, shape.d_vocab
    blocks = all_blocks(d)
    blocks = blocks[rng.random(len(blocks)) < share] if share < 1 else blocks
    blocks = blocks if len(blocks) else all_blocks(d)[-1:]
    nodes = [node for q, m in blocks.tolist() for first in (range(n - 1) if q < m else (-1,)) for node in random_tree(rng, n, d, m, first)]
    step = Step("blocks", "separable-partition", ("tables",), {"blocks": blocks, "nodes": np.array(nodes, dtype="<i8")})
    return (TABLES, step, Step("count", "sum-blocks", ("blocks",)))


def searched(shape: Shape) -> tuple[Step, ...]:
    """`separable-enumeration` for all blocks."""
    hints = {"blocks": all_blocks(shape.d_vocab), "expansions": 10**6}
    return (TABLES, Step("blocks", "separable-enumeration", ("tables",), hints), Step("count", "sum-blocks", ("blocks",)))


@pytest.mark.parametrize("k", range(MODELS))
def test_exact_rules_are_exact_and_trees_are_lower_bounds(k: int, tmp_path: Path) -> None:
    name, shape, _, truth = model(k)
    assert truth.undecided == 0, name
    wrong = truth.total - truth.correct
    for steps in (searched(shape), BRUTE_FORCE):
        report = verify(k, steps, tmp_path)
        assert (report.proved, report.wrong, report.undecided, report.exact) == (truth.correct, wrong, 0, True), name
    for seed, share in ((k, 1.0), (k + 1, 0.5)):
        report = verify(k, partition(shape, seed, share), tmp_path)
        assert report.proved <= truth.correct, name
        assert report.wrong <= wrong, name
        if share == 1.0:
            assert report.proved + report.wrong + report.undecided == truth.total


@pytest.mark.parametrize("k", range(0, MODELS, 2))
def test_the_strategy_exact_is_exact(k: int, tmp_path: Path) -> None:
    name, _, weights, truth = model(k)
    path = tmp_path / "problem.safetensors"
    path.write_bytes(weights)
    report = verify(k, propose_exact(Problem(path)).steps, tmp_path)
    assert (report.proved, report.wrong, report.undecided) == (truth.correct, truth.total - truth.correct, 0), name
    assert report.exact


@pytest.mark.parametrize("k", range(0, MODELS, 7))
def test_both_backends_prove_the_same(k: int, tmp_path: Path) -> None:
    _, shape, _, _ = model(k)
    exact = searched(shape)
    fast, arb = (verify(k, exact, tmp_path, backend) for backend in ("fast", "arb"))
    assert (fast.proved, fast.wrong, fast.undecided) == (arb.proved, arb.wrong, arb.undecided)
    trees = partition(shape, k)
    fast, arb = (verify(k, trees, tmp_path, backend) for backend in ("fast", "arb"))
    assert (fast.proved, fast.wrong, fast.undecided) == (arb.proved, arb.wrong, arb.undecided)


def test_the_models_are_what_their_names_say() -> None:
    """Agreement on networks that are all right, or all wrong, would say little."""
    mixed = dict.fromkeys(KINDS, 0)
    for k in range(MODELS):
        name, _, _, truth = model(k)
        kind = KINDS[k % len(KINDS)]
        mixed[kind] += 0 < truth.correct < truth.total
        if kind == "equal-logits":
            assert truth.correct == 0, name
    assert all(count >= 8 for kind, count in mixed.items() if kind not in ("equal-logits", "equal-weights")), mixed
