"""Tasks as JSON documents, in the fields of a certificate: for the metadata of weight files and for `--task`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from proofcheck.certificate.arrays import decode_array, encode_array
from proofcheck.limits import Limits


def task_document(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """{"name": …, fields…}; arrays as certificates encode them."""
    return {"name": name, **{key: _plain(value) for key, value in fields.items()}}


def task_fields(text: str) -> tuple[str, dict[str, Any]]:
    """Name and fields of a JSON document. ValueError if it is none; ProofcheckError for arrays that certificates cannot hold."""
    document = json.loads(text)
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise ValueError('a task is a JSON object with a "name" and the fields of docs/semantics.md')
    return document["name"], {key: _value(value, f"$.task.{key}") for key, value in document.items() if key != "name"}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return encode_array(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _value(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return decode_array(value, path, Limits(), "1.1")
    return tuple(_value(item, path) for item in value) if isinstance(value, list) else value
