"""Attacks of format 1.1: what architectures, tasks, claims and extensions say about their own fields. Files: `make_reject_corpus`.

Each changes one certificate that verifies: certificates/reject/twin-1.1.json (`sum-of-tables-relu`, `group-product` of the cyclic group of
order 3), or one about the network of twin.json with the task `token-at`, which only format 1.1 can name.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from soundness.small_models import BRUTE_FORCE, CUBIC, raw_safetensors, safetensors_bytes

from proofcheck import Certificate, Step, encode_certificate
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least

Document = dict[str, Any]
ORDER = 3
CYCLIC = [[(a + b) % ORDER for b in range(ORDER)] for a in range(ORDER)]
EVALUATION = (Step("blocks", "evaluation"), Step("count", "sum-blocks", ("blocks",)))
SEPARABLE = (
    Step("tables", "path-expansion"),
    Step("blocks", "separable-minimum", ("tables",), {"refined": 0}),
    Step("count", "sum-blocks", ("blocks",)),
)
LOOP = [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]


def adder() -> dict[str, np.ndarray[Any, Any]]:
    """Hidden unit (a, b) is 1 for the input (a, b) and 0 for others; it votes for a + b modulo 3."""
    unit = np.eye(ORDER, dtype=np.float32)
    first = np.repeat(unit, ORDER, axis=1) - 1  # [token, (a, b)]: the −1 of relu(1 + 1 − 1)
    second = np.tile(unit, (1, ORDER))
    votes = np.zeros((ORDER * ORDER, ORDER), dtype=np.float32)
    votes[np.arange(ORDER * ORDER), np.ravel(CYCLIC)] = 1
    return {"embed.W_E": np.stack([first, second]), "unembed.W_U": votes}


def declaring(**metadata: str) -> bytes:
    """The adder with words of its file about itself."""
    data = safetensors_bytes(adder())
    size = int.from_bytes(data[:8], "little")
    named = {f"proofcheck.{name}": value for name, value in metadata.items()}
    return raw_safetensors({"__metadata__": named, **json.loads(data[8 : 8 + size])}, data[8 + size :])


def weights() -> dict[str, bytes]:
    """Weight files by name."""
    good = adder()
    return {
        "adder": safetensors_bytes(good),
        "adder-one-table": safetensors_bytes({**good, "embed.W_E": good["embed.W_E"][0]}),
        "adder-with-b-in": safetensors_bytes({**good, "embed.b_in": np.ones(9, dtype=np.float32)}),
        "adder-nan": safetensors_bytes({**good, "unembed.W_U": good["unembed.W_U"] * np.float32(np.nan)}),
        "adder-without-W_U": safetensors_bytes({"embed.W_E": good["embed.W_E"]}),
        "adder-declares-gelu": declaring(activation="gelu"),
        "adder-declares-LN": declaring(normalization="LN"),
        "adder-declares-another-table": declaring(task="group-product n_ctx=2 table=[3x3]sha256:" + "0" * 64),
    }


def twin(folder: str = "weights") -> Document:
    """The certificate that verifies: 9 of 9."""
    certificate = Certificate(
        claim=accuracy_at_least(ORDER**2, ORDER**2),
        model=ModelSpec(
            "sum-of-tables-relu",
            {"n_ctx": 2, "d_vocab": ORDER, "d_model": ORDER**2, "d_vocab_out": ORDER},
            f"{folder}/adder.safetensors",
            hashlib.sha256(weights()["adder"]).hexdigest(),
        ),
        task=TaskSpec("group-product", {"n_ctx": 2, "table": np.array(CYCLIC, dtype="<i8")}),
        precision=128,
        steps=EVALUATION,
        provenance={"strategy": "evaluation"},
    )
    return decoded(certificate)


def decoded(certificate: Certificate) -> Document:
    document: Document = json.loads(encode_certificate(certificate))
    return document


def steps_of(steps: tuple[Step, ...]) -> list[Document]:
    return [{"id": s.id, "rule": s.rule, "premises": list(s.premises), "hints": dict(s.hints)} for s in steps]


def table(rows: list[list[int]], dtype: str = "i64") -> Document:
    values = np.array(rows, dtype={"i64": "<i8", "f64": "<f8"}[dtype])
    return {"dtype": dtype, "shape": list(values.shape), "data": base64.b64encode(values.tobytes()).decode()}


def at(document: Document, path: str, value: Any) -> bytes:
    """A copy with the value at a path replaced, or added last."""
    found = copy.deepcopy(document)
    *parents, last = path.split(".")
    place: Any = found
    for key in parents:
        place = place[key]
    place[last] = value
    return written(found)


def written(document: Document) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def attacks(attention: Document) -> Iterator[tuple[str, str, bytes]]:
    """(reason code, name, certificate). attention: a certificate of format 1.0 that verifies, about an attention-only network."""
    tables = twin("../weights")
    token = {**copy.deepcopy(attention), "format": {"name": "proofcheck-certificate", "version": "1.1"}}
    token["model"] = {**{k: token["model"][k] for k in ("architecture", "dimensions")}, "options": {}, "weights": token["model"]["weights"]}
    token["task"] = {"name": "token-at", "n_ctx": 2, "d_vocab": 3, "position": 1}
    token["steps"] = steps_of(EVALUATION)
    token["claim"]["accuracy_at_least"]["correct"] = 0
    top = ("format", "claim", "model", "task", "extensions", "arithmetic", "steps", "provenance")
    token = {name: {"extensions": {}, **token}[name] for name in top}
    yield from names_attacks(tables, attention)
    yield from task_attacks(tables, token)
    yield from other_fields(tables, token)
    yield from networks(tables)


def names_attacks(tables: Document, attention: Document) -> Iterator[tuple[str, str, bytes]]:
    """Names that nothing has, names of extensions, and rules of other networks and tasks."""
    yield "unsupported-claim", "loss-at-most", at(tables, "claim", {"loss_at_most": {"bound": "1/2"}})
    yield "unsupported-claim", "of-an-extension", at(tables, "claim", {"acme/margin_at_least": {"bound": 1}})
    yield "unsupported-claim", "other-case", at(tables, "claim", {"Accuracy_at_least": {"correct": 9, "total": 9}})
    yield "untrusted-extension", "not-trusted", at(tables, "extensions", {"acme": "1.0"})
    yield "untrusted-extension", "of-no-version", at(tables, "extensions", {"acme": ""})
    yield "untrusted-extension", "named-like-the-checker", at(tables, "extensions", {"proofcheck": "0.1.0"})
    yield "unsupported-task", "of-an-extension", at(tables, "task.name", "acme/parity")
    yield "unsupported-task", "tables-unknown", at(tables, "task.name", "xor")
    yield "unsupported-architecture", "of-an-extension", at(tables, "model.architecture", "acme/mlp")
    yield "unknown-rule", "of-an-extension", at(tables, "steps", steps_of((Step("blocks", "acme/assume"), EVALUATION[1])))
    yield (
        "unknown-rule",
        "qualified-by-the-checker",
        at(tables, "steps", steps_of((Step("blocks", "proofcheck/evaluation"), EVALUATION[1]))),
    )
    minimum = json.loads(at(attention, "task.name", "min-of-k"))
    yield "rule-not-applicable", "cubic-on-min-of-k", at(minimum, "steps", steps_of(CUBIC))
    yield "rule-not-applicable", "enumeration-on-min-of-k", at(minimum, "steps", steps_of(BRUTE_FORCE))
    yield "rule-not-applicable", "separable-on-min-of-k", at(minimum, "steps", steps_of(SEPARABLE))
    yield "rule-not-applicable", "separable-on-tables", at(tables, "steps", steps_of(SEPARABLE))
    yield "rule-not-applicable", "cubic-on-tables", at(tables, "steps", steps_of(CUBIC))
    yield "rule-not-applicable", "a-cost-that-names-d-head", at(tables, "steps", steps_of((Step("t", "path-expansion"),)))
    yield "not-proved", "min-of-k-of-a-network-for-the-maximum", at(minimum, "steps", steps_of(EVALUATION))
    for name, bad in (
        ("two-slashes", "acme/a/b"),
        ("slash-alone", "/"),
        ("slash-first", "/parity"),
        ("slash-last", "acme/"),
        ("dot-in-extension", "ac.me/parity"),
        ("qualified-81", "acme/" + "x" * 81),
        ("slash-and-newline", "acme/parity\n"),
    ):
        yield "bad-string", f"task-{name}", at(tables, "task.name", bad)
    yield "bad-string", "architecture-two-slashes", at(tables, "model.architecture", "a/b/c")
    yield "bad-string", "rule-two-slashes", at(tables, "steps", steps_of((Step("blocks", "a/b/evaluation"), EVALUATION[1])))
    yield "bad-string", "claim-with-a-space", at(tables, "claim", {"accuracy at least": {"correct": 9, "total": 9}})
    yield "bad-string", "extension-qualified", at(tables, "extensions", {"acme/rules": "1.0"})
    yield (
        "bad-string",
        "step-id-qualified",
        at(tables, "steps", steps_of((Step("a/b", "evaluation"), Step("count", "sum-blocks", ("a/b",))))),
    )
    yield "bad-string", "rule-qualified-in-1.0", at(attention, "steps", steps_of((Step("blocks", "acme/evaluation"), EVALUATION[1])))
    yield "bad-string", "task-field-qualified", at(tables, "task", {**tables["task"], "acme/modulus": 3})


def task_attacks(tables: Document, token: Document) -> Iterator[tuple[str, str, bytes]]:
    """Fields of tasks: missing, more, in another order, of other kinds; tables that are no group."""
    task, good = tables["task"], token["task"]
    yield "missing-field", "group-product-table", at(tables, "task", {"name": "group-product", "n_ctx": 2})
    yield "missing-field", "group-product-with-d-vocab", at(tables, "task", {"name": "group-product", "n_ctx": 2, "d_vocab": 3})
    yield "missing-field", "token-at-position", at(token, "task", {k: v for k, v in good.items() if k != "position"})
    yield "missing-field", "task-name-is-not-first", at(token, "task", dict(reversed(good.items())))
    yield "missing-field", "task-empty", at(tables, "task", {})
    yield "unknown-field", "group-product-d-vocab", at(tables, "task", {**task, "d_vocab": 3})
    yield "unknown-field", "modular-sum-modulus", at(tables, "task", {"name": "modular-sum", "n_ctx": 2, "d_vocab": 3, "modulus": 2})
    yield "unknown-field", "max-of-k-position", at(token, "task", {**good, "name": "max-of-k"})
    yield "field-order", "token-at", at(token, "task", {"name": "token-at", "position": 1, "n_ctx": 2, "d_vocab": 3})
    yield "field-order", "group-product", at(tables, "task", {"name": "group-product", "table": task["table"], "n_ctx": 2})
    for name, value in (("string", "1"), ("list", [1]), ("array", table([[1]])), ("null", None), ("nested-list", [[1, "x"], table([[1]])])):
        yield "wrong-type", f"position-{name}", at(token, "task.position", value)
    for name, value in (("number", 3), ("list-of-lists", CYCLIC), ("string", "012120201")):
        yield "wrong-type", f"table-{name}", at(tables, "task.table", value)
    yield "bad-number", "position-n-ctx", at(token, "task.position", 2)
    yield "bad-number", "position-negative", at(token, "task.position", -1)
    yield "bad-number", "position-2-to-the-64", at(token, "task.position", 2**64)
    yield "bad-number", "position-float", at(token, "task.position", 1.0)
    yield "bad-number", "modular-sum-of-one-token", at(tables, "task", {"name": "modular-sum", "n_ctx": 2, "d_vocab": 1})
    yield "bad-number", "tables-n-ctx-zero", at(tables, "task.n_ctx", 0)
    yield "bad-number", "table-entry-negative", at(tables, "task.table", table([[0, 1, 2], [1, 2, 0], [2, 0, -2]]))
    yield "bad-number", "table-entry-4097", at(tables, "task.table", table([[0, 1, 2], [1, 2, 0], [2, 0, 4097]]))
    yield "bad-array", "table-of-floats", at(tables, "task.table", table(CYCLIC, "f64"))
    yield "bad-array", "table-of-one-axis", at(tables, "task.table", {**table(CYCLIC), "shape": [9]})
    yield "bad-array", "table-not-square", at(tables, "task.table", table(CYCLIC[:2]))
    yield "bad-array", "table-empty", at(tables, "task.table", {"dtype": "i64", "shape": [0, 0], "data": ""})
    yield "bad-array", "table-of-no-rows", at(tables, "task.table", {"dtype": "i64", "shape": [0, 3], "data": ""})
    yield "bad-array", "table-of-one-element", at(tables, "task.table", table([[0]]))
    yield "bad-array", "table-entry-d", at(tables, "task.table", table([[0, 1, 2], [1, 2, 0], [2, 0, 3]]))
    yield "bad-array", "table-unit-last", at(tables, "task.table", table([[1, 2, 0], [2, 0, 1], [0, 1, 2]]))
    yield "bad-array", "table-of-the-maximum", at(tables, "task.table", table([[max(a, b) for b in range(3)] for a in range(3)]))
    yield "bad-array", "table-of-subtraction", at(tables, "task.table", table([[(a - b) % 3 for b in range(3)] for a in range(3)]))
    loop = json.loads(at(tables, "task.table", table(LOOP)))
    loop["model"]["dimensions"].update(d_vocab=5, d_vocab_out=5)
    loop["claim"]["accuracy_at_least"]["total"] = 25
    yield "bad-array", "table-of-a-loop-that-is-no-group", written(loop)
    yield "bad-array", "table-bytes-missing", at(tables, "task.table", {**table(CYCLIC), "shape": [4, 4]})
    yield "task-mismatch", "tables-n-ctx", at(tables, "task.n_ctx", 3)
    yield "task-mismatch", "group-of-another-order", at(tables, "task.table", table([[0, 1], [1, 0]]))
    more = json.loads(at(tables, "model.dimensions.d_vocab_out", 2))
    yield "task-mismatch", "answers-beyond-the-logits", written(more)
    yield "limit-exceeded", "task-n-ctx", at(tables, "task.n_ctx", 1025)
    yield "limit-exceeded", "modular-sum-d-vocab", at(tables, "task", {"name": "modular-sum", "n_ctx": 2, "d_vocab": 4097})


def other_fields(tables: Document, token: Document) -> Iterator[tuple[str, str, bytes]]:
    """Fields of claims, dimensions, options, versions."""
    accuracy = tables["claim"]["accuracy_at_least"]
    yield "unknown-field", "two-claims", at(tables, "claim", {"accuracy_at_least": accuracy, "loss": {}})
    yield "unknown-field", "no-claim", at(tables, "claim", {})
    yield "unknown-field", "claim-exact", at(tables, "claim.accuracy_at_least", {**accuracy, "exact": 1})
    yield "missing-field", "tables-correct", at(tables, "claim.accuracy_at_least", {"total": 9})
    yield "field-order", "tables-claim", at(tables, "claim.accuracy_at_least", dict(reversed(accuracy.items())))
    yield "wrong-type", "tables-correct-array", at(tables, "claim.accuracy_at_least.correct", table([[9]]))
    yield "bad-number", "tables-correct-negative", at(tables, "claim.accuracy_at_least.correct", -1)
    yield "wrong-total", "tables-one-lower", at(tables, "claim.accuracy_at_least.total", 8)
    yield "wrong-total", "token-at-of-another-length", at(token, "claim.accuracy_at_least.total", 27)
    yield "not-proved", "tables-one-higher", at(tables, "claim.accuracy_at_least.correct", 10)
    yield "not-proved", "token-at-position-0", at(json.loads(at(token, "task.position", 0)), "claim.accuracy_at_least.correct", 9)
    sizes = tables["model"]["dimensions"]
    yield "unknown-field", "dimensions-d-head", at(tables, "model.dimensions", {**sizes, "d_head": 2})
    yield "missing-field", "dimensions-of-another-architecture", at(tables, "model.dimensions", token["model"]["dimensions"])
    yield "missing-field", "dimensions-empty", at(tables, "model.dimensions", {})
    yield "field-order", "tables-dimensions", at(tables, "model.dimensions", dict(reversed(sizes.items())))
    yield "bad-number", "tables-d-model-zero", at(tables, "model.dimensions.d_model", 0)
    yield "limit-exceeded", "tables-d-vocab-out", at(tables, "model.dimensions.d_vocab_out", 4097)
    yield "unknown-field", "options-of-none", at(tables, "model.options", {"activation": "relu"})
    yield "wrong-type", "options-list", at(tables, "model.options", [])
    yield "missing-field", "options", written({**tables, "model": {k: v for k, v in tables["model"].items() if k != "options"}})
    yield "missing-field", "extensions", written({k: v for k, v in tables.items() if k != "extensions"})
    yield "unknown-field", "extensions-in-1.0", at(tables, "format.version", "1.0")
    yield "wrong-type", "extension-version-number", at(tables, "extensions", {"acme": 1})
    yield "wrong-type", "extensions-list", at(tables, "extensions", [])
    moved = {name: tables[name] for name in ("format", "claim", "model", "task", "arithmetic", "steps", "provenance", "extensions")}
    yield "field-order", "extensions-last", written(moved)
    yield "bad-hint", "evaluation-has-none", at(tables, "steps", steps_of((Step("blocks", "evaluation", (), {"seed": 0}), EVALUATION[1])))
    yield (
        "wrong-premise",
        "evaluation-has-none",
        at(
            tables,
            "steps",
            steps_of((EVALUATION[0], Step("more", "evaluation", ("blocks",)), Step("count", "sum-blocks", ("blocks", "more")))),
        ),
    )
    yield "no-conclusion", "evaluation-last", at(tables, "steps", steps_of(EVALUATION[:1]))


def networks(tables: Document) -> Iterator[tuple[str, str, bytes]]:
    """Weight files that are another network, or declare one."""
    codes = {
        "adder-one-table": "wrong-shape",
        "adder-with-b-in": "unsupported-architecture",
        "adder-nan": "non-finite-weight",
        "adder-without-W_U": "bad-weights",
        "adder-declares-gelu": "unsupported-architecture",
        "adder-declares-LN": "unsupported-architecture",
        "adder-declares-another-table": "metadata-mismatch",
    }
    for name, code in codes.items():
        digest = hashlib.sha256(weights()[name]).hexdigest()
        yield code, name, at(tables, "model.weights", {"file": f"../weights/{name}.safetensors", "sha256": digest})
    yield "wrong-shape", "tables-d-model-one-more", at(tables, "model.dimensions.d_model", 10)
    yield "wrong-shape", "tables-d-vocab-out-one-more", at(tables, "model.dimensions.d_vocab_out", 4)
