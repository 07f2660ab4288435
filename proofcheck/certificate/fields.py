"""Objects with exactly known fields, and scalars of one type: what decoding of every version is made of."""

from __future__ import annotations

import re
from typing import Any

from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import wrong_type
from proofcheck.limits import Limits

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.-]{0,79}")
_QUALIFIED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,79}/)?[A-Za-z0-9][A-Za-z0-9_+.-]{0,79}")


def exact_fields(value: Any, path: str, names: tuple[str, ...], version: str) -> dict[str, Any]:
    """The object at `path` if it has exactly these fields in this order."""
    items = object_at(value, path)
    for name in names:
        if name not in items:
            raise Rejected(Reason.MISSING_FIELD, f"the field {name!r} is missing", path=f"{path}.{name}")
    for name in items:
        if name not in names:
            raise Rejected(Reason.UNKNOWN_FIELD, f"the field {name[:80]!r} is not part of format {version}", path=f"{path}.{name[:80]}")
    if tuple(items) != names:
        raise Rejected(Reason.FIELD_ORDER, "the fields are in another order", path=path, expected=", ".join(names), found=", ".join(items))
    return items


def object_at(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong_type(value, path, "an object")
    return value


def list_at(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise wrong_type(value, path, "an array")
    return value


def integer(value: Any, path: str, *, least: int | None) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(value, path, "an integer")
    if least is not None and value < least:
        raise Rejected(Reason.BAD_NUMBER, "the number is too small", path=path, expected=f"at least {least}", found=str(value)[:40])
    return value


def string(value: Any, path: str, limits: Limits) -> str:
    if not isinstance(value, str):
        raise wrong_type(value, path, "a string")
    limits.require("string_length", len(value), path=path)
    return value


def name_at(value: Any, path: str, *, qualified: bool = False) -> str:
    """A name; qualified: it may begin with the name of an extension and a slash."""
    if not isinstance(value, str):
        raise wrong_type(value, path, "a string")
    if not (_QUALIFIED if qualified else _NAME).fullmatch(value):
        raise Rejected(Reason.BAD_STRING, "not a name", path=path, expected="letters, digits, _ + . -, at most 80", found=value[:40])
    return value


def digest(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise wrong_type(value, path, "a string")
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise Rejected(Reason.BAD_STRING, "not a SHA-256 digest", path=path, expected="64 lower-case hexadecimal digits", found=value[:80])
    return value
