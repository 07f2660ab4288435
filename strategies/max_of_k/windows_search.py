"""A window for each max token, along a price: how many sequences one operation must prove. Not trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic.level_sums import MOST_LISTED
from strategies.budget import Budget
from strategies.max_of_k.windows_terms import Evaluation, FloatTables, MaxToken, Window, best_of
from strategies.progress import Progress

NEAR = (1, 2, 3, 4, 5, 7, 10, 14)  # numbers of near tokens that are tried
FARTHER = ((), (3,), (8,), (3, 10))  # further boundaries, so many tokens below the first one
NEAR_LONG = (5, 16, 40, 100)  # with many positions attention is spread over more tokens
FARTHER_LONG = ((8, 24),)
MOST_RIVALS = 8
BINS = (64, 256)  # that counts with many positions may have
MOST_QUERIES, FEW_QUERIES = 64, 6  # that are looked at during a search; few where each is a count in bins
LARGE = 128  # tokens: beyond it half as many queries
LISTED = 5  # candidates from the largest entries of a row


Value = Callable[[Window], float]


def boundaries(m: int, near: int, farther: tuple[int, ...]) -> tuple[int, ...]:
    """f = m − near, further boundaries below it, and 0."""
    f = max(0, m - near)
    return (f, *(f - step for step in farther if f - step > 0), *((0,) if f else ()))


@dataclass(frozen=True, slots=True)
class Worth:
    """What one operation must win. price: sequences; or, if `block` > 0, every whole block is worth so many
    operations and nothing is counted.
    """

    price: float
    block: float = 0.0

    def of(self, m: int, found: Evaluation) -> float:
        if self.block:
            return self.block * (m + 1 - found.open_share) - found.operations
        return found.gain - self.price * found.operations


def search(tables: FloatTables, m: int, worth: Worth, least: int = 0) -> tuple[Window, Evaluation] | None:
    """The best window found for a max token, None if none is worth its operations. Near tokens are at least
    `least`.
    """
    place = MaxToken(tables, m, BINS[0], _queries(tables))
    tried: dict[Window, tuple[float, Evaluation]] = {}

    def value(window: Window) -> float:
        key = Window(tuple(sorted(window.rivals)), window.boundaries)
        if key not in tried:
            found = place.evaluate(key, float("inf") if worth.block else worth.price)
            tried[key] = (worth.of(m, found), found)
        return tried[key][0]

    nears, farthers, start = (NEAR, FARTHER, 4) if is_short(tables) else (NEAR_LONG, FARTHER_LONG, 24)
    options = sorted({boundaries(m, min(near, m - least), farther) for near in nears for farther in farthers})
    best = Window((), boundaries(m, min(start, m - least), (3,)))
    for patience in (5, 3) if worth.block else (2, 1) if is_short(tables) else (1,):
        best = _rivals(tables, m, best, value, patience)
        best = max([best, *(Window(best.rivals, bounds) for bounds in options)], key=value)
        best = _fewer(best, value)
    key = Window(tuple(sorted(best.rivals)), best.boundaries)
    if value(key) <= 0:
        return None
    found = evaluated(tables, m, key, worth)
    return (key, found) if worth.of(m, found) > 0 else None


def _queries(tables: FloatTables) -> int:
    """How many queries stand for all."""
    if not is_short(tables):
        return FEW_QUERIES
    return MOST_QUERIES if tables.d_vocab <= LARGE else MOST_QUERIES // 2


def _rivals(tables: FloatTables, m: int, best: Window, value: Value, patience: int) -> Window:
    """Greedy: one rival more while it pays, with some patience."""
    candidates = _candidates(tables, m)
    current, failures = best, 0
    while len(current.rivals) < MOST_RIVALS:
        options = [Window((*current.rivals, j), current.boundaries) for j in candidates if j not in current.rivals]
        if not options:
            break
        current = max(options, key=value)
        if value(current) > value(best):
            best, failures = current, 0
        else:
            failures += 1
            if failures >= patience:
                break
    return best


def _fewer(best: Window, value: Value) -> Window:
    """Drop rivals that do not pay."""
    for j in best.rivals:
        without = Window(tuple(k for k in best.rivals if k != j), best.boundaries)
        if value(without) >= value(best):
            best = without
    return best


def _candidates(tables: FloatTables, m: int) -> list[int]:
    """Neighbours of m, and the largest entries of the rows near m."""
    d = tables.d_vocab
    found = {j for j in range(m - 3, m + 5) if 0 <= j < d}
    for t in range(max(0, m - 3), m + 1):
        found |= set(tables.lists[0][t][:LISTED].tolist())
    return sorted(found - {m})


def evaluated(tables: FloatTables, m: int, window: Window, worth: Worth) -> Evaluation:
    """On all queries, each count with the number of bins that wins most."""
    if worth.block or is_short(tables):
        return MaxToken(tables, m, BINS[0]).evaluate(window, float("inf") if worth.block else worth.price)
    return best_of([MaxToken(tables, m, bins).evaluate(window, worth.price) for bins in BINS], worth.price)


def is_short(tables: FloatTables) -> bool:
    """Whether counts are exact, without bins."""
    return tables.n_ctx <= MOST_LISTED + 1


def search_all(
    tables: FloatTables, worth: Worth, budget: Budget, first: np.ndarray | None = None
) -> Iterator[tuple[int, Window, Evaluation]]:
    """Windows of all max tokens that are worth one, large ones first, while the budget lasts. first: from
    where scores are computed.
    """
    least = np.zeros(tables.d_vocab, dtype=np.int64) if first is None else np.maximum.accumulate(first)
    with Progress("max tokens", tables.d_vocab, shown=budget.progress, budget=budget.left) as progress:
        for m in reversed(range(tables.d_vocab)):
            if budget.left <= 0:
                return
            found = search(tables, m, worth, int(least[m]))
            if found is not None:
                yield m, *found
            progress.step()


def list_hints(tables: FloatTables) -> dict[str, np.ndarray]:
    """top_EV, top_EU, top_PV."""
    names = ("top_EV", "top_EU", "top_PV")
    return {name: np.ascontiguousarray(columns, dtype=np.int64) for name, columns in zip(names, tables.lists, strict=True)}
