"""Compressed certificates: what both checkers read, what both refuse, and that a small file takes no memory."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from pathlib import Path

import pytest

import proofcheck
from proofcheck import Limits, ProofcheckError
from proofcheck.certificate import read_certificate_file
from strategies.cli.main import main
from strategies.write import packed
from tests.second_checker.check import check
from tests.second_checker.gzip_file import expanded
from tests.second_checker.outcome import RefusedError

CORPUS = Path(proofcheck.__file__).parent / "selftest_corpus"
PLAIN = (CORPUS / "accept--cubic.json").read_bytes()
PACKED = packed("c.json.gz", PLAIN)


def member(content: bytes, flags: int = 0, extra: bytes = b"", method: int = 8, crc: int = 0, size: int = 0) -> bytes:
    """One member, with what a header may have; crc, size: added to the right ones."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflate.compress(content) + deflate.flush()
    head = b"\x1f\x8b" + bytes([method, flags]) + bytes(6) + extra
    head += (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little") if flags & 2 else b""
    numbers = [(zlib.crc32(content) + crc) % 2**32, (len(content) + size) % 2**32]
    return head + body + b"".join(number.to_bytes(4, "little") for number in numbers)


def ours(path: Path) -> tuple[bytes, str]:
    """The bytes of a certificate file as the checker reads them, and the code of a refusal."""
    try:
        return read_certificate_file(path, Limits()), ""
    except ProofcheckError as error:
        return b"", str(error.code)


def theirs(data: bytes) -> tuple[bytes, str]:
    """The same by the second checker."""
    try:
        return expanded(data), ""
    except RefusedError as error:
        return b"", error.reason


READ = {
    "python": PACKED,
    "plain member": member(PLAIN),
    "text mark": member(PLAIN, flags=1),
    "name": member(PLAIN, flags=8, extra=b"cert.json\0"),
    "comment": member(PLAIN, flags=16, extra=b"remark\0"),
    "extra field": member(PLAIN, flags=4, extra=b"\x03\0abc"),
    "header checksum": member(PLAIN, flags=2),
    "all of them": member(PLAIN, flags=31, extra=b"\x02\0ab" + b"name\0" + b"remark\0"),
    "not compressed": gzip.compress(PLAIN, 0),
}
REFUSED = {
    "two members": PACKED * 2,
    "an empty member after it": PACKED + gzip.compress(b""),
    "a byte after it": PACKED + b"\0",
    "half": PACKED[: len(PACKED) // 2],
    "no trailer": PACKED[:-8],
    "half a trailer": PACKED[:-4],
    "another checksum": member(PLAIN, crc=1),
    "another length": member(PLAIN, size=1),
    "length modulo": member(PLAIN, size=2**31),
    "another method": member(PLAIN, method=7),
    "a reserved flag": member(PLAIN, flags=32),
    "another header checksum": member(PLAIN, flags=2)[:10] + b"\0\0" + member(PLAIN, flags=2)[12:],
    "magic alone": b"\x1f\x8b",
    "header alone": PACKED[:10],
}


@pytest.mark.parametrize("name", READ)
def test_both_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json.gz"
    path.write_bytes(READ[name])
    assert ours(path) == theirs(READ[name]) == (PLAIN, "")


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse(name: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json.gz"
    path.write_bytes(REFUSED[name])
    assert ours(path) == theirs(REFUSED[name]) == (b"", "malformed-json")


def test_changed_bytes_are_read_alike(tmp_path: Path) -> None:
    """Each byte changed once, and 300 times two: nothing but the certificate itself is ever read, and both checkers agree."""
    chance, path, read = random.Random(0), tmp_path / "c.json.gz", 0
    cases = [[place] for place in range(len(PACKED))] + [chance.sample(range(len(PACKED)), 2) for _ in range(300)]
    for places in cases:
        data = bytearray(PACKED)
        for place in places:
            data[place] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        content, code = ours(path)
        assert (content, code) == theirs(bytes(data))
        assert content == PLAIN or code or not data.startswith(b"\x1f\x8b")
        read += not code
    assert 0 < read < len(cases) // 2  # time, operating system and other marks of the header say nothing


def test_a_bomb_is_declined_within_the_limit(tmp_path: Path) -> None:
    limits = Limits(certificate_bytes=1 << 20)
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(bytes(1 << 28)))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(proofcheck.Declined, match="above the limit"):
            read_certificate_file(path, limits)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 << 20


@pytest.mark.parametrize("spare", [0, 1])
def test_the_limit_is_exact(spare: int, tmp_path: Path) -> None:
    path = tmp_path / "c.json.gz"
    path.write_bytes(PACKED)
    limits = Limits(certificate_bytes=len(PLAIN) - spare)
    if spare:
        with pytest.raises(proofcheck.Declined, match="above the limit"):
            read_certificate_file(path, limits)
    else:
        assert read_certificate_file(path, limits) == PLAIN


def test_verdicts_do_not_depend_on_it(tmp_path: Path) -> None:
    for source in CORPUS.glob("*.safetensors"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    for source in sorted(CORPUS.glob("*.json")):
        path = tmp_path / f"{source.name}.gz"
        path.write_bytes(packed(path, source.read_bytes()))
        plain, compressed = proofcheck.verify(source), proofcheck.verify(path)
        assert compressed.line().replace(str(path), "") == plain.line().replace(str(source), "")
        outcome = check(path)
        assert outcome.verdict in (str(plain.verdict), "TOO-LARGE")
        assert outcome.claimed in (plain.claimed, -1)


def test_strategies_write_it(tmp_path: Path) -> None:
    model = Path(proofcheck.__file__).parents[1] / "certificates/models/max-of-3-d-vocab-16-seed-0.safetensors"
    for name in ("c.json", "c.json.gz"):
        assert main(["prove", str(model), "--strategy", "cubic", "-o", str(tmp_path / name)]) == 0
    small = (tmp_path / "c.json.gz").read_bytes()
    assert gzip.decompress(small) == (tmp_path / "c.json").read_bytes()
    assert small == packed("x.gz", (tmp_path / "c.json").read_bytes())  # no clock, no name
    assert proofcheck.verify(tmp_path / "c.json.gz").exit_code == 0
