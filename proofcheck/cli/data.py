"""Texts that come with the package: made from docs/ by docs/package_data.py. They are for people; nothing is decided by them."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def texts(name: str) -> Any:
    """A file of proofcheck/data."""
    return json.loads((files("proofcheck") / "data" / name).read_text(encoding="utf-8"))
