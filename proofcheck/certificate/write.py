"""The canonical writer. Used by strategies; `decode_certificate(encode_certificate(c))` gives c back.

It writes the lowest version that can carry a certificate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from proofcheck.certificate.arrays import encode_array
from proofcheck.certificate.certificate import FORMAT_NAME, Certificate, Value


def encode_certificate(certificate: Certificate) -> bytes:
    """The bytes of a certificate file: UTF-8 JSON, one space of indent, final newline. TypeError on arrays of other dtypes."""
    c = certificate
    if "name" in c.task.fields:
        raise TypeError("a task has no field `name` beside its name")
    version = "1.0" if _fits_1_0(c) else "1.1"
    weights = {"file": c.model.file, "sha256": c.model.sha256}
    model: dict[str, Any] = {"architecture": c.model.architecture, "dimensions": {k: _value(v) for k, v in c.model.dimensions.items()}}
    document: dict[str, Any] = {
        "format": {"name": FORMAT_NAME, "version": version},
        "claim": {c.claim.kind: _values(c.claim.fields)},
        "model": {**model, "weights": weights} if version == "1.0" else {**model, "options": _values(c.model.options), "weights": weights},
        "task": {"name": c.task.name, **_values(c.task.fields)},
    }
    if version != "1.0":
        document["extensions"] = dict(c.extensions)
    document["arithmetic"] = {"precision": c.precision}
    document["steps"] = [
        {"id": step.id, "rule": step.rule, "premises": list(step.premises), "hints": {k: _hint(v) for k, v in step.hints.items()}}
        for step in c.steps
    ]
    document["provenance"] = dict(c.provenance)
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _fits_1_0(c: Certificate) -> bool:
    names = [c.model.architecture, c.task.name, *(step.rule for step in c.steps)]
    return (
        (c.claim.kind, tuple(c.claim.fields)) == ("accuracy_at_least", ("correct", "total"))
        and tuple(c.model.dimensions) == ("n_ctx", "d_vocab", "d_model", "d_head")
        and tuple(c.task.fields) == ("n_ctx", "d_vocab")
        and not c.model.options
        and not c.extensions
        and not any("/" in name for name in names)
    )


def _values(fields: Mapping[str, Value]) -> dict[str, Any]:
    return {name: _value(value) for name, value in fields.items()}


def _value(value: Value) -> Any:
    if isinstance(value, np.ndarray):
        return encode_array(value)
    return [_value(item) for item in value] if isinstance(value, (tuple, list)) else value


def _hint(value: Any) -> Any:
    return encode_array(value) if isinstance(value, np.ndarray) else int(value)
