"""The two cost numbers of the published proofs, for a certificate of the same rules.

Functions of rule names, dimensions and gap tables; no verdict uses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofcheck.certificate import Certificate, Step
from proofcheck.models import Dimensions
from strategies.metrics import published_flops
from strategies.metrics.published_qk_flops import qk_error

_SUBCUBIC = ("path-expansion", "direct-path-", "qk-error-", "attention-bounds", "margin-", "count-classes", "sum-blocks")
_WHOLE = {
    ("path-expansion", "enumeration", "sum-blocks"): "brute-force",
    ("path-expansion", "cubic", "count-classes", "sum-blocks"): "cubic",
}


@dataclass(frozen=True, slots=True)
class PublishedCost:
    """flops: operations of the published verifier on the same shapes and gaps; unexplained_dimension: its effective dimension.

    Both 0 where the certificate is not one of the 102 published strategies. Source: published-strategies.md 5.1, 5.2.
    """

    flops: int = 0
    unexplained_dimension: int = 0


NO_COST = PublishedCost()


def published_cost(certificate: Certificate) -> PublishedCost:
    """The cost of the published strategy that has the same rules, for the certificate's dimensions and gap table."""
    sizes, steps = Dimensions(**certificate.model.dimensions), certificate.steps
    whole = _WHOLE.get(tuple(step.rule for step in steps), "")
    if whole == "brute-force":
        return PublishedCost(published_flops.brute_force(sizes), sizes.d_vocab ** (sizes.n_ctx + 1))
    if whole == "cubic":
        n, d = sizes.n_ctx, sizes.d_vocab
        return PublishedCost(published_flops.cubic(sizes), 3 * d * d + 2 * n * d)
    parts = _subcubic_parts(steps)
    if parts is None:
        return NO_COST
    direct, error, margin, gaps = parts
    shared = published_flops.attention_and_count(sizes, gaps, average=margin == "mean-query+diff")
    flops = shared + published_flops.direct_path(sizes, direct) + qk_error(sizes, error)
    return PublishedCost(flops, subcubic_dimension(sizes, direct, error))


def subcubic_dimension(sizes: Dimensions, direct: str, error: str) -> int:
    """Unexplained dimension of a sub-cubic strategy: direct path, QK error, PVOU (d_vocab) and EVOU (d_vocab²)."""
    d, D = sizes.d_vocab, sizes.d_model
    direct_dimension = {"global-max-diff-exact": 2, "max-diff-exact": 2 * d, "max-diff": d * D + 2}.get(direct, d + d * D + 2)
    if error.startswith("exact"):
        error_dimension = d * d
    else:
        error_dimension = {"svd": 2 * d, "max-diff-exact": 4 * d}.get(error, 2 * d + 2 * D + (d if error.startswith("mean") else 0))
    return direct_dimension + error_dimension + d + d * d


def _subcubic_parts(steps: Sequence[Step]) -> tuple[str, str, str, NDArray[np.int64]] | None:
    """(direct path, QK error, margin, gaps) of the seven steps of a published sub-cubic strategy; None for any other certificate."""
    if len(steps) != len(_SUBCUBIC) or not all(step.rule.startswith(start) for step, start in zip(steps, _SUBCUBIC, strict=True)):
        return None
    names = [step.rule.removeprefix(start) for step, start in zip(steps, _SUBCUBIC, strict=True)]
    return names[1], names[2], names[4], np.asarray(steps[3].hints["gaps"], dtype=np.int64)


__all__ = ["NO_COST", "PublishedCost", "published_cost", "subcubic_dimension"]
