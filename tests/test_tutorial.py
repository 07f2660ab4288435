"""The tutorial's blocks run, one after another, and print what the text says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).resolve().parents[1] / "docs/tutorial.md"


def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", TUTORIAL.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in blocks:
            exec(compile(block, str(TUTORIAL), "exec"), names)
    lines = printed.getvalue().splitlines()
    assert [line.split(" task ")[0].split(" certificate ")[0] for line in lines] == [
        "s VERIFIED accuracy >= 4/4 (1.000000)",
        "s REJECTED not-proved",
        "s VERIFIED accuracy >= 2/4 (0.500000)",
    ]
    for line in ("s VERIFIED accuracy >= 4/4 (1.000000)", "s REJECTED not-proved", "s VERIFIED accuracy >= 2/4"):
        assert line in TUTORIAL.read_text(encoding="utf-8")
