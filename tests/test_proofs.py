"""Pages, docstrings and the table of docs/proofs name theorems that exist, and say what they assume. No Coq needed."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from proofcheck.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
PROOFS = ROOT / "docs" / "proofs"
PAGES = sorted((ROOT / "docs" / "rules").glob("*.md"))
FILES = sorted(PROOFS.glob("*.v"))
COMMENT = re.compile(r"\(\*.*?\*\)", re.S)
STATEMENT = re.compile(r"^\s*(Theorem|Lemma)\s+([A-Za-z_][\w']*)", re.M)
ROW = re.compile(r"^\| `([^`]+)` \| `(\w+)\.([\w']+)` \| ([^|]+) \| ([^|]+) \|$", re.M)


def theorems() -> dict[str, set[str]]:
    """The theorems of each file, without the lemmas on the way to them."""
    return {path.stem: {name for kind, name in STATEMENT.findall(COMMENT.sub("", path.read_text())) if kind == "Theorem"} for path in FILES}


def named_by(page: Path) -> set[str]:
    """The theorems that a page names in its last paragraph, as File.theorem."""
    text = page.read_text()
    assert "**Machine-checked.**" in text, f"{page.name} names no theorem of docs/proofs"
    parts = re.findall(r"\[(\w+)\.v\]\(\.\./proofs/(\w+)\.v\) ([^;]*?)[;.]\s*(?:\n|$)", text.split("**Machine-checked.**", 1)[1])
    assert all(shown == file for shown, file, _ in parts)
    return {f"{file}.{name}" for _, file, names in parts for name in re.findall(r"`([\w']+)`", names)}


def table() -> dict[str, tuple[str, str]]:
    """Rule -> (File.theorem, what it assumes) of docs/proofs/README.md."""
    return {rule: (f"{file}.{name}", assumes.strip()) for rule, file, name, assumes, _ in ROW.findall((PROOFS / "README.md").read_text())}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_theorems_that_exist(page: Path) -> None:
    known = {f"{file}.{name}" for file, names in theorems().items() for name in names}
    named = named_by(page)
    assert named
    assert named <= known


def test_every_rule_has_a_row_with_a_theorem_that_a_page_names() -> None:
    rows = table()
    assert sorted(rows) == sorted(RULES)
    named = set().union(*(named_by(page) for page in PAGES))
    assert {theorem for theorem, _ in rows.values()} <= named


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_docstring_ends_with_its_theorem(name: str) -> None:
    """`proofcheck rules NAME` prints it."""
    found = re.findall(r"^Machine-checked: docs/proofs/(\w+)\.v, ([\w']+)\.$", inspect.cleandoc(RULES[name].theorem), re.M)
    assert [".".join(place) for place in found] == [table()[name][0]]


def test_the_table_says_what_is_assumed() -> None:
    lines = dict(line.split(": ", 1) for line in (PROOFS / "assumptions.txt").read_text().splitlines())
    for theorem, assumes in table().values():
        assert lines[theorem] == "closed"
        assert assumes == "nothing"


def test_assumptions_list_every_theorem() -> None:
    lines = {line.split(": ", 1)[0] for line in (PROOFS / "assumptions.txt").read_text().splitlines()}
    assert {f"{file}.{name}" for file, names in theorems().items() for name in names} == {line for line in lines if "." in line}


def test_no_proof_is_left_out() -> None:
    for path in FILES:
        text = COMMENT.sub("", path.read_text())
        assert not re.search(r"\b(Admitted|admit|Axiom|Axioms|Conjecture|Parameter|Parameters)\b", text), path.name
        assert len(re.findall(r"\bProof\b", text)) == len(re.findall(r"\bQed\.", text)), path.name


def test_a_comment_is_not_a_theorem() -> None:
    assert STATEMENT.findall(COMMENT.sub("", "(** Theorem no : *)\nTheorem yes : True.")) == [("Theorem", "yes")]
