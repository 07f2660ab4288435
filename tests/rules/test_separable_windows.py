"""`centred-expansion` and `separable-windows`: the tables, the lists, the cells, the bounds on scores,
refusals with accepting twins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.separable_cases import context, noisy
from soundness import window_hints, windows_attacks
from soundness.small_models import Shape, random_model
from soundness.subcubic_steps import apply

import proofcheck
from proofcheck import Reason, Rejected
from proofcheck.arithmetic import DyadicArray
from proofcheck.arithmetic.operations import counting
from proofcheck.limits import Limits
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.windows.cells import cells, read_windows
from proofcheck.rules.attention_only.windows.lists import Lists
from proofcheck.rules.attention_only.windows.scores import Weights

SHAPES = (Shape(1, 3), Shape(2, 6), Shape(3, 5, 4, 3), Shape(4, 4))


PROVED = {"nothing": 0, "own-scores": 3, "all-scores": 16, "exact-nothing": 0}
PROVED |= dict.fromkeys(("exact", "exact-own-scores", "exact-everybody-in-groups"), 7)  # by the twins of the attacks, of 16
PROVED |= {"shared": 4, "shared-nothing-to-spend": 3, "shared-labels-of-any-size": 4}
PROVED |= {"grouped": 1, "grouped-one-group": 1, "tree": 0, "tree-shared-direct-path": 0, "tree-one-range": 0}


def expansion(where: Any, hints: Any) -> Any:
    return apply(where, "centred-expansion", (), hints)


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_margin_terms_and_attention_are_those_of_the_path_expansion(shape: Shape, biases: bool) -> None:
    where = context(shape, random_model(shape, 3, biases=biases))
    for seed in range(3):
        hints = window_hints.expansion_hints(where.model, np.random.default_rng(seed), np.zeros(shape.d_vocab, dtype=np.int64))
        with counting() as counter:
            tables = expansion(where, hints)
        bound = RULES["centred-expansion"].cost(where.model.dimensions, Limits(), **hints).operations
        assert counter.total <= bound <= 2 * counter.total
        path, mine = where.model.path_tables(), tables.tables
        n, d = shape.n_ctx, shape.d_vocab
        logits = [table.fractions() for table in (path.EVOU, path.EUPU, path.PVOU, mine.EV, mine.EU, mine.PV)]
        EVOU, EUPU, PVOU, EV, EU, PV = logits
        assert (
            EV[None, :, None] + EU[:, None, None] + PV[None, None] == EVOU[None, :, None] + EUPU[:, None, None] + PVOU[None, None]
        ).all()
        scores = tables.scores.known.fractions()[tables.scores.starts[:, None] + np.arange(d)[None, :]]
        total = scores[:, :, None] + mine.positions.fractions()[:, None, :]
        theirs = path.EQKE.fractions()[:, :, None] + path.EQKP.fractions()[:, None, :]
        difference = (total - theirs).reshape(d, d * n)
        assert (difference == difference[:, :1]).all()  # one number for each query


@pytest.mark.parametrize("seed", range(6))
def test_prefixes_are_bounded_from_above(seed: int) -> None:
    """The largest weight of a prefix is at most the bound, and equal to it where all scores were computed."""
    rng = np.random.default_rng(seed)
    shape = Shape(2, 7, 4, 3)
    where = context(shape, noisy(shape, seed))
    d = shape.d_vocab
    first = np.array([rng.integers(0, q + 1) for q in range(d)]) if seed else np.zeros(d, dtype=np.int64)
    hints = window_hints.expansion_hints(where.model, rng, first)
    table = expansion(where, hints).scores
    full = expansion(where, hints | {"first": np.zeros(d, dtype=np.int64)}).scores
    wanted = np.ones((d, d + 1), dtype=np.bool_)
    wanted[:, 0] = False
    partly, wholly = (Weights(scores, wanted, where.arithmetic, 1) for scores in (table, full))
    queries, ends = (part.ravel() for part in np.indices((d, d)))
    shift = np.zeros(d * d, dtype=np.int64)
    gap = partly.prefixes(queries, ends + 1).relative_to(shift) - wholly.prefixes(queries, ends + 1).relative_to(shift)
    assert not gap.certainly_negative().any()
    assert gap.certainly_positive().any() == bool(first.any())
    known = full.known.fractions()[full.starts[:, None] + np.arange(d)[None, :]]
    if table.prefix is not None:
        bounds = table.prefix.bounds(queries, ends + 1).fractions()
        assert (bounds >= np.maximum.accumulate(known, axis=1).ravel()).all()
    for q in range(d):
        for t in range(d):
            if t < first[q]:
                with pytest.raises(ValueError, match="not computed"):
                    partly.tokens(np.array([q]), np.array([t]))
    with pytest.raises(ValueError, match="not asked for"):
        partly.prefixes(np.array([0]), np.array([0]))


@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=7),
    st.sets(st.integers(0, 6)),
    st.integers(1, 7),
    st.randoms(),
)
def test_listed_entries_bound_what_is_outside(row: list[int], members: set[int], K: int, random: Any) -> None:
    d = len(row)
    order = sorted(range(d), key=lambda j: (-row[j], random.random()))[:K]
    lists = Lists(DyadicArray.from_integers(np.array([row])), np.array([order]), "top")
    marks = np.array([j in members for j in range(d)])
    column = int(lists.outside(np.array([0]), marks)[0])
    assert all(row[j] <= row[column] for j in range(d) if j not in members)
    free = [j for j in order if j not in members]
    assert column == (free[0] if free else order[-1])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([[0, 1], [1, 2]], "does not descend"),
        ([[2, 1], [0, 2]], "misses an entry"),
        ([[2, 3], [1, 0]], "names no column"),
        ([[2, -1], [1, 0]], "names no column"),
        ([[2, 1]], "another shape"),
    ],
)
def test_lists_that_are_refused(columns: list[list[int]], message: str) -> None:
    table = DyadicArray.from_integers(np.array([[0, 5, 7], [4, 5, 3]]))
    Lists(table, np.array([[2, 1], [1, 0]]), "top")
    with pytest.raises(Rejected, match=message) as caught:
        Lists(table, np.array(columns), "top")
    assert caught.value.code == Reason.BAD_HINT


@given(st.integers(0, 12).flatmap(lambda m: st.tuples(st.just(m), st.sets(st.integers(0, m)))))
def test_every_token_is_in_one_cell(case: tuple[int, set[int]]) -> None:
    m, chosen = case
    found = cells(m, np.array(sorted({*chosen, 0}, reverse=True)))
    inside = [
        *found.tokens.tolist(),
        *(t for a, b in zip(found.starts, found.ends, strict=True) for t in range(a, b)),
    ]
    assert sorted(inside) == list(range(m + 1))
    assert found.tokens[0] == m
    assert found.sizes.sum() == m + 1


def test_windows_in_order() -> None:
    windows = read_windows(np.array([(1, 0), (3, 2), (3, 0)]), np.array([(3, 0), (3, 4)]), 5)
    assert list(windows) == [1, 3]
    assert windows[3].cells.tokens.tolist() == [3, 2]
    assert windows[3].rivals.tolist() == [0, 4]
    assert windows[3].members(5).tolist() == [True, False, False, True, True]


@pytest.mark.parametrize("name", windows_attacks.twins())
def test_the_twins_of_the_attacks_verify(name: str, tmp_path: Any) -> None:
    path = tmp_path / "windows.safetensors"
    path.write_bytes(windows_attacks.weights()[windows_attacks.NAME])
    decoded = proofcheck.decode_certificate(windows_attacks.twins()[name], proofcheck.Limits())
    report = proofcheck.verify(decoded, model=path)
    assert report.error is None
    assert report.proved == PROVED.get(name, 11)


def test_no_score_is_computed_that_is_not_paid_for() -> None:
    """A lower triangle left out costs 2·D − 1 operations less for each entry, and its exact scores do not
    exist.
    """
    shape = Shape(2, 9, 5, 3)
    where = context(shape, random_model(shape, 1))
    counts = []
    for first in (np.zeros(9, dtype=np.int64), np.arange(9)):
        hints = window_hints.expansion_hints(where.model, np.random.default_rng(0), first)
        with counting() as counter:
            table = expansion(where, hints).scores
        counts.append((counter.total, table.known.size))
    (whole, entries), (half, fewer) = counts
    assert (entries, fewer) == (81, 45)
    assert whole - half >= 36 * 9 - (8 * 9 * 5 + 6 * 9)
