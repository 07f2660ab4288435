"""`prove MODEL --claim loss --strategy loss-boxes -o CERT`: certificates about the mean loss."""

from __future__ import annotations

import argparse
import sys

from safetensors import SafetensorError

from proofcheck.decimals import significant
from proofcheck.errors import ProofcheckError, Rejected
from proofcheck.report import describe, escape
from strategies import losses
from strategies.cli.options import limits_of

CLAIMS = ("loss", "loss-at-least")


def run(options: argparse.Namespace) -> int:
    """Write a verified certificate, or nothing. 0 written, 1 rejected, 2 declined, usage or a file."""
    if options.strategy not in losses.STRATEGIES or options.price is not None or options.margin is not None:
        names = " or ".join(losses.STRATEGIES)
        print(f"--claim {options.claim} goes with --strategy {names}, and with neither price nor margin", file=sys.stderr)
        return 2
    limits = limits_of(options)
    if limits is None:
        return 2
    kind = losses.AT_MOST if options.claim == "loss" else losses.AT_LEAST
    evaluations = losses.EVALUATIONS if options.operations is None else float(options.operations)
    try:
        proved = losses.prove_loss(options.model, options.output, options.strategy, kind, evaluations, limits, force=options.force)
    except ProofcheckError as error:
        print("nothing was written: " + "\n".join(describe(error)), file=sys.stderr)
        return 1 if isinstance(error, Rejected) else 2
    except (OSError, ValueError, SafetensorError) as error:
        print(f"nothing was written: {escape(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130
    low, high = significant(proved.lower, 7), significant(proved.upper, 7)
    print(f"{proved.path}: {proved.claim}; proved from {low} to {high}, each loss at most {significant(proved.largest, 5)}")
    print(f"search {proved.search_seconds:.2f} s, check {proved.check_seconds:.2f} s")
    return 0
