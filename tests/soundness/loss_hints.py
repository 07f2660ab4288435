"""Random and simple hints for `loss-boxes`."""

from __future__ import annotations

from typing import Any

import numpy as np
from soundness.small_models import Shape

from proofcheck import Step
from strategies.max_of_k.loss_plans import UNUSED

Hints = dict[str, Any]


def random_plan(shape: Shape, seed: int, *, levels: int = 2, below: int = 1, scale: float = 3.0) -> Hints:
    """Any cells, any classes, any levels: sound all the same."""
    rng = np.random.default_rng(seed)
    d, n = shape.d_vocab, shape.n_ctx
    cells, classes = np.full((d, d), UNUSED, dtype=np.int64), np.full((d, n), UNUSED, dtype=np.int64)
    for m in range(d):
        cells[m, m] = 0
        cells[m, :m] = 1 + _labels(rng, m)
        classes[m, :-1] = _labels(rng, n - 1)
    return {"cells": cells, "classes": classes, "levels": scale * rng.standard_normal((d, levels, d)), "below": below}


def _labels(rng: np.random.Generator, size: int) -> np.ndarray[Any, Any]:
    """Random labels 0, 1, … with none left out."""
    found = rng.integers(0, int(rng.integers(1, size + 2)), size)
    return np.unique(found, return_inverse=True)[1].astype(np.int64).reshape(size)


def single_tokens(shape: Shape, levels: np.ndarray[Any, Any], *, below: int = 1) -> Hints:
    """Every token a cell and every position a class: boxes are single sequences."""
    d, n = shape.d_vocab, shape.n_ctx
    cells, classes = np.full((d, d), UNUSED, dtype=np.int64), np.full((d, n), UNUSED, dtype=np.int64)
    for m in range(d):
        cells[m, m] = 0
        cells[m, :m] = 1 + np.arange(m)
        classes[m, :-1] = np.arange(n - 1)
    return {"cells": cells, "classes": classes, "levels": levels, "below": below}


def boxes_steps(hints: Hints) -> tuple[Step, ...]:
    return (Step("tables", "path-expansion"), Step("losses", "loss-boxes", ("tables",), hints), Step("sum", "sum-losses", ("losses",)))
