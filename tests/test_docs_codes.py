"""docs/reason-codes.md and docs/limits.md say what the program does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from soundness.make_reject_corpus import DECLINED

from proofcheck import Limits, Reason

DOCS = Path(__file__).parents[1] / "docs"


def rows(page: str) -> list[list[str]]:
    """The cells of all table rows that begin with a name in backquotes."""
    lines = (DOCS / page).read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]


def test_every_reason_code_is_documented_with_its_exit_status() -> None:
    documented = {row[0].strip("`"): row for row in rows("reason-codes.md")}
    assert list(documented) == [str(reason) for reason in Reason]  # in the order of the program, none missing, none more
    for code, row in documented.items():
        assert len(row) == 4
        assert row[1] == ("2" if Reason(code) in DECLINED else "1")
        assert len(row[2]) > 20
        assert len(row[3]) > 10


def test_every_limit_is_documented_with_its_value() -> None:
    documented = rows("limits.md")
    assert [row[0].strip("`") for row in documented] == [field.name for field in fields(Limits)]
    for row in documented:
        assert int(row[1]) == getattr(Limits(), row[0].strip("`"))
        assert len(row[2]) > 3
        assert len(row[3]) > 10


def test_every_code_is_used_by_the_program() -> None:
    source = "\n".join(path.read_text() for path in (DOCS.parent / "proofcheck").rglob("*.py"))
    assert [reason.name for reason in Reason if not re.search(rf"Reason\.{reason.name}\b", source)] == []


def test_every_limit_is_used_by_the_program() -> None:
    source = "\n".join(path.read_text() for path in (DOCS.parent / "proofcheck").rglob("*.py") if path.name != "limits.py")
    assert [field.name for field in fields(Limits) if not re.search(rf"\b{field.name}\b", source)] == []
