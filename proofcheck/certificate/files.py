"""Reading files once, whole, within a limit, and only if they are regular files."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from proofcheck.errors import Declined, Reason
from proofcheck.limits import Limits


def read_regular_file(path: Path, limit: str, limits: Limits, *, follow_links: bool) -> bytes:
    """The bytes of a regular file of at most `limits.<limit>` bytes.

    Raises Declined: unreadable-file, not-a-regular-file (folders, FIFOs, devices; a symbolic link unless follow_links), limit-exceeded.
    Opening does not block, whatever the path is.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    try:
        if not follow_links and stat.S_ISLNK(os.lstat(path).st_mode):
            raise _not_regular(path, "a symbolic link")
        descriptor = os.open(path, flags)
        try:
            return _read(path, descriptor, limit, limits)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Declined(Reason.UNREADABLE_FILE, f"cannot read {path}: {reason}", path=str(path)) from error


def _read(path: Path, descriptor: int, limit: str, limits: Limits) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise _not_regular(path, _kind(status.st_mode))
    limits.require(limit, status.st_size, path=str(path))
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        data = file.read(status.st_size + 1)
    if len(data) != status.st_size:
        message = f"{path} changed while it was read, or is no ordinary file"
        raise Declined(Reason.UNREADABLE_FILE, message, expected=f"{status.st_size} bytes", found=f"{len(data)} bytes or more")
    return data


def sha256_hex(data: bytes) -> str:
    """SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _not_regular(path: Path, kind: str) -> Declined:
    return Declined(Reason.NOT_A_REGULAR_FILE, f"{path} is {kind}", path=str(path), expected="a regular file", found=kind)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "not a file")
