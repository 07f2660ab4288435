"""Certificates: strict decoding, the canonical writer, files and digests. Formats 1.0 and 1.1 are in docs/certificate-format.md."""

from pathlib import Path

from proofcheck.certificate.certificate import Certificate, ClaimSpec, ModelSpec, Step, TaskSpec, accuracy_at_least
from proofcheck.certificate.decode import decode_certificate
from proofcheck.certificate.files import is_stream, read_certificate_file, read_regular_file, sha256_hex
from proofcheck.certificate.write import encode_certificate
from proofcheck.limits import Limits

__all__ = [
    "Certificate",
    "ClaimSpec",
    "ModelSpec",
    "Step",
    "TaskSpec",
    "accuracy_at_least",
    "decode_certificate",
    "encode_certificate",
    "is_stream",
    "load",
    "read_certificate_file",
    "read_regular_file",
    "sha256_hex",
]


def load(path: str | Path, limits: Limits | None = None) -> Certificate:
    """The certificate in a file, also gzipped, or `-` for standard input. Nothing is proved: `proofcheck.verify` does that.

    limits: None for those of `Limits()`. Raises Rejected for what is no certificate, Declined for what cannot be read or is too large.
    """
    limits = Limits() if limits is None else limits
    return decode_certificate(read_certificate_file(Path(path), limits), limits)
