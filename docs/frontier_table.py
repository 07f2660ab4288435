"""Verify the certificates of the frontier and write their table into docs/frontier.md: `python docs/frontier_table.py`
(`--check` only compares, `--models GLOB` looks at some models)."""

from __future__ import annotations

import argparse
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import proofcheck
from proofcheck.decimals import decimal
from strategies.write import certificate_files, stem_of

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "frontier.md"
BEGIN, END = "<!-- frontier: begin -->", "<!-- frontier: end -->"
STRATEGIES = ("windows", "shared-windows", "grouped-queries", "rival-tree")
HEAD = "| model | strategy | proved | share | operations |\n|---|---|---:|---:|---:|\n"


def certificates() -> list[tuple[str, str, Path]]:
    """(model, strategy, file) of the shipped certificates of these strategies."""
    found = [(*stem_of(path).partition("--")[::2], path) for path in certificate_files([ROOT / "certificates" / "accept"])]
    return sorted(row for row in found if row[1].startswith(STRATEGIES))


def row(model: str, strategy: str, path: Path) -> tuple[str, int, str]:
    """(model, operations, line) of a certificate, verified here."""
    report = proofcheck.verify(path)
    report.raise_for_verdict()
    exact = " (all decided)" if report.proved + report.wrong == report.total else ""
    share = decimal(report.proved, report.total)
    line = f"| {model} | {strategy} | {report.proved:,}{exact} | {share} | {report.operations:,} |"
    return model, report.operations, line


def lines(pattern: str) -> list[str]:
    """Table lines of the models that match, by model and operations."""
    rows = [row(*entry) for entry in certificates() if fnmatchcase(entry[0], pattern)]
    return [line for _, _, line in sorted(rows)]


def main() -> int:
    """0 if the page is current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--models", default="*", metavar="GLOB")
    options = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    found = lines(options.models)
    if options.check:
        shown = [line for line in table.splitlines() if fnmatchcase(line.split(" | ")[0].removeprefix("| "), options.models)]
        shown = [line for line in shown if line.startswith("| max-of")]
        for line in sorted(set(shown) ^ set(found)):
            print(f"{'in the page' if line in shown else 'derived'}: {line}", file=sys.stderr)
        return int(set(shown) != set(found))
    PAGE.write_text(f"{before}{BEGIN}\n{HEAD}" + "\n".join(found) + f"\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
