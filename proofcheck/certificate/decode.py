"""From the bytes of a file to a `Certificate`: every field required, in order, of its type; unknown fields refused.

Format 1.0 has its own table of fields, for ever. In 1.1 architecture, task and claim say what fields they have, so the frame reads them.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from proofcheck.certificate.arrays import decode_array
from proofcheck.certificate.certificate import FORMAT_NAME, NEWEST_VERSION, Certificate, ClaimSpec, ModelSpec, Step, TaskSpec, Value
from proofcheck.certificate.fields import digest, exact_fields, integer, list_at, name_at, object_at, string
from proofcheck.certificate.strict_json import parse
from proofcheck.errors import Declined, Reason, Rejected
from proofcheck.limits import Limits

_TOP = {
    "1.0": ("format", "claim", "model", "task", "arithmetic", "steps", "provenance"),
    "1.1": ("format", "claim", "model", "task", "extensions", "arithmetic", "steps", "provenance"),
}
_MODEL = {
    "1.0": ("architecture", "dimensions", "weights"),
    "1.1": ("architecture", "dimensions", "options", "weights"),
}
_SIZES_1_0 = ("n_ctx", "d_vocab", "d_model", "d_head")


def decode_certificate(data: bytes, limits: Limits | None = None) -> Certificate:
    """Parse and check the shape of a certificate. Raises Rejected with the JSON path, Declined for limits and other versions.

    limits: None for those of `Limits()`, as everywhere in this package.
    """
    limits = Limits() if limits is None else limits
    document = parse(data, limits)
    version = _version(document)
    top = exact_fields(document, "$", _TOP[version], version)
    for name, text in exact_fields(top["format"], "$.format", ("name", "version"), version).items():
        string(text, f"$.format.{name}", limits)  # `_version` has seen that two strings are the right ones
    arithmetic = exact_fields(top["arithmetic"], "$.arithmetic", ("precision",), version)
    return Certificate(
        claim=_claim(top["claim"], version, limits),
        model=_model(top["model"], version, limits),
        task=_task(top["task"], version, limits),
        precision=_precision(arithmetic["precision"], limits),
        steps=_steps(top["steps"], version, limits),
        provenance=_strings(top["provenance"], "$.provenance", limits),
        extensions=_strings(top["extensions"], "$.extensions", limits) if version != "1.0" else {},
    )


def _version(document: Any) -> str:
    """The version's table of fields; before anything else, so that a newer certificate is declined rather than called malformed."""
    oldest, newest = "1.0", ".".join(map(str, NEWEST_VERSION))
    if not isinstance(document, dict) or not isinstance(document.get("format"), dict):
        return oldest  # the fields are refused there
    name, version = document["format"].get("name"), document["format"].get("version")
    if not isinstance(name, str) or not isinstance(version, str):
        return oldest
    if name != FORMAT_NAME or version not in _TOP:
        raise Declined(
            Reason.UNSUPPORTED_FORMAT,
            "the certificate is of another format or version",
            path="$.format",
            expected=f"{FORMAT_NAME} {oldest} … {newest}",
            found=f"{name[:80]} {version[:80]}",
        )
    return version


def _claim(value: Any, version: str, limits: Limits) -> ClaimSpec:
    if version == "1.0":
        claim = exact_fields(value, "$.claim", ("accuracy_at_least",), version)
        accuracy = exact_fields(claim["accuracy_at_least"], "$.claim.accuracy_at_least", ("correct", "total"), version)
        least = {"correct": 0, "total": 1}
        numbers = {name: integer(number, f"$.claim.accuracy_at_least.{name}", least=least[name]) for name, number in accuracy.items()}
        return ClaimSpec("accuracy_at_least", numbers)
    items = object_at(value, "$.claim")
    if len(items) != 1:
        raise Rejected(Reason.UNKNOWN_FIELD, "not one claim", path="$.claim", expected="one field", found=", ".join(items)[:80])
    ((kind, fields),) = items.items()
    return ClaimSpec(name_at(kind, "$.claim", qualified=True), _values(fields, f"$.claim.{kind}", version, limits))


def _model(value: Any, version: str, limits: Limits) -> ModelSpec:
    model = exact_fields(value, "$.model", _MODEL[version], version)
    at = "$.model.dimensions"
    sizes = exact_fields(model["dimensions"], at, _SIZES_1_0, version) if version == "1.0" else object_at(model["dimensions"], at)
    weights = exact_fields(model["weights"], "$.model.weights", ("file", "sha256"), version)
    return ModelSpec(
        architecture=name_at(model["architecture"], "$.model.architecture", qualified=version != "1.0"),
        dimensions={name_at(name, at): integer(size, f"{at}.{name}", least=_least_size(version)) for name, size in sizes.items()},
        file=string(weights["file"], "$.model.weights.file", limits),
        sha256=digest(weights["sha256"], "$.model.weights.sha256"),
        options=_values(model["options"], "$.model.options", version, limits) if version != "1.0" else {},
    )


def _least_size(version: str) -> int:
    return 1 if version == "1.0" else 0  # a network may have no layer


def _task(value: Any, version: str, limits: Limits) -> TaskSpec:
    if version == "1.0":
        task = exact_fields(value, "$.task", ("name", "n_ctx", "d_vocab"), version)
        name = name_at(task["name"], "$.task.name")
        return TaskSpec(
            name, {"n_ctx": integer(task["n_ctx"], "$.task.n_ctx", least=1), "d_vocab": integer(task["d_vocab"], "$.task.d_vocab", least=2)}
        )
    items = object_at(value, "$.task")
    if next(iter(items), "") != "name":
        raise Rejected(Reason.MISSING_FIELD, "the first field of a task is its name", path="$.task.name")
    fields = {name: field for name, field in items.items() if name != "name"}
    return TaskSpec(name_at(items["name"], "$.task.name", qualified=True), _values(fields, "$.task", version, limits))


def _values(value: Any, path: str, version: str, limits: Limits) -> dict[str, Value]:
    items = object_at(value, path)
    return {name_at(name, path): _value(item, f"{path}.{name}", version, limits) for name, item in items.items()}


def _value(value: Any, path: str, version: str, limits: Limits) -> Value:
    """An integer, a string, an array, or a list of these (as a tuple)."""
    if isinstance(value, dict):
        return decode_array(value, path, limits, version)
    if isinstance(value, list):
        return tuple(_value(item, f"{path}[{k}]", version, limits) for k, item in enumerate(value))
    return string(value, path, limits) if isinstance(value, str) else integer(value, path, least=None)


def _steps(value: Any, version: str, limits: Limits) -> tuple[Step, ...]:
    items = list_at(value, "$.steps")
    limits.require("steps", len(items), path="$.steps")
    return tuple(_step(item, f"$.steps[{k}]", version, limits) for k, item in enumerate(items))


def _step(value: Any, path: str, version: str, limits: Limits) -> Step:
    fields = exact_fields(value, path, ("id", "rule", "premises", "hints"), version)
    hints = object_at(fields["hints"], f"{path}.hints")
    return Step(
        id=name_at(fields["id"], f"{path}.id"),
        rule=name_at(fields["rule"], f"{path}.rule", qualified=version != "1.0"),
        premises=tuple(name_at(item, f"{path}.premises[{k}]") for k, item in enumerate(list_at(fields["premises"], f"{path}.premises"))),
        hints={name_at(name, f"{path}.hints"): _hint(item, f"{path}.hints.{name}", version, limits) for name, item in hints.items()},
    )


def _hint(value: Any, path: str, version: str, limits: Limits) -> NDArray[Any] | int:
    return decode_array(value, path, limits, version) if isinstance(value, dict) else integer(value, path, least=None)


def _precision(value: Any, limits: Limits) -> int:
    precision = integer(value, "$.arithmetic.precision", least=1)
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


def _strings(value: Any, path: str, limits: Limits) -> dict[str, str]:
    items = object_at(value, path)
    return {name_at(key, path): string(text, f"{path}.{key[:80]}", limits) for key, text in items.items()}
