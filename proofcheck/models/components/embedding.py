"""Embedding: W_E[t] + W_pos[i] for token t at position i; one table for all positions, or one for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import ColumnArithmetic, Columns, DyadicArray
from proofcheck.models.dimensions import Dimensions

SHARED, BY_POSITION = "shared", "by-position"
EMBEDDINGS = (SHARED, BY_POSITION)


def shapes(dimensions: Dimensions, embedding: str) -> dict[str, tuple[str, ...]]:
    tables = ("d_vocab", "d_model") if embedding == SHARED else ("n_ctx", "d_vocab", "d_model")
    positions = {"pos_embed.W_pos": ("n_positions", "d_model")} if dimensions.n_positions else {}
    return {"embed.W_E": tables, **positions}


@dataclass(frozen=True, slots=True)
class Embedding:
    """tables [1 or n_ctx, d_vocab, d_model]; positions [n_ctx, d_model], None where there are none."""

    tables: DyadicArray
    positions: DyadicArray | None

    def evaluator(self, arithmetic: ColumnArithmetic, n_ctx: int) -> Callable[[int], Columns]:
        """Position i ↦ the embeddings of all tokens there, one column for each of d_vocab tokens."""
        tokens = np.arange(self.tables.shape[1])
        lookups = [arithmetic.lookup(self.tables[k]) for k in range(self.tables.shape[0])]
        positions = None if self.positions is None else arithmetic.lookup(self.positions)

        def at(i: int) -> Columns:
            columns = lookups[i if len(lookups) == n_ctx else 0](tokens)
            return columns if positions is None else columns + positions(np.full(len(tokens), i))

        return at
