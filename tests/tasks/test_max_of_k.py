"""The counts of Max-of-K against explicit enumeration."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from proofcheck.tasks import MaxOfK

SIZES = [(n, d) for n in range(1, 6) for d in range(2, 7) if d**n <= 1500]


@pytest.mark.parametrize(("n_ctx", "d_vocab"), SIZES)
def test_blocks_partition_the_inputs(n_ctx: int, d_vocab: int) -> None:
    task = MaxOfK(n_ctx, d_vocab)
    blocks = Counter((x[-1], max(x)) for x in product(range(d_vocab), repeat=n_ctx))
    assert task.total() == d_vocab**n_ctx == sum(blocks.values())
    for q, m in product(range(d_vocab), repeat=2):
        assert task.block_size(q, m) == blocks[q, m]


@pytest.mark.parametrize(("n_ctx", "d_vocab"), SIZES)
def test_classes_partition_the_blocks(n_ctx: int, d_vocab: int) -> None:
    task = MaxOfK(n_ctx, d_vocab)
    classes = Counter((x[-1], max(x), sum(t != max(x) for t in x[:-1])) for x in product(range(d_vocab), repeat=n_ctx))
    for q, m in product(range(d_vocab), repeat=2):
        if q > m:
            assert not any(classes[q, m, p] for p in range(n_ctx))
            continue
        most_others = n_ctx - 1 - (q < m)
        for p in range(n_ctx):
            expected = task.class_size(p, m) if p <= most_others else 0
            assert classes[q, m, p] == expected, (q, m, p)


@pytest.mark.parametrize(("n_ctx", "d_vocab"), SIZES)
def test_class_sizes_count_choices(n_ctx: int, d_vocab: int) -> None:
    """Exactly `others` of the n − 1 positions hold one of `choices` tokens, the rest hold the max token."""
    task = MaxOfK(n_ctx, d_vocab)
    for others, choices in product(range(n_ctx), range(d_vocab)):
        allowed = range(choices)
        words = product([*allowed, d_vocab], repeat=n_ctx - 1)
        assert task.class_size(others, choices) == sum(sum(t != d_vocab for t in word) == others for word in words)


def test_counts_are_integers_of_any_size() -> None:
    task = MaxOfK(20, 512)
    assert task.total() == 2**180
    assert sum(task.block_size(q, m) for m in range(512) for q in range(m + 1)) == 2**180
