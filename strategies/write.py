"""Files whole or not at all, and the names of certificate files.

A certificate above 64 KiB is kept as `NAME.json.gz`, a smaller one as `NAME.json`, which an editor and a diff can show.
"""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

ENDINGS = (".json", ".json.gz")
PLAIN_BYTES = 1 << 16  # a certificate of more bytes is compressed
_GZIP = b"\x1f\x8b"


def compressed(data: bytes) -> bytes:
    """Equal bytes for equal data: no clock, no name. The level is the highest; another zlib may write other bytes for the same data."""
    return gzip.compress(data, 9, mtime=0)


def packed(name: str | Path, data: bytes) -> bytes:
    """What a file of this name holds: the bytes, compressed where the name ends in .gz."""
    return compressed(data) if str(name).endswith(".gz") else data


def packed_by_size(data: bytes) -> bytes:
    """What a certificate's file holds that has no name yet: compressed above PLAIN_BYTES."""
    return compressed(data) if len(data) > PLAIN_BYTES else data


def file_of(folder: Path, stem: str, content: bytes | None = None) -> Path:
    """Where the certificate `stem` lies in the folder, or goes if its file has this content (packed or not): one of ENDINGS."""
    places = [folder / f"{stem}{ending}" for ending in ENDINGS]
    if content is not None:
        return places[content.startswith(_GZIP)]
    return next((place for place in places if place.exists()), places[0])


def stem_of(path: Path) -> str:
    """The name of a certificate's file without its ending."""
    return path.name.removesuffix(".gz").removesuffix(".json")


def certificate_files(paths: Iterable[Path]) -> list[Path]:
    """Files as they are, folders as the certificates in them, by name."""
    return [
        file
        for path in paths
        for file in (sorted(file for ending in ENDINGS for file in path.glob(f"*{ending}")) if path.is_dir() else [path])
    ]


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
