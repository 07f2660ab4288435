"""Sets of queries that share one evaluation for a max token, and what is concluded about their blocks.

For a max token m and cells with first far boundary f: the queries q < f of each group are one job; every
query f ≤ q ≤ m is a job of its own.
So each query q ≤ m is in exactly one job, and the block sizes of the queries of a job are equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import Booleans, Integers, Intervals
from proofcheck.arithmetic.level_sums import nonpositive_tuples, tuples_operations
from proofcheck.arithmetic.operations import count
from proofcheck.arithmetic.piecewise import at_most_zero, joined
from proofcheck.rules.attention_only.windows.cells import Cells
from proofcheck.rules.budget import Budget

LEVEL_BITS = 40


@dataclass(frozen=True, slots=True)
class Jobs:
    """members[k]: the queries of job k; labels[k]: their group; near [jobs]: the place of the query's token
    among the single ones, or −1.
    """

    members: list[Integers]
    labels: list[int]
    near: Integers


def jobs_of(cells: Cells, labels: Integers) -> Jobs:
    """The jobs of one max token: far queries group by group, then near queries from the smallest token on,
    then m.
    """
    m = cells.max_token
    f = m - (len(cells.tokens) - 1)
    members, names, near = [], [], []
    for label in np.unique(labels[:f]).tolist():
        members.append(np.flatnonzero(labels[:f] == label))
        names.append(int(label))
        near.append(-1)
    for q in range(f, m + 1):
        members.append(np.array([q], dtype=np.int64))
        names.append(int(labels[q]))
        near.append(0 if q == m else 1 + q - f)
    return Jobs(members, names, np.array(near, dtype=np.int64))


def lower_levels(cells: Cells, jobs: Jobs, heights: Intervals, e: Intervals, pi: Intervals, u: Intervals, v: Intervals) -> Integers:
    """Integers ≤ scale·(a lower bound on f_i of every token of a cell, of every query of a job, of every
    rival of a group): [jobs, G, n, L].

    heights [G, L] ≤ h on the cells; e [jobs, G] ≤ e(q) of every query of the job; pi [G, n]; u [jobs, n − 1]
    ∋ u_i/u_{n−1} and v [jobs, L]
    ∋ v_t/v_m (single tokens), ≥ (segments), for every query of the job. The query's own term is [.., n − 1,
    0]. One scale > 0 for each job
    and group.
    Proof. u_i v_t > 0, so f_i ≥ u_i v_t (heights + e + π), which is at least the lower end of the product of
    enclosures; on segments W2 of
    `levels` with M the upper bound. The query's token is a single token, or for a far job in some segment,
    where the smallest bound holds.  ∎
    """
    groups, L = heights.shape
    n, singles = pi.shape[1], cells.singles
    base = heights[None] + e[:, :, None]  # [jobs, G, L]

    def lowered(z: Intervals) -> Intervals:
        return joined([z[..., :singles], at_most_zero(z[..., singles:])], axis=len(z.shape) - 1) if singles < L else z

    far, near = (
        np.flatnonzero(jobs.near < 0),
        np.flatnonzero(jobs.near >= 0),
    )  # far jobs stand before near ones
    own = []
    if len(far):
        segments = at_most_zero(base[far][:, :, singles:] + pi[:, n - 1][None, :, None])
        own.append((segments * v[far, singles:][:, None, :]).min(axis=2))
    places = jobs.near[near]
    own.append((base[near, :, places] + pi[:, n - 1][None]) * v[near, places][:, None])
    last = joined(own, axis=0)[:, :, None, None].broadcast_to((len(jobs.members), groups, 1, L))
    z = lowered(base[:, :, None, :] + pi[:, : n - 1][None, :, :, None])
    before = z * (u[:, :, None] * v[:, None, :])[:, None]
    flat = np.indices((len(jobs.members), groups)).reshape(2, -1)
    everything = joined([before, last], axis=2)[flat[0], flat[1]]
    lower = everything.fixed_point(LEVEL_BITS).lower
    return np.asarray(lower, dtype=np.int64).reshape(len(jobs.members), groups, n, L)


def beaten(lower: Integers, is_max: Booleans) -> Booleans:
    """Where every sequence of every block of a job beats every rival of a group: [jobs, G], is_max [jobs]:
    the query is the max token.

    Theorem. With λ = lower and μ_i = min_c λ_i(c): if λ_{n−1} + Σ_{i<n−1} μ_i + [q < m]·min_{i<n−1} (λ_i({m})
    − μ_i) > 0, and q = m or n ≥ 2,
    all are beaten. Proof: as W3 of `conclusions`, in integers that are at most a positive multiple of f.  ∎
    """
    n = lower.shape[2]
    least = lower[:, :, : n - 1].min(axis=3)  # [jobs, G, n − 1]
    total = lower[:, :, n - 1, 0] + least.sum(axis=2)
    count(lower.size)
    if n == 1:
        return np.asarray((total > 0) & is_max[:, None])
    gain = (lower[:, :, : n - 1, 0] - least).min(axis=2)
    count(3 * least.size)
    return np.asarray(total + np.where(is_max[:, None], 0, gain) > 0)


def failing(cells: Cells, lower: Integers, bins: int, budget: Budget, *, is_max: bool) -> int:
    """An upper bound on the sequences of one block of a job that do not beat some rival of a group (W4 of
    `conclusions`), lower [n, L].
    """
    budget.spend(tuples_operations(len(lower) - 1, cells.sizes, bins, first_required=not is_max))
    return nonpositive_tuples(lower[:-1], cells.sizes, int(lower[-1, 0]), bins, first_required=not is_max)
