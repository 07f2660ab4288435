"""`count-classes`: the formula against listed sequences, and its hypothesis on every rule that proves classes."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest
from soundness.small_models import Shape, random_model
from soundness.subcubic_steps import EXACT, MARGINS, apply, context, random_gaps, table_model

from proofcheck import Dimensions
from proofcheck.rules.attention_only.facts import ProvedClasses
from proofcheck.rules.fact import rule_application


@pytest.mark.parametrize(("n", "d"), [(1, 3), (2, 4), (3, 4), (4, 3)])
def test_the_count_is_that_of_the_listed_sequences(n: int, d: int) -> None:
    """K = {0 … size − 1} for random sizes: every sequence of every proved class, listed and counted once."""
    shape, rng = Shape(n, d), Random(0)
    where = context(shape, random_model(shape, 0))
    for _ in range(10):
        choices = [[[-1] * n for _ in range(d)] for _ in range(d)]
        for m in range(d):
            for q in range(m + 1):
                for p in range(n - 1 - (q < m) + 1):
                    choices[q][m][p] = rng.randint(-1, m) if p else rng.randint(-1, 0)
        with rule_application():
            premise = ProvedClasses(tuple(tuple(tuple(cells) for cells in row) for row in choices))
        listed = np.zeros((d, d), dtype=int)
        for x in product(range(d), repeat=n):
            q, m = x[-1], max(x)
            others = [token for token in x[:-1] if token != m]
            listed[q, m] += choices[q][m][len(others)] > max(others, default=-1)
        assert apply(where, "count-classes", (premise,)).counts == tuple(map(tuple, listed.tolist()))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rule", ["cubic", *MARGINS])
def test_no_rule_proves_a_class_without_a_position_for_the_max_token(rule: str, seed: int) -> None:
    """choices[q][m][p] = −1 for p above n − 1 if q = m, n − 2 if q < m, and for q > m; the sets K hold at most m tokens."""
    shape, tensors = table_model(2 + seed % 2, 4, seed)
    where, n, d = context(shape, tensors), shape.n_ctx, shape.d_vocab
    tables = apply(where, "path-expansion")
    premises: tuple[object, ...] = (tables,)
    if rule != "cubic":
        gaps = random_gaps(Dimensions(n_ctx=n, d_vocab=d, d_model=shape.d_model, d_head=shape.d_head), np.random.default_rng(seed), 1)
        attention = apply(where, "attention-bounds", (tables, apply(where, EXACT, (tables,))), {"gaps": gaps})
        premises = (tables, apply(where, "direct-path-max-diff-exact", (tables,)), attention)
    choices = np.array(apply(where, rule, premises).choices)
    assert choices.shape == (d, d, n)
    assert (choices >= 0).any()
    for q, m, p in np.ndindex(choices.shape):
        valid = q <= m and p <= n - 1 - (q < m)
        assert -1 <= choices[q, m, p] <= (m if valid else -1)
