"""Which scores are worth computing: those of tokens far below every max token of a query are only bounded.
Not trusted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.max_of_k.windows_terms import Doubles, FloatTables, Integers


@dataclass(frozen=True, slots=True)
class Partial:
    """first [d]: from which token on each query's scores are computed; direction b [D], coefficients α [d] of
    the bound on the others.
    """

    first: Integers
    direction: Doubles
    coefficients: Doubles


def everything(tables: FloatTables) -> Partial:
    """All scores."""
    return Partial(np.zeros(tables.d_vocab, dtype=np.int64), np.zeros(tables.d_model), np.zeros(tables.d_vocab))


def partial(tables: FloatTables, windows: dict[int, int], room: int) -> Partial:
    """Scores from `room` tokens below the least boundary of all max tokens m ≥ q on. windows: m -> its first
    boundary.
    """
    d = tables.d_vocab
    least = np.full(d, d, dtype=np.int64)
    for m, boundary in windows.items():
        least[m] = boundary
    least = np.minimum.accumulate(least[::-1])[::-1]
    first = np.clip(np.minimum(least, np.arange(d)) - room, 0, None)
    direction = np.linalg.svd(tables.queries)[2][0]
    return Partial(first.astype(np.int64), direction, tables.queries @ direction)


def bounded_prefixes(tables: FloatTables, scores: Partial) -> Doubles:
    """Log of an upper bound on the largest weight among the tokens ≤ t, as the checker will have it: [d, d]."""
    b, alpha = scores.direction, scores.coefficients
    residuals = np.linalg.norm(tables.queries - alpha[:, None] * b, axis=1)
    kappa = tables.embedding @ b
    extremes = np.where(
        alpha[:, None] >= 0,
        alpha[:, None] * np.maximum.accumulate(kappa),
        alpha[:, None] * np.minimum.accumulate(kappa),
    )
    norms = np.maximum.accumulate(np.linalg.norm(tables.embedding, axis=1))
    prefix = (extremes + residuals[:, None] * norms) / tables.root
    for q, first in enumerate(scores.first.tolist()):
        known = np.maximum.accumulate(tables.scores[q, first:])
        prefix[q, first:] = np.maximum(known, prefix[q, first - 1]) if first else known
    return prefix
