"""A certificate that is compressed: one member of RFC 1952, read field by field, and nothing after it."""

from __future__ import annotations

import zlib

from tests.second_checker.limits import MOST_BYTES
from tests.second_checker.outcome import declined, rejected

MAGIC = b"\x1f\x8b"
HEADER_CRC, EXTRA, NAME, COMMENT = 2, 4, 8, 16  # bits of the flags; 1 is a mark without meaning, 32 and above must be 0


def expanded(data: bytes) -> bytes:
    """What a file holds: its bytes, or those that its one member expands to."""
    if data[:2] != MAGIC:
        return data
    start = header(data)
    inflater = zlib.decompressobj(-15)
    try:
        content = inflater.decompress(data[start:], MOST_BYTES + 1)
    except zlib.error as error:
        raise refused(str(error)) from error
    if len(content) > MOST_BYTES:
        raise declined("limit-exceeded", "$", "bytes when expanded")
    if not inflater.eof:
        raise refused("the compressed data end too early")
    crc, size = (int.from_bytes(inflater.unused_data[k : k + 4], "little") for k in (0, 4))
    if len(inflater.unused_data) != 8:
        raise refused("no trailer of eight bytes, or something after it")
    if crc != zlib.crc32(content) or size != len(content):
        raise refused("checksum or length differ")
    return content


def header(data: bytes) -> int:
    """Where the compressed data begin."""
    if len(data) < 10 or data[2] != 8 or data[3] & 0xE0:
        raise refused("not a header")
    at, flags = 10, data[3]
    if flags & EXTRA:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (NAME, COMMENT):
        if flags & flag:
            end = data.find(b"\0", at)
            if end < 0:
                raise refused("a name without end")
            at = end + 1
    if flags & HEADER_CRC:
        if int.from_bytes(data[at : at + 2], "little") != zlib.crc32(data[:at]) & 0xFFFF:
            raise refused("the checksum of the header differs")
        at += 2
    if at > len(data):
        raise refused("the header ends too early")
    return at


def refused(why: str) -> Exception:
    return rejected("malformed-json", "$", f"gzip: {why}")
