"""proofcheck: rigorous verification of certificates about the accuracy of small neural networks.

    report = proofcheck.verify("cert.json")
    report.verdict, report.proved, report.total

The names below are imported on first use, so that `import proofcheck` costs nothing.
"""

from __future__ import annotations

import sys

_isolated = sys.flags.isolated or getattr(sys.flags, "safe_path", False)
if sys.argv[:1] == ["-m"] and not _isolated and any(word.split(".")[0] == "proofcheck" for word in sys.orig_argv):
    # Python is about to run this package with the working folder first on its path: a file flint.py there would be the checker
    sys.stderr.write("usage: python -m proofcheck would run files of the working folder: use the command proofcheck, or python -I -m\n")
    raise SystemExit(2)

from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

from proofcheck._version import __version__  # noqa: E402

if TYPE_CHECKING:
    from proofcheck.catalogue import Extension
    from proofcheck.certificate import Certificate, Step, decode_certificate, encode_certificate
    from proofcheck.errors import Declined, ProofcheckError, Reason, Rejected
    from proofcheck.limits import Limits
    from proofcheck.models import Dimensions
    from proofcheck.report import Report, Verdict
    from proofcheck.verification import Checker, Expected, verify

_HOME = {
    "Certificate": "certificate",
    "Checker": "verification",
    "Declined": "errors",
    "Dimensions": "models",
    "Expected": "verification",
    "Extension": "catalogue",
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
    "Checker",
    "Declined",
    "Dimensions",
    "Expected",
    "Extension",
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
