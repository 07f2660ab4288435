"""Failures of many blocks at once, in float64: for searches, not trusted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.clamped_sums import Bins

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
FFT_LENGTHS = sorted(2**i * 3**j for i in range(4, 18) for j in range(3))


def all_tuples(z: Doubles, own: Doubles, sizes: Integers, required: Booleans) -> list[int]:
    """Sequences with a sum of at most 0, for terms z [C, p, L] and own [C], looking at every tuple of levels.

    required [C]: only tuples that hold level 0 count.
    """
    sums, weights, without = own[:, None], np.ones(1), np.ones(1)
    first = sizes.astype(np.float64)
    first[0] = 0
    for i in range(z.shape[1]):
        sums = (sums[:, :, None] + z[:, i, None, :]).reshape(len(own), -1)
        weights = (weights[:, None] * sizes).ravel()
        without = (without[:, None] * first).ravel()
    lost = sums <= 0
    totals = np.where(required, lost @ (weights - without), lost @ weights)
    return [int(total) for total in totals]


def in_bins(z: Doubles, own: Doubles, sizes: Integers, required: Booleans, bins: int) -> list[int]:
    """The same with sums kept in bins, as the checker does, rounding down: upper bounds, up to float
    rounding.
    """
    p = z.shape[1]
    least = z.min(axis=2)  # [C, p]
    window = -(own + least.sum(axis=1))
    width = np.maximum(window, 1e-300) / bins
    residues = (z - least[:, :, None]) / width[:, None, None]
    offsets = _offsets(residues, sizes)
    most = np.floor(bins + offsets.sum(axis=1)).astype(np.int64)
    binned = np.minimum(np.floor(residues + offsets[:, :, None]), 2 * bins + p).astype(np.int64)  # [C, p, L]
    length = int(most.max(initial=0)) + 1
    totals = _products(binned, sizes, most, length)
    if required.any():
        totals = totals - np.where(required, _products(binned[:, :, 1:], sizes[1:], most, length), 0.0)
    return [int(total) if open_ else 0 for total, open_ in zip(totals, window >= 0, strict=True)]


def _offsets(residues: Doubles, sizes: Integers) -> Doubles:
    """For each position the offset in [0, 1) that puts a level on the edge of a bin and drops least: [C, p].

    With edge e, Σ_l sizes[l]·((e_l − e) mod 1) is a constant − e·Σ sizes + Σ_{e_l < e} sizes[l].
    """
    edges = residues - np.floor(residues)
    order = np.argsort(edges, axis=2)
    rising, weights = np.take_along_axis(edges, order, axis=2), sizes[order]
    dropped = np.cumsum(weights, axis=2) - weights - rising * float(sizes.sum())
    chosen = np.take_along_axis(rising, dropped.argmin(axis=2)[:, :, None], axis=2)[:, :, 0]
    return np.asarray((1.0 - chosen) % 1.0)


def _products(binned: Integers, sizes: Integers, most: Integers, length: int) -> Doubles:
    """Σ Π sizes over tuples with a sum of bins of at most `most`: [C]."""
    C, p, L = binned.shape
    states = np.zeros((C, length))
    states[:, 0] = 1.0
    places = np.arange(length)[None, :]
    for i in range(p):
        new = np.zeros_like(states)
        for l in range(L):
            source = places - binned[:, i, l][:, None]
            new += sizes[l] * np.where(source >= 0, np.take_along_axis(states, np.maximum(source, 0), axis=1), 0.0)
        states = new
    return (states * (places <= most[:, None])).sum(axis=1)


def clamped(z: Doubles, own: Doubles, sizes: Integers, required: bool, bins: Bins) -> Doubles:
    """Sequences with a sum of at most 0 for terms z [C, p, L] and own [C], with sums kept in a few bins as the checker does: [C], up to
    float rounding.
    """
    width = np.maximum(np.abs(z[:, :, 0]).max(axis=1), 1e-300) / bins.fine
    offsets = _offsets(z / width[:, None, None], sizes)  # in bins, 0 … 1
    offsets = np.where(offsets > 0.5, offsets - 1.0, offsets)
    start = -np.floor(offsets.sum(axis=1) - own / width)
    steps = np.clip(np.floor(z / width[:, None, None] + offsets[:, :, None] + 1e-9), -bins.states, bins.states).astype(np.int64)
    total = _clamped(steps, sizes, start, bins)
    return total - _clamped(steps[:, :, 1:], sizes[1:], start, bins) if required else total


def _clamped(steps: Integers, sizes: Integers, start: Doubles, bins: Bins) -> Doubles:
    """Weights of the tuples that fall below all bins, or end at zero or below: [C]."""
    C, p, L = steps.shape
    N = bins.states
    length = next(size for size in FFT_LENGTHS if size >= 3 * N)
    rows = np.arange(C * p)[:, None] * (2 * N + 1)
    places = (rows + steps.reshape(C * p, L) + N).ravel()
    factors = np.bincount(places, weights=np.tile(sizes.astype(np.float64), C * p), minlength=C * p * (2 * N + 1))
    spectra = np.fft.rfft(factors.reshape(C, p, 2 * N + 1), length)
    kept = np.zeros((C, N))
    kept[np.arange(C), np.clip(start, -bins.below, bins.above).astype(np.int64) + bins.below] = 1.0
    every = float(sizes.sum())
    fallen = np.where(start < -bins.below, 1.0, 0.0)
    kept[start < -bins.below] = 0.0
    for i in range(p):
        product = np.maximum(np.fft.irfft(np.fft.rfft(kept, length) * spectra[:, i], length)[:, : 3 * N], 0.0)
        fallen = fallen * every + product[:, :N].sum(axis=1)
        kept = product[:, N : 2 * N]
        kept[:, -1] += product[:, 2 * N :].sum(axis=1)
    return np.asarray(fallen + kept[:, : bins.below + 1].sum(axis=1))
