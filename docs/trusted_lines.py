"""Count the trusted lines and write the table into docs/soundness.md: `python docs/trusted_lines.py` (`--check` only compares).

A line is trusted if a wrong one could make a false claim print VERIFIED: see docs/soundness.md. Counted: lines with code, without blank
lines, comments and docstrings; and all lines (wc), for comparison with other checkers.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "soundness.md"
BEGIN, END = "<!-- trusted lines: begin -->", "<!-- trusted lines: end -->"
PARTS = {
    "arithmetic": "exact and enclosure arithmetic; the only place that rounds",
    "models": "weights to exact networks, their real-number semantics",
    "tasks": "inputs, right answers, counting",
    "rules": "the lemmas",
    "claims": "what may be claimed, and when a fact implies it",
    "blocks.py": "what a proof says about each last token and right answer",
    "catalogue.py": "what is known by name",
    "extensions.py": "trusted code of others, by name",
    "frame.py": "what a certificate is about",
    "kernel.py": "replays steps, compares the claim",
    "memo.py": "values that certificates about one network share",
    "certificate": "decoding, digests, files",
    "kinds.py": "values of options, tasks and claims",
    "verification.py": "which bytes are checked against which certificate",
    "wrong_inputs.py": "inputs that are proved to be answered wrongly",
    "report.py": "the verdict line",
    "html.py": "a report in a notebook",
    "errors.py": "reason codes",
    "escape.py": "text from files made harmless",
    "decimals.py": "exact numbers as decimals",
    "limits.py": "limits",
    "cli": "prints the verdict line, exit code",
}


def code_lines(source: str) -> int:
    """Lines that hold code: no blank lines, comments or docstrings."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            text = node.body[0]
            lines -= set(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    return len(lines)


def table() -> str:
    """The table as Markdown."""
    rows = ["| part of proofcheck/ | files | code lines | all lines | what it does |", "|---|---|---|---|---|"]
    sums = [0, 0, 0]
    for part, purpose in PARTS.items():
        place = ROOT / "proofcheck" / part
        sources = [path.read_text() for path in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
        counts = [len(sources), sum(map(code_lines, sources)), sum(source.count("\n") for source in sources)]
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
        rows.append(f"| `{part}` | {counts[0]} | {counts[1]:,} | {counts[2]:,} | {purpose} |")
    rows.append(f"| **sum** | {sums[0]} | {sums[1]:,} | {sums[2]:,} | |")
    return "\n".join(rows)


def main() -> int:
    """Write or check the page."""
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    fresh = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if "--check" in sys.argv:
        return 0 if fresh == page else 1
    PAGE.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())
