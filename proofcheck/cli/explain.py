"""`proofcheck explain CERT [STEP]`: verify, and show each step with its theorem and cost."""

from __future__ import annotations

import argparse
import inspect
import sys

from proofcheck.cli.main import DECLINED
from proofcheck.errors import Declined
from proofcheck.extensions import resolve
from proofcheck.report import describe
from proofcheck.verification import Checker


def run(options: argparse.Namespace) -> int:
    """Print the steps that were replayed (all of them only if the certificate is verified), then the verdict."""
    try:
        checker = Checker(trust=resolve(options.trust))
    except Declined as error:
        print("\n".join(describe(error)), file=sys.stderr)
        return DECLINED
    report = checker.verify(options.certificate, model=options.model)
    if report.error is not None:
        print("\n".join(describe(report.error)), file=sys.stderr)
    steps = [step for step in report.steps if options.step in (None, step.id)]
    if options.step is not None and report.steps and not steps:
        print(f"usage: the certificate has no step {options.step!r}", file=sys.stderr)
        return DECLINED
    for step in steps:
        print(f"c step {step.id}: {step.rule}, {step.operations} operations, {step.seconds:.3f} s")
        for line in inspect.cleandoc(checker.catalogue.rules[step.rule].theorem).splitlines():
            print(f"c     {line}".rstrip())
        print("c")
    print(report.line())
    return report.exit_code
