"""JSON with one encoding: no floats, no NaN, no null, no booleans, no duplicate keys, nothing after the value, bounded depth and digits."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from proofcheck.errors import Declined, Reason, Rejected
from proofcheck.limits import Limits

# A string matches at the first attempt, terminated or not, so that scanning is linear. Escapes cost the engine memory, so their number is
# bounded: only base64 strings are long, and they have none.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*){0,65536}("?)|[\[\]{},]|\s+|[^"\[\]{},\s]+', re.DOTALL)

_MOST_DEPTH = 100  # whatever --limit says: what reads values of options and tasks is recursive


def parse(data: bytes, limits: Limits) -> Any:
    """Objects as dicts (in file order), arrays as lists, strings, integers.

    Raises Rejected: malformed-json, duplicate-key, bad-number, wrong-type; Declined: limit-exceeded (depth, tokens, digits).
    White space between tokens is free; strings and integers must be written the one way that Python's json module writes them.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected(Reason.MALFORMED_JSON, f"not UTF-8 at byte {error.start}", hint=_advice(data)) from error
    without_space = _scan(text, limits)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_refuse_float,
            parse_constant=_refuse_constant,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise Rejected(Reason.MALFORMED_JSON, f"{error.msg} at {place}", path=place) from error
    except RecursionError as error:  # only in a process that has nested almost as far as Python can
        raise Declined(Reason.LIMIT_EXCEEDED, "the nesting is deeper than Python can parse", hint="lower --limit json_depth") from error
    if json.dumps(value, ensure_ascii=False, separators=(",", ":")) != without_space:
        raise Rejected(
            Reason.MALFORMED_JSON,
            "a string or number is not written in its one canonical form",
            hint="write certificates with proofcheck.encode_certificate",
        )
    return value


def _advice(data: bytes) -> str:
    """What the bytes look like instead."""
    if data[8:10] == b'{"' and int.from_bytes(data[:8], "little") < len(data):
        return "this looks like a weight file (safetensors): name the certificate, and the weights with --model FILE"
    return "a certificate is a JSON file, plain or gzipped"


def _scan(text: str, limits: Limits) -> str:
    """The text without white space between tokens; refuses excessive depth and size before anything is built.

    Values are bounded by tokens: strings, brackets, commas, runs of white space and what stands between them, that is numbers and colons.
    """
    depth = 0
    kept: list[str] = []
    for tokens, match in enumerate(_TOKEN.finditer(text), start=1):
        if tokens > limits.json_tokens:
            limits.require("json_tokens", tokens)
        token = match.group()
        if token.isspace():
            continue
        kept.append(token)
        if token in "]}":
            depth -= 1  # below zero Python's parser stops
        elif token in "[{":
            depth += 1
            limits.require("json_depth", depth)
            if depth > _MOST_DEPTH:
                raise Declined(Reason.LIMIT_EXCEEDED, "the nesting is deeper than this program reads", expected=f"at most {_MOST_DEPTH}")
        elif token[0] != '"':
            _refuse_long_number(token, match.start(), limits)
        elif not match.group(1):
            raise Rejected(Reason.MALFORMED_JSON, f"the string at character {match.start()} does not end, or has over 65536 escapes")
        elif not token.isascii():  # base64 is; others cost four bytes a character
            limits.require("string_length", len(token) - 2)
    return "".join(kept)


def _refuse_long_number(token: str, place: int, limits: Limits) -> None:
    """Before Python's parser reads it: a number, perhaps behind a colon and a sign."""
    digits = token.lstrip(":-")
    if len(digits) <= max(limits.integer_digits, 1):
        return
    if digits.isascii() and digits.isdigit():
        limits.require("integer_digits", len(digits))
    raise Rejected(Reason.MALFORMED_JSON, f"there are {len(token)} characters that belong to no value at character {place}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise Rejected(Reason.DUPLICATE_KEY, f"duplicate key {key[:80]!r}", path=key[:80])
        if value is None or isinstance(value, bool):
            raise Rejected(Reason.WRONG_TYPE, f"{json.dumps(value)} is not a value of this format", path=key[:80])
        result[key] = value
    return result


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError as error:  # only where integer_digits was raised beyond what Python converts
        message = f"an integer of {len(digits)} digits is more than Python converts"
        raise Declined(Reason.LIMIT_EXCEEDED, message, hint="set PYTHONINTMAXSTRDIGITS as well") from error


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
