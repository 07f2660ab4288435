"""Mutations of what format 1.1 lets architectures, tasks and claims say: other tasks, tables, positions, sizes, options, versions.

The weight file declares its task; half of these mutants take that declaration away, so that the task itself is what is tried.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
from soundness.mutation_seeds import Document, Seed
from soundness.mutation_sites import Changed, Operator, decoded, encoded, render
from soundness.mutations_of_weights import digested, split
from soundness.small_models import raw_safetensors


def finished(generator: random.Random, seed: Seed, document: Document) -> Changed:
    """The text; perhaps with a weight file that declares no task, and its digest."""
    weights = seed.weights
    if generator.random() < 0.5:
        header, body = split(weights)
        header.get("__metadata__", {}).pop("proofcheck.task", None)
        _, weights = digested(seed, raw_safetensors(header, body)) or (b"", weights)
        document["model"]["weights"]["sha256"] = json.loads((digested(seed, weights) or (b"{}", b""))[0])["model"]["weights"]["sha256"]
    return render(document), weights


def size(document: Document) -> int:
    """d_vocab of the network."""
    return int(document["model"]["dimensions"].get("d_vocab", 2))


def other_task(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """A task of the same inputs, with the claim kept, or that every input is right."""
    document = seed.document()
    n, d = document["task"]["n_ctx"], size(document)
    name = generator.choice(("max-of-k", "min-of-k", "modular-sum", "token-at", "group-product"))
    task: dict[str, Any] = {"name": name, "n_ctx": n, "d_vocab": d}
    if name == "token-at":
        task["position"] = generator.randint(-1, n)
    if name == "group-product":
        task = {"name": name, "n_ctx": n, "table": encoded(group(generator, d))}
    document["task"] = task
    as_1_1(document)
    greedy(generator, document)
    return finished(generator, seed, document)


def group(generator: random.Random, d: int) -> np.ndarray[Any, Any]:
    """Addition modulo d, perhaps with the elements other than 0 renamed; for six elements also S_3."""
    table = np.add.outer(np.arange(d), np.arange(d)) % d
    if d == 6 and generator.random() < 0.5:
        elements = list(permutations(range(3)))
        table = np.array([[elements.index(tuple(a[i] for i in b)) for b in elements] for a in elements])
    names = np.array([0, *generator.sample(range(1, d), d - 1)])
    back = np.argsort(names)
    return np.ascontiguousarray(names[table[np.ix_(back, back)]], dtype="<i8")


def table_changed(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """A Cayley table renamed, transposed, cut, with two entries exchanged or one changed."""
    document = seed.document()
    if "table" not in document["task"]:
        return None
    table = decoded(document["task"]["table"])
    d = len(table)
    (a, b), (i, j) = ((generator.randrange(d), generator.randrange(d)) for _ in range(2))
    action = generator.choice(("renamed", "transposed", "cut", "exchanged", "changed", "rows"))
    if action == "renamed":
        table = group(generator, d)
    elif action == "transposed":
        table = table.T
    elif action == "cut":
        table = table[: d - 1, : d - generator.randint(0, 1)]
    elif action == "exchanged":
        table[a, b], table[i, j] = table[i, j], table[a, b]
    elif action == "rows":
        table[[a, i]] = table[[i, a]]
    else:
        table[a, b] = generator.choice((-1, 0, d - 1, d, 4097, table[i, j]))
    document["task"]["table"] = encoded(np.ascontiguousarray(table, dtype="<i8"))
    greedy(generator, document)
    return finished(generator, seed, document)


def position_changed(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    if "position" not in document["task"]:
        return None
    document["task"]["position"] = generator.choice((-1, *range(document["task"]["n_ctx"] + 1), 2**63))
    greedy(generator, document)
    return finished(generator, seed, document)


def sizes_changed(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """One size more or less, in the dimensions, the task, or both with the total that follows."""
    document = seed.document()
    dimensions, task = document["model"]["dimensions"], document["task"]
    name, step = generator.choice(list(dimensions)), generator.choice((-1, 1))
    if generator.random() < 0.7:
        dimensions[name] += step
    if name in task and generator.random() < 0.8:
        task[name] += step
    if "d_vocab" in task:
        document["claim"]["accuracy_at_least"]["total"] = max(1, task["d_vocab"]) ** max(0, task["n_ctx"])
    greedy(generator, document)
    return finished(generator, seed, document)


def other_network(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """The other architecture's name, dimensions, or both."""
    document = seed.document()
    as_1_1(document)
    model = document["model"]
    names = ("attention-only-one-layer-one-head", "sum-of-tables-relu")
    other = names[model["architecture"] == names[0]]
    last = {"attention-only-one-layer-one-head": "d_head", "sum-of-tables-relu": "d_vocab_out"}
    action = generator.random()
    if action < 0.7:
        model["architecture"] = other
    if action > 0.3:
        sizes = list(model["dimensions"].items())[:3]
        model["dimensions"] = {**dict(sizes), last[other]: generator.choice([size for _, size in sizes])}
    return finished(generator, seed, document)


def version_changed(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """The fields of the other version, or its number alone."""
    document = seed.document()
    if generator.random() < 0.3:
        document["format"]["version"] = "1.0" if document["format"]["version"] == "1.1" else "1.1"
    elif document["format"]["version"] == "1.0":
        as_1_1(document)
    else:
        document["format"]["version"] = "1.0"
        del document["extensions"], document["model"]["options"]
    return finished(generator, seed, document)


def something_more(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """A field that nothing asks for, in options, extensions, task or claim; or another claim."""
    document = seed.document()
    as_1_1(document)
    value = generator.choice((0, "relu", [1, ["x"]], encoded(np.zeros(1, dtype="<i8"))))
    places = (
        document["model"]["options"],
        document["task"],
        document["claim"]["accuracy_at_least"],
        document["extensions"],
        document["claim"],
    )
    generator.choice(places)[generator.choice(("scale", "acme", "correct", "modulus", "exact"))] = value
    return finished(generator, seed, document)


def greedy(generator: random.Random, document: Document) -> None:
    """Perhaps the claim that every input, or one more than now, is right."""
    accuracy = document["claim"]["accuracy_at_least"]
    accuracy["correct"] = generator.choice((accuracy["correct"], accuracy["correct"] + 1, accuracy["total"], 0))


def as_1_1(document: Document) -> None:
    """The fields of format 1.1, in their order."""
    if document["format"]["version"] == "1.1":
        return
    document["format"]["version"] = "1.1"
    model, found = document["model"], dict(document)
    found["model"] = {name: {"options": {}, **model}[name] for name in ("architecture", "dimensions", "options", "weights")}
    document.clear()
    for name in ("format", "claim", "model", "task", "extensions", "arithmetic", "steps", "provenance"):
        document[name] = {"extensions": {}, **found}[name]


OPERATORS: dict[str, Operator] = {
    "another task": other_task,
    "a table changed": table_changed,
    "a position changed": position_changed,
    "sizes changed": sizes_changed,
    "another network": other_network,
    "another version": version_changed,
    "something more": something_more,
}
