"""Keep the smallest inputs that together reach all that a fuzzer's folder reaches.

    python tests/fuzz/minimise.py certificate FROM TO      also: weights, verify

An input is kept if it executes a pair of consecutive lines of proofcheck, or ends in a reason code, that no smaller input does. Writes
TO/<first eight digits of its SHA-256>.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import targets

from proofcheck import ProofcheckError

PACKAGE = str(Path(targets.__file__).parents[2] / "proofcheck")
Reached = set[tuple[str, int, int] | str]


def reached(target: Any, data: bytes) -> Reached:
    """Pairs of lines, and reason codes of all refusals that are made."""
    found: Reached = set()
    make = ProofcheckError.__init__

    def noted(self: ProofcheckError, code: Any, *rest: Any, **named: Any) -> None:
        found.add(str(code))
        make(self, code, *rest, **named)

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        last = [0]

        def line(inner: FrameType, kind: str, value: Any) -> Any:
            if kind == "line":
                found.add((inner.f_code.co_filename, last[0], inner.f_lineno))
                last[0] = inner.f_lineno
            return line

        return line

    ProofcheckError.__init__ = noted  # type: ignore[method-assign]
    sys.settrace(trace)
    try:
        target(data)
    finally:
        sys.settrace(None)
        ProofcheckError.__init__ = make  # type: ignore[method-assign]
    return found


def main(kind: str, source: str, destination: str) -> None:
    target = getattr(targets, kind)
    inputs = sorted((path.read_bytes() for path in Path(source).iterdir() if path.is_file()), key=lambda data: (len(data), data))
    target(inputs[0])  # imports and caches of the first call
    everything: Reached = set()
    kept = []
    for data in inputs:
        found = reached(target, data)
        if not found <= everything:
            everything |= found
            kept.append(data)
    needed = []  # backwards: what a later, larger input reaches as well need not be kept
    covered: Reached = set()
    for data in reversed(kept):
        found = reached(target, data)
        if not found <= covered:
            covered |= found
            needed.append(data)
    Path(destination).mkdir(parents=True, exist_ok=True)
    for data in needed:
        (Path(destination) / hashlib.sha256(data).hexdigest()[:8]).write_bytes(data)
    size = sum(map(len, needed))
    print(f"{kind}: {len(needed)} of {len(inputs)} inputs, {size:,} bytes, reach all {len(everything)} line pairs and codes")


if __name__ == "__main__":
    main(*sys.argv[1:4])
