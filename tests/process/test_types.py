"""A rule that misspells a field of its premise does not pass the type check: premises and hints are typed, not Any."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MISSPELT = {
    "rules/counting/sum_blocks.py": ("facts.counts[q]", "facts.conts[q]"),
    "rules/attention_only/max_of_k/margins.py": ("outputs.wrong_values(attention.gaps)", "outputs.wrong_values(attention.gap)"),
    "rules/attention_only/separable/separable_minimum.py": ("refined -= refine(", "refined -= tables.refine("),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("types")
    shutil.copytree(ROOT / "proofcheck", folder / "proofcheck", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    if (ROOT / ".mypy_cache").is_dir():  # what `make types` has left: only what is changed is checked anew
        shutil.copytree(ROOT / ".mypy_cache", folder / "cache")
    return folder


def test_misspelt_fields_are_errors(tree: Path) -> None:
    """One run of mypy for all of them; each must be named."""
    for name, (right, wrong) in MISSPELT.items():
        path = tree / "proofcheck" / name
        text = path.read_text()
        assert right in text, name
        path.write_text(text.replace(right, wrong, 1))
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tree / "cache"), "proofcheck"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=600, check=False)
    errors = done.stdout.splitlines()
    for name in MISSPELT:
        assert any(name in line and "attr-defined" in line for line in errors), (name, errors)
    assert len(errors) == len(MISSPELT)
