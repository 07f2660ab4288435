"""Files whole or not at all."""

from __future__ import annotations

import gzip
import os
import tempfile
from pathlib import Path


def packed(name: str | Path, data: bytes) -> bytes:
    """What a file of this name holds: the bytes, compressed where the name ends in .gz. Equal bytes for equal data: no clock, no name."""
    return gzip.compress(data, 9, mtime=0) if str(name).endswith(".gz") else data


def write(path: Path, data: bytes) -> None:
    """Write the file under another name, then give it its own: whatever happens meanwhile, it is whole or what it was before."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)  # mkstemp makes private files
        os.replace(temporary, path)
    except BaseException:  # KeyboardInterrupt too
        Path(temporary).unlink(missing_ok=True)
        raise
