"""proofcheck: rigorous verification of certificates about the accuracy of small neural networks.

    report = proofcheck.verify("cert.json")
    report.verdict, report.proved, report.total

The names below are imported on first use, so that `import proofcheck` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from proofcheck._version import __version__

if TYPE_CHECKING:
    from proofcheck.certificate import Certificate, Step, decode_certificate, encode_certificate
    from proofcheck.errors import Declined, ProofcheckError, Reason, Rejected
    from proofcheck.limits import Limits
    from proofcheck.models import Dimensions
    from proofcheck.report import Report, Verdict
    from proofcheck.verification import verify

_HOME = {
    "Certificate": "certificate",
    "Declined": "errors",
    "Dimensions": "models",
    "Limits": "limits",
    "ProofcheckError": "errors",
    "Reason": "errors",
    "Rejected": "errors",
    "Report": "report",
    "Step": "certificate",
    "Verdict": "report",
    "decode_certificate": "certificate",
    "encode_certificate": "certificate",
    "verify": "verification",
}

__all__ = [
    "Certificate",
    "Declined",
    "Dimensions",
    "Limits",
    "ProofcheckError",
    "Reason",
    "Rejected",
    "Report",
    "Step",
    "Verdict",
    "__version__",
    "decode_certificate",
    "encode_certificate",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'proofcheck' has no attribute {name!r}")
    return getattr(import_module(f"proofcheck.{_HOME[name]}"), name)
