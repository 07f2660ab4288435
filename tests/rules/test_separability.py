"""Enclosed tables are shared by those who may share them; weights of any size; the terms of Theorem S against floats."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from rules.separable_cases import applied, context, noisy, total
from soundness.small_models import Shape, Tensors, trained_like
from soundness.subcubic_steps import EXACT, MARGINS, apply, network_of

from proofcheck.arithmetic import Arithmetic
from proofcheck.arithmetic.ball_intervals import BallIntervals
from proofcheck.arithmetic.float_intervals import FloatIntervals
from proofcheck.arithmetic.operations import counting
from proofcheck.rules.attention_only.separable import separability
from proofcheck.rules.attention_only.separable.separability import MarginTerms, enclosures, shared_enclosures, table_exponentials

SHAPE = Shape(3, 5)


def test_tables_are_enclosed_once_for_each_arithmetic_and_counted_every_time() -> None:
    where = context(SHAPE, noisy(SHAPE, 0))
    tables = apply(where, "path-expansion")
    found, spent = [], []
    for _ in range(2):
        with counting() as counter:
            found.append(shared_enclosures(where, tables))
        spent.append(counter.total)
    assert spent == [table_exponentials(where.model.dimensions) // 2] * 2  # the other half is for claims about floats
    assert found[0] is found[1]
    for backend, precision in (("arb", 128), ("fast", 64)):
        other = replace(where, arithmetic=Arithmetic(backend, precision))  # type: ignore[arg-type]
        different = shared_enclosures(other, tables)
        assert different is not found[0]
        assert isinstance(different.EVOU, FloatIntervals if backend == "fast" else BallIntervals)
    assert shared_enclosures(where, tables) is found[0]


@pytest.mark.parametrize("backend", ["fast", "arb"])
def test_terms_are_those_of_the_theorem(backend: str) -> None:
    """Up to one positive factor for each query, f = w·((EVOU[t,m] − EVOU[t,j]) + (PVOU[i,m] − PVOU[i,j]) + (EUPU[q,m] − EUPU[q,j]))."""
    where = context(SHAPE, noisy(SHAPE, 3), backend)
    exact = where.model.path_tables()
    t = {name: getattr(exact, name).fractions().astype(float) for name in ("EUPU", "EVOU", "PVOU", "EQKE", "EQKP")}
    margins = MarginTerms(enclosures(exact, SHAPE.d_head, where.arithmetic, where.reading))
    for m in (4, 2):
        fixed = margins.fixed_point(slice(0, m + 1), m, 29)
        for q in range(m + 1):
            w = np.exp((t["EQKP"][q, :, None] + t["EQKE"][q, None, : m + 1]) / SHAPE.d_head**0.5)
            rows = []
            for j in margins.rivals(m).tolist():
                values = (t["EVOU"][: m + 1, m] - t["EVOU"][: m + 1, j])[None, :] + (t["PVOU"][:, m] - t["PVOU"][:, j])[:, None]
                rows.append(w * (values + t["EUPU"][q, m] - t["EUPU"][q, j]))
            wanted = np.stack(rows, axis=1)  # [n, J, T]
            place = np.unravel_index(np.abs(wanted).argmax(), wanted.shape)
            scale = fixed.lower[q][place] / wanted[place]
            assert scale > 0
            assert np.abs(fixed.lower[q] - scale * wanted).max() < 2.0**29 * 1e-6


def test_chunks_cover_the_queries_once(monkeypatch: pytest.MonkeyPatch) -> None:
    where = context(SHAPE, noisy(SHAPE, 0))
    margins = MarginTerms(enclosures(where.model.path_tables(), SHAPE.d_head, where.arithmetic, where.reading))
    for entries in (1, 40, 100, 10**6):
        monkeypatch.setattr(separability, "CHUNK_ENTRIES", entries)
        for m in range(5):
            assert [q for chunk in margins.chunks(m) for q in range(chunk.start, chunk.stop)] == list(range(m + 1))


def steep_tokens() -> tuple[Shape, Tensors]:
    """Scores rise by over 600 nats from token to token: the weights of a sequence span thousands of bits."""
    shape = Shape(3, 5)
    return shape, trained_like(shape, 1, gain=30.0)


def steep_positions() -> tuple[Shape, Tensors]:
    """The first position outweighs the second by e^3000, that the third by e^3000: the answer is the first token."""
    return network_of(np.zeros((4, 4)), np.tile([24000.0, 12000.0, 0.0], (4, 1)), 8 * np.eye(4), np.zeros((3, 4)), np.zeros((4, 4)))


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("model", [steep_tokens, steep_positions])
def test_weights_of_any_size(model: Any, backend: str) -> None:
    """One factor is taken out near the largest weight, so that what matters neither overflows nor underflows."""
    shape, tensors = model()
    where = context(shape, tensors, backend)
    right = sum(x[0] == max(x) if model is steep_positions else True for x in product(range(shape.d_vocab), repeat=shape.n_ctx))
    assert total(applied(where, "enumeration", {})[0]) == right
    classes = _classes(where)
    if model is steep_tokens:
        assert classes.pop("cubic") == right
        assert min(classes.values()) > 0.8 * right
        squares = sum((m + 1) ** 2 for m in range(5))  # blocks (m, m): elsewhere integers of 29 bits see no term but the largest
        assert total(applied(where, "separable-minimum", {"refined": 10**6})[0]) >= squares
    else:
        assert min(classes.values()) >= 10


def _classes(where: Any) -> dict[str, int]:
    """rule -> sequences proved."""
    n, d = where.task.n_ctx, where.task.d_vocab
    tables = apply(where, "path-expansion")
    facts = {"cubic": apply(where, "cubic", (tables,))}
    attention = apply(where, "attention-bounds", (tables, apply(where, EXACT, (tables,))), {"gaps": np.ones((d, d, n), dtype=np.int64)})
    for rule in MARGINS:
        facts[rule] = apply(where, rule, (tables, apply(where, "direct-path-max-diff-exact", (tables,)), attention))
    return {name: total(apply(where, "count-classes", (fact,))) for name, fact in facts.items()}
