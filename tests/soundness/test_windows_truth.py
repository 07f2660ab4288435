"""`separable-windows` with random hints against ground truth, block by block, and that broken versions of it
would be seen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from soundness.subcubic_steps import apply
from soundness.window_hints import window_hints
from soundness.windows_cases import LONG, MODELS, context, expanded, model, true_blocks

from proofcheck.arithmetic import level_sums
from proofcheck.arithmetic.operations import counting
from proofcheck.limits import Limits
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.windows import conclusions
from proofcheck.rules.attention_only.windows.levels import GroupTerms
from proofcheck.rules.attention_only.windows.lists import Lists

PARTS = 12


def proved(k: int, seed: int, backend: str = "fast") -> np.ndarray:
    rng = np.random.default_rng(1000 * k + seed)
    where = context(k, backend)
    tables, expansion = expanded(where, rng)
    hints = window_hints(tables.tables, expansion["first"], rng)
    with counting() as counter:
        fact = apply(where, "separable-windows", (tables,), hints)
    assert counter.total <= RULES["separable-windows"].cost(where.model.dimensions, Limits(), **hints).operations
    return np.array(fact.counts)


@pytest.mark.parametrize("part", range(PARTS))
def test_never_more_than_the_truth(part: int) -> None:
    total = 0
    for k in range(part, MODELS + LONG, PARTS):
        for seed in range(3):
            counts = proved(k, seed)
            assert (counts <= true_blocks(k)[0]).all(), (model(k)[0], seed)
            total += int(counts.sum())
    assert total > 0, "nothing was proved at all: the test shows nothing"


def test_without_floats() -> None:
    for k in range(5, MODELS + LONG, 23):
        arb = proved(k, 0, "arb")
        assert (arb <= true_blocks(k)[0]).all(), model(k)[0]
        assert "tiny" in model(k)[0] or np.abs(arb - proved(k, 0)).sum() <= 1, model(k)[0]


def test_most_of_what_is_true_is_proved_with_single_tokens_and_rivals() -> None:
    """f = 0 and all rivals alone: nothing is lost but sequences that lose to several rivals."""
    found = wanted = 0
    for k in (k for k in range(MODELS) if "-trained-n" in model(k)[0]):
        where, d = context(k), model(k)[1].d_vocab
        tables, _ = expanded(where, np.random.default_rng(k), np.zeros(d, dtype=np.int64))
        hints = window_hints(tables.tables, tables.scores.first, np.random.default_rng(k))
        hints["boundaries"] = np.array([(m, 0) for m in range(d)])
        hints["rivals"] = np.array([(m, j) for m in range(d) for j in range(d) if j != m])
        hints["blocks"] = np.array([(q, m, 8192) for m in range(d) for q in range(m + 1)])
        hints["additions"] = 10**9
        found += int(np.array(apply(where, "separable-windows", (tables,), hints).counts).sum())
        wanted += int(true_blocks(k)[0].sum())
    assert wanted > 300
    assert 0.97 * wanted <= found <= wanted


def _without_zero(self, z):  # type: ignore[no-untyped-def]
    return z


def _last_of_list(self, rows, members):  # type: ignore[no-untyped-def]
    return self._columns[rows, -1]


def _rounded_up(levels, sizes, base, bins, *, first_required):  # type: ignore[no-untyped-def]
    """As if the levels were rounded up: ties are taken for right."""
    return level_sums.nonpositive_tuples(levels, sizes, base + 2 * len(levels) + 2, bins, first_required=first_required)


def _everything_required(levels, sizes, base, bins, *, first_required):  # type: ignore[no-untyped-def]
    """Only tuples that hold {m} in a block that does not need it."""
    return level_sums.nonpositive_tuples(levels, sizes, base, bins, first_required=True)


@pytest.mark.parametrize(
    ("place", "name", "broken"),
    [
        (GroupTerms, "lowered", _without_zero),
        (Lists, "outside", _last_of_list),
        (conclusions, "nonpositive_tuples", _rounded_up),
        (conclusions, "nonpositive_tuples", _everything_required),
    ],
    ids=["no minimum with 0", "the last listed entry", "rounded up", "m required everywhere"],
)
def test_a_broken_rule_would_be_seen(place: object, name: str, broken: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, name, broken)
    for k in range(MODELS):
        for seed in range(6):
            rng = np.random.default_rng(1000 * k + seed)
            where = context(k)
            tables, expansion = expanded(where, rng)
            hints = window_hints(tables.tables, expansion["first"], rng)
            fact = apply(where, "separable-windows", (tables,), hints)
            if (np.array(fact.counts) > true_blocks(k)[0]).any():
                return
    pytest.fail("the broken rule proved nothing false")
