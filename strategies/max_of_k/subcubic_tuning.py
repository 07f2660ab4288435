"""Better directions for a QK-error rule than singular vectors: gradient descent on its error bound, which is sound for any directions."""

from __future__ import annotations

from dataclasses import replace

import torch

from strategies.max_of_k.subcubic_bounds import SVD_ERRORS, qk_scores
from strategies.max_of_k.subcubic_directions import Directions, on_grid, top_singular_vectors
from strategies.models.load import Model

STEPS = 300
RATES = {True: 0.01, False: 0.03}  # two directions (the svd family), six (the subproduct family)


def tuned(model: Model, name: str, start: Directions) -> Directions:
    """Directions for `qk-error-<name>` with a mean error that is no larger than at `start`.

    `svd` has a closed form: the remainder (1 − uuᵀ) M (1 − vvᵀ) of M = EQKE with u its first left and v its second right singular
    vector has norm σ₃, the least possible since no more than two dimensions are removed (u and v of one pair leave σ₂).
    """
    if name.startswith("exact"):
        return start
    if name == "svd":
        return replace(start, key=on_grid(top_singular_vectors(model, 2)[1][1]))
    names = ("query", "key") if name in SVD_ERRORS else Directions.__slots__
    vectors = {field: getattr(start, field).clone().requires_grad_() for field in names}
    optimizer = torch.optim.Adam(vectors.values(), lr=RATES[name in SVD_ERRORS])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        optimizer.zero_grad()
        _mean_error(model, name, replace(start, **vectors)).backward()
        optimizer.step()
        schedule.step()
    found = replace(start, **{field: on_grid(vector.detach()) for field, vector in vectors.items()})
    return min((start, found), key=lambda hints: float(_mean_error(model, name, hints)))


def _mean_error(model: Model, name: str, hints: Directions) -> torch.Tensor:
    return qk_scores(model, name, hints).error.mean()
