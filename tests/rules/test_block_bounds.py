"""The coarse bound against its formula in floats, the integer helpers of both bounds, and the budgets and tables of the counting rules."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from rules.separable_cases import context, noisy
from soundness.small_models import Shape

from proofcheck import Reason, Rejected
from proofcheck.rules.attention_only.separable.block_bounds import (
    ENTRY_BITS,
    POSITION_BITS,
    BlockBounds,
    _smallest_product,
    block_minimum,
    require_headroom,
)
from proofcheck.rules.attention_only.separable.block_counts import MOST_BINS, checked_blocks, failing_at_most
from proofcheck.rules.attention_only.separable.separability import enclosures
from proofcheck.rules.budget import Budget, Exhausted

SHAPES = (Shape(1, 5), Shape(2, 5), Shape(4, 6), Shape(5, 3))


def coarse(bounds: BlockBounds, q: int, m: int, j: int, tables: dict[str, np.ndarray], d_head: int) -> tuple[float, float]:
    """C of docs/rules/separable-minimum.md in float64, and the size of its summands."""
    n = bounds.n_ctx
    u, v = np.exp(tables["EQKP"][q] / d_head**0.5), np.exp(tables["EQKE"][q, : m + 1] / d_head**0.5)
    rho = (tables["PVOU"][:, m] - tables["PVOU"][:, j]).min()
    L = v * (tables["EVOU"][: m + 1, m] - tables["EVOU"][: m + 1, j] + rho + tables["EUPU"][q, m] - tables["EUPU"][q, j])
    nu = L.min()
    C = u[-1] * L[q] + u[:-1].sum() * nu
    if q < m and n > 1:
        C += u[:-1].min() * (L[m] - nu)
    return C, u.sum() * (np.abs(L).max() + v.max() * np.abs(tables["EVOU"]).max())


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(6))
def test_the_coarse_bound_is_its_formula(shape: Shape, seed: int, backend: str) -> None:
    where = context(shape, noisy(shape, seed, 0.3), backend)
    exact = where.model.path_tables()
    tables = {name: getattr(exact, name).fractions().astype(float) for name in ("EUPU", "EVOU", "PVOU", "EQKE", "EQKP")}
    bounds = BlockBounds(enclosures(exact, shape.d_head, where.arithmetic, where.reading))
    for m in range(shape.d_vocab):
        beaten = bounds.beaten(np.arange(m + 1), m)
        for q, (column, j) in product(range(m + 1), enumerate(bounds.rivals(m).tolist())):
            C, size = coarse(bounds, q, m, j, tables, shape.d_head)
            assert beaten[q, column] == (C > 0) or abs(C) < 1e-4 * size


def test_those_networks_have_both_answers() -> None:
    for shape in SHAPES:
        answers = set()
        for seed in range(6):
            where = context(shape, noisy(shape, seed, 0.3))
            bounds = BlockBounds(enclosures(where.model.path_tables(), shape.d_head, where.arithmetic, where.reading))
            answers |= {bool(x) for m in range(1, shape.d_vocab) for x in bounds.beaten(np.arange(m + 1), m).ravel()}
        assert answers == {False, True}


def test_products_take_the_end_that_makes_them_smaller() -> None:
    factor = np.array([[-7, 0, 7]])
    assert _smallest_product(np.array([2]), np.array([5]), factor).tolist() == [[-35, 0, 14]]


def test_the_fine_bound_is_the_smallest_sum_of_a_block() -> None:
    """block_minimum against all sequences; exact where one position at most gains by the maximum."""
    generator = np.random.default_rng(0)
    for n, m in ((1, 3), (2, 3), (3, 2), (4, 2)):
        for q in range(m + 1):
            lower = generator.integers(-9, 10, (1, n, m + 1))
            block = [x for x in product(range(m + 1), repeat=n) if x[-1] == q and max(x) == m]
            if not block:
                continue
            truth = min(sum(int(lower[0, i, t]) for i, t in enumerate(x)) for x in block)
            assert block_minimum(lower, np.array([q]), m).tolist() == [truth]


def test_headroom_ends_exactly_where_sums_may_overflow() -> None:
    most = (1 << (63 - POSITION_BITS - ENTRY_BITS - 2)) - 2  # n + 1 products of sizes 2^(POSITION_BITS + 1) and 2^(ENTRY_BITS + 1)
    require_headroom(most)
    with pytest.raises(OverflowError, match="64 bits"):
        require_headroom(most + 1)
    assert (
        (most + 1) * 2 ** (POSITION_BITS + 1) * 2 ** (ENTRY_BITS + 1)
        < 2**63
        <= (most + 2) * 2 ** (POSITION_BITS + 1) * 2 ** (ENTRY_BITS + 1)
    )


def test_budgets_are_spent_to_the_last_addition() -> None:
    budget = Budget(10)
    budget.spend(4)
    assert budget.left == 6
    with pytest.raises(Exhausted):
        budget.spend(7)
    assert budget.left == 6
    budget.spend(6)
    assert budget.left == 0
    budget.spend(0)
    with pytest.raises(Exhausted):
        budget.spend(1)


def checked(rows: list[tuple[int, ...]], d_vocab: int = 3) -> dict[int, list[list[int]]]:
    found = checked_blocks(np.array(rows, dtype="<i8").reshape(len(rows), 3), d_vocab)
    return {m: [queries.tolist(), bins.tolist()] for m, (queries, bins) in found.items()}


def test_tables_of_blocks() -> None:
    every = [(q, m, 1 + q) for m in range(3) for q in range(m + 1)]
    assert checked(every) == {2: [[0, 1, 2], [1, 2, 3]], 1: [[0, 1], [1, 2]], 0: [[0], [1]]}
    assert checked([(0, 2, MOST_BINS)]) == {2: [[0], [MOST_BINS]]}
    assert list(checked(every)) == [2, 1, 0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(0, 0, 1)] * 7, "more rows than there are blocks"),
        ([(1, 0, 1)], "row 0 is not a block"),
        ([(-1, 0, 1)], "row 0 is not a block"),
        ([(0, 0, 1), (0, 3, 1)], "row 1 is not a block"),
        ([(0, 0, 0)], "row 0 has no valid number of bins"),
        ([(0, 0, MOST_BINS + 1)], "row 0 has no valid number of bins"),
        ([(0, 1, 1), (0, 1, 1)], "row 1 does not increase"),
        ([(0, 0, 1), (1, 1, 1), (0, 1, 1)], "row 2 does not increase"),
        ([(0, 2, 1), (0, 1, 1)], "row 1 does not increase"),
    ],
)
def test_tables_that_are_no_tables_of_blocks(rows: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(Rejected, match=message) as caught:
        checked(rows)
    assert caught.value.code == Reason.BAD_HINT


def test_counts_of_failing_sequences_are_exact_in_enough_bins_and_bounds_in_few() -> None:
    generator = np.random.default_rng(1)
    for n, m in ((1, 2), (2, 3), (3, 3), (4, 2)):
        for q in range(m + 1):
            for _ in range(6):
                lower = generator.integers(-20, 30, (n, m + 1))
                block = [x for x in product(range(m + 1), repeat=n) if x[-1] == q and max(x) == m]
                truth = sum(sum(int(lower[i, t]) for i, t in enumerate(x)) <= 0 for x in block)
                budget = Budget(10**9)
                assert failing_at_most(lower, q, 1 << 12, budget) == truth
                for bins in (1, 2, 5):
                    assert truth <= failing_at_most(lower, q, bins, budget) <= len(block)
