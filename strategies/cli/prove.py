"""`prove MODEL --strategy NAME -o CERT`."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from safetensors import SafetensorError

from proofcheck import ProofcheckError
from proofcheck.report import decimal, describe, escape
from proofcheck.rules.reading import BINARY32, BINARY32_STAGES, BINARY64, FORMATS, FloatFormat, FloatRun
from strategies.budget import Budget
from strategies.checker import CheckerEnded
from strategies.cli.options import add_search_options, limits_of
from strategies.cli.prove_loss import CLAIMS as LOSS_CLAIMS
from strategies.cli.prove_loss import run as run_loss
from strategies.emit import ProveError, prove, refuse_existing
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.shared_windows import shared_windows_at
from strategies.max_of_k.strategy import Problem, Strategy
from strategies.max_of_k.windows import windows_at, windows_within
from strategies.models.load import ModelError
from strategies.names import EVALUATION, UnknownStrategy, full_name
from strategies.networks.float_claims import FORMATS as TRANSFORMER_FORMATS
from strategies.proving import prove as prove_anything
from strategies.suitability import refusal, remarks

TAU = Fraction(1, 2**13)  # of exponentials in binary32
STAGES = {name: (found, TAU) for name, found in FORMATS.items() if found.short is not None}
FLOAT_CLAIMS = {"float32": (BINARY32, TAU), "float64": (BINARY64, Fraction(1, 2**40)), **STAGES}
CLAIMS = ("accuracy", "margin", *FLOAT_CLAIMS, *LOSS_CLAIMS)
KAPPA = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --strategy, --output, --force and the options of a search."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="safetensors file")
    parser.add_argument("--strategy", required=True, metavar="NAME", help="a name or alias from `list`, or a published name")
    parser.add_argument(
        "--task",
        metavar="WORDS",
        help="with --strategy evaluation: the task as reports print it, or as JSON with the fields of a certificate (default: the file's)",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="CERT", help="certificate file to write")
    parser.add_argument(
        "--price",
        type=_positive,
        metavar="MU",
        help="(shared-)windows only: billionths of all inputs that one operation must prove",
    )
    parser.add_argument("--operations", type=int, metavar="N", help="windows: at most N operations; loss-boxes: about N boxes times rivals")
    parser.add_argument("--claim", choices=CLAIMS, default="accuracy", help="what to prove (default: accuracy over the reals)")
    parser.add_argument(
        "--margin", type=_margin, metavar="P/Q", help="claim margin: logits by which the answer must lead, such as 1/10 or 1"
    )
    parser.add_argument(
        "--roundings",
        type=int,
        metavar="N",
        help="claims about floats: roundings of a term, in stages those of one stage (default: more than a plain evaluation needs)",
    )
    parser.add_argument("--tau", type=Fraction, metavar="P/Q", help="claims about floats: error of exponentials, and of activations")
    parser.add_argument("--force", action="store_true", help="replace CERT if it exists")
    add_search_options(parser)


def run(options: argparse.Namespace) -> int:
    """Write a verified certificate, or nothing."""
    if options.claim in LOSS_CLAIMS:
        return run_loss(options)
    if options.strategy == EVALUATION:
        if options.claim not in ("accuracy", "margin", *TRANSFORMER_FORMATS):
            print(f"--strategy {EVALUATION} proves --claim accuracy, margin, float32 or float64", file=sys.stderr)
            return 2
        return _evaluate(options) if _margin_fits(options) else 2
    if options.task is not None:
        print("--task goes with --strategy evaluation; the other strategies are about Max-of-K", file=sys.stderr)
        return 2
    try:
        options.strategy = full_name(options.strategy)
    except UnknownStrategy as error:
        print(error, file=sys.stderr)
        return 2
    chosen = STRATEGIES[options.strategy]
    if options.price is not None or options.operations is not None:
        chosen = _along_the_price(options)
        if chosen is None:
            print("--price goes with --strategy windows or shared-windows, --operations with windows; not both", file=sys.stderr)
            return 2
    if not _margin_fits(options):
        return 2
    limits = limits_of(options)
    if limits is None:
        return 2
    budget = Budget(options.search_seconds, progress=options.progress)
    problem = Problem(options.model, limits, budget, options.margin or Fraction(0))
    problem = replace(problem, run=_run(options, problem))
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
    kind = "accuracy" if problem.run is None else f"{problem.run.format.name} accuracy"
    print(f"{proved.path}: {kind}{ahead} >= {bound}; search {proved.search_seconds:.2f} s, check {proved.check_seconds:.2f} s")
    if proved.left_out:
        print(f"left out: {proved.left_out}")
    needed = _verify_options(options)
    if needed:
        print(f"verify it with: proofcheck verify {needed}{shlex.quote(str(proved.path))}")
    return 0


def _along_the_price(options: argparse.Namespace) -> Strategy | None:
    """The strategy at a price or within a number of operations, None if it has none."""
    if options.operations is None and options.strategy in ("windows", "shared-windows"):
        return (windows_at if options.strategy == "windows" else shared_windows_at)(options.price, options.strategy)
    if options.price is None and options.strategy == "windows":
        return windows_within(options.operations)
    return None


def _run(options: argparse.Namespace, problem: Problem) -> FloatRun | None:
    """Which evaluations the claim is about."""
    if options.claim not in FLOAT_CLAIMS:
        return None
    kind, tau = FLOAT_CLAIMS[options.claim]
    return FloatRun(kind, options.roundings or default_roundings(kind, problem), options.tau or tau, KAPPA)


def default_roundings(kind: FloatFormat, problem: Problem) -> int:
    """More than a plain evaluation needs; with a short format each may be a truncation, as in accumulators of accelerators."""
    sizes = problem.dimensions
    if kind.short is None:
        return 2 * sizes.d_model + sizes.d_head + 3 * sizes.n_ctx + 40
    one_stage = max(sizes.d_model, sizes.d_head) + 2 * sizes.n_ctx + 8
    return one_stage if kind == BINARY32_STAGES else 2 * one_stage


def _evaluate(options: argparse.Namespace) -> int:
    """Every input, of any network and task."""
    limits = limits_of(options)
    if limits is None:
        return 2
    try:
        proof = prove_anything(
            options.model,
            options.task,
            EVALUATION,
            claim=options.claim,
            margin=options.margin,
            roundings=options.roundings,
            tau=options.tau,
            output=options.output,
            limits=limits,
            force=options.force,
        )
    except ProveError as error:
        print(escape(f"nothing was written: {error}"), file=sys.stderr)
        return 2 if error.declined else 1
    except ProofcheckError as error:
        print("\n".join(["nothing was written:", *describe(error)]), file=sys.stderr)
        return 2
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        print(escape(f"nothing was written: {error}"), file=sys.stderr)
        return 2
    report = proof.report
    bound = f"{report.proved}/{report.total} ({decimal(report.proved, report.total)})"
    kind = f"{FLOAT_CLAIMS[options.claim][0].name} accuracy" if options.claim in FLOAT_CLAIMS else "accuracy"
    kind += f" with margin > {options.margin}" if options.margin else ""
    print(f"{options.output}: {kind} >= {bound}; check {report.seconds:.2f} s")
    return 0


def _margin_fits(options: argparse.Namespace) -> bool:
    fits = (options.claim == "margin") == (options.margin is not None)
    if not fits:
        print("--claim margin and --margin P/Q go together", file=sys.stderr)
    return fits


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
