"""Certificates: strict decoding, the canonical writer, files and digests. Format 1.0 is docs/certificate-format.md."""

from proofcheck.certificate.certificate import Certificate, Step
from proofcheck.certificate.decode import decode_certificate
from proofcheck.certificate.files import read_certificate_file, read_regular_file, sha256_hex
from proofcheck.certificate.write import encode_certificate

__all__ = [
    "Certificate",
    "Step",
    "decode_certificate",
    "encode_certificate",
    "read_certificate_file",
    "read_regular_file",
    "sha256_hex",
]
