"""`nonpositive_sums` finds exactly the nonpositive minima; `range_minima` are minima of ranges."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from proofcheck.arithmetic import nonpositive_sums, range_minima
from proofcheck.arithmetic.operations import counting


class Spent:
    """Counts expanded nodes."""

    def __init__(self) -> None:
        self.nodes = 0

    def __call__(self, nodes: int) -> None:
        self.nodes += nodes


def _found(base: np.ndarray, terms: list[np.ndarray], spend: object = lambda nodes: None) -> dict[int, int]:
    """index -> smallest sum, for those ≤ 0; fails if an index comes twice."""
    found: dict[int, int] = {}
    width = terms[-1].shape[1] if terms else 1
    seen = set()
    for prefixes, smallest in nonpositive_sums(base, terms, spend):
        assert smallest.shape == (len(prefixes), width)
        for prefix, row in zip(prefixes.tolist(), smallest.tolist(), strict=True):
            assert prefix not in seen
            seen.add(prefix)
            found |= {prefix * width + token: value for token, value in enumerate(row) if value <= 0}
    return found


@pytest.mark.parametrize("sizes", [(), (1,), (5,), (3, 4), (4, 1, 5), (2, 3, 2, 3)])
@pytest.mark.parametrize("shift", [-40, 0, 25, 60])
@pytest.mark.parametrize("magnitude", [3, 40, 10**8])
def test_found_are_exactly_the_nonpositive_minima(sizes: tuple[int, ...], shift: int, magnitude: int) -> None:
    rng = np.random.default_rng(len(sizes) * 100 + shift + 40)
    for rivals in (1, 2, 6):
        base = rng.integers(-magnitude, magnitude, rivals) + shift * magnitude // 40
        terms = [rng.integers(-magnitude, magnitude, (rivals, size)).astype(np.int32) for size in sizes]
        spent = Spent()
        with counting() as counter:
            found = _found(base, terms, spent)
        operations = counter.total
        truth = {}
        for index, tokens in enumerate(product(*(range(size) for size in sizes))):
            value = min(int(base[j]) + sum(int(term[j, t]) for term, t in zip(terms, tokens, strict=True)) for j in range(rivals))
            if value <= 0:
                truth[index] = value
        assert found == truth
        assert operations <= 2 * spent.nodes * max(sizes, default=1) + rivals * (sum(sizes) + 1)


def test_many_nodes_are_searched_in_parts() -> None:
    """More nodes than one working array holds: 63 rivals, 40·40·40 sequences, nearly all nonpositive."""
    rng = np.random.default_rng(0)
    base = rng.integers(-50, 10, 63)
    terms = [rng.integers(-20, 15, (63, 40)) for _ in range(3)]
    sums = (base[:, None, None, None] + terms[0][:, :, None, None] + terms[1][:, None, :, None] + terms[2][:, None, None, :]).min(axis=0)
    assert _found(base, terms) == {int(k): int(sums.flat[k]) for k in np.flatnonzero(sums <= 0)}


def test_nothing_is_expanded_where_the_minimum_is_positive() -> None:
    spent = Spent()
    assert _found(np.array([3]), [np.array([[-1, 5]]), np.array([[-1, 4]])], spent) == {}
    assert spent.nodes == 0
    assert _found(np.array([2]), [np.array([[-1, 5]]), np.array([[-1, 4]])], spent) == {0: 0}
    assert spent.nodes == 2


def test_what_spend_raises_ends_the_search() -> None:
    class EnoughError(Exception):
        pass

    def refuse(nodes: int) -> None:
        raise EnoughError

    terms = [np.array([[-1, 5]])]
    assert _found(np.array([1]), terms) == {0: 0}
    with pytest.raises(EnoughError):
        _found(np.array([1]), terms, refuse)


def test_sums_that_could_overflow_are_refused() -> None:
    most = (2**31 - 1) // 2
    assert _found(np.array([-most]), [np.array([[-most]])]) == {0: -2 * most}
    with pytest.raises(OverflowError):
        _found(np.array([-most - 1]), [np.array([[-most - 1]])])


def test_indices_beyond_62_bits_are_refused() -> None:
    terms = [np.ones((1, 4), dtype=np.int64)] * 30
    assert _found(np.array([-30]), [term[:, :1] for term in terms]) == {0: 0}
    with pytest.raises(OverflowError):
        _found(np.array([-30]), [*terms, terms[0]])


def test_range_minima() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(-(2**31), 2**31, (4, 9))
    pairs = [(a, b) for a in range(9) for b in range(a + 1, 10)]
    chosen = [pairs[k] for k in rng.integers(0, len(pairs), 200)]
    starts, ends = (np.array(side) for side in zip(*chosen, strict=True))
    result = range_minima(values, starts, ends)
    assert result.tolist() == [[int(row[a:b].min()) for a, b in chosen] for row in values]
    assert range_minima(values[:0], starts, ends).shape == (0, 200)
    assert range_minima(values, starts[:0], ends[:0]).shape == (4, 0)


@pytest.mark.parametrize(("start", "end"), [(2, 2), (3, 2), (-1, 2), (0, 5)])
def test_ranges_that_are_none_are_refused(start: int, end: int) -> None:
    values = np.arange(4)[None]
    assert range_minima(values, np.array([0]), np.array([4])).tolist() == [[0]]
    with pytest.raises(ValueError, match="range"):
        range_minima(values, np.array([start]), np.array([end]))
    with pytest.raises(ValueError, match="range"):
        range_minima(values, np.array([0, start]), np.array([4, end]))
