"""Random small networks of both architectures with random tasks, and their `evaluation` certificates: right ones, and ones to refuse."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import struct
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path

from tests.second_checker.random_models import DTYPES, write_model, write_safetensors

Document = dict[str, object]
Fields = dict[str, object]
STEPS = [
    {"id": "blocks", "rule": "evaluation", "premises": [], "hints": {}},
    {"id": "count", "rule": "sum-blocks", "premises": ["blocks"], "hints": {}},
]


def table(rows: list[list[int]], dtype: str = "i64") -> Fields:
    """An array of a certificate."""
    entries = [entry for row in rows for entry in row]
    data = struct.pack(f"<{len(entries)}{'q' if dtype == 'i64' else 'd'}", *entries)
    return {"dtype": dtype, "shape": [len(rows), len(rows[0])], "data": base64.b64encode(data).decode()}


def group_table(elements: list[object], multiply: Callable[[object, object], object]) -> list[list[int]]:
    """The first element is the unit."""
    return [[elements.index(multiply(a, b)) for b in elements] for a in elements]


def cyclic(order: int) -> list[list[int]]:
    return [[(a + b) % order for b in range(order)] for a in range(order)]


def symmetric(letters: int) -> list[list[int]]:
    """S_n, (ab)(i) = a(b(i))."""
    return group_table(list(permutations(range(letters))), lambda a, b: tuple(a[i] for i in b))  # type: ignore[index]


GROUPS = [cyclic(2), cyclic(3), cyclic(4), [[a ^ b for b in range(4)] for a in range(4)], cyclic(5), symmetric(3)]
LOOP = [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]  # every row and column right; no group


def random_task(rng: random.Random, n: int, d: int) -> Fields:
    """A task of these sizes."""
    name = rng.choice(["max-of-k", "min-of-k", "token-at", "modular-sum", "group-product"])
    groups = [group for group in GROUPS if len(group) == d]
    if name == "group-product" and groups:
        return {"name": name, "n_ctx": n, "table": table(rng.choice(groups))}
    found: Fields = {"name": "modular-sum" if name == "group-product" else name, "n_ctx": n, "d_vocab": d}
    return {**found, "position": rng.randrange(n)} if name == "token-at" else found


def write_sum_of_tables(path: Path, seed: int) -> dict[str, int]:
    """A network that depends on the seed alone: gaussian, with small integers (ties), or one that computes sums by a wave."""
    rng = random.Random(f"tables {seed}")
    n, d = rng.choice((1, 2, 2, 3)), rng.randint(2, 6)
    sizes = {"n_ctx": n, "d_vocab": d, "d_model": rng.randint(1, 6), "d_vocab_out": d + rng.choice((0, 0, 1, 3))}
    D, out = sizes["d_model"], sizes["d_vocab_out"]
    draw: Callable[[], float] = rng.choice((lambda: rng.gauss(0, 1), lambda: float(rng.choice((-1, 0, 0, 1))), lambda: rng.gauss(0, 1e4)))
    dtype = rng.choice(DTYPES)
    tensors = {
        "embed.W_E": (dtype, (n, d, D), [draw() for _ in range(n * d * D)]),
        "unembed.W_U": (dtype, (D, out), [draw() for _ in range(D * out)]),
    }
    if rng.random() < 0.6:
        tensors["unembed.b_U"] = (dtype, (out,), [draw() for _ in range(out)])
    write_safetensors(path, tensors)
    return sizes


def document(weights: Path, architecture: str, dimensions: dict[str, int], task: Fields, steps: list[Fields]) -> Document:
    """A certificate of format 1.1 that claims 0."""
    rows = task["table"]["shape"][0] if "table" in task else task["d_vocab"]  # type: ignore[index]
    total = int(rows) ** int(task["n_ctx"])  # type: ignore[call-overload]
    return {
        "format": {"name": "proofcheck-certificate", "version": "1.1"},
        "claim": {"accuracy_at_least": {"correct": 0, "total": total}},
        "model": {
            "architecture": architecture,
            "dimensions": dimensions,
            "options": {},
            "weights": {"file": weights.name, "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()},
        },
        "task": task,
        "extensions": {},
        "arithmetic": {"precision": 128},
        "steps": steps,
        "provenance": {},
    }


def write(path: Path, content: Document) -> Path:
    path.write_text(json.dumps(content, ensure_ascii=False))
    return path


def evaluations(folder: Path, seeds: range) -> Iterator[Path]:
    """For each seed a network of each architecture, with two tasks each; the certificate's precision is 128 or 32 … 64 bits."""
    for seed in seeds:
        for content, rng in drawn(folder, seed):
            content["arithmetic"] = {"precision": rng.choice((32, 40, 64, 128, 128, 128))}
            yield write(folder / f"evaluation-{seed}-{content['model']['architecture']}-{rng.random()}.json", content)  # type: ignore[index]


def drawn(folder: Path, seed: int) -> Iterator[tuple[Document, random.Random]]:
    """Right certificates about two networks of this seed."""
    rng = random.Random(f"evaluation {seed}")
    attention, tables = folder / f"attention-{seed}.safetensors", folder / f"tables-{seed}.safetensors"
    sizes = write_model(attention, seed)
    dimensions = {"n_ctx": sizes.n_ctx, "d_vocab": sizes.d_vocab, "d_model": sizes.d_model, "d_head": sizes.d_head}
    for weights, architecture, found in (
        (attention, "attention-only-one-layer-one-head", dimensions),
        (tables, "sum-of-tables-relu", write_sum_of_tables(tables, seed)),
    ):
        for _ in range(2):
            task = random_task(rng, found["n_ctx"], found["d_vocab"])
            yield document(weights, architecture, dict(found), task, STEPS), rng


def refusals(folder: Path, seeds: range) -> Iterator[Path]:
    """The same certificates with one thing wrong, each kind of it for each seed where it can be."""
    for seed in seeds:
        for k, (content, rng) in enumerate(drawn(folder, seed)):
            for name, break_it in sorted(WRONG.items()):
                copy = json.loads(json.dumps(content))
                if break_it(copy, rng) is not False:
                    yield write(folder / f"refused-{seed}-{k}-{name}.json", copy)


def turned(fields: Fields) -> bool:
    """Turns the order of an object; False if it has one field."""
    items = list(reversed(fields.items()))
    fields.clear()
    fields.update(items)
    return len(items) > 1


def broken_table(content: Document, rows: Callable[[int], list[list[int]]], dtype: str = "i64") -> bool:
    """group-product with another table."""
    d = content["model"]["dimensions"]["d_vocab"]  # type: ignore[index]
    content["task"] = {"name": "group-product", "n_ctx": content["task"]["n_ctx"], "table": table(rows(d), dtype)}  # type: ignore[index]
    return True


def changed(content: Document, *path: str, value: object) -> None:
    *parents, last = path
    place = content
    for key in parents:
        place = place[key]  # type: ignore[assignment]
    place[last] = value


def without(content: Document, rng: random.Random) -> None:
    fields: Fields = content["task"]  # type: ignore[assignment]
    del fields[rng.choice([key for key in fields if key != "name"])]


def swapped(d: int) -> list[list[int]]:
    """A cyclic group with two entries of a row exchanged."""
    rows = cyclic(d)
    rows[-1][-1], rows[-1][-2] = rows[-1][-2], rows[-1][-1]
    return rows


WRONG: dict[str, Callable[[Document, random.Random], object]] = {
    "task-field-missing": without,
    "task-field-more": lambda c, rng: changed(c, "task", "modulus", value=7),
    "task-order": lambda c, rng: turned(c["task"]),  # type: ignore[arg-type]
    "task-fields-turned": lambda c, rng: c.update(task={"name": c["task"]["name"], **dict(list(c["task"].items())[:0:-1])}),  # type: ignore
    "task-type": lambda c, rng: changed(c, "task", "n_ctx", value="2"),
    "task-array": lambda c, rng: changed(c, "task", "n_ctx", value=table([[1]])),
    "task-list": lambda c, rng: changed(c, "task", "n_ctx", value=[2, [3, "x"]]),
    "task-zero": lambda c, rng: changed(c, "task", "n_ctx", value=0),
    "task-longer": lambda c, rng: changed(c, "task", "n_ctx", value=c["task"]["n_ctx"] + 1),  # type: ignore
    "task-unknown": lambda c, rng: changed(c, "task", "name", value="second-largest"),
    "task-of-an-extension": lambda c, rng: changed(c, "task", "name", value="acme/parity"),
    "task-slash": lambda c, rng: changed(c, "task", "name", value="a/b/c"),
    "position": lambda c, rng: c.update(
        task={
            "name": "token-at",
            "n_ctx": c["task"]["n_ctx"],
            "d_vocab": c["model"]["dimensions"]["d_vocab"],
            "position": c["task"]["n_ctx"],
        }  # type: ignore
    ),
    "group-swapped": lambda c, rng: broken_table(c, swapped),
    "group-without-unit": lambda c, rng: broken_table(c, lambda d: [[(a + b + 1) % d for b in range(d)] for a in range(d)]),
    "group-larger": lambda c, rng: broken_table(c, lambda d: cyclic(d + 1)),
    "group-loop": lambda c, rng: broken_table(c, lambda d: LOOP),
    "group-entry": lambda c, rng: broken_table(c, lambda d: [[-1] * d] * d),
    "group-entry-large": lambda c, rng: broken_table(c, lambda d: [[4097] * d] * d),
    "group-floats": lambda c, rng: broken_table(c, cyclic, "f64"),
    "group-wide": lambda c, rng: broken_table(c, lambda d: [list(range(d + 1))] * d),
    "claim-unknown": lambda c, rng: c.update(claim={"loss_at_most": {"bound": "1/2"}}),
    "claim-two": lambda c, rng: c["claim"].update(loss={}),  # type: ignore[attr-defined]
    "claim-none": lambda c, rng: c.update(claim={}),
    "claim-order": lambda c, rng: turned(c["claim"]["accuracy_at_least"]),  # type: ignore[index]
    "claim-negative": lambda c, rng: changed(c, "claim", "accuracy_at_least", "correct", value=-1),
    "claim-string": lambda c, rng: changed(c, "claim", "accuracy_at_least", "correct", value="1"),
    "claim-total": lambda c, rng: changed(c, "claim", "accuracy_at_least", "total", value=c["claim"]["accuracy_at_least"]["total"] + 1),  # type: ignore
    "claim-more": lambda c, rng: changed(c, "claim", "accuracy_at_least", "exact", value=1),
    "extension": lambda c, rng: changed(c, "extensions", "acme", value="1.0"),
    "extension-number": lambda c, rng: changed(c, "extensions", "acme", value=1),
    "extensions-list": lambda c, rng: changed(c, "extensions", value=[]),
    "options": lambda c, rng: changed(c, "model", "options", "scale", value=1),
    "options-missing": lambda c, rng: c["model"].pop("options") and None,  # type: ignore[attr-defined]
    "extensions-missing": lambda c, rng: c.pop("extensions") and None,
    "dimension-missing": lambda c, rng: c["model"]["dimensions"].pop("d_model") and None,  # type: ignore[index]
    "dimension-more": lambda c, rng: changed(c, "model", "dimensions", "d_mlp", value=4),
    "dimension-order": lambda c, rng: turned(c["model"]["dimensions"]),  # type: ignore[index]
    "dimension-zero": lambda c, rng: changed(c, "model", "dimensions", "d_model", value=0),
    "dimension-negative": lambda c, rng: changed(c, "model", "dimensions", "d_model", value=-1),
    "dimension-huge": lambda c, rng: changed(c, "model", "dimensions", "d_model", value=5_000),
    "dimension-wrong": lambda c, rng: changed(c, "model", "dimensions", "d_model", value=c["model"]["dimensions"]["d_model"] + 1),  # type: ignore
    "architecture-other": lambda c, rng: changed(
        c,
        "model",
        "architecture",
        value="sum-of-tables-relu" if c["model"]["architecture"][0] == "a" else "attention-only-one-layer-one-head",  # type: ignore
    ),
    "architecture-of-an-extension": lambda c, rng: changed(c, "model", "architecture", value="acme/mlp"),
    "version-1.0": lambda c, rng: changed(c, "format", "version", value="1.0"),
    "rule-of-an-extension": lambda c, rng: changed(c, "steps", value=[{**STEPS[0], "rule": "acme/evaluation"}, STEPS[1]]),
    "rule-cubic": lambda c, rng: changed(
        c,
        "steps",
        value=[
            {"id": "t", "rule": "path-expansion", "premises": [], "hints": {}},
            {"id": "c", "rule": "cubic", "premises": ["t"], "hints": {}},
            {"id": "blocks", "rule": "count-classes", "premises": ["c"], "hints": {}},
            STEPS[1],
        ],
    ),
    "evaluation-with-a-premise": lambda c, rng: changed(
        c, "steps", value=[STEPS[0], {**STEPS[0], "id": "more", "premises": ["blocks"]}, {**STEPS[1], "premises": ["more"]}]
    ),
    "evaluation-with-a-hint": lambda c, rng: changed(c, "steps", value=[{**STEPS[0], "hints": {"seed": 1}}, STEPS[1]]),
    "step-id-qualified": lambda c, rng: changed(c, "steps", value=[{**STEPS[0], "id": "a/b"}, {**STEPS[1], "premises": ["a/b"]}]),
}
