"""Tasks as people and files write them, for the metadata of weight files and for `--task`: the words of a report
(`kth-largest n_ctx=3 d_vocab=16 k=1 alphabets=(0-15,0-15,0-15)`), or a JSON document with the fields of a certificate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from proofcheck import ProofcheckError
from proofcheck.catalogue import BUILT_IN
from proofcheck.certificate import TaskSpec
from proofcheck.certificate.arrays import decode_array, encode_array
from proofcheck.kinds import IntegerKind, IntegersKind, Kind, TableKind, read_fields
from proofcheck.limits import Limits
from proofcheck.report import describe
from proofcheck.tasks import Task
from proofcheck.tasks.task import TaskKind
from strategies.names import suggestion


def task_document(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """{"name": …, fields…}; arrays as certificates encode them."""
    return {"name": name, **{key: _plain(value) for key, value in fields.items()}}


def task_fields(text: str) -> tuple[str, dict[str, Any]]:
    """Name and fields of words or a JSON document. ValueError for others; ProofcheckError for arrays that no certificate holds."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return _of_words(text)
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
    """The task of words or a JSON document, as the checker reads it. ValueError that says what is wrong, and what there is."""
    name, fields = task_fields(text)
    kind = _kind(name)
    try:
        return TaskSpec(name, fields), kind.build(**read_fields(fields, kind.fields, "$.task", Limits()))
    except ProofcheckError as error:
        wanted = ", ".join(f"{field}: {form.words()}" for field, form in kind.fields.items())
        raise ValueError(
            f"not a task {name}: " + " ".join(line.strip() for line in describe(error)) + f". Its fields are {wanted}"
        ) from error


def _kind(name: str) -> TaskKind:
    if name not in BUILT_IN.tasks:
        near = suggestion(name, BUILT_IN.tasks)
        raise ValueError(f"there is no task {name[:80]!r}; there are {', '.join(BUILT_IN.tasks)} (docs/semantics.md){near}")
    return BUILT_IN.tasks[name]


def _of_words(text: str) -> tuple[str, dict[str, Any]]:
    """Of what reports print. Fields that the task does not have stay words: the checker's own reading says which it has."""
    name, *parts = text.split() or [""]
    kinds = _kind(name).fields
    pairs = [part.partition("=") for part in parts]
    return name, {key: _of_word(key, word, kinds.get(key)) for key, _, word in pairs}


def _of_word(key: str, word: str, kind: Kind | None) -> Any:
    if isinstance(kind, TableKind):
        raise ValueError(f"{key} is a table, which words name by its digest only: give the task as JSON, as `task_json` writes it")
    items = word[1:-1].split(",") if word.startswith("(") and word.endswith(")") else None
    try:
        if isinstance(kind, IntegerKind):
            return int(word)
        if isinstance(kind, IntegersKind):
            return tuple(map(int, items or []))
    except ValueError:
        raise ValueError(f"{key}={word[:80]}: a whole number is wanted, or several in brackets; the field is {kind.words()}") from None
    return word if items is None else tuple(items)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return encode_array(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _value(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return decode_array(value, path, Limits(), "1.1")
    return tuple(_value(item, path) for item in value) if isinstance(value, list) else value
