"""What the package prints from these pages: `python docs/package_data.py` writes proofcheck/data, `--check` only compares.

reasons.json: code -> exit status, meaning, what to do, from reason-codes.md. theorems.json: rule -> the machine-checked theorem of
proofs/README.md with its statement as the `.v` file has it. A test keeps both current, so that a wheel needs none of these pages.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
DATA = DOCS.parent / "proofcheck" / "data"
ROW = re.compile(r"^\| `([^`]+)` \| `(\w+)\.([\w']+)` \| ([^|]+) \| ([^|]+) \|$", re.M)


def plain(text: str) -> str:
    """Markdown without links."""
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text).strip()


def reasons() -> dict[str, dict[str, str]]:
    """The rows of reason-codes.md."""
    rows = re.findall(r"^\| `([^`]+)` \| (\d) \| (.*) \| (.*) \|$", (DOCS / "reason-codes.md").read_text(), re.M)
    return {code: {"exit": status, "meaning": plain(meaning), "to_do": plain(to_do)} for code, status, meaning, to_do in rows}


def statement(file: str, name: str) -> str:
    """The theorem as its file states it. ValueError if it does not."""
    text = (DOCS / "proofs" / f"{file}.v").read_text()
    found = re.search(rf"^\s*((?:Theorem|Lemma) {re.escape(name)}\b.*?\.)\s*\n?\s*Proof\b", text, re.M | re.S)
    if found is None:
        raise ValueError(f"{file}.v states no theorem {name}")
    return found.group(1)


def theorems() -> dict[str, dict[str, str]]:
    """The rows of proofs/README.md, with the statements."""
    rows = ROW.findall((DOCS / "proofs" / "README.md").read_text())
    found = {}
    for rule, file, name, assumes, trusted in rows:
        words = {"assumes": assumes.strip(), "trusted": trusted.strip()}
        found[rule] = {"file": f"{file}.v", "name": name, **words, "statement": statement(file, name)}
    return found


def main() -> int:
    """Write or check the files."""
    current = True
    for name, content in (("reasons.json", reasons()), ("theorems.json", theorems())):
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        path = DATA / name
        current = current and path.exists() and path.read_text(encoding="utf-8") == text
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    return 0 if current or "--check" not in sys.argv else 1


if __name__ == "__main__":
    sys.exit(main())
