"""Tasks as JSON documents, in the fields of a certificate: for the metadata of weight files and for `--task`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from proofcheck import ProofcheckError
from proofcheck.catalogue import BUILT_IN
from proofcheck.certificate import TaskSpec
from proofcheck.certificate.arrays import decode_array, encode_array
from proofcheck.kinds import read_fields
from proofcheck.limits import Limits
from proofcheck.report import describe
from proofcheck.tasks import Task


def task_document(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """{"name": …, fields…}; arrays as certificates encode them."""
    return {"name": name, **{key: _plain(value) for key, value in fields.items()}}


def task_fields(text: str) -> tuple[str, dict[str, Any]]:
    """Name and fields of a JSON document. ValueError if it is none; ProofcheckError for arrays that certificates cannot hold."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"a task is a JSON object with a \"name\", such as task_json('token-at', n_ctx=3, d_vocab=5, position=0) writes; "
            f"this is none ({error}): {text[:80]!r}. There are {', '.join(BUILT_IN.tasks)} (docs/semantics.md)"
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise ValueError('a task is a JSON object with a "name" and the fields of docs/semantics.md')
    return document["name"], {key: _value(value, f"$.task.{key}") for key, value in document.items() if key != "name"}


def read_task(text: str) -> tuple[TaskSpec, Task]:
    """The task of a JSON document, as the checker reads it. ValueError that says what is wrong, and what there is."""
    name, fields = task_fields(text)
    if name not in BUILT_IN.tasks:
        raise ValueError(f"there is no task {name[:80]!r}; there are {', '.join(BUILT_IN.tasks)} (docs/semantics.md)")
    kind = BUILT_IN.tasks[name]
    try:
        return TaskSpec(name, fields), kind.build(**read_fields(fields, kind.fields, "$.task", Limits()))
    except ProofcheckError as error:
        wanted = ", ".join(f"{field}: {form.words()}" for field, form in kind.fields.items())
        raise ValueError(
            f"not a task {name}: " + " ".join(line.strip() for line in describe(error)) + f". Its fields are {wanted}"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return encode_array(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _value(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return decode_array(value, path, Limits(), "1.1")
    return tuple(_value(item, path) for item in value) if isinstance(value, list) else value
