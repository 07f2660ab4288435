"""`prove MODEL --strategy NAME -o CERT`."""

from __future__ import annotations

import argparse
import shlex
import sys
from fractions import Fraction
from pathlib import Path

from safetensors import SafetensorError

from proofcheck.decimals import significant
from proofcheck.errors import ProofcheckError, Rejected
from proofcheck.report import decimal, describe, escape
from strategies.budget import Budget
from strategies.checker import CheckerEnded
from strategies.cli.options import add_search_options, limits_of
from strategies.emit import ProveError, prove, refuse_existing
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem
from strategies.max_of_k.windows import windows_at, windows_within
from strategies.models.load import ModelError
from strategies.suitability import refusal, remarks

CLAIMS = ("accuracy", "margin", "loss", "loss-at-least")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --strategy, --output, --force and the options of a search."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="safetensors file")
    parser.add_argument("--strategy", required=True, metavar="NAME", help="a name from `python -m strategies list`")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="CERT", help="certificate file to write")
    parser.add_argument(
        "--price", type=_positive, metavar="MU", help="windows only: billionths of all inputs that one operation must prove"
    )
    parser.add_argument("--operations", type=int, metavar="N", help="windows: at most N operations; loss-boxes: about N boxes times rivals")
    parser.add_argument("--claim", choices=CLAIMS, default="accuracy", help="what to prove (default: accuracy over the reals)")
    parser.add_argument(
        "--margin", type=_margin, metavar="P/Q", help="claim margin: logits by which the answer must lead, such as 1/10 or 1"
    )
    parser.add_argument("--force", action="store_true", help="replace CERT if it exists")
    add_search_options(parser)


def run(options: argparse.Namespace) -> int:
    """Write a verified certificate, or nothing."""
    if options.claim.startswith("loss"):
        return _run_loss(options)
    if options.strategy not in STRATEGIES:
        print(f"there is no strategy {options.strategy!r}; `python -m strategies list` prints them", file=sys.stderr)
        return 2
    chosen = STRATEGIES[options.strategy]
    if options.price is not None or options.operations is not None:
        if options.strategy != "windows" or None not in (options.price, options.operations):
            print("--price or --operations, one of them, goes with --strategy windows", file=sys.stderr)
            return 2
        chosen = windows_at(options.price, "windows") if options.operations is None else windows_within(options.operations)
    if (options.claim == "margin") != (options.margin is not None):
        print("--claim margin and --margin P/Q go together", file=sys.stderr)
        return 2
    limits = limits_of(options)
    if limits is None:
        return 2
    budget = Budget(options.search_seconds, progress=options.progress)
    problem = Problem(options.model, limits, budget, options.margin or Fraction(0))
    try:
        refuse_existing(options.output, force=options.force)
        refused = refusal(problem)
        if refused:
            print(f"nothing was written: {escape(refused)}", file=sys.stderr)
            return 2
        for remark in remarks(problem):
            print(remark, file=sys.stderr)
        proved = prove(problem, chosen, options.output, force=options.force)
    except (OSError, ModelError) as error:
        print(f"cannot read or write: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130
    except ValueError as error:
        print(f"nothing was written: {error}", file=sys.stderr)
        return 2
    except CheckerEnded as error:
        print(f"nothing was written: {error}", file=sys.stderr)
        return 2
    except ProveError as error:
        print(f"nothing was written: {error}", file=sys.stderr)
        return 2 if error.declined else 1
    bound = f"{proved.correct}/{proved.total} ({decimal(proved.correct, proved.total)})"
    ahead = f" with margin > {options.margin}" if options.margin else ""
    print(f"{proved.path}: accuracy{ahead} >= {bound}; search {proved.search_seconds:.2f} s, check {proved.check_seconds:.2f} s")
    if proved.left_out:
        print(f"left out: {proved.left_out}")
    needed = _verify_options(options)
    if needed:
        print(f"verify it with: proofcheck verify {needed}{shlex.quote(str(proved.path))}")
    return 0


def _run_loss(options: argparse.Namespace) -> int:
    """A claim about the mean loss."""
    from strategies import losses

    if options.strategy not in losses.STRATEGIES or options.price is not None or options.margin is not None:
        print(
            f"--claim {options.claim} goes with --strategy {' or '.join(losses.STRATEGIES)}, and with neither price nor margin",
            file=sys.stderr,
        )
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


def _margin(text: str) -> Fraction:
    value = Fraction(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return value


def _verify_options(options: argparse.Namespace) -> str:
    """What `proofcheck verify` needs besides the certificate."""
    model = f"--model {shlex.quote(str(options.model))} " if options.model.is_symlink() else ""
    return model + "".join(f"--limit {shlex.quote(setting)} " for setting in options.limit)
