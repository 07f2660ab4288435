"""Reading files once, whole, within a limit, and only if they are regular files; certificates also from standard input and gzip."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import zlib
from pathlib import Path
from typing import BinaryIO

from proofcheck.errors import Declined, Reason, Rejected
from proofcheck.limits import Limits

_GZIP = b"\x1f\x8b"
_STREAMS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")  # a shell's <(…) names one of these


def read_certificate_file(path: Path, limits: Limits) -> bytes:
    """The bytes of a certificate: a regular file, standard input (`-`), or a pipe that a shell has opened; expanded if it is gzip.

    Raises as `read_regular_file`, and Rejected(malformed-json) for a broken gzip file. The limit holds for the expanded size too.
    """
    data = _read_stream(path, limits) if _is_pipe(path) else read_regular_file(path, "certificate_bytes", limits, follow_links=True)
    return _expanded(data, limits) if data.startswith(_GZIP) else data


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


def sha256_hex(data: bytes) -> str:
    """SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


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


def is_stream(path: Path) -> bool:
    """`-`, or a name of an open descriptor of this process."""
    return str(path) == "-" or str(path).startswith(_STREAMS)


def _is_pipe(path: Path) -> bool:
    """Standard input, or a descriptor that is a pipe (a descriptor of a file is read as a file)."""
    if str(path) == "-":
        return True
    try:
        return is_stream(path) and stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _read_stream(path: Path, limits: Limits) -> bytes:
    try:
        if str(path) == "-":
            return _read_within(sys.stdin.buffer, "standard input", limits)
        with path.open("rb") as pipe:
            return _read_within(pipe, str(path), limits)
    except (OSError, ValueError, AttributeError) as error:  # AttributeError: there is no standard input
        raise Declined(Reason.UNREADABLE_FILE, f"cannot read {path}: {error}", path=str(path)) from error


def _read_within(stream: BinaryIO, name: str, limits: Limits) -> bytes:
    data = stream.read(limits.certificate_bytes + 1)
    limits.require("certificate_bytes", len(data), path=name)
    return data


def _expanded(data: bytes, limits: Limits) -> bytes:
    """One gzip member and nothing after it."""
    decoder = zlib.decompressobj(wbits=31)
    try:
        expanded = decoder.decompress(data, limits.certificate_bytes + 1)
    except zlib.error as error:
        raise Rejected(Reason.MALFORMED_JSON, f"the certificate is not a gzip file: {error}") from error
    limits.require("certificate_bytes", len(expanded), path="the expanded certificate")
    if not decoder.eof or decoder.unused_data:
        raise Rejected(Reason.MALFORMED_JSON, "the gzip file is truncated, or something follows it")
    return expanded


def _not_regular(path: Path, kind: str) -> Declined:
    return Declined(
        Reason.NOT_A_REGULAR_FILE,
        f"{path} is {kind}",
        path=str(path),
        expected="a regular file",
        found=kind,
        hint={
            "a symbolic link": "a certificate may not lead through links: name the weight file with --model FILE",
            "a FIFO": "pipe it to standard input and name the certificate `-`",
            "a folder": "name the files in it",
        }.get(kind, ""),
    )


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "not a file")
