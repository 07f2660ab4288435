"""`certificates.toml`: what the certificates of a folder must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

try:
    import tomllib
except ImportError:  # Python 3.10; pytest depends on tomli there
    import tomli as tomllib  # type: ignore[no-redef, import-not-found, unused-ignore]


class ExpectationError(Exception):
    """The file of expectations cannot be read, or says something that has no meaning."""


@dataclass(frozen=True)
class Expectation:
    """One certificate's table; every key is optional.

    at_least: inputs that must be claimed and proved. accuracy_at_least: their share, a number or a fraction such as "24/25". exact: every
    input must be decided. sha256: of the certificate file. model: another place of the weight file, relative to the folder. model_sha256:
    of the weights. task: its words, as reports print them. verdict, reason: for certificates that must not verify.
    """

    at_least: int | None = None
    accuracy_at_least: str | float | None = None
    exact: bool | None = None
    sha256: str | None = None
    model: str | None = None
    model_sha256: str | None = None
    task: str | None = None
    verdict: str = "VERIFIED"
    reason: str | None = None

    @property
    def share(self) -> Fraction:
        """accuracy_at_least, exactly as written."""
        return Fraction(0) if self.accuracy_at_least is None else Fraction(str(self.accuracy_at_least))


_KINDS: dict[str, tuple[type, ...]] = {
    "at_least": (int,),
    "accuracy_at_least": (str, float, int),
    "exact": (bool,),
    **dict.fromkeys(("sha256", "model", "model_sha256", "task", "verdict", "reason"), (str,)),
}


def read(path: Path) -> dict[str, Expectation]:
    """Expectations by name of the certificate. Raises ExpectationError; an absent file expects nothing."""
    if not path.exists():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ExpectationError(f"{path}: {error}") from error
    return {name: _expectation(path, name, table) for name, table in tables.items()}


def _expectation(path: Path, name: str, table: Any) -> Expectation:
    if not isinstance(table, Mapping):
        raise ExpectationError(f'{path}: {name} is no table; write ["{name}.json"] and keys below it')
    known = [field.name for field in fields(Expectation)]
    for key, value in table.items():
        if key not in known:
            raise ExpectationError(f"{path}, {name}: no such key {key}; there are {', '.join(known)}")
        kinds = _KINDS[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ExpectationError(f"{path}, {name}: {key} = {value!r} is no {' or '.join(kind.__name__ for kind in kinds)}")
    found = Expectation(**table)
    try:
        meaningful = 0 <= found.share <= 1 and found.verdict in ("VERIFIED", "REJECTED", "DECLINED")
    except (ValueError, ZeroDivisionError) as error:
        raise ExpectationError(f"{path}, {name}: {error}") from error
    if not meaningful:
        raise ExpectationError(f"{path}, {name}: accuracy_at_least must be from 0 to 1, verdict VERIFIED, REJECTED or DECLINED")
    return found


EXPECTED = pytest.StashKey[dict[Path, dict[str, Expectation]]]()


def expected_in(folder: Path, config: pytest.Config, name: str) -> dict[str, Expectation]:
    """The expectations of a folder, read once in a session."""
    known = config.stash.setdefault(EXPECTED, {})
    if folder not in known:
        known[folder] = read(folder / name)
    return known[folder]
