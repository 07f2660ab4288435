"""Sub-seeds of the published recipe (published-strategies.md 1.3)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass


def reseed(seed: int, label: str) -> int:
    """The sub-seed of `seed` for the purpose `label`: 24 bits of an MD5 digest, shifted left by 8 bits.

    Source: published-strategies.md 1.3. Raises nothing.
    """
    text = json.dumps([seed, label], separators=(",", ":"))
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return int.from_bytes(b"\0" + digest[:3], "little")


@dataclass(frozen=True, slots=True)
class Seeds:
    """The generator seeds that one training seed stands for."""

    model: int
    dataset: int
    train: int
    test: int

    @classmethod
    def of(cls, seed: int) -> Seeds:
        """All sub-seeds of `seed`. Source: published-strategies.md 1.3."""
        dataset = reseed(seed, "dataset_seed")
        return cls(reseed(seed, "model"), dataset, reseed(dataset, "train"), reseed(dataset, "test"))
