"""The error tables of `float-tables` are those of the second checker, which has them from docs/rules/float-tables.md, up to their grid."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from soundness.small_models import Shape, Tensors, random_model, safetensors_bytes
from soundness.subcubic_steps import apply, context

from proofcheck.errors import Rejected
from proofcheck.rules.reading import BINARY32, BINARY64, FloatFormat, FloatRun, Reading
from tests.second_checker.facts import Context
from tests.second_checker.outcome import RefusedError
from tests.second_checker.rules_floats import Floats, float_tables
from tests.second_checker.rules_tables import tables_of
from tests.second_checker.tasks import Task
from tests.second_checker.weights import read_network

TABLES = ("EUPU", "EVOU", "PVOU", "EQKE", "EQKP")
WEIGHTS = ("embed.W_E", "pos_embed.W_pos", *(f"blocks.0.attn.W_{c}" for c in "QKVO"), "unembed.W_U")


def scaled(k: int) -> tuple[Shape, Tensors, FloatRun]:
    """Tensors of very different size, so that what is lost below the normal range shows in every table."""
    rng = np.random.default_rng(k)
    shape = Shape(int(rng.integers(1, 4)), int(rng.integers(2, 4)), int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    tensors = random_model(shape, k, biases=bool(k % 2), dtype="<f4")
    for name in tensors:
        if k % 3:
            tensors[name] = np.ldexp(tensors[name], int(rng.integers(-110, 90))).astype("<f4")
        tensors[name][np.abs(tensors[name]) < 2.0**-126] = 0
    if k % 3 == 1:  # the scores stay small
        for name in ("blocks.0.attn.W_Q", "blocks.0.attn.b_Q"):
            if name in tensors:
                tensors[name] = np.full_like(tensors[name], 2.0**-126)
    kind: FloatFormat = BINARY64 if k % 5 == 4 else BINARY32
    N = 2 * shape.d_model + shape.d_head + 2 * shape.n_ctx + 8 + int(rng.integers(-1, 60))
    return shape, tensors, FloatRun(kind, N, Fraction(1, int(rng.choice([3, 5, 2**13]))), int(rng.choice([0, 8, 100])))


@pytest.mark.parametrize("part", range(8))
def test_the_error_tables_are_those_of_the_page(part: int) -> None:
    accepted = refused = 0
    for k in range(part, 480, 8):
        shape, tensors, run = scaled(k)
        where = replace(context(shape, tensors), reading=Reading(floats=run))
        sizes = {"n_ctx": shape.n_ctx, "d_vocab": shape.d_vocab, "d_model": shape.d_model, "d_head": shape.d_head}
        network = read_network(safetensors_bytes(tensors), sizes, "")
        other = Context(network, 10**9, Task("max-of-k", shape.n_ctx, shape.d_vocab, max, ""), 128)
        other.floats = Floats(run.format.name, run.roundings, run.tau, run.kappa)
        try:
            found = apply(where, "float-tables", (apply(where, "path-expansion"),))
        except Rejected:
            refused += 1
            with pytest.raises(RefusedError):
                float_tables(other, tables_of(network))
            continue
        page = float_tables(other, tables_of(network))
        accepted += 1
        grid = Fraction(1, 2 ** (run.format.unit + 38))
        for name in TABLES:
            for mine, theirs in zip(getattr(found, f"{name}_error").fractions().tolist(), getattr(page.errors, name), strict=True):
                for a, b in zip(mine, theirs, strict=True):
                    assert b <= a <= b + grid + b / 2**30, (k, name, float(a), float(b))
        assert found.loss.fractions().tolist() == [page.loss]
    assert accepted >= 15
    assert refused >= 5
