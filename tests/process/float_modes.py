"""Float modes of the processor, set in this thread: what a careless library does to a whole process."""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FE_TONEAREST = 0
ROUNDING = {"x86_64": {"downward": 0x400, "upward": 0x800, "towards zero": 0xC00}, "aarch64": {"upward": 0x400000, "downward": 0x800000}}

_FLUSH = """
#include <xmmintrin.h>
unsigned get(void) { return _mm_getcsr(); }
void set(unsigned value) { _mm_setcsr(value); }
"""


def rounding_modes() -> dict[str, int]:
    return ROUNDING.get(platform.machine(), {})


@contextmanager
def rounding(mode: int) -> Iterator[None]:
    """fesetround(mode) while inside."""
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    assert libm.fesetround(mode) == 0
    try:
        yield
    finally:
        assert libm.fesetround(FE_TONEAREST) == 0


def flush_helper(folder: Path) -> ctypes.CDLL | None:
    """A C helper that sets the control register of SSE; None where there is no compiler or no such register."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or platform.machine() != "x86_64":
        return None
    (folder / "flush.c").write_text(_FLUSH)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", "flush.so", "flush.c"], cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "flush.so"))


@contextmanager
def flushing(helper: ctypes.CDLL, *, inputs: bool, results: bool) -> Iterator[None]:
    """Denormals-are-zero (inputs) and flush-to-zero (results) while inside."""
    before = helper.get()
    helper.set(before | (0x40 if inputs else 0) | (0x8000 if results else 0))
    try:
        yield
    finally:
        helper.set(before)
