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
    MOST_DIMENSION,
    MOST_ENTRIES,
    MOST_PRECISION,
    MOST_SEQUENCE_LENGTH,
    MOST_STEPS,
    MOST_STRING,
    MOST_TABLE_ENTRIES,
    out_of_exponent_range,
)
from tests.second_checker.outcome import declined, rejected
from tests.second_checker.weights import decode_f32, decode_f64

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.\-]{0,79}")
DIGEST = re.compile(r"[0-9a-f]{64}")
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


@dataclass(frozen=True)
class Certificate:
    """A well-formed certificate. Nothing of it is checked against the weights yet."""

    correct: int
    total: int
    architecture: str
    dimensions: dict[str, int]
    weights_file: str
    weights_sha256: str
    task: dict[str, int]
    task_name: str
    precision: int
    steps: tuple[Step, ...]


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


def integer(value: object, path: str, least: int) -> int:
    if not isinstance(value, int):
        raise rejected("wrong-type", path, type(value).__name__)
    if value < least:
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


def size(value: object, path: str) -> int:
    result = integer(value, path, 1)
    if result > (MOST_SEQUENCE_LENGTH if path.endswith("n_ctx") else MOST_DIMENSION):
        raise declined("limit-exceeded", path, result)
    return result


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


def decode_step(value: object, path: str) -> Step:
    step_id, rule, premises, hints = fields(value, ("id", "rule", "premises", "hints"), path)
    if not isinstance(hints, Object):
        raise rejected("wrong-type", f"{path}.hints")
    decoded: dict[str, int | Array] = {}
    for key, hint in hints.fields:
        name(key, f"{path}.hints")
        decoded[key] = hint if isinstance(hint, int) else decode_array(hint, f"{path}.hints.{key}")
    return Step(
        name(step_id, f"{path}.id"),
        name(rule, f"{path}.rule"),
        tuple(name(premise, f"{path}.premises") for premise in sequence(premises, f"{path}.premises")),
        decoded,
    )


def decode(data: bytes) -> Certificate:
    """Everything that can be said without the weights and without the rules."""
    top = ("format", "claim", "model", "task", "arithmetic", "steps", "provenance")
    value = parse(data)
    if isinstance(value, Object) and value.fields and value.fields[0][0] == "format":
        check_version(value.fields[0][1])
    version, claim, model, task, arithmetic, steps, provenance = fields(value, top, "$")
    check_version(version)
    (accuracy,) = fields(claim, ("accuracy_at_least",), "$.claim")
    correct, total = fields(accuracy, ("correct", "total"), "$.claim.accuracy_at_least")
    architecture, dimensions, weights = fields(model, ("architecture", "dimensions", "weights"), "$.model")
    sizes = fields(dimensions, ("n_ctx", "d_vocab", "d_model", "d_head"), "$.model.dimensions")
    file, digest = fields(weights, ("file", "sha256"), "$.model.weights")
    if not DIGEST.fullmatch(string(digest, "$.model.weights.sha256")):
        raise rejected("bad-string", "$.model.weights.sha256", digest)
    task_name, n_ctx, d_vocab = fields(task, ("name", "n_ctx", "d_vocab"), "$.task")
    (precision,) = fields(arithmetic, ("precision",), "$.arithmetic")
    if not isinstance(provenance, Object):
        raise rejected("wrong-type", "$.provenance")
    for key, entry in provenance.fields:
        name(key, "$.provenance")
        string(entry, f"$.provenance.{key}")
    decoded = Certificate(
        correct=integer(correct, "$.claim.accuracy_at_least.correct", 0),
        total=integer(total, "$.claim.accuracy_at_least.total", 1),
        architecture=name(architecture, "$.model.architecture"),
        dimensions={
            key: size(entry, f"$.model.dimensions.{key}")
            for key, entry in zip(("n_ctx", "d_vocab", "d_model", "d_head"), sizes, strict=True)
        },
        weights_file=string(file, "$.model.weights.file"),
        weights_sha256=str(digest),
        task_name=name(task_name, "$.task.name"),
        task={"n_ctx": integer(n_ctx, "$.task.n_ctx", 1), "d_vocab": integer(d_vocab, "$.task.d_vocab", 2)},
        precision=integer(precision, "$.arithmetic.precision", LEAST_PRECISION),
        steps=tuple(decode_step(step, f"$.steps[{i}]") for i, step in enumerate(sequence(steps, "$.steps"))),
    )
    if max(decoded.dimensions.values()) ** 2 > MOST_TABLE_ENTRIES:
        raise declined("limit-exceeded", "$.model.dimensions", "table entries")
    if len(decoded.steps) > MOST_STEPS:
        raise declined("limit-exceeded", "$.steps", len(decoded.steps))
    if not decoded.steps:
        raise rejected("no-conclusion", "$.steps", "empty")
    if decoded.precision > MOST_PRECISION:
        raise declined("limit-exceeded", "$.arithmetic.precision", decoded.precision)
    return decoded


def check_version(value: object) -> None:
    """Another name, another major version or a later minor one is not ours to judge."""
    format_name, version = fields(value, ("name", "version"), "$.format")
    if string(format_name, "$.format.name") != "proofcheck-certificate" or string(version, "$.format.version") != "1.0":
        raise declined("unsupported-format", "$.format", f"{format_name} {version}")
