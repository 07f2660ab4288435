"""A pytest plugin: processor seconds of each test, its children included, as JSON lines in the file that CPU_SECONDS names.

`python tests/measure.py` runs it. With WITHOUT set, the packages named there (a comma between) cannot be imported.
"""

from __future__ import annotations

import importlib.abc
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

WITHOUT = frozenset(filter(None, os.environ.get("WITHOUT", "").split(",")))


class _Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in WITHOUT:
            raise ModuleNotFoundError(f"No module named {name!r} here", name=name)


if WITHOUT:
    sys.meta_path.insert(0, _Absent())


def _seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    before = _seconds()
    result = yield
    with Path(os.environ["CPU_SECONDS"]).open("a") as file:
        file.write(json.dumps({"id": item.nodeid, "seconds": round(_seconds() - before, 3)}) + "\n")
    return result  # type: ignore[return-value]
