"""The versions of the libraries that compute."""

from __future__ import annotations

import flint
import numpy as np


def versions() -> tuple[str, ...]:
    """python-flint, FLINT and numpy."""
    return (f"python-flint {flint.__version__}", f"FLINT {flint.__FLINT_VERSION__}", f"numpy {np.__version__}")
