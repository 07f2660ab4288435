"""Which blocks to count, in how many bins, and which rivals to count together: a search on samples of each block. Not trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strategies.max_of_k.separable_terms import Doubles, FloatTerms

SAMPLES = 500  # sequences drawn from one block
HOPELESS = 0.995  # a block of which a larger share fails is left out
MOST_GROUPS = 12
PRICE = 2e-8  # share of all inputs that one more group must win to be worth its count

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grouping:
    """groups of rivals, and the share of the block's sequences that they are expected to leave unproved together."""

    groups: tuple[tuple[int, ...], ...]
    failing: float


def sample_block(query: int, max_token: int, n_ctx: int, generator: np.random.Generator) -> Integers:
    """SAMPLES sequences with last token `query` and maximum `max_token`, uniformly: [S, n]."""
    m, free = max_token, n_ctx - 1
    out = np.full((SAMPLES, n_ctx), query, dtype=np.int64)
    out[:, :free] = generator.integers(0, m + 1, (SAMPLES, free))
    if query < m and free:
        shares = np.array([(m / (m + 1.0)) ** i for i in range(free)])  # the first position that holds the max token
        first = generator.choice(free, SAMPLES, p=shares / shares.sum())[:, None]
        places = np.arange(free)[None, :]
        below = generator.integers(0, max(m, 1), (SAMPLES, free))
        out[:, :free] = np.where(places < first, below, np.where(places == first, m, out[:, :free]))
    return out


def find_groups(terms: FloatTerms, query: int, max_token: int, rivals: Integers, share: float, generator: np.random.Generator) -> Grouping:
    """Greedy: the rivals, worst first, each join the group where they cost least, or open a new one.

    share: the block's share of all inputs; a small block does not get many groups.
    """
    if len(rivals) == 0:
        return Grouping((), 0.0)
    sequences = sample_block(query, max_token, terms.n_ctx, generator)
    drawn = terms.terms(query, max_token, rivals)[:, np.arange(terms.n_ctx)[None, :], sequences]  # [J, S, n]
    failing = (drawn.sum(axis=2) <= 0).mean(axis=1)
    groups: list[list[int]] = []
    minima: list[Doubles] = []
    costs: list[float] = []
    for a in np.argsort(-failing, kind="stable").tolist():
        merged = [np.minimum(minimum, drawn[a]) for minimum in minima]
        rates = [float((minimum.sum(axis=1) <= 0).mean()) for minimum in merged]
        increases = [rate - cost for rate, cost in zip(rates, costs, strict=True)]
        best = int(np.argmin(increases)) if increases else -1
        alone = float(failing[a])
        if best >= 0 and (increases[best] < alone + PRICE / share or len(groups) >= MOST_GROUPS):
            groups[best].append(int(rivals[a]))
            minima[best], costs[best] = merged[best], rates[best]
        else:
            groups.append([int(rivals[a])])
            minima.append(drawn[a])
            costs.append(alone)
    return Grouping(tuple(tuple(sorted(group)) for group in groups), sum(costs))
