"""Certificates: strict decoding, the canonical writer, files and digests. Formats 1.0 and 1.1 are in docs/certificate-format.md."""

from proofcheck.certificate.certificate import Certificate, ClaimSpec, ModelSpec, Step, TaskSpec, accuracy_at_least
from proofcheck.certificate.decode import decode_certificate
from proofcheck.certificate.files import is_stream, read_certificate_file, read_regular_file, sha256_hex
from proofcheck.certificate.write import encode_certificate

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
    "read_certificate_file",
    "read_regular_file",
    "sha256_hex",
]
