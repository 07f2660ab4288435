"""Logits of random transformers in float64: the second checker's enclosures of 300 bits lie within the radius, always."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from proofcheck import Limits
from proofcheck.arithmetic import Arithmetic, exclusive_precision
from proofcheck.catalogue import BUILT_IN
from proofcheck.models.weights import decode_weights
from tests.second_checker.random_transformers import drawn
from tests.second_checker.transformer import read_options, read_transformer
from tests.second_checker.transformer_forward import Pass


def task_of(data: bytes) -> str:
    """What the weight file declares."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return str(header.get("__metadata__", {}).get("proofcheck.task", ""))


def float_logits(sizes: dict[str, int], options: dict[str, Any], data: bytes, tokens: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """Values [A, B] and radii [B] of the backend `fast`."""
    architecture, limits = BUILT_IN.architectures["transformer"], Limits()
    dimensions = architecture.read_dimensions(sizes, limits)
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    read = {name: kind.read(values[name], name, limits) for name, kind in architecture.options.items()}
    model = architecture.build(dimensions, read, decode_weights(data, architecture.tensors(dimensions, read), limits))
    with exclusive_precision():
        found: Any = model.evaluator(Arithmetic("fast", 64))(tokens)
    return found.values, found.radius


def test_exact_logits_lie_within_the_radius(tmp_path: Path) -> None:
    compared = tight = 0
    for seed in range(500, 530):
        content: Any = drawn(tmp_path, seed)[0]
        sizes, options = content["model"]["dimensions"], content["model"]["options"]
        data = (tmp_path / content["model"]["weights"]["file"]).read_bytes()
        network = read_transformer(data, sizes, read_options(options), task_of(data))
        words = list(product(range(sizes["d_vocab"]), repeat=sizes["n_ctx"]))[:60]
        try:
            values, radii = float_logits(sizes, options, data, np.array(words))
        except ArithmeticError:
            continue  # an eps or a scale too far from 1 for float64
        for k, word in enumerate(words):
            if not np.isfinite(radii[k]):
                continue
            try:
                logits = Pass(network, word, 300).logits()
            except OverflowError:
                continue
            square = Fraction(0)
            for j, value in enumerate(values[:, k].tolist()):
                low, high = logits.interval(j)
                square += max(Fraction(0), low - Fraction(value), Fraction(value) - high) ** 2
            assert square <= Fraction(float(radii[k])) ** 2, (seed, word)
            compared += 1
            tight += 10**6 * square > Fraction(float(radii[k])) ** 2
    assert compared >= 200 and tight >= 8  # some errors are a thousandth of the radius at least: it is no empty bound
