"""proofcheck: rigorous verification of certificates about the accuracy of small neural networks.

    report = proofcheck.verify("cert.json")     # never raises on a bad certificate
    print(report)                               # verdict, claim, what it is about; in a notebook a table
    report.verdict, report.proved, report.total
    report.raise_for_verdict()                  # Rejected or Declined, with a reason code, unless VERIFIED
    report.blocks                               # right, wrong, undecided for each last token and right answer
    report.to_rows("blocks"), report.to_pandas("steps")

    certificate = proofcheck.load("cert.json")                      # what a file says, unproved
    proofcheck.find_wrong_inputs(proofcheck.Checker(), "cert.json") # inputs that are answered wrongly, each proved to be
    proofcheck.Limits()                                             # what a certificate may ask for, unless `limits=` is given

The names in `__all__` are the interface. They are imported on first use, so that `import proofcheck` costs nothing.
"""

from __future__ import annotations

import os
import sys

if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    # A file flint.py in the working folder would be the checker, were that folder on the module path.
    _path, _program = os.environ.get("PYTHONPATH", ""), sys.argv[0].rpartition(os.sep)[2] if sys.argv else ""
    if sys.argv[:1] == ["-m"] and any(word.split(".")[0] == "proofcheck" or "mproofcheck" in word for word in sys.orig_argv):
        sys.stderr.write("usage: python -m proofcheck would run files of the working folder: use the command proofcheck, or python -I -m\n")
        raise SystemExit(2)
    if (
        sys.argv[:1]
        and sys.argv[0].rpartition(os.sep)[2] == "proofcheck"
        and _path
        and not all(map(os.path.isabs, _path.split(os.pathsep)))
    ):
        sys.stderr.write("usage: PYTHONPATH has an empty or relative entry, so files of the working folder would be run: remove it\n")
        raise SystemExit(2)

from importlib import import_module
from typing import TYPE_CHECKING, Any

from proofcheck._version import __version__

if TYPE_CHECKING:
    from proofcheck.blocks import Block, Blocks
    from proofcheck.catalogue import Extension
    from proofcheck.certificate import Certificate, Step, decode_certificate, encode_certificate, load
    from proofcheck.errors import Declined, ProofcheckError, Reason, Rejected
    from proofcheck.limits import Limits
    from proofcheck.models import Dimensions
    from proofcheck.report import Report, Verdict
    from proofcheck.verification import Checker, Expected, verify
    from proofcheck.wrong_inputs import WrongInput, WrongInputs, find_wrong_inputs

_HOME = {
    "Block": "blocks",
    "Blocks": "blocks",
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
    "WrongInput": "wrong_inputs",
    "WrongInputs": "wrong_inputs",
    "decode_certificate": "certificate",
    "encode_certificate": "certificate",
    "find_wrong_inputs": "wrong_inputs",
    "load": "certificate",
    "verify": "verification",
}

__all__ = [
    "Block",
    "Blocks",
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
    "WrongInput",
    "WrongInputs",
    "__version__",
    "decode_certificate",
    "encode_certificate",
    "find_wrong_inputs",
    "load",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'proofcheck' has no attribute {name!r}")
    return getattr(import_module(f"proofcheck.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
