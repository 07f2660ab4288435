"""The canonical writer. Used by strategies; `decode_certificate(encode_certificate(c))` gives c back."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofcheck.certificate.certificate import FORMAT_NAME, FORMAT_VERSION, Certificate

_DTYPES = {"<i8": "i64", "<f4": "f32", "<f8": "f64"}


def encode_certificate(certificate: Certificate) -> bytes:
    """The bytes of a certificate file: UTF-8 JSON, one space of indent, final newline. TypeError on hints of other dtypes."""
    c = certificate
    document = {
        "format": {"name": FORMAT_NAME, "version": ".".join(map(str, FORMAT_VERSION))},
        "claim": {"accuracy_at_least": {"correct": c.correct, "total": c.total}},
        "model": {
            "architecture": c.architecture,
            "dimensions": asdict(c.dimensions),
            "weights": {"file": c.weights_file, "sha256": c.weights_sha256},
        },
        "task": {"name": c.task, "n_ctx": c.task_n_ctx, "d_vocab": c.task_d_vocab},
        "arithmetic": {"precision": c.precision},
        "steps": [
            {
                "id": step.id,
                "rule": step.rule,
                "premises": list(step.premises),
                "hints": {name: _hint(value) for name, value in step.hints.items()},
            }
            for step in c.steps
        ],
        "provenance": dict(c.provenance),
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _hint(value: NDArray[Any] | int) -> Any:
    if not isinstance(value, np.ndarray):
        return int(value)
    little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
    if little.dtype.str not in _DTYPES:
        raise TypeError(f"a hint of dtype {value.dtype} has no place in a certificate: use int64, float32 or float64")
    data = base64.b64encode(little.tobytes()).decode("ascii")
    return {"dtype": _DTYPES[little.dtype.str], "shape": list(value.shape), "data": data}
