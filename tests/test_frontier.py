"""The table of docs/frontier.md is what the checker derives, for the reference model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "docs" / "frontier_table.py"


def test_the_table_is_current() -> None:
    command = [sys.executable, str(SCRIPT), "--check", "--models", "max-of-4-seed-123"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"run python docs/frontier_table.py\n{done.stderr}"


def test_every_certificate_is_in_the_table() -> None:
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        from frontier_table import PAGE, certificates
    finally:
        sys.path.pop(0)
    table = PAGE.read_text(encoding="utf-8")
    assert [path.stem for model, strategy, path in certificates() if f"| {model} | {strategy} |" not in table] == []


def test_no_certificate_of_the_table_is_dominated() -> None:
    """Of one model: fewer or as many operations and as much or more proved, one of them strictly."""
    text = (SCRIPT.parent / "frontier.md").read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| max-of")]
    rows = [
        (model, strategy, int(proved.split()[0].replace(",", "")), int(spent.replace(",", "")))
        for model, strategy, proved, _, spent in cells
    ]
    assert len(rows) > 20
    dominated = [
        (one[:2], other[:2])
        for one in rows
        for other in rows
        if one[0] == other[0] and other[2] >= one[2] and other[3] <= one[3] and (other[2] > one[2] or other[3] < one[3])
    ]
    assert dominated == []
