"""What is fuzzed: three functions of bytes. They return on Rejected and Declined, and raise on everything else.

    certificate(data)   the decoder; what it accepts must survive the writer: decode(encode(c)) encodes to the same bytes
    weights(data)       a safetensors file as the tensors of a network of SHAPE, and the exact tables of that network
    verify(data)        a certificate and its weights (see `pack`) through `proofcheck.verify`; a VERIFIED count must be true

No atheris here: `test_fuzz_corpus.py` replays the corpus with these functions in every test run.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parents[1]
for folder in (str(TESTS.parent), str(TESTS)):
    if folder not in sys.path:
        sys.path.append(folder)

from soundness.truth import ground_truth, read_tensors  # noqa: E402

from proofcheck import Declined, Dimensions, Limits, Rejected, Verdict  # noqa: E402
from proofcheck import verify as verify_file  # noqa: E402
from proofcheck.certificate import decode_certificate, encode_certificate  # noqa: E402
from proofcheck.models import decode_weights  # noqa: E402
from proofcheck.models.attention_only import ATTENTION_ONLY, TENSORS  # noqa: E402

LIMITS = Limits(
    certificate_bytes=1 << 16,
    json_tokens=4_000,
    steps=24,
    array_entries=4_096,
    integer_digits=200,
    precision_most=256,
    weights_bytes=1 << 16,
    dimension=8,
    sequence_length=6,
    table_entries=64,
    work=10**8,
    settled_in_balls=50,
)
SHAPE = Dimensions(n_ctx=2, d_vocab=3, d_model=2, d_head=1)
_MOST_SEQUENCES = 32  # ground truth is slow on purpose


def certificate(data: bytes) -> None:
    """Raises AssertionError if a decoded certificate does not survive the writer."""
    try:
        decoded = decode_certificate(data, LIMITS)
    except (Rejected, Declined):
        return
    written = encode_certificate(decoded)
    again = encode_certificate(decode_certificate(written, LIMITS))
    if again != written:
        raise AssertionError("a certificate changed between two passes of the writer")


def weights(data: bytes) -> None:
    """Raises whatever the boundary lets through."""
    try:
        ATTENTION_ONLY.build(SHAPE, {}, decode_weights(data, TENSORS, LIMITS)).path_tables()
    except (Rejected, Declined):
        return


def verify(data: bytes) -> None:
    """Raises AssertionError if more is VERIFIED than is true."""
    text, tensors = unpack(data)
    folder = _folder()
    (folder / "certificate.json").write_bytes(text)
    (folder / "weights.safetensors").write_bytes(tensors)
    report = verify_file(folder / "certificate.json", limits=LIMITS)
    if report.verdict is Verdict.VERIFIED and 0 < report.total <= _MOST_SEQUENCES:
        truth = ground_truth(read_tensors(tensors))
        if report.proved > truth.correct + truth.undecided:
            raise AssertionError(f"UNSOUND: {report.proved} proved, {truth.correct} true, {truth.undecided} undecided")


def pack(text: bytes, tensors: bytes) -> bytes:
    """One input of `verify`: the length of the certificate in four bytes, the certificate, the weights."""
    return len(text).to_bytes(4, "little") + text + tensors


def unpack(data: bytes) -> tuple[bytes, bytes]:
    """The inverse of `pack`, total on all byte strings."""
    size = int.from_bytes(data[:4], "little")
    return data[4 : 4 + size], data[4 + size :]


_folders: list[Path] = []


def _folder() -> Path:
    if not _folders:
        memory = Path("/dev/shm")
        _folders.append(Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory if os.access(memory, os.W_OK) else None)))
        atexit.register(shutil.rmtree, _folders[0], ignore_errors=True)
    return _folders[0]
