"""`proofcheck reason [CODE]`: what a reason code means and what to do."""

from __future__ import annotations

import argparse
import sys

from proofcheck.cli.data import texts
from proofcheck.cli.main import DECLINED, OK
from proofcheck.cli.terminal import did_you_mean, width, wrapped
from proofcheck.errors import Reason
from proofcheck.escape import escape


def run(options: argparse.Namespace) -> int:
    """Print one line for each code, or one code in full."""
    known = texts("reasons.json")
    columns = width(sys.stdout, 120)
    if options.code is None:
        for reason in Reason:
            status, meaning = known[reason]["exit"], known[reason]["meaning"]
            room = columns - 29
            print(f"{reason:25} {status}  {meaning if len(meaning) <= room else meaning[: room - 1] + '…'}")
        return OK
    if options.code not in known:
        near = did_you_mean(options.code[:80], list(known))
        print(escape(f"usage: there is no reason code {options.code[:80]!r}{near}; `proofcheck reason` lists them"), file=sys.stderr)
        return DECLINED
    entry = known[options.code]
    verdict = "REJECTED: the certificate does not prove its claim" if entry["exit"] == "1" else "DECLINED: nothing is said"
    lines = [f"{options.code} ({verdict}; exit status {entry['exit']})", "", entry["meaning"], "", f"What to do: {entry['to_do']}"]
    print("\n".join(wrapped(lines, columns)))
    return OK
