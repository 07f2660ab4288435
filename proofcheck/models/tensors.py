"""Tensors by name and shape, with the refusals that every architecture shares."""

from __future__ import annotations

from collections.abc import Mapping

from proofcheck.arithmetic import DyadicArray
from proofcheck.errors import Declined, Reason, Rejected
from proofcheck.models.dimensions import Dimensions


def tensor(
    name: str, axes: tuple[str, ...], tensors: Mapping[str, DyadicArray], dimensions: Dimensions, *, optional: bool = False
) -> DyadicArray:
    """The tensor of that name; exact zeros if it is optional and not there. Rejected(bad-weights, wrong-shape)."""
    shape = tuple(dimensions.size(axis) for axis in axes)
    if name not in tensors:
        if optional:
            return DyadicArray.zeros(shape)
        raise Rejected(Reason.BAD_WEIGHTS, f"the weights lack tensor {name}", path=name, expected=name, found="nothing")
    found = tensors[name].shape
    if found != shape:
        raise Rejected(
            Reason.WRONG_SHAPE,
            f"tensor {name} has shape {list(found)}",
            path=name,
            expected=f"[{', '.join(axes)}] = {list(shape)}",
            found=str(list(found)),
        )
    return tensors[name]


def refuse_unknown(tensors: Mapping[str, DyadicArray], known: frozenset[str], architecture: str, what: str) -> None:
    """Declined(unsupported-architecture) naming a tensor that the architecture does not have: `what` says what it has."""
    for name in sorted(tensors):
        if name not in known:
            raise Declined(
                Reason.UNSUPPORTED_ARCHITECTURE,
                f"tensor {name} does not belong to the architecture {architecture}",
                path=name,
                expected=what,
                found=name,
                hint="docs/models.md says which networks can be verified",
            )
