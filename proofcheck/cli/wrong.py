"""`proofcheck wrong CERT`: inputs that the network answers wrongly, each proved to be wrong. No verdict about the certificate."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from proofcheck.cli.main import DECLINED, OK, REJECTED
from proofcheck.cli.verify import parse_limits
from proofcheck.decimals import signed
from proofcheck.errors import Declined, ProofcheckError, Reason, Rejected
from proofcheck.escape import escape
from proofcheck.extensions import resolve
from proofcheck.report import describe
from proofcheck.verification import Checker
from proofcheck.wrong_inputs import WrongInput, WrongInputs, find_wrong_inputs

_SHOWN = 5  # logits


def run(options: argparse.Namespace) -> int:
    """Print them, the worst first."""
    try:
        if options.number < 1 or options.tries < 1:
            raise Declined(Reason.USAGE, "--number and --tries must be at least 1")
        checker = Checker(options.backend, parse_limits(options.limit), trust=resolve(options.trust))
        model = options.model[0] if options.model and len(options.model) == 1 else options.model
        found = find_wrong_inputs(checker, options.certificate, model, options.number, options.tries)
    except ProofcheckError as error:
        print("\n".join(describe(error)), file=sys.stderr)
        return REJECTED if isinstance(error, Rejected) else DECLINED
    if options.json:
        for wrong in found.inputs:
            print(json.dumps(_as_json(wrong)))
    else:
        print("\n".join(_lines(found)))
    return OK


def _as_json(wrong: WrongInput) -> dict[str, Any]:
    """Bounds as decimals, rounded outward."""
    return {
        "tokens": wrong.tokens,
        "answer": wrong.answer,
        "given": wrong.given,
        "margin": [signed(end, up=up) for end, up in zip(wrong.margin, (False, True), strict=True)],
        "logits": [[signed(low, up=False), signed(high, up=True)] for low, high in wrong.logits],
    }


def _lines(found: WrongInputs) -> list[str]:
    report = found.report
    lines = [
        f"certificate {escape(report.certificate)}",
        f"task        {escape(report.task)}",
        f"tried       {found.tried} of {found.candidates} inputs in blocks that are not proved whole; "
        f"{found.wrong} are wrong over the reals",
    ]
    for wrong in found.inputs:
        tokens = " ".join(map(str, wrong.tokens))
        lines.append(f"wrong       {tokens}   right answer {wrong.answer}, given {wrong.given}, margin {signed(wrong.margin[0], up=False)}")
        order = sorted(range(len(wrong.logits)), key=lambda token: wrong.logits[token][0], reverse=True)
        shown = order[:_SHOWN] + [token for token in (wrong.answer,) if token not in order[:_SHOWN]]
        rank = order.index(wrong.answer) + 1
        logits = "  ".join(f"{token}: {signed(wrong.logits[token][0], up=False)}" for token in shown)
        lines.append(f"            logits {logits}   (the right answer is number {rank} of {len(order)})")
    return lines
