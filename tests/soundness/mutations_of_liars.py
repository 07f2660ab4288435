"""The consistent liar: one value is altered, and everything that follows from it is recomputed, so that nothing contradicts anything else.

A checker that compares parts of a certificate with each other accepts these; one that derives everything from the weights does not, unless
what the liar says happens to be true.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np
from soundness import published_formulas as published
from soundness.mutation_seeds import Document, Seed
from soundness.mutation_sites import Array, Changed, Operator, arrays, decoded, encoded, render
from soundness.mutations_of_weights import digested, split
from soundness.small_models import Tensors, safetensors_bytes

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def larger_claim(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """One more than is proved, every input, or what the strongest certificate about this model proves."""
    document = seed.document()
    accuracy = document["claim"]["accuracy_at_least"]
    accuracy["correct"] = generator.choice((seed.proved + 1, accuracy["total"], max(other.proved for other in pool)))
    return render(document), seed.weights


def naive_gap_count(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """A gap table shifted or lowered at random, and the count of the published code, which validates no gap and checks no margin here."""
    document = seed.document()
    step = _step_with(document, "gaps")
    if step is None:
        return None
    gaps = decoded(step["hints"]["gaps"])
    shift = generator.choice((-4, -3, -2, -1, 1))
    noise = np.array([generator.choice((0, 0, -1)) for _ in range(gaps.size)]).reshape(gaps.shape)
    gaps = generator.choice((gaps + shift, np.ones_like(gaps), gaps + noise, np.zeros_like(gaps), np.maximum(gaps + noise, 1)))
    step["hints"]["gaps"] = encoded(gaps.astype(np.int64))
    n = gaps.shape[2]
    count = 0
    for (q, m, c), g in np.ndenumerate(gaps):
        p = c - (q != m)
        if q <= m and p >= 0 and (q == m or q <= m - g) and (p == 0 or m >= g):
            count += comb(n - 1, p) * int(m - g + generator.choice((0, 1))) ** p if p else 1
    accuracy = document["claim"]["accuracy_at_least"]
    accuracy["correct"] = min(count, accuracy["total"])
    return render(document), seed.weights


def published_claim(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """The count that the published formulas give in float64, the false `mean_query+diff` and the unsound rounding included."""
    words = seed.strategy.split("--")
    document = seed.document()
    step = _step_with(document, "gaps")
    if words[0] != "subcubic" or step is None:
        return None
    tensors = _tensors(seed.weights)
    gaps = generator.choice((decoded(step["hints"]["gaps"]), np.ones_like(decoded(step["hints"]["gaps"]))))
    direction = next((decoded(hints[name]) for hints, name in arrays(document) if name == "direction"), None)
    if "svd" in words[1] and direction is None:
        return None  # an earlier change took it
    handling = generator.choice(("published", "published", "OFF"))
    with np.errstate(all="ignore"):
        margins = published.margins(published.tables(tensors), words[1], words[3], gaps, handling, direction)
    step["hints"]["gaps"] = encoded(gaps)
    document["claim"]["accuracy_at_least"]["correct"] = published.count(margins, gaps, gaps.shape[2], generator.choice((0, 1, 1)))
    return render(document), seed.weights


def smaller_error(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """tau below the spectral norm, with the gaps and the claim that no error at all would give."""
    document = seed.document()
    step, gaps = _step_with(document, "tau"), _step_with(document, "gaps")
    if step is None or gaps is None:
        return None
    exact = seed.strategy.split("--")[:3]
    other = next((s for s in pool if s.strategy.split("--")[:3] == exact and "exact-EQKE" in s.strategy), None)
    if other is None:
        return None
    tau = decoded(step["hints"]["tau"])
    changed = (tau * 0, -tau, tau * 0.5, tau * (1 - 2.0**-30), np.nextafter(tau, 0), tau, np.nextafter(0 * tau, 1))
    step["hints"]["tau"] = encoded(np.asarray(generator.choice(changed), dtype="<f8"))
    other_step = _step_with(other.document(), "gaps")
    if other_step is None:
        return None
    gaps["hints"]["gaps"] = other_step["hints"]["gaps"]
    document["claim"]["accuracy_at_least"]["correct"] = max(seed.proved, other.proved)
    return render(document), seed.weights


def tokens_renamed(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """Two tokens exchanged in W_E and W_U: as good a network, but of another order of its tokens. New digest, same claim."""
    tensors = _tensors(seed.weights)
    d = tensors["embed.W_E"].shape[0]
    order = list(range(d))
    i, j = generator.sample(order, 2)
    order[i], order[j] = order[j], order[i]
    tensors["embed.W_E"] = tensors["embed.W_E"][order]
    if generator.random() < 0.7:
        tensors["unembed.W_U"] = tensors["unembed.W_U"][:, order]
    return digested(seed, safetensors_bytes(tensors))


def noisy_weights(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """All weights moved a little or a lot; new digest, same claim and hints."""
    scale = 10.0 ** generator.uniform(-6, 1)
    noise = np.random.default_rng(generator.randrange(2**32))
    tensors = _tensors(seed.weights)
    for name, array in tensors.items():
        tensors[name] = (array + scale * noise.standard_normal(array.shape)).astype(array.dtype)
    return digested(seed, safetensors_bytes(tensors))


def fewer_tokens(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """The last token, or the first position, cut from weights, dimensions, task, total and hints; the claim is that all of it is right."""
    tensors, document = _tensors(seed.weights), seed.document()
    sizes = document["model"]["dimensions"]
    token = generator.random() < 0.5
    if token:
        tensors["embed.W_E"] = tensors["embed.W_E"][:-1]
        tensors["unembed.W_U"] = tensors["unembed.W_U"][:, :-1]
        if "unembed.b_U" in tensors:
            tensors["unembed.b_U"] = tensors["unembed.b_U"][:-1]
        old, new = sizes["d_vocab"], sizes["d_vocab"] - 1
        sizes["d_vocab"] = document["task"]["d_vocab"] = new
    else:
        tensors["pos_embed.W_pos"] = tensors["pos_embed.W_pos"][1:]
        old, new = sizes["n_ctx"], sizes["n_ctx"] - 1
        sizes["n_ctx"] = document["task"]["n_ctx"] = new
    if new < 1:
        return None
    for hints, name in arrays(document):
        hints[name] = encoded(_cropped(decoded(hints[name]), old, new, last_axis=not token))
    total = sizes["d_vocab"] ** sizes["n_ctx"]
    accuracy = document["claim"]["accuracy_at_least"]
    accuracy["total"], accuracy["correct"] = total, generator.choice((total, min(seed.proved, total), total // 2))
    return _redigested(document, safetensors_bytes(tensors))


def other_dimensions(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """Dimensions, task and total changed together, the weights kept: the same claim in a larger or smaller space."""
    document = seed.document()
    sizes, task = document["model"]["dimensions"], document["task"]
    name = generator.choice(("n_ctx", "d_vocab", "d_model", "d_head"))
    sizes[name] += generator.choice((-1, 1, 2))
    if sizes[name] < 1:
        return None
    if name in task:
        task[name] = sizes[name]
    accuracy = document["claim"]["accuracy_at_least"]
    accuracy["total"] = sizes["d_vocab"] ** sizes["n_ctx"]
    return render(document), seed.weights


def other_network(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """Every tensor's entries shuffled: a network that answers at random, with its own digest and the old claim."""
    tensors = _tensors(seed.weights)
    noise = np.random.default_rng(generator.randrange(2**32))
    for name, array in tensors.items():
        tensors[name] = noise.permutation(array.ravel()).reshape(array.shape)
    return digested(seed, safetensors_bytes(tensors))


def _step_with(document: Document, hint: str) -> dict[str, Any] | None:
    return next((step for step in document["steps"] if hint in step["hints"]), None)


def _cropped(array: Array, old: int, new: int, *, last_axis: bool) -> Array:
    """Without the last entry of every axis (of the last axis) that is `old` long; integers below the new size."""
    shorter = (size == old and (not last_axis or k == array.ndim - 1) for k, size in enumerate(array.shape))
    return array[tuple(slice(0, new) if cut else slice(None) for cut in shorter)]


def _redigested(document: Document, weights: bytes) -> Changed:
    document["model"]["weights"]["sha256"] = hashlib.sha256(weights).hexdigest()
    return render(document), weights


def _tensors(weights: bytes) -> Tensors:
    header, body = split(weights)
    found = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            found[name] = np.frombuffer(body[start:end], dtype=_DTYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
    return found


OPERATORS: dict[str, Operator] = {
    "liar: larger claim": larger_claim,
    "liar: gaps and their naive count": naive_gap_count,
    "liar: claim of the published formulas": published_claim,
    "liar: smaller error, gaps and claim without error": smaller_error,
    "liar: tokens renamed": tokens_renamed,
    "liar: all weights moved": noisy_weights,
    "liar: a smaller network": fewer_tokens,
    "liar: other dimensions": other_dimensions,
    "liar: another network": other_network,
}
