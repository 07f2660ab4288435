"""The untrusted side: trains models, searches for proofs and writes certificates; nothing here is ever believed.

    proof = strategies.prove("model.safetensors", "max-of-k n_ctx=4 d_vocab=64", "exact", output="exact.json")
    proof.report, proof.certificate             # the checker's report, and what it verified

The names below are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strategies.proving import Proof, ProveError, prove

__all__ = ["Proof", "ProveError", "prove"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'strategies' has no attribute {name!r}")
    return getattr(import_module("strategies.proving"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
