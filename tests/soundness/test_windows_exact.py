"""`separable-windows-exact` with random hints against ground truth, block by block, from both sides; and that
broken versions would be seen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from soundness.subcubic_steps import apply
from soundness.window_hints import sheet_hints
from soundness.windows_cases import LONG, MODELS, context, expanded, model, true_blocks

from proofcheck.arithmetic.operations import counting
from proofcheck.limits import Limits
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.windows import exact
from proofcheck.rules.counting.facts import ProvedBlocks

PARTS = 12


def decided(k: int, seed: int, backend: str = "fast") -> ProvedBlocks:
    rng = np.random.default_rng(2000 * k + seed)
    where = context(k, backend)
    tables, expansion = expanded(where, rng)
    hints = sheet_hints(tables.tables, expansion["first"], rng)
    with counting() as counter:
        fact: ProvedBlocks = apply(where, "separable-windows-exact", (tables,), hints)
    assert counter.total <= RULES["separable-windows-exact"].cost(where.model.dimensions, Limits(), **hints).operations
    return fact


def false_claims(k: int, fact: ProvedBlocks) -> bool:
    right, wrong = true_blocks(k)
    return bool((np.array(fact.counts) > right).any() or (np.array(fact.wrong) > wrong).any())


@pytest.mark.parametrize("part", range(PARTS))
def test_never_more_than_the_truth_from_either_side(part: int) -> None:
    total = wrong = 0
    for k in range(part, MODELS + LONG, PARTS):
        for seed in range(3):
            fact = decided(k, seed)
            assert not false_claims(k, fact), (model(k)[0], seed)
            total += sum(map(sum, fact.counts))
            wrong += sum(map(sum, fact.wrong))
    assert total > 0
    assert wrong > 0


def test_without_floats() -> None:
    for k in range(7, MODELS + LONG, 23):
        assert not false_claims(k, decided(k, 0, "arb")), model(k)[0]


def test_single_tokens_and_single_rivals_decide_everything_but_near_ties() -> None:
    for k in (k for k in range(MODELS) if "-trained-n" in model(k)[0] or "-random-n" in model(k)[0]):
        where, d = context(k), model(k)[1].d_vocab
        tables, _ = expanded(where, np.random.default_rng(k), np.zeros(d, dtype=np.int64))
        hints = sheet_hints(tables.tables, tables.scores.first, np.random.default_rng(k))
        pairs = [(m, q) for m in range(d) for q in range(m + 1)]
        hints |= {
            "max_tokens": np.arange(d),
            "boundaries": np.array([(m, 0) for m in range(d)]),
            "rivals": np.array([(m, j) for m in range(d) for j in range(d) if j != m]),
            "groups": np.zeros((0, 3), dtype=np.int64),
            "blocks": np.array(pairs),
        }
        fact = apply(where, "separable-windows-exact", (tables,), hints)
        right, wrong = true_blocks(k)
        assert (np.array(fact.counts) == right).all(), model(k)[0]
        assert (np.array(fact.wrong) == wrong).all(), model(k)[0]


def _no_zero(x):  # type: ignore[no-untyped-def]
    return x


def _all_levels(before, last, *, required):  # type: ignore[no-untyped-def]
    """Box by box, but the positions before the first {m} range over {m} too: tuples come twice."""
    for first in range(before.shape[1]) if required else ():
        yield last + before[:, first, 0], [before[:, i] for i in range(before.shape[1]) if i != first]
    if not required:
        yield last, [before[:, i] for i in range(before.shape[1])]


def _shifted(levels, term, bits):  # type: ignore[no-untyped-def]
    """Rounded by a few units in the wrong direction."""
    return _LOWER(levels, term, bits) + 8


_LOWER = exact.lower_integers


@pytest.mark.parametrize(
    ("name", "broken"),
    [("at_most_zero", _no_zero), ("at_least_zero", _no_zero), ("_boxes", _all_levels), ("lower_integers", _shifted)],
    ids=["no minimum with 0", "no maximum with 0", "tuples twice", "rounded inward"],
)
def test_a_broken_rule_would_be_seen(name: str, broken: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, name, broken)
    assert any(false_claims(k, decided(k, seed)) for k in range(MODELS) for seed in range(4))
