"""`separable-counting`: valid for every grouping, near the truth for a good one, and bounded in its work."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.separable_cases import NO_GROUPS, applied, blocks, context, noisy, single_groups, total
from soundness.small_models import Shape, random_model

from proofcheck import Reason, Rejected
from proofcheck.rules.attention_only.separable.block_bounds import BlockBounds
from proofcheck.rules.attention_only.separable.block_counts import _offsets, failing_at_most
from proofcheck.rules.attention_only.separable.separability import enclosures
from proofcheck.rules.attention_only.separable.separable_counting import _Block, _checked_groups, _failing
from proofcheck.rules.budget import Budget, Exhausted

PLENTY = 10**12

SHAPES = (Shape(1, 4), Shape(2, 7), Shape(3, 6), Shape(4, 5), Shape(5, 3))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shape", SHAPES)
def test_counts_are_truly_correct_and_the_work_is_bounded(shape: Shape, seed: int) -> None:
    where, d = context(shape, noisy(shape, seed)), shape.d_vocab
    true, _, _ = applied(where, "enumeration", {})
    for bins, groups in product((1, 16, 8192), (NO_GROUPS, single_groups(d))):
        fact, operations, bound = applied(where, "separable-counting", {"additions": PLENTY, "blocks": blocks(d, bins), "groups": groups})
        assert operations <= bound
        assert (np.array(fact.counts) <= np.array(true.counts)).all()


def test_one_group_is_like_the_early_maximum_and_a_union_over_rivals_is_not() -> None:
    """Neither is always the better one; both stay below the truth, and together they prove more than whole blocks do."""
    shape = Shape(4, 5)
    found = []
    for seed in range(12):
        where = context(shape, noisy(shape, seed, 0.4))
        rows = blocks(5, 8192)
        early, one, alone = (
            np.array(applied(where, rule, {"additions": PLENTY, "blocks": rows, **more})[0].counts)
            for rule, more in (
                ("separable-early-maximum", {}),
                ("separable-counting", {"groups": NO_GROUPS}),
                ("separable-counting", {"groups": single_groups(5)}),
            )
        )
        true = np.array(applied(where, "enumeration", {})[0].counts)
        whole = np.array(applied(where, "separable-minimum", {"refined": 10**6})[0].counts)
        assert (early <= one + 1).all()  # one sequence may sit at the edge of a bin
        found.append([int(counts.sum()) for counts in (whole, np.maximum(one, alone), true)])
        found[-1].append(int((one > alone).any()) + 2 * int((alone > one).any()))
    wholes, both, true_total, _ = (sum(column) for column in zip(*found, strict=True))
    assert wholes < both < true_total
    assert 0.8 * true_total <= both
    assert {1, 2} <= {bit for *_, wins in found for bit in (1, 2) if wins & bit}


def test_counts_stop_at_the_budget() -> None:
    """A smaller budget proves less, never more, and is not exceeded."""
    shape = Shape(4, 5)
    where = context(shape, noisy(shape, 3, 0.4))
    results = []
    for additions in (0, 3_000, 30_000, PLENTY):
        hints = {"additions": additions, "blocks": blocks(5, 512), "groups": single_groups(5)}
        fact, operations, bound = applied(where, "separable-counting", hints)
        assert operations <= bound
        results.append((total(fact), operations))
    assert results == sorted(results)
    assert results[0][0] < results[-1][0]
    assert all(operations - results[0][1] <= additions for (_, operations), additions in zip(results[1:3], (3_000, 30_000), strict=True))
    lower = np.array([[-3, 5], [3, 3]], dtype=np.int64)
    with pytest.raises(Exhausted):
        failing_at_most(lower, 1, 4, Budget(0))


def test_blocks_that_are_not_listed_prove_nothing() -> None:
    shape = Shape(3, 4)
    where = context(shape, noisy(shape, 0, 0.3))
    rows = blocks(4, 64)
    whole, _, _ = applied(where, "separable-counting", {"additions": PLENTY, "blocks": rows, "groups": NO_GROUPS})
    row = next(k for k, (q, m, _) in reversed(list(enumerate(rows.tolist()))) if whole.counts[q][m] > 0)
    part, _, _ = applied(where, "separable-counting", {"additions": PLENTY, "blocks": rows[row : row + 1], "groups": NO_GROUPS})
    q, m, _ = rows[row].tolist()
    assert part.counts[q][m] == whole.counts[q][m]
    assert total(whole) > total(part)
    assert total(part) == part.counts[q][m]


@given(
    st.integers(1, 4)
    .flatmap(lambda n: st.tuples(st.just(n), st.integers(1, 5)))
    .flatmap(
        lambda shape: st.tuples(
            st.just(shape),
            st.lists(st.integers(-40, 40) | st.integers(-(2**29), 2**29), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]),
            st.integers(0, shape[1] - 1),
        )
    ),
    st.sampled_from([1, 2, 5, 64, 8192]),
)
def test_failing_sequences_are_never_undercounted(case: tuple[tuple[int, int], list[int], int], bins: int) -> None:
    """Against enumeration of any integers, and equal to it where every bin is one unit wide."""
    (n, tokens), values, query = case
    lower = np.array(values, dtype=np.int64).reshape(n, tokens)
    m = tokens - 1
    failing = sum(
        sum(int(lower[i, t]) for i, t in enumerate((*x, query))) <= 0 for x in product(range(tokens), repeat=n - 1) if query == m or m in x
    )
    bound = failing_at_most(lower, query, bins, Budget(PLENTY))
    assert bound >= failing
    window = -(int(lower[-1, query]) + sum(int(row.min()) for row in lower[:-1]))
    if window < bins:
        assert bound == failing


def test_a_bound_that_drops_the_last_bin_would_be_seen() -> None:
    """Sums that are exactly 0 fail (a tie is wrong): here all of them are."""
    lower = np.array([[-3, 5], [3, 3]], dtype=np.int64)
    assert failing_at_most(lower, 1, 4, Budget(PLENTY)) == 1
    assert failing_at_most(lower + np.array([[0, 0], [1, 1]]), 1, 4, Budget(PLENTY)) == 0


@pytest.mark.parametrize(("query", "failing"), [(2, 3), (1, 1), (0, 1)])
def test_the_window_is_shifted_with_the_bins(query: int, failing: int) -> None:
    """docs/rules/separable-counting.md: heights 0, 1, 3, B = 3, h = 2, o = 1. All three tokens fail, the last with a sum of exactly 0;
    the window ⌊B/h⌋ without the offset would lose it, and with it the only sequence of a block whose query is not the max token."""
    lower = np.array([[0, 1, 3], [-3, -3, -3]], dtype=np.int64)
    assert _offsets(lower[:1], 2).tolist() == [1]
    assert failing_at_most(lower, query, 2, Budget(PLENTY)) == failing


def test_more_groups_than_rivals_are_refused_before_they_are_read() -> None:
    one = np.array([(0, 1, 4)], dtype=np.int64)
    assert _checked_groups(one, np.array([(0, 1, 0), (0, 1, 2)], dtype=np.int64), 3) == {(0, 1): {0: 1, 2: 1}}
    for rows in (4, 5):
        with pytest.raises(Rejected, match="is one too many") as caught:
            _checked_groups(one, np.ones((rows, 3), dtype=np.int64), 3)
        assert caught.value.code == Reason.BAD_HINT
    with pytest.raises(Rejected, match="names no row of blocks"):
        _checked_groups(one, np.ones((3, 3), dtype=np.int64), 3)


def test_a_block_that_is_given_up_costs_no_more_additions() -> None:
    """Once a group leaves nothing of a block to prove, the other groups are not counted."""
    shape = Shape(3, 4)
    where = context(shape, random_model(shape, 0))
    bounds = BlockBounds(enclosures(where.model.path_tables(), shape.d_head, where.arithmetic, where.reading))
    given_up = 0
    for m in range(1, 4):
        for q in range(m + 1):
            rivals, size = bounds.rivals(m), where.task.block_size(q, m)
            alone = {j: k + 1 for k, j in enumerate(rivals.tolist())}
            first, all_groups = Budget(PLENTY), Budget(PLENTY)
            failing = _failing(bounds, _Block(q, m, 64, size), rivals[:1], alone, first)
            total = _failing(bounds, _Block(q, m, 64, size), rivals, alone, all_groups)
            assert total >= failing
            if failing >= size:
                assert (total, all_groups.left) == (failing, first.left)
                given_up += 1
    assert given_up > 0
