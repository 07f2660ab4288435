"""Recipes: a network, a task and how it is trained. Seeded; seconds to minutes on one core; on the CPU equal runs give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofcheck.catalogue import BUILT_IN
from proofcheck.kinds import read_fields
from proofcheck.limits import Limits
from proofcheck.tasks import Task
from strategies.networks.network import Network

LAYER_NORM_EPS = "1/100000"


@dataclass(frozen=True)
class Recipe:
    """task: its name and a certificate's fields, in order. steps of AdamW on `batch` random inputs, the last third with a falling rate."""

    network: Network
    task_name: str
    task_fields: Mapping[str, Any]
    steps: int
    batch: int = 512
    rate: float = 2e-3
    decay: float = 0.01
    scale: float = 1.0

    def task(self) -> Task:
        kind = BUILT_IN.tasks[self.task_name]
        return kind.build(**read_fields(self.task_fields, kind.fields, "$.task", Limits()))


def _all(n: int, d: int) -> tuple[str, ...]:
    return (f"0-{d - 1}",) * n


def symmetric_group(letters: int) -> NDArray[np.int64]:
    """The Cayley table of S_n, the identity first: (ab)(i) = a(b(i))."""
    elements = list(permutations(range(letters)))
    names = {element: k for k, element in enumerate(elements)}
    return np.array([[names[tuple(a[i] for i in b)] for b in elements] for a in elements], dtype=np.int64)


def _modular(p: int, **network: Any) -> tuple[Network, str, dict[str, Any]]:
    """x + y modulo p, then "=", token p."""
    fields = {"n_ctx": 3, "d_vocab": p + 1, "modulus": p, "coefficients": (1, 1), "offset": 0, "alphabets": (*_all(2, p), str(p))}
    return Network.of(n_ctx=3, d_vocab=p + 1, d_vocab_out=p, **network), "modular-linear-sum", fields


def _largest(n: int, d: int, k: int, **network: Any) -> tuple[Network, str, dict[str, Any]]:
    return Network.of(n_ctx=n, d_vocab=d, **network), "kth-largest", {"n_ctx": n, "d_vocab": d, "k": k, "alphabets": _all(n, d)}


def _two_sites(d: int, d_model: int, **network: Any) -> Network:
    """Two tokens, each with an embedding of its own at its site, added up: no layers."""
    sites = {"n_layers": 0, "n_heads": 0, "n_positions": 0, "d_head": 0, "embedding": "by-position", "attention": "full", "readout": "sum"}
    return Network.of(n_ctx=2, d_vocab=d, d_model=d_model, **sites, **network)


RECIPES: dict[str, Recipe] = {
    "induction": Recipe(
        Network.of(n_layers=2, n_ctx=6, d_vocab=16, d_model=32, d_head=16),
        "induction",
        {"n_ctx": 6, "d_vocab": 16, "others": "distinct"},
        steps=5000,
        batch=256,
        rate=3e-3,
        decay=1e-4,
    ),
    "modular-addition-113": Recipe(
        *_modular(113, n_heads=4, d_model=128, d_head=32, d_mlp=512, activation="relu"), steps=600, batch=1024, rate=1e-3, decay=0.1
    ),
    "modular-addition-59-uniform": Recipe(
        *_modular(59, n_heads=4, d_model=128, d_head=32, d_mlp=512, activation="relu", attention="full-uniform"),
        steps=500,
        batch=1024,
        rate=1e-3,
        decay=0.1,
    ),
    "s5-product": Recipe(
        _two_sites(120, 64, head=(128,)),
        "group-product",
        {"n_ctx": 2, "table": symmetric_group(5)},
        steps=2000,
        batch=1024,
        rate=5e-3,
    ),
    "balanced-16": Recipe(
        Network.of(
            n_layers=2,
            n_heads=2,
            n_ctx=16,
            d_vocab=2,
            d_model=32,
            d_head=16,
            d_mlp=64,
            activation="relu",
            readout="sum",
            head=(32,),
        ),
        "balanced",
        {"n_ctx": 16, "d_vocab": 2, "opening": 0, "closing": 1, "yes": 1, "no": 0, "alphabets": _all(16, 2)},
        steps=1500,
        batch=256,
    ),
    "multifun": Recipe(
        Network.of(n_heads=2, n_ctx=5, d_vocab=18, d_vocab_out=16, d_model=32, d_head=16),
        "multifun",
        {"n_ctx": 5, "d_vocab": 18, "functions": ("max", "min"), "alphabets": ("16-17", *_all(4, 16))},
        steps=2500,
        batch=256,
    ),
    "max-of-4-mlp": Recipe(*_largest(4, 64, 1, d_model=32, d_head=32, d_mlp=128, activation="relu"), steps=3000),
    "max-of-4-gelu": Recipe(*_largest(4, 16, 1, d_model=32, d_head=16, d_mlp=64, activation="gelu"), steps=1500),
    "max-of-3-silu-rms": Recipe(
        *_largest(3, 32, 1, d_model=32, d_head=16, d_mlp=64, activation="silu", normalization="RMS", eps=LAYER_NORM_EPS), steps=2000
    ),
    "max-of-2-layernorm": Recipe(*_largest(2, 64, 1, d_model=32, d_head=32, normalization="LN", eps=LAYER_NORM_EPS), steps=2000),
    "max-of-3-layernorm": Recipe(*_largest(3, 64, 1, d_model=32, d_head=32, normalization="LN", eps=LAYER_NORM_EPS), steps=3000),
    "second-of-4-gelu-new-lnpre": Recipe(
        *_largest(
            4,
            12,
            2,
            n_layers=2,
            n_heads=2,
            d_model=32,
            d_head=16,
            d_mlp=64,
            activation="gelu_new",
            normalization="LNPre",
            eps=LAYER_NORM_EPS,
        ),
        steps=2500,
    ),
    "token-at": Recipe(
        Network.of(n_ctx=4, d_vocab=16, d_model=16, d_head=16),
        "token-at",
        {"n_ctx": 4, "d_vocab": 16, "position": 1},
        steps=1000,
    ),
    "linear-second": Recipe(
        _two_sites(128, 16),
        "token-at",
        {"n_ctx": 2, "d_vocab": 128, "position": 1},
        steps=2000,
    ),
}
