"""Run the notebooks of this folder and write their outputs: `python docs/notebooks/run.py`. Errors stop it. `--check` writes nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
SECONDS = 300  # of one cell, at most


def run(path: Path) -> nbformat.NotebookNode:
    """The notebook with fresh outputs. nbclient.exceptions.CellExecutionError for an error in a cell."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(HERE.parents[1])}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day
        if cell.cell_type == "code":  # warnings of other libraries name places of this machine
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output["data"].pop("text/plain", None)  # the same again
    return notebook


def main() -> None:
    for path in sorted(HERE.glob("*.ipynb")):
        done = run(path)
        if "--check" not in sys.argv:
            nbformat.write(done, path)
        print(path.name)


if __name__ == "__main__":
    main()
