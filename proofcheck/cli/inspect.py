"""`proofcheck inspect CERT`: what a certificate says. Nothing is checked but its form."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from proofcheck.certificate import Certificate, decode_certificate, read_certificate_file
from proofcheck.cli.main import DECLINED, OK, REJECTED
from proofcheck.errors import ProofcheckError, Rejected
from proofcheck.escape import escape
from proofcheck.limits import Limits
from proofcheck.report import describe


def run(options: argparse.Namespace) -> int:
    """Print the certificate's parts."""
    limits = Limits()
    try:
        data = read_certificate_file(Path(options.certificate), limits)
        certificate = decode_certificate(data, limits)
    except ProofcheckError as error:
        print("\n".join(describe(error)), file=sys.stderr)
        return REJECTED if isinstance(error, Rejected) else DECLINED
    print("\n".join(_lines(certificate)))
    return OK


def _lines(c: Certificate) -> list[str]:
    numbers = " ".join(f"{name}={value}" for name, value in c.claim.fields.items())
    lines = [
        f"claim       {escape(c.claim.kind)} {escape(numbers)} — not checked here",
        f"task        {escape(c.task.words())}",
        f"model       {escape(c.model.words())}",
        f"weights     {escape(c.model.file)} SHA-256 {c.model.sha256}",
        f"extensions  {escape(', '.join(f'{name} {version}' for name, version in c.extensions.items())) or 'none'}",
        f"arithmetic  balls of {c.precision} bits",
        "steps",
    ]
    for step in c.steps:
        hints = ", ".join(
            f"{name}={value.dtype}{list(value.shape)}" if isinstance(value, np.ndarray) else f"{name}={value}"
            for name, value in step.hints.items()
        )
        arguments = ", ".join(step.premises)
        lines.append(escape(f"  {step.id:24} {step.rule}({arguments})" + (f" with {hints}" if hints else "")))
    lines.append("provenance (for people; never used)")
    lines += [escape(f"  {name:24} {text}") for name, text in c.provenance.items()]
    return lines
