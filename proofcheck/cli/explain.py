"""`proofcheck explain CERT [STEP]`: verify, and show each step with its theorem, its values for this network, and its cost."""

from __future__ import annotations

import argparse
import inspect
import sys

from proofcheck.certificate import Step
from proofcheck.cli.main import DECLINED
from proofcheck.cli.terminal import did_you_mean, width, wrapped
from proofcheck.cli.values import values_of, worst_blocks
from proofcheck.errors import Declined
from proofcheck.escape import escape
from proofcheck.extensions import resolve
from proofcheck.report import describe
from proofcheck.verification import Checker


def run(options: argparse.Namespace) -> int:
    """Print the steps that were replayed (up to a refusal), then where inputs are not proved right, then the verdict."""
    try:
        checker = Checker(trust=resolve(options.trust))
    except Declined as error:
        print("\n".join(describe(error)), file=sys.stderr)
        return DECLINED
    steps: list[Step] = []
    values: list[list[str]] = []

    def observe(step: Step, fact: object) -> None:
        steps.append(step)
        values.append(values_of(fact))

    model = options.model[0] if options.model and len(options.model) == 1 else options.model
    report = checker.verify(options.certificate, model=model, observe=observe)
    if report.error is not None:
        print("\n".join(describe(report.error)), file=sys.stderr)
    if options.step is not None and steps and options.step not in [step.id for step in steps]:
        near = did_you_mean(options.step[:80], [step.id for step in steps])
        print(escape(f"usage: the certificate has no step {options.step[:80]!r}{near}"), file=sys.stderr)
        return DECLINED
    costs = {record.id: f", {record.operations} operations, {record.seconds:.3f} s" for record in report.steps}
    columns = width(sys.stdout, 1_000) - 2
    for step, shown in zip(steps, values, strict=True):
        if options.step in (None, step.id):
            theorem = inspect.cleandoc(checker.catalogue.rules[step.rule].theorem).splitlines()
            title = f"step {step.id}: {step.rule}({', '.join(step.premises)}){costs.get(step.id, '')}"
            lines = [title, *(f"    {line}" for line in theorem), "", "    For this network:", *(f"      {line}" for line in shown), ""]
            print("\n".join(f"c {escape(line)}".rstrip() for line in wrapped(lines, columns)))
    if report.blocks is not None and options.step is None:
        print("\n".join(f"c {line}" for line in worst_blocks(report.blocks)))
    for line in wrapped(list(report.assumptions), columns):
        print(f"c assumed: {escape(line)}")
    print(report.line())
    return report.exit_code
