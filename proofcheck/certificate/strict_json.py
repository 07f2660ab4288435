"""JSON with one encoding: no floats, no NaN, no null, no booleans, no duplicate keys, nothing after the value, bounded depth and digits."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},]|\s+', re.DOTALL)


def parse(data: bytes, limits: Limits) -> Any:
    """Objects as dicts (in file order), arrays as lists, strings, integers.

    Raises Rejected: malformed-json, duplicate-key, bad-number, wrong-type; Declined: limit-exceeded (depth, number of values, digits).
    White space between tokens is free; strings and integers must be written the one way that Python's json module writes them.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected(Reason.MALFORMED_JSON, f"not UTF-8 at byte {error.start}") from error
    without_space = _scan(text, limits)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_refuse_float,
            parse_constant=_refuse_constant,
            parse_int=lambda digits: _integer(digits, limits),
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise Rejected(Reason.MALFORMED_JSON, f"{error.msg} at {place}", path=place) from error
    if json.dumps(value, ensure_ascii=False, separators=(",", ":")) != without_space:
        raise Rejected(
            Reason.MALFORMED_JSON,
            "a string or number is not written in its one canonical form",
            hint="write certificates with proofcheck.encode_certificate",
        )
    return value


def _scan(text: str, limits: Limits) -> str:
    """The text without white space between tokens; refuses excessive depth and size before anything is built."""
    depth = deepest = values = 0
    kept: list[str] = []
    position = 0
    for match in _TOKEN.finditer(text):
        kept.append(text[position : match.start()])
        position = match.end()
        token = match.group()
        if token.isspace():
            continue
        kept.append(token)
        if token in "[{":
            depth += 1
            deepest = max(deepest, depth)
            values += 1
            if deepest > limits.json_depth:
                limits.require("json_depth", deepest)
        elif token in "]}":
            depth -= 1
        elif token == ",":
            values += 1
            if values > limits.json_values:
                limits.require("json_values", values)
    kept.append(text[position:])
    return "".join(kept)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise Rejected(Reason.DUPLICATE_KEY, f"the key {key!r} stands twice in one object", path=key)
        if value is None or isinstance(value, bool):
            raise Rejected(Reason.WRONG_TYPE, f"{json.dumps(value)} is not a value of this format", path=key)
        result[key] = value
    return result


def _integer(digits: str, limits: Limits) -> int:
    limits.require("integer_digits", len(digits))
    return int(digits)


def _refuse_float(literal: str) -> NoReturn:
    raise Rejected(
        Reason.BAD_NUMBER,
        f"{literal[:40]} is a JSON float",
        found=literal[:40],
        expected="an integer; arrays are base64",
        hint="floats lose digits: write counts as integers and tables as arrays",
    )


def _refuse_constant(literal: str) -> NoReturn:
    raise Rejected(Reason.BAD_NUMBER, f"{literal} is not a number of this format", found=literal)
