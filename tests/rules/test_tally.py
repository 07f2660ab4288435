"""`Tally`: what is right, wrong and undecided, and a budget that is never exceeded; boxes partition their block."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest
from flint import arb
from soundness.small_models import Shape
from soundness.subcubic_steps import context, table_model

from proofcheck import Dimensions, Limits, Reason, Rejected
from proofcheck.rules.attention_only.separable.boxes import BLOCK_PAIRS, BlockTerms, Tally, boxes, hinted_blocks, neither
from proofcheck.rules.attention_only.separable.enumeration import _tally_sums
from proofcheck.rules.attention_only.separable.separability import ExactMargins
from proofcheck.rules.attention_only.separable.separable_enumeration import _spend
from proofcheck.rules.attention_only.separable.separable_partition import _tally_leaves, _Trees
from proofcheck.rules.budget import Budget

SURE, NEVER, OPEN, NAN = arb(1), arb(0), arb(0, 1), arb("nan")


class Margins(ExactMargins):
    """Balls that are given instead of computed: every combination of signs, which no small network has."""

    def __init__(self, smallest: list[arb], largest: list[arb] | None = None) -> None:
        self.given = smallest, smallest if largest is None else largest

    def margins(self, sequence: tuple[int, ...], max_token: int) -> Any:
        return np.array(self.given[0], dtype=object)

    def bounds(self, ranges: Any, query: int, max_token: int) -> Any:
        return tuple(np.array(balls, dtype=object) for balls in self.given)


def state(tally: Tally) -> tuple[int, int, int]:
    return tally.counts[1][2], tally.wrong[1][2], tally.undecided


@pytest.mark.parametrize(
    ("margins", "expected"),
    [
        ([SURE, SURE], (1, 0, 0)),
        ([SURE, NEVER], (0, 1, 0)),
        ([SURE, -SURE], (0, 1, 0)),
        ([NEVER, OPEN], (0, 1, 0)),
        ([SURE, OPEN], (0, 0, 1)),
        ([OPEN, OPEN], (0, 0, 1)),
        ([SURE, NAN], (0, 0, 1)),
        ([NAN, NEVER], (0, 1, 0)),
        ([], (1, 0, 0)),
    ],
)
def test_one_sequence(margins: list[arb], expected: tuple[int, int, int]) -> None:
    tally = Tally(3, Margins(margins), 1)
    tally.settle((2, 1), 2)
    assert state(tally) == expected
    tally.settle((2, 1), 2)  # the budget is spent
    assert state(tally) == (*expected[:2], expected[2] + 1)
    tally.settle((2, 1), 2)
    assert state(tally) == (*expected[:2], expected[2] + 2)


@pytest.mark.parametrize(
    ("smallest", "largest", "expected"),
    [
        ([SURE, SURE], [SURE, SURE], (6, 0, 0)),
        ([SURE, OPEN], [SURE, SURE], (0, 0, 6)),
        ([-SURE, -SURE], [SURE, SURE], (0, 0, 6)),
        ([-SURE, SURE], [NEVER, SURE], (0, 6, 0)),
        ([-SURE, -SURE], [OPEN, SURE], (0, 0, 6)),
        ([SURE, NAN], [SURE, NAN], (0, 0, 6)),
    ],
)
def test_one_box(smallest: list[arb], largest: list[arb], expected: tuple[int, int, int]) -> None:
    """2·3·1 sequences with 6 terms at 3 positions: the price of 2 sequences."""
    ranges = [(0, 2), (0, 3), (1, 2)]
    tally = Tally(3, Margins(smallest, largest), 3)
    tally.settle_box(ranges, 1, 2)
    assert state(tally) == expected
    tally.settle_box(ranges, 1, 2)  # one is left, two are needed
    assert state(tally) == (*expected[:2], expected[2] + 6)
    tally.settle_box([(0, 1), (2, 3), (1, 2)], 1, 2)  # one is enough for one sequence
    assert sum(state(tally)) == 13
    tally.settle_box([(0, 1), (2, 3), (1, 2)], 1, 2)
    assert state(tally)[2] >= 7


def test_prices_of_boxes_are_rounded_up() -> None:
    for budget, decided in ((1, 0), (2, 2)):
        tally = Tally(3, Margins([SURE]), budget)
        tally.settle_box([(0, 2), (0, 1), (1, 2)], 1, 2)  # 4 terms at 3 positions
        assert state(tally) == (decided, 0, 2 - decided)


def test_as_many_places_as_can_be_paid() -> None:
    places = np.arange(5)
    for budget, undecided in ((0, 5), (3, 2), (5, 0), (9, 0)):
        tally = Tally(3, Margins([SURE]), budget)
        assert tally.affordable(places).tolist() == list(range(min(budget, 5)))
        assert tally.undecided == undecided


def test_what_is_added_is_what_is_found() -> None:
    tally = Tally(3, Margins([]), 0)
    for _ in range(2):
        tally.add(1, 2, right=5, wrong=3, undecided=1)
    assert state(tally) == (10, 6, 2)
    assert sum(map(sum, tally.counts)) == 10


@pytest.mark.parametrize(("n", "d"), [(1, 3), (2, 4), (3, 3), (4, 3)])
def test_boxes_partition_their_block(n: int, d: int) -> None:
    for q, m in product(range(d), repeat=2):
        if q > m:
            continue
        found: Counter[tuple[int, ...]] = Counter()
        for box in boxes(n, q, m):
            assert box.size == len(list(product(*map(range, box.sizes))))
            for index in range(box.size):
                x = box.sequence_at(q, index)
                found[x] += 1
                ranges = box.all_ranges(q, tuple((t, t + 1) for k, t in enumerate(x[:-1]) if k != box.first))
                assert ranges == [(t, t + 1) for t in x]
        assert found == Counter(x for x in product(range(d), repeat=n) if x[-1] == q and max(x) == m)


def test_bounds_of_a_box_are_the_sums_of_extreme_terms() -> None:
    """Against the margins of the single sequences, which they enclose from below and from above."""
    shape, tensors = table_model(3, 4, 2, biases=True)
    where = context(shape, tensors)
    exact = ExactMargins(where.model.path_tables(), shape.d_head, where.arithmetic, where.reading)
    q, m, ranges = 1, 3, [(0, 4), (1, 3), (1, 2)]
    low, high = exact.bounds(ranges, q, m)
    sums = [exact.margins(x, m) for x in product(*(range(*r) for r in ranges))]
    for k in range(shape.d_vocab - 1):
        middle = [float(margins[k].mid()) for margins in sums]
        assert float(low[k].mid()) <= min(middle) + 1e-9
        assert float(high[k].mid()) >= max(middle) - 1e-9
        for i, (first, last) in enumerate(ranges):
            assert first < last, i
    single = exact.bounds([(t, t + 1) for t in (2, 1, 1)], q, m)
    point = exact.margins((2, 1, 1), m)
    for k in range(shape.d_vocab - 1):
        assert single[0][k].overlaps(point[k])
        assert single[1][k].overlaps(point[k])
    assert isinstance(shape, Shape)


def grouped(rows: Any, d_vocab: int = 3) -> Any:
    hint = np.array(rows, dtype="<i8")
    BLOCK_PAIRS.check("blocks", hint, Dimensions(d_vocab=d_vocab), Limits())  # as the kernel does before
    return hinted_blocks(hint, d_vocab)


def test_hinted_blocks() -> None:
    assert grouped([(0, 0), (1, 2), (2, 2)]) == [(0, [0]), (2, [1, 2])]
    assert grouped([(q, m) for m in range(3) for q in range(m + 1)]) == [(0, [0]), (1, [0, 1]), (2, [0, 1, 2])]


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((0, 2)),
        [0, 1],
        [(0, 1, 1)],
        [[(0, 0)]],
        [(1, 0)],
        [(-1, 0)],
        [(0, 3)],
        [(0, 0), (0, 0)],
        [(0, 1), (0, 0)],
        [(1, 1), (0, 1)],
        [(0, 0), (0, 1), (1, 2), (2, 1)],
        [(0, 0)] * 7,
        [(0, 0), (2, 1)],
        [(0, 0), (0, 3)],
        [(-1, 0), (0, 1)],
    ],
)
def test_what_is_no_list_of_blocks(rows: Any) -> None:
    with pytest.raises(Rejected) as caught:
        grouped(rows)
    assert caught.value.code == Reason.BAD_HINT


LEAVES = [
    # rows are rivals, columns the tokens of one leaf; what it is with slack 4, and whether it is worth balls (which say "right")
    ([[1], [5]], "right"),
    ([[0], [5]], "balls"),
    ([[-3], [5]], "balls"),
    ([[-4], [5]], "wrong"),
    ([[-4], [-4]], "wrong"),
    ([[1, 9], [1, 2]], "right"),
    ([[0, 7], [7, 7]], "balls"),
    ([[-3, 7], [-3, 7]], "balls"),
    ([[-4, 7], [7, 7]], "undecided"),
    ([[-9, 7], [-3, 7]], "undecided"),
    ([[-9, 0], [-9, 7]], "balls"),
    ([[-9, 1], [-9, 7]], "undecided"),
    ([[-9, -4], [-9, 7]], "wrong"),
    ([[-9, -3], [-9, 7]], "balls"),
]


@pytest.mark.parametrize(("sums", "what"), LEAVES)
def test_one_leaf_of_a_tree(sums: list[list[int]], what: str) -> None:
    """Query 2, maximum 2, two positions: the leaf holds the first tokens of position 0; the query's own term takes 100 away again."""
    size = len(sums[0])
    lower = np.full((2, 2, 3), 100 + 50, dtype=np.int32)
    lower[0, :, :size] = np.array(sums) + 100
    block = BlockTerms(2, 2, lower, np.full(2, -100, dtype=np.int32), 4)
    (box,) = boxes(2, 2, 2)
    tally = Tally(3, Margins([SURE]), 100)
    _tally_leaves(tally, block, box, [((0, size),), ((size, 3),)])
    rest = 3 - size  # 50: right
    right, wrong = tally.counts[2][2], tally.wrong[2][2]
    found = {(rest + size, 0, 0): "right or balls", (rest, size, 0): "wrong", (rest, 0, size): "undecided"}[right, wrong, tally.undecided]
    assert what in found
    refused = Tally(3, Margins([SURE]), 0)  # without a budget, what is worth balls stays undecided
    _tally_leaves(refused, block, box, [((0, size),), ((size, 3),)])
    assert (refused.undecided == size) == (what in ("balls", "undecided"))


def test_rivals_that_lose_everywhere_do_not_matter() -> None:
    (box,) = boxes(2, 1, 1)
    lower = np.array([[[5, 9], [1, 1]], [[0, 0], [0, 0]]], dtype=np.int32)
    tally = Tally(2, Margins([OPEN]), 9)
    _tally_leaves(tally, BlockTerms(1, 1, lower, np.array([0, 0], dtype=np.int32), 4), box, [((0, 2),)])
    assert (tally.counts[1][1], tally.undecided) == (2, 0)


def trees(nodes: list[int], n: int = 3, query: int = 0, m: int = 2, d: int = 3) -> list[Any]:
    reader = _Trees(np.array(nodes, dtype="<i8"), d)
    found = [reader.leaves(box) for box in boxes(n, query, m)]
    reader.require_end()
    return found


def test_trees_are_read_first_half_first() -> None:
    assert trees([-1, -1]) == [[((0, 3),)], [((0, 2),)]]
    assert trees([1 * 3 + 1, -1, -1, 0 * 3 + 1, -1, -1]) == [[((0, 1),), ((1, 3),)], [((0, 1),), ((1, 2),)]]
    assert trees([1 * 3 + 1, -1, 1 * 3 + 2, -1, -1, -1]) == [[((0, 1),), ((1, 2),), ((2, 3),)], [((0, 2),)]]


@pytest.mark.parametrize(
    ("nodes", "message", "path"),
    [
        ([], "the trees end", "nodes[0]"),
        ([-1], "the trees end", "nodes[0]"),
        ([1 * 3 + 1, -1], "the trees end", "nodes[1]"),
        ([-1, -1, -1], "entries are left over", "nodes[2]"),
        ([0 * 3 + 1, -1, -1, -1], "position 0 holds the max token", "nodes[0]"),
        ([2 * 3 + 1, -1, -1, -1], "position 2 is not before the query", "nodes[0]"),
        ([-2, -1, -1, -1], "position -1 is not before the query", "nodes[0]"),
        ([1 * 3 + 0, -1, -1, -1], "a split leaves one half empty", "nodes[0]"),
        ([-1, 0 * 3 + 2, -1, -1], "a split leaves one half empty", "nodes[1]"),
        ([1 * 3 + 1, 1 * 3 + 1, -1, -1, -1, -1], "a split leaves one half empty", "nodes[1]"),
    ],
)
def test_what_is_no_tree(nodes: list[int], message: str, path: str) -> None:
    with pytest.raises(Rejected, match=message) as caught:
        trees(nodes)
    assert (caught.value.code, caught.value.path) == (Reason.BAD_HINT, path)


def test_expansions_are_spent_to_the_last() -> None:
    spend = _spend(Budget(5))
    spend(2)
    spend(3)
    with pytest.raises(Rejected) as caught:
        spend(1)
    assert (caught.value.code, caught.value.found) == (Reason.BAD_HINT, "5")


def test_a_sum_is_right_wrong_or_neither() -> None:
    sums = np.array([-6, -5, -4, -3, -1, 0, 1, 2], dtype=np.int64)
    assert neither(sums, 4).tolist() == [False, False, False, True, True, True, False, False]
    assert ((sums > 0) ^ (sums <= -4) ^ neither(sums, 4)).all()
    assert not neither(sums, 0).any()


def test_part_of_a_box_is_tallied_once() -> None:
    """Sums of one box of four tokens with slack 4: two right, one wrong, one settled in balls."""
    (box,) = boxes(2, 3, 3)
    for margins, settled in (([SURE], (1, 0, 0)), ([NEVER], (0, 1, 0)), ([OPEN], (0, 0, 1))):
        for sums, found in (([1, 2, -4, 0], (2, 1)), ([-3, -5, 7, 1], (2, 1)), ([1, 1, 1, -1], (3, 0)), ([-4, -4, -9, -3], (0, 3))):
            tally = Tally(4, Margins(margins), 9)
            _tally_sums(tally, 3, np.array(sums, dtype=np.int32), 4, box, 0)
            wanted = (found[0] + settled[0], found[1] + settled[1], settled[2])
            assert (tally.counts[3][3], tally.wrong[3][3], tally.undecided) == wanted
    tally = Tally(4, Margins([SURE]), 9)
    _tally_sums(tally, 3, np.array([1, 1, 1, 1], dtype=np.int32), 4, box, 0)
    assert (tally.counts[3][3], tally.wrong[3][3], tally.undecided) == (4, 0, 0)
