"""The notebooks run from the first cell to the last, prove what they say, and hold no path of the machine that ran them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "docs/notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def words(notebook: dict[str, object]) -> str:
    """The text of all outputs."""
    found = []
    for cell in notebook["cells"]:  # type: ignore[attr-defined]
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            found.append("".join(output.get("text", "")) + "".join(data.get("text/html", "")) + "".join(data.get("text/plain", "")))
    return "\n".join(found)


def test_from_model_to_proof() -> None:
    pytest.importorskip("nbclient")
    sys.path.insert(0, str(FOLDER))
    try:
        from run import run
    finally:
        sys.path.remove(str(FOLDER))
    said = words(run(FOLDER / "from-model-to-proof.ipynb"))
    proved = [int(number) for number in re.findall(r"accuracy >= (\d+)/4096", said)]
    exact, cubic = proved[0], int(re.search(r"^(\d+) of 4096 with", said, flags=re.MULTILINE)[1])  # type: ignore[index]
    assert 2048 < cubic <= exact <= 4096
    assert said.count("<b>VERIFIED</b>") == 2
    assert said.count("<b>REJECTED</b>") == 1
    assert "not-proved" in said
    assert "s REJECTED digest-mismatch" in said


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_saved_outputs_are_whole_and_of_no_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert all(cell.get("outputs") or cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert "/home/" not in text
    assert "site-packages" not in text
    assert '"stderr"' not in text
    assert "VERIFIED" in words(notebook)
