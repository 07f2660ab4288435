"""Sheets for shared windows: rivals in groups, queries in classes, bins, along a price for each operation. Not trusted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic.clamped_sums import Bins
from strategies.max_of_k.shared_terms import Bounds, Parts, SharedMaxToken
from strategies.max_of_k.windows_terms import Doubles, FloatTables, Integers

CLASSES = (1, 2, 4, 8, 16, 32, 64, 128)  # numbers of classes that are tried, up to the first two that do not pay
FINE = (6, 12, 24, 48, 96)  # bins for the max token's level that are tried
SEARCH_BINS = Bins(12, 24, 48)
MOST_GROUPS = 20
ROUNDS = 8  # of the division into classes


@dataclass(frozen=True, slots=True)
class FoundSheet:
    """A max token, groups of rivals, classes of queries, the bins, and what is believed about it: sequences and operations."""

    max_token: int
    boundaries: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    classes: tuple[tuple[int, ...], ...]
    bins: Bins
    gain: float
    operations: float
    additions: int

    def worth(self, price: float) -> float:
        return self.gain - price * self.operations


def search(tables: FloatTables, m: int, price: float) -> list[FoundSheet]:
    """Sheets of one max token that are worth their operations: price sequences for each."""
    place = SharedMaxToken(tables, m)
    found = []
    below = np.arange(m)
    if m and tables.n_ctx > 1:
        found.append(_best_sheet(place, below, price))
    found.append(_best_sheet(place, np.array([m]), price))
    return [sheet for sheet in found if sheet is not None]


def _best_sheet(place: SharedMaxToken, queries: Integers, price: float) -> FoundSheet | None:
    features = _features(place, queries)
    typical = queries[_nearest(features, np.median(features, axis=0), max(1, len(queries) // 8))]
    groups = pack(place, typical, price * len(queries) / 4, len(queries))
    best: FoundSheet | None = None
    failures = 0
    for number in CLASSES:
        if number > len(queries):
            break
        classes = _parts(queries, _divided(features, number))
        found = _evaluated(place, groups, [(some, _bounds(place, some, groups)) for some in classes], price, SEARCH_BINS)
        if best is None or found.worth(price) > best.worth(price):
            best, failures = found, 0
        else:
            failures += bool(best.classes)  # where few classes prove nothing, more may
            if failures == 2:
                break
    if best is not None and best.classes and place.tables.n_ctx > 6:
        best = _with_bins(place, groups, best, price)
    return best if best is not None and best.worth(price) > 0 else None


def _with_bins(place: SharedMaxToken, groups: list[Integers], found: FoundSheet, price: float) -> FoundSheet:
    """The same classes, with bins that win most: how fine first, then how far sums are kept."""
    classes = [(np.array(some), _bounds(place, np.array(some), groups)) for some in found.classes]

    def best_of(first: FoundSheet | None, options: Iterable[Bins]) -> FoundSheet:
        best = first
        for bins in options:
            sheet = _evaluated(place, groups, classes, price, bins)
            if best is not None and sheet.worth(price) <= best.worth(price):
                break
            best = sheet
        assert best is not None
        return best

    best = best_of(None, (Bins(fine, fine, 2 * fine) for fine in FINE))
    return best_of(best, (Bins(best.bins.fine, k * best.bins.fine, 2 * k * best.bins.fine) for k in (2, 4)))


def _parts(queries: Integers, labels: Integers) -> list[Integers]:
    return [queries[labels == label] for label in range(int(labels.max()) + 1) if (labels == label).any()]


def _evaluated(
    place: SharedMaxToken, groups: list[Integers], classes: list[tuple[Integers, Bounds]], price: float, bins: Bins
) -> FoundSheet:
    """These groups, classes with their bounds, and bins; classes that win nothing are left out."""
    m, shape = place.m, (len(classes), len(groups))
    required = bool(classes[0][0][0] < m)
    size = float(place.tables.block_size(int(classes[0][0][0]), m))
    bounds = Bounds(np.concatenate([part.levels for _, part in classes]), np.concatenate([part.own for _, part in classes]))
    settled = place.settled(bounds, required=required)
    lost = place.failing(bounds, bins, required=required).reshape(shape).sum(axis=1)
    spent = np.where(settled, 0.0, place.costs(bounds, bins, required=required)).reshape(shape).sum(axis=1)
    won = (size - lost) * [len(some) for some, _ in classes]
    kept = won > price * spent
    chosen = [some for (some, _), keep in zip(classes, kept.tolist(), strict=True) if keep]
    return FoundSheet(
        m,
        place.boundaries,
        tuple(tuple(sorted(place.rivals[group].tolist())) for group in groups),
        tuple(tuple(some.tolist()) for some in chosen),
        bins,
        float(won[kept].sum()),
        float(spent[kept].sum()) + place.fixed_cost(len(groups), sum(map(len, groups)), len(chosen), sum(map(len, chosen))),
        int((~settled.reshape(shape)[kept]).sum()) * place.most(bins, required=required),
    )


def _bounds(place: SharedMaxToken, queries: Integers, groups: list[Integers]) -> Bounds:
    return place.bounds(place.parts(queries).grouped(groups), place.factors(queries))


def pack(place: SharedMaxToken, queries: Integers, price: float, stand_for: int) -> list[Integers]:
    """Rivals in groups, as places in `rivals`, for queries that stand for so many: rivals that may win first, each to the group where it
    costs least, or to one of its own if that is cheaper.
    """
    required = bool(queries[0] < place.m)
    parts, factors = place.parts(queries), place.factors(queries)
    single = place.bounds(parts, factors)
    bins = SEARCH_BINS
    alone = place.failing(single, bins, required=required)
    settled = place.settled(single, required=required)
    tightness = single.own + single.levels.min(axis=2).sum(axis=1)
    order = sorted(range(len(alone)), key=lambda k: (-alone[k], tightness[k]))
    count = price / max(1, stand_for) * place.costs(single[:1], bins, required=required)[0]  # sequences of one block that a count must win
    groups: list[list[int]] = []
    state: list[Parts] = []
    lost: list[float] = []
    for k in order:
        best, least = -1, alone[k] + count * (0.05 if settled[k] else 1.0)
        if groups:
            present = Parts(*(np.concatenate(some) for some in zip(*((s.heights, s.pi, s.own) for s in state), strict=True)))
            merged = present.merged(parts[k : k + 1])
            now, both = place.bounds(present, factors), place.bounds(merged, factors)
            same = (both.own == now.own) & (both.levels == now.levels).all(axis=(1, 2))
            free = same | place.settled(both, required=required)
            if free.any():
                best = int(np.flatnonzero(free)[0])
                total = lost[best] if same[best] else 0.0
            else:
                totals = place.failing(both, bins, required=required)
                more = totals - np.array(lost)
                best = int(more.argmin())
                total = float(totals[best])
                if more[best] > least and len(groups) < MOST_GROUPS:
                    best = -1
            if best >= 0:
                groups[best].append(k)
                state[best] = merged[best : best + 1]
                lost[best] = total
        if best < 0:
            groups.append([k])
            state.append(parts[k : k + 1])
            lost.append(float(alone[k]))
    return [np.array(group) for group in groups]


def _features(place: SharedMaxToken, queries: Integers) -> Doubles:
    """What bounds of a class depend on, in units of logits: [Q, features]."""
    t, m, n = place.tables, place.m, place.tables.n_ctx
    weights = np.exp(t.scores[queries][:, place.tokens] - t.scores[queries, m][:, None])
    worst = np.abs(place.h).max(axis=0)
    u = t.u[queries][:, : n - 1] / t.u[queries][:, n - 1 :]
    level = float(np.median(np.abs(place.h[:, 0])))
    near = np.argsort(-weights.mean(axis=0) * worst)[:12]
    rivals = place.rivals[np.argsort(place.h.min(axis=1))[:12]]
    e = t.EU[queries, m][:, None] - t.EU[queries][:, rivals]
    own = (t.EV[queries, m] - np.delete(t.EV[queries], m, axis=1).max(axis=1)) * np.exp(t.scores[queries, queries] - t.scores[queries, m])
    return np.concatenate([(n - 1) * weights[:, near] * worst[near] / 2, u * level, e, np.clip(own, -level, level)[:, None]], axis=1)


def _nearest(features: Doubles, centre: Doubles, number: int) -> Integers:
    return np.argsort(((features - centre) ** 2).sum(axis=1), kind="stable")[:number]


def _divided(features: Doubles, number: int) -> Integers:
    """Labels of so many classes: centres as far apart as can be, then means."""
    centres = [np.median(features, axis=0)]
    distance = ((features - centres[0]) ** 2).sum(axis=1)
    while len(centres) < number:
        centres.append(features[int(distance.argmax())])
        distance = np.minimum(distance, ((features - centres[-1]) ** 2).sum(axis=1))
    labels = np.zeros(len(features), dtype=np.int64)
    for _ in range(ROUNDS):
        labels = np.stack([((features - centre) ** 2).sum(axis=1) for centre in centres]).argmin(axis=0)
        centres = [features[labels == k].mean(axis=0) if (labels == k).any() else centre for k, centre in enumerate(centres)]
    return labels
