"""`shared-windows` with random hints against ground truth, block by block; and that broken versions would be seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from soundness.subcubic_steps import apply
from soundness.window_hints import Hints, shared_hints
from soundness.windows_cases import LONG, MODELS, context, expanded, model, true_blocks

from proofcheck.arithmetic.operations import counting
from proofcheck.limits import Limits
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.windows import grouped_weights, shared, shared_windows
from proofcheck.rules.attention_only.windows.centred_expansion import CentredTables
from proofcheck.rules.rule import Context

PARTS = 12


def proved(k: int, seed: int, backend: str = "fast") -> np.ndarray:
    rng = np.random.default_rng(3000 * k + seed)
    where = context(k, backend)
    tables, expansion = expanded(where, rng)
    hints = shared_hints(tables.tables, expansion["first"], rng)
    with counting() as counter:
        fact = apply(where, "shared-windows", (tables,), hints)
    assert counter.total <= RULES["shared-windows"].cost(where.model.dimensions, Limits(), **hints).operations
    return np.array(fact.counts)


def cases() -> list[int]:
    """Scores of 10^5 have no float weights relative to the max token's: the rule refuses them (`out-of-range`)."""
    return [k for k in range(MODELS + LONG) if "scores" not in model(k)[0]]


@pytest.mark.parametrize("part", range(PARTS))
def test_never_more_than_the_truth(part: int) -> None:
    total = 0
    for k in cases()[part::PARTS]:
        for seed in range(3):
            counts = proved(k, seed)
            assert (counts <= true_blocks(k)[0]).all(), (model(k)[0], seed)
            total += int(counts.sum())
    assert total > 0, "nothing was proved at all: the test shows nothing"


def test_without_floats() -> None:
    for k in cases()[5::23]:
        assert (proved(k, 0, "arb") <= true_blocks(k)[0]).all(), model(k)[0]


def fine_hints(k: int, classes: int, near: int) -> tuple[Context, CentredTables, Hints]:
    """So many near tokens, all rivals alone, fine bins, so many classes of the queries below each max token."""
    where, d = context(k), model(k)[1].d_vocab
    tables, _ = expanded(where, np.random.default_rng(k), np.zeros(d, dtype=np.int64))
    hints = shared_hints(tables.tables, tables.scores.first, np.random.default_rng(k))
    pairs = [(m, q) for m in range(d) for q in range(m + 1)]
    hints |= {
        "max_tokens": np.arange(d),
        "boundaries": np.array([(m, b) for m in range(d) for b in sorted({max(0, m - near), 0}, reverse=True)]),
        "rivals": np.array([(m, j) for m in range(d) for j in range(d) if j != m]),
        "groups": np.zeros((0, 3), dtype=np.int64),
        "blocks": np.array(pairs),
        "classes": np.array([-1 if q == m else q % classes for m, q in pairs]),
        "bins": np.tile([500, 2000, 4000], (d, 1)),
        "additions": 10**11,
    }
    return where, tables, hints


def fine_counts(k: int, classes: int, near: int = 10) -> np.ndarray:
    where, tables, hints = fine_hints(k, classes, near)
    return np.array(apply(where, "shared-windows", (tables,), hints).counts)


def test_single_tokens_rivals_and_queries_prove_most_of_what_is_true() -> None:
    """Nothing is lost but sequences that lose to several rivals."""
    found = wanted = 0
    for k in (k for k in range(MODELS + LONG) if "-trained-n" in model(k)[0] or k >= MODELS):
        found += int(fine_counts(k, 10).sum())
        wanted += int(true_blocks(k)[0].sum())
    assert wanted > 300
    assert 0.95 * wanted <= found <= wanted


@pytest.mark.parametrize(("classes", "near"), [(1, 10), (2, 10), (10, 0)])
def test_classes_of_all_queries_prove_no_more_than_the_truth(classes: int, near: int) -> None:
    for k in cases():
        assert (fine_counts(k, classes, near) <= true_blocks(k)[0]).all(), model(k)[0]


def _one_end(lower, upper):  # type: ignore[no-untyped-def]
    """The range of the factors u shrinks to its upper end."""
    return upper


def _no_zero(x):  # type: ignore[no-untyped-def]
    return x


def _everything_required(levels, sizes, base, bins, *, required=True, first_required=True):  # type: ignore[no-untyped-def]
    return _COUNT(levels, sizes, base, bins, first_required=True)


def _last_query(self, classes, u, v, own_weight, bits):  # type: ignore[no-untyped-def]
    """Bounds of one query of the class stand for all."""
    return _LEVELS(self, [places[-1:] for places in classes], u, v, own_weight, bits)


_COUNT, _LEVELS = shared_windows.nonpositive_tuples, shared.SharedTerms.levels


@pytest.mark.parametrize(
    ("where", "name", "broken"),
    [
        (grouped_weights, "between", _one_end),
        (shared, "at_most_zero", _no_zero),
        (shared_windows, "nonpositive_tuples", _everything_required),
        (shared.SharedTerms, "levels", _last_query),
    ],
    ids=["one end of a range", "no minimum with 0", "the max token always required", "one query for all"],
)
def test_a_broken_rule_would_be_seen(where: object, name: str, broken: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(where, name, broken)
    assert any((counts > true_blocks(k)[0]).any() for k in cases() for counts in (fine_counts(k, 1), fine_counts(k, 10, 0)))


def test_classes_are_the_same_together_or_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    some = cases()[3::17]
    together = [proved(k, 1) for k in some]
    monkeypatch.setattr(shared, "ENTRIES", 1)
    assert all((proved(k, 1) == counts).all() for k, counts in zip(some, together, strict=True))
    assert sum(int(counts.sum()) for counts in together) > 0
