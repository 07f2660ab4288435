"""From the bytes of a file to a `Certificate`: every field required, in order, of its type; unknown fields refused."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofcheck.certificate.certificate import FORMAT_NAME, FORMAT_VERSION, Certificate, Step
from proofcheck.certificate.strict_json import parse
from proofcheck.errors import Declined, Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions

_TOP = ("format", "claim", "model", "task", "arithmetic", "steps", "provenance")
_DTYPES = {"f32": "<f4", "f64": "<f8", "i64": "<i8"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.-]{0,79}")


def decode_certificate(data: bytes, limits: Limits) -> Certificate:
    """Parse and check the shape of a certificate. Raises Rejected with the JSON path, Declined for limits and other versions."""
    document = parse(data, limits)
    _check_version(document)
    top = _fields(document, "$", _TOP)
    for name, text in _fields(top["format"], "$.format", ("name", "version")).items():
        _string(text, f"$.format.{name}", limits)  # `_check_version` has seen that two strings are the right ones
    claim = _fields(top["claim"], "$.claim", ("accuracy_at_least",))
    accuracy = _fields(claim["accuracy_at_least"], "$.claim.accuracy_at_least", ("correct", "total"))
    model = _fields(top["model"], "$.model", ("architecture", "dimensions", "weights"))
    sizes = _fields(model["dimensions"], "$.model.dimensions", ("n_ctx", "d_vocab", "d_model", "d_head"))
    weights = _fields(model["weights"], "$.model.weights", ("file", "sha256"))
    task = _fields(top["task"], "$.task", ("name", "n_ctx", "d_vocab"))
    arithmetic = _fields(top["arithmetic"], "$.arithmetic", ("precision",))
    return Certificate(
        correct=_integer(accuracy["correct"], "$.claim.accuracy_at_least.correct", least=0),
        total=_integer(accuracy["total"], "$.claim.accuracy_at_least.total", least=1),
        architecture=_name(model["architecture"], "$.model.architecture"),
        dimensions=Dimensions(**{name: _integer(size, f"$.model.dimensions.{name}", least=1) for name, size in sizes.items()}),
        weights_file=_string(weights["file"], "$.model.weights.file", limits),
        weights_sha256=_digest(weights["sha256"], "$.model.weights.sha256"),
        task=_name(task["name"], "$.task.name"),
        task_n_ctx=_integer(task["n_ctx"], "$.task.n_ctx", least=1),
        task_d_vocab=_integer(task["d_vocab"], "$.task.d_vocab", least=2),
        precision=_precision(arithmetic["precision"], limits),
        steps=_steps(top["steps"], limits),
        provenance=_provenance(top["provenance"], limits),
    )


def _check_version(document: Any) -> None:
    """Before anything else, so that a newer certificate is declined rather than called malformed."""
    if not isinstance(document, dict) or not isinstance(document.get("format"), dict):
        return
    name, version = document["format"].get("name"), document["format"].get("version")
    if not isinstance(name, str) or not isinstance(version, str):
        return
    ours = ".".join(map(str, FORMAT_VERSION))
    parts = re.fullmatch(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})", version)
    supported = parts is not None and int(parts[1]) == FORMAT_VERSION[0] and int(parts[2]) <= FORMAT_VERSION[1]
    if name != FORMAT_NAME or not supported:
        raise Declined(
            Reason.UNSUPPORTED_FORMAT,
            "the certificate is of another format or version",
            path="$.format",
            expected=f"{FORMAT_NAME} {ours}",
            found=f"{name[:80]} {version[:80]}",
        )


def _steps(value: Any, limits: Limits) -> tuple[Step, ...]:
    items = _list(value, "$.steps")
    limits.require("steps", len(items), path="$.steps")
    return tuple(_step(item, f"$.steps[{k}]", limits) for k, item in enumerate(items))


def _step(value: Any, path: str, limits: Limits) -> Step:
    fields = _fields(value, path, ("id", "rule", "premises", "hints"))
    hints = _object(fields["hints"], f"{path}.hints")
    return Step(
        id=_name(fields["id"], f"{path}.id"),
        rule=_name(fields["rule"], f"{path}.rule"),
        premises=tuple(_name(item, f"{path}.premises[{k}]") for k, item in enumerate(_list(fields["premises"], f"{path}.premises"))),
        hints={_name(name, f"{path}.hints"): _hint(item, f"{path}.hints.{name}", limits) for name, item in hints.items()},
    )


def _hint(value: Any, path: str, limits: Limits) -> NDArray[Any] | int:
    return _array(value, path, limits) if isinstance(value, dict) else _integer(value, path, least=None)


def _array(value: Any, path: str, limits: Limits) -> NDArray[Any]:
    """{"dtype", "shape", "data"}: base64 (standard alphabet, padded) of little-endian entries in C order; finite floats only."""
    fields = _fields(value, path, ("dtype", "shape", "data"))
    dtype = fields["dtype"]
    if dtype not in _DTYPES if isinstance(dtype, str) else True:
        raise Rejected(Reason.BAD_ARRAY, "unknown dtype", path=f"{path}.dtype", expected="f32, f64 or i64", found=str(dtype)[:40])
    shape = [_integer(size, f"{path}.shape[{k}]", least=0) for k, size in enumerate(_list(fields["shape"], f"{path}.shape"))]
    if len(shape) > 8:
        raise Rejected(Reason.BAD_ARRAY, "more than 8 axes", path=f"{path}.shape", found=str(len(shape)))
    entries = at_least_one = 1
    for size in shape:
        entries *= size
        at_least_one *= max(size, 1)  # numpy wants the axes beside an empty one to be of reasonable size, too
    limits.require("array_entries", at_least_one, path=path)
    text = fields["data"]
    if not isinstance(text, str):
        raise _wrong_type(text, f"{path}.data", "a string")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected(Reason.BAD_ARRAY, "data is not base64", path=f"{path}.data") from error
    if base64.b64encode(raw).decode("ascii") != text:
        raise Rejected(Reason.BAD_ARRAY, "data is not canonical base64", path=f"{path}.data")
    item = np.dtype(_DTYPES[dtype])
    if len(raw) != entries * item.itemsize:
        raise Rejected(
            Reason.BAD_ARRAY,
            "data does not fill the shape",
            path=f"{path}.data",
            expected=f"{entries * item.itemsize} bytes",
            found=f"{len(raw)} bytes",
        )
    array = np.frombuffer(raw, dtype=item).reshape(shape)
    if item.kind == "f" and not np.isfinite(array).all():
        raise Rejected(Reason.BAD_NUMBER, "an array holds NaN or an infinity", path=path, expected="finite numbers")
    return array


def _provenance(value: Any, limits: Limits) -> dict[str, str]:
    items = _object(value, "$.provenance")
    return {_name(key, "$.provenance"): _string(text, f"$.provenance.{key[:80]}", limits) for key, text in items.items()}


def _fields(value: Any, path: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The object at `path` if it has exactly these fields in this order."""
    items = _object(value, path)
    for name in names:
        if name not in items:
            raise Rejected(Reason.MISSING_FIELD, f"the field {name!r} is missing", path=f"{path}.{name}")
    for name in items:
        if name not in names:
            raise Rejected(Reason.UNKNOWN_FIELD, f"the field {name[:80]!r} is not part of format 1.0", path=f"{path}.{name[:80]}")
    if tuple(items) != names:
        raise Rejected(Reason.FIELD_ORDER, "the fields are in another order", path=path, expected=", ".join(names), found=", ".join(items))
    return items


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(value, path, "an object")
    return value


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong_type(value, path, "an array")
    return value


def _integer(value: Any, path: str, *, least: int | None) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong_type(value, path, "an integer")
    if least is not None and value < least:
        raise Rejected(Reason.BAD_NUMBER, "the number is too small", path=path, expected=f"at least {least}", found=str(value)[:40])
    return value


def _precision(value: Any, limits: Limits) -> int:
    precision = _integer(value, "$.arithmetic.precision", least=1)
    limits.require("precision_most", precision, path="$.arithmetic.precision")
    if precision < limits.precision_least:
        raise Rejected(
            Reason.BAD_NUMBER,
            "the precision is too small",
            path="$.arithmetic.precision",
            expected=f"{limits.precision_least} … {limits.precision_most} bits",
            found=str(precision),
        )
    return precision


def _string(value: Any, path: str, limits: Limits) -> str:
    if not isinstance(value, str):
        raise _wrong_type(value, path, "a string")
    limits.require("string_length", len(value), path=path)
    return value


def _name(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong_type(value, path, "a string")
    if not _NAME.fullmatch(value):
        raise Rejected(Reason.BAD_STRING, "not a name", path=path, expected="letters, digits, _ + . -, at most 80", found=value[:40])
    return value


def _digest(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong_type(value, path, "a string")
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise Rejected(Reason.BAD_STRING, "not a SHA-256 digest", path=path, expected="64 lower-case hexadecimal digits", found=value[:80])
    return value


def _wrong_type(value: Any, path: str, expected: str) -> Rejected:
    kinds = {dict: "an object", list: "an array", str: "a string", int: "an integer", bool: "a boolean"}
    return Rejected(Reason.WRONG_TYPE, "wrong type", path=path, expected=expected, found=kinds.get(type(value), "null"))
