"""Exact counts of bounded sums of small integers: a dynamic program over positions, in integers of any size.

No float takes part. A count is kept as limbs c = Σ_l limb_l · 2^(48·l) with 0 ≤ limb_l < 2^48 in int64, so one position is a few shifted
additions of whole rows, whatever the size of the numbers (64^20 has 120 bits).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.operations import count

LIMB_BITS = 48
MOST_COLUMNS = 1 << 13  # tokens: limbs stay below 2^13 · 2^48 + 2^13 < 2^62 before they are normalised
MOST_PAIRED_COLUMNS = 1 << 10  # up to here all pairs of tokens of the first two positions are listed
MOST_BINS = 1 << 14  # bins: a sum of 2^14 limbs stays below 2^62

Integers = NDArray[np.int64]


def count_bounded_sums(bins: Integers, most: int, *, last_required: bool) -> int:
    """The exact number of t = (t_0, …, t_{p−1}) ∈ {0 … T−1}^p with Σ_i bins[i, t_i] ≤ most.

    With last_required only tuples in which some t_i = T − 1 count: all tuples less those over the first T − 1 columns.
    Hypotheses (checked): bins [p, T] int64, entries ≥ 0, 1 ≤ T ≤ MOST_COLUMNS, 0 ≤ most < MOST_BINS.
    Proof: by induction over i, states[r][s] = Σ_l limb · 2^(48·l) is the number of (t_0, …, t_{i−1}) with Σ bins = s, for s ≤ most and, if
    r = 1, over the first T − 1 columns only; a partial sum above `most` stays above, as entries are ≥ 0. The new states[r][s] is
    Σ_t states[r][s − bin(t)]; at the last position Σ_s Σ_t states[r][s − bin(t)] = Σ_t Σ_{s ≤ most − bin(t)} states[r][s].
    Overflow: a limb receives at most T addends below 2^48 and a carry below 2^14, so it stays below 2^62; so do sums of 2^14 limbs.
    Number of limbs: a count of i-tuples is at most T^i < 2^(i · bit_length(T)).  ∎
    About 2·p·T·most·limbs operations (`bounded_sums_operations`).
    """
    if bins.ndim != 2 or bins.dtype != np.int64 or not 1 <= bins.shape[1] <= MOST_COLUMNS or not 0 <= most < MOST_BINS:
        raise ValueError(f"no exact count of bounded sums for shape {bins.shape}, dtype {bins.dtype}, bound {most}")
    if bins.size and int(bins.min()) < 0:
        raise ValueError("bins must not be negative")
    positions, columns = bins.shape
    if positions == 0:
        return 0 if last_required else 1
    bins = np.minimum(bins, most + 1)  # too much is too much; keeps sums of two bins small
    first = min(2 if columns <= MOST_PAIRED_COLUMNS else 1, positions - 1)
    states = _first_positions(bins[:first], most, 2 if last_required else 1)
    for position in range(first, positions - 1):
        limbs = (position + 1) * columns.bit_length() // LIMB_BITS + 1
        states = _one_position(states, bins[position], limbs)
    totals = [_last_position(state, bins[-1, : columns - row], most) for row, state in enumerate(states)]
    return totals[0] - totals[1] if last_required else totals[0]


def bounded_sums_operations(bins: Integers, most: int) -> int:
    """Upper bound on the operations of `count_bounded_sums`, from how many different bins each position has; cheap, and starts nothing."""
    positions, columns = int(bins.shape[0]), int(bins.shape[1])
    pairs = 2 * (3 * columns * columns + columns) if columns <= MOST_PAIRED_COLUMNS else 4 * columns
    rows = np.arange(positions)[:, None] * (most + 2)
    multiplicity = np.bincount((rows + np.minimum(bins, most + 1)).ravel(), minlength=positions * (most + 2))
    shifts = np.minimum(multiplicity.reshape(positions, most + 2)[:, : most + 1], 2).sum(axis=1)
    limbs = np.arange(1, positions + 1) * columns.bit_length() // LIMB_BITS + 1
    return pairs + 2 * (most + 1) * int((limbs * (shifts + 5)).sum()) + 2 * (positions + 1) * columns


def _first_positions(bins: Integers, most: int, rows: int) -> Integers:
    """The states after zero, one or two positions: [rows, 1, most + 1]. Row 1 leaves the last column out."""
    states = np.zeros((rows, 1, most + 1), dtype=np.int64)
    for row in range(rows):
        sums = np.zeros(1, dtype=np.int64)
        for position in bins[:, : bins.shape[1] - row]:
            sums = (sums[:, None] + position[None, :]).ravel()
            count(sums.size)
        states[row, 0] = np.bincount(np.minimum(sums, most + 1), minlength=most + 2)[: most + 1]
        count(sums.size)
    return states


def _one_position(states: Integers, bins: Integers, limbs: int) -> Integers:
    """The states after one more position. states [rows, limbs before, most + 1]; row 1 leaves the last column out."""
    rows, before, length = states.shape
    out = np.zeros((rows, limbs, length), dtype=np.int64)
    shared = bins[: bins.size - rows + 1]  # the columns of every row
    multiplicity = np.bincount(shared[shared < length], minlength=1)
    shifts = np.flatnonzero(multiplicity)
    for shift, times in zip(shifts.tolist(), multiplicity[shifts].tolist(), strict=True):
        part = states[:, :, : length - shift]
        out[:, :before, shift:] += part if times == 1 else times * part
        count(rows * before * length * min(times, 2))
    if rows == 2 and bins[-1] < length:
        shift = int(bins[-1])
        out[0, :before, shift:] += states[0, :, : length - shift]
    for place in range(limbs - 1):
        out[:, place + 1] += out[:, place] >> LIMB_BITS
        out[:, place] &= (1 << LIMB_BITS) - 1
    count(rows * length * (before + 3 * limbs))
    return out


def _last_position(state: Integers, bins: Integers, most: int) -> int:
    """Σ_t Σ_{s ≤ most − bin(t)} state[s], exactly. state [limbs, most + 1]."""
    cumulative = np.cumsum(state, axis=1)
    places = most - bins[bins <= most]
    count(cumulative.size + state.shape[0] * len(bins))
    return sum(sum(row[places].tolist()) << (LIMB_BITS * place) for place, row in enumerate(cumulative))
