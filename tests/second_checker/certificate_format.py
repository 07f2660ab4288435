"""The fields of a certificate, of docs/certificate-format.md, from parsed JSON."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from tests.second_checker.json_format import Object, parse
from tests.second_checker.limits import (
    LEAST_PRECISION,
    MOST_ENTRIES,
    MOST_PRECISION,
    MOST_STEPS,
    MOST_STRING,
    out_of_exponent_range,
)
from tests.second_checker.outcome import declined, rejected
from tests.second_checker.weights import decode_f32, decode_f64

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.\-]{0,79}")
QUALIFIED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,79}/[A-Za-z0-9][A-Za-z0-9_+.\-]{0,79}")
DIGEST = re.compile(r"[0-9a-f]{64}")
ATTENTION_SIZES = ("n_ctx", "d_vocab", "d_model", "d_head")
ENTRY_BYTES = {"f32": 4, "f64": 8, "i64": 8}


@dataclass(frozen=True)
class Array:
    """entries in C order: Fractions for f32 and f64, ints for i64."""

    dtype: str
    shape: tuple[int, ...]
    entries: tuple[Fraction | int, ...]

    def rows(self) -> list[list[Fraction | int]]:
        """The rows of a matrix."""
        width = self.shape[1]
        return [list(self.entries[i * width : (i + 1) * width]) for i in range(self.shape[0])]


@dataclass(frozen=True)
class Step:
    """id, rule and premises are names; hints by name: int or Array."""

    id: str
    rule: str
    premises: tuple[str, ...]
    hints: dict[str, int | Array]


Values = dict[str, object]  # int, str, Array, or a list of these


@dataclass(frozen=True)
class Certificate:
    """A well-formed certificate. Nothing of it is checked against the weights, or against what architecture, task and claim say, yet.

    claim, dimensions, options and task: the fields by name, in the order of the file.
    """

    version: str
    claim_kind: str
    claim: Values
    architecture: str
    dimensions: dict[str, int]
    options: Values
    weights_file: str
    weights_sha256: str
    task_name: str
    task: Values
    extensions: dict[str, str]
    precision: int
    steps: tuple[Step, ...]

    @property
    def correct(self) -> int:
        return number(self.claim, "correct")

    @property
    def total(self) -> int:
        return number(self.claim, "total")


def number(values: Values, key: str) -> int:
    """The integer of that name, −1 if there is none."""
    found = values.get(key, -1)
    return found if isinstance(found, int) else -1


def fields(value: object, names: tuple[str, ...], path: str) -> list[object]:
    """The values of an object that has exactly these fields, in this order."""
    if not isinstance(value, Object):
        raise rejected("wrong-type", path, type(value).__name__)
    found = [name for name, _ in value.fields]
    for name in found:
        if name not in names:
            raise rejected("unknown-field", f"{path}.{name}")
    for name in names:
        if name not in found:
            raise rejected("missing-field", f"{path}.{name}")
    if found != list(names):
        raise rejected("field-order", path, found)
    return [entry for _, entry in value.fields]


def integer(value: object, path: str, least: int | None) -> int:
    if not isinstance(value, int):
        raise rejected("wrong-type", path, type(value).__name__)
    if least is not None and value < least:
        raise rejected("bad-number", path, value)
    return value


def string(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise rejected("wrong-type", path, type(value).__name__)
    if len(value) > MOST_STRING:
        raise declined("limit-exceeded", path, len(value))
    return value


def name(value: object, path: str) -> str:
    text = string(value, path)
    if not NAME.fullmatch(text):
        raise rejected("bad-string", path, text)
    return text


def rule_name(value: object, path: str, version: str) -> str:
    """A name; from 1.1 on one that may begin with the name of an extension and a slash."""
    text = string(value, path)
    if version == "1.0" or not QUALIFIED.fullmatch(text):
        return name(text, path)
    return text


def decode_value(value: object, path: str) -> object:
    """An integer, a string, an array, or a list of values."""
    if isinstance(value, Object):
        return decode_array(value, path)
    if isinstance(value, list):
        return [decode_value(entry, f"{path}[{i}]") for i, entry in enumerate(value)]
    return string(value, path) if isinstance(value, str) else integer(value, path, None)


def decode_values(pairs: tuple[tuple[str, object], ...], path: str) -> Values:
    """Named values in the order of the file."""
    return {name(key, path): decode_value(value, f"{path}.{key}") for key, value in pairs}


def pairs_of(value: object, path: str) -> tuple[tuple[str, object], ...]:
    if not isinstance(value, Object):
        raise rejected("wrong-type", path, type(value).__name__)
    return value.fields


def strings(value: object, path: str) -> dict[str, str]:
    return {name(key, path): string(text, f"{path}.{key}") for key, text in pairs_of(value, path)}


def sequence(value: object, path: str) -> list[object]:
    if not isinstance(value, list):
        raise rejected("wrong-type", path, type(value).__name__)
    return value


def decode_array(value: object, path: str) -> Array:
    dtype, shape, data = fields(value, ("dtype", "shape", "data"), path)
    if not isinstance(dtype, str) or dtype not in ENTRY_BYTES:
        raise rejected("bad-array", path, dtype)
    sizes = tuple(integer(entry, f"{path}.shape", 0) for entry in sequence(shape, f"{path}.shape"))
    if len(sizes) > 8:
        raise rejected("bad-array", path, "more than 8 axes")
    count = prod(sizes)
    if prod(entry for entry in sizes if entry) > MOST_ENTRIES:
        raise declined("limit-exceeded", path, "entries")
    text = data
    if not isinstance(text, str):
        raise rejected("wrong-type", path, type(text).__name__)
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise rejected("bad-array", path, "not base64") from error
    if base64.b64encode(raw).decode() != text or len(raw) != count * ENTRY_BYTES[str(dtype)]:
        raise rejected("bad-array", path, "not canonical, or of another length")
    if dtype == "i64":
        return Array("i64", sizes, struct.unpack(f"<{count}q", raw))
    decode, width = (decode_f32, 4) if dtype == "f32" else (decode_f64, 8)
    entries: list[Fraction | int] = []
    for i in range(count):
        number = decode(int.from_bytes(raw[i * width : (i + 1) * width], "little"))
        if number is None:
            raise rejected("bad-number", path, f"entry {i} is not finite")
        if out_of_exponent_range(number):
            raise declined("limit-exceeded", path, f"entry {i}")
        entries.append(number)
    return Array(str(dtype), sizes, tuple(entries))


def decode_step(value: object, path: str, version: str) -> Step:
    step_id, rule, premises, hints = fields(value, ("id", "rule", "premises", "hints"), path)
    decoded: dict[str, int | Array] = {}
    for key, hint in pairs_of(hints, f"{path}.hints"):
        name(key, f"{path}.hints")
        decoded[key] = hint if isinstance(hint, int) else decode_array(hint, f"{path}.hints.{key}")
    return Step(
        name(step_id, f"{path}.id"),
        rule_name(rule, f"{path}.rule", version),
        tuple(name(premise, f"{path}.premises") for premise in sequence(premises, f"{path}.premises")),
        decoded,
    )


def decode_claim(value: object, version: str) -> tuple[str, Values]:
    """The kind of claim and its fields."""
    if version == "1.0":
        (accuracy,) = fields(value, ("accuracy_at_least",), "$.claim")
        correct, total = fields(accuracy, ("correct", "total"), "$.claim.accuracy_at_least")
        numbers: Values = {"correct": integer(correct, "correct", 0), "total": integer(total, "total", 1)}
        return "accuracy_at_least", numbers
    pairs = pairs_of(value, "$.claim")
    if len(pairs) != 1:
        raise rejected("unknown-field", "$.claim", len(pairs))
    ((kind, numbers_of_kind),) = pairs
    return rule_name(kind, "$.claim", version), decode_values(pairs_of(numbers_of_kind, "$.claim"), "$.claim")


def decode_task(value: object, version: str) -> tuple[str, Values]:
    """The task's name and its other fields."""
    if version == "1.0":
        task_name, n_ctx, d_vocab = fields(value, ("name", "n_ctx", "d_vocab"), "$.task")
        return name(task_name, "$.task.name"), {"n_ctx": integer(n_ctx, "n_ctx", 1), "d_vocab": integer(d_vocab, "d_vocab", 2)}
    pairs = pairs_of(value, "$.task")
    if not pairs or pairs[0][0] != "name":
        raise rejected("missing-field", "$.task.name")
    return rule_name(pairs[0][1], "$.task.name", version), decode_values(pairs[1:], "$.task")


def decode_dimensions(value: object, version: str) -> dict[str, int]:
    path = "$.model.dimensions"
    if version == "1.0":
        sizes = fields(value, ATTENTION_SIZES, path)
        return {key: integer(size, f"{path}.{key}", 1) for key, size in zip(ATTENTION_SIZES, sizes, strict=True)}
    return {name(key, path): integer(size, f"{path}.{key}", 0) for key, size in pairs_of(value, path)}


def decode(data: bytes) -> Certificate:
    """Everything that can be said without the weights, and without knowing architectures, tasks, claims and rules."""
    value = parse(data)
    version = version_of(value)
    later = version != "1.0"
    top = ("format", "claim", "model", "task", *(("extensions",) if later else ()), "arithmetic", "steps", "provenance")
    found = dict(zip(top, fields(value, top, "$"), strict=True))
    for word in fields(found["format"], ("name", "version"), "$.format"):
        string(word, "$.format")
    model = ("architecture", "dimensions", *(("options",) if later else ()), "weights")
    parts = dict(zip(model, fields(found["model"], model, "$.model"), strict=True))
    file, digest = fields(parts["weights"], ("file", "sha256"), "$.model.weights")
    if not DIGEST.fullmatch(string(digest, "$.model.weights.sha256")):
        raise rejected("bad-string", "$.model.weights.sha256", digest)
    (precision,) = fields(found["arithmetic"], ("precision",), "$.arithmetic")
    strings(found["provenance"], "$.provenance")
    claim_kind, claim = decode_claim(found["claim"], version)
    task_name, task = decode_task(found["task"], version)
    decoded = Certificate(
        version=version,
        claim_kind=claim_kind,
        claim=claim,
        architecture=rule_name(parts["architecture"], "$.model.architecture", version),
        dimensions=decode_dimensions(parts["dimensions"], version),
        options=decode_values(pairs_of(parts["options"], "$.model.options"), "$.model.options") if later else {},
        weights_file=string(file, "$.model.weights.file"),
        weights_sha256=str(digest),
        task_name=task_name,
        task=task,
        extensions=strings(found["extensions"], "$.extensions") if later else {},
        precision=integer(precision, "$.arithmetic.precision", LEAST_PRECISION),
        steps=tuple(decode_step(step, f"$.steps[{i}]", version) for i, step in enumerate(sequence(found["steps"], "$.steps"))),
    )
    if len(decoded.steps) > MOST_STEPS:
        raise declined("limit-exceeded", "$.steps", len(decoded.steps))
    if decoded.precision > MOST_PRECISION:
        raise declined("limit-exceeded", "$.arithmetic.precision", decoded.precision)
    return decoded


def version_of(value: object) -> str:
    """Another name or version is not ours to judge, whatever else the file holds. A file without one is judged as 1.0."""
    if not isinstance(value, Object):
        return "1.0"
    form = dict(value.fields).get("format")
    if not isinstance(form, Object):
        return "1.0"
    found = dict(form.fields)
    format_name, version = found.get("name"), found.get("version")
    if not isinstance(format_name, str) or not isinstance(version, str):
        return "1.0"
    if format_name != "proofcheck-certificate" or version not in ("1.0", "1.1"):
        raise declined("unsupported-format", "$.format", f"{format_name} {version}")
    return version
