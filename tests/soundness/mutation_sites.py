"""Places in a JSON document, arrays in hints, and writing a changed document back. Shared by the operators."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from soundness.mutation_seeds import Document, Seed

Changed = tuple[bytes, bytes] | None  # certificate text, weights
Operator = Callable[[random.Random, Seed, Sequence[Seed]], Changed]
Array = np.ndarray[Any, Any]

_DTYPES = {"f32": "<f4", "f64": "<f8", "i64": "<i8"}


def render(document: Any) -> bytes:
    """As the canonical writer does."""
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def sites(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) below `node`."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield node, key
        yield from sites(value)


def leaves(document: Any, kind: type) -> list[tuple[Any, Any]]:
    """The (container, key) whose value is an integer, a string, an object, …"""
    return [(container, key) for container, key in sites(document) if type(container[key]) is kind]


def arrays(document: Document) -> list[tuple[Any, Any]]:
    """The (hints, name) that hold arrays."""
    return [(step["hints"], name) for step in document["steps"] for name, hint in step["hints"].items() if isinstance(hint, dict)]


def decoded(hint: dict[str, Any]) -> Array:
    """A writable copy of the array of a hint."""
    return np.frombuffer(base64.b64decode(hint["data"]), dtype=_DTYPES[hint["dtype"]]).reshape(hint["shape"]).copy()


def encoded(array: Array) -> dict[str, Any]:
    """An array as a hint; NaN and infinities are written like any number."""
    kind = {dtype: name for name, dtype in _DTYPES.items()}[array.dtype.str]
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": kind, "shape": list(array.shape), "data": data}


def entry(generator: random.Random, array: Array) -> tuple[int, ...]:
    """A random index."""
    return tuple(generator.randrange(size) for size in array.shape)


def choose(generator: random.Random, places: Sequence[Any]) -> Any:
    """A random place, None if there is none."""
    return generator.choice(places) if places else None
