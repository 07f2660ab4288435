"""Arguments, dispatch and exit codes. Heavy modules are imported by the commands that need them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

from proofcheck._version import __version__
from proofcheck.cli.isolated import BLAS_THREADS
from proofcheck.escape import escape

GUARANTEE = """\
If `proofcheck verify C` exits 0 and prints `s VERIFIED CLAIM task TASK network NETWORK model sha256:DIGEST ...`, then CLAIM is true of
the network whose weight file has that SHA-256, its numbers read as exact reals and evaluated by the real-number semantics of NETWORK
(architecture, sizes, options; docs/semantics.md), and of the inputs and right answers of TASK. `accuracy >= N/T`: at least N of the T
inputs are answered correctly. `mean loss <= R nats over T inputs` (or `>=`): the mean over all T inputs of the cross-entropy
−log softmax(logits)[right answer] is at most (at least) R. This relies on CPython, FLINT, numpy's IEEE-754 arithmetic (not with
`--backend arb`), the hardware, the trusted lines of proofcheck (counted in docs/soundness.md), and those of the extensions that the
line says it trusts. It says nothing about the same weights run in floating point."""

EXIT_CODES = """\
exit codes:
  0    every certificate VERIFIED
  1    some certificate REJECTED (it does not prove its claim, or is malformed)
  2    nothing said: usage, unreadable file, exceeded limit, unsupported version (DECLINED)
  3    internal error
  130  interrupted"""

OK, REJECTED, DECLINED, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 130


class _Parser(argparse.ArgumentParser):
    """Errors of usage quote arguments, and an argument could hold a line that looks like a verdict."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(DECLINED, f"{self.prog}: error: {escape(message)}\n")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = _Parser(
        prog="proofcheck",
        description="Rigorous verification of certificates about the accuracy of small neural networks.\n\n" + GUARANTEE,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"proofcheck {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_verify(commands)
    inspect = commands.add_parser("inspect", help="what a certificate says, without checking it")
    inspect.add_argument("certificate")
    explain = commands.add_parser("explain", help="replay a certificate step by step, with each rule's theorem")
    explain.add_argument("certificate")
    explain.add_argument("step", nargs="?", help="only this step")
    explain.add_argument("--model", metavar="FILE", help="another place of the same weight file")
    explain.add_argument("--trust", action="append", default=[], metavar="NAME", help="trust the code of an installed extension")
    _add_wrong(commands)
    rules = commands.add_parser("rules", help="the rules, or one rule's theorem")
    rules.add_argument("name", nargs="?")
    commands.add_parser("selftest", help="check this installation: platform arithmetic and a small shipped corpus")
    return top


def _add_verify(commands: argparse._SubParsersAction[_Parser]) -> None:
    verify = commands.add_parser(
        "verify",
        help="verify certificates",
        description="Verify certificates; the last line of stdout for each is its verdict.\n\n" + GUARANTEE,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verify.add_argument("certificates", nargs="+", metavar="CERT", help="certificate files, also gzipped; - for standard input")
    verify.add_argument(
        "--model",
        action="append",
        metavar="FILE",
        help="another place of the same weight file; may be repeated: the digests decide which certificate is about which",
    )
    verify.add_argument("--expect-model", metavar="FILE", help="decline certificates about any other weight file than this one")
    verify.add_argument("--expect-sha256", metavar="DIGEST", help="the same, by the SHA-256 of the weight file")
    verify.add_argument("--expect-task", metavar="WORDS", help="decline other tasks than, for example, 'max-of-k n_ctx=4 d_vocab=64'")
    verify.add_argument("--backend", choices=("fast", "arb"), default="fast", help="float64 intervals, or balls only (slow)")
    verify.add_argument("--precision", type=int, metavar="BITS", help="bits of the balls instead of the certificate's")
    verify.add_argument("--jobs", type=int, default=1, metavar="N", help="use N processes: several certificates, or one's inputs")
    verify.add_argument("--progress", action="store_true", help="time left of long steps on stderr, also where that is no terminal")
    verify.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help="raise or lower one limit (see docs/limits.md)")
    verify.add_argument("--trust", action="append", default=[], metavar="NAME", help="trust the code of an installed extension")
    verify.add_argument("--json", action="store_true", help="one JSON report per line before the verdicts, each behind `c `")
    verify.add_argument("--stats", action="store_true", help="operations and seconds of each step")
    verify.add_argument("--quiet", action="store_true", help="verdict lines only")


def _add_wrong(commands: argparse._SubParsersAction[_Parser]) -> None:
    wrong = commands.add_parser("wrong", help="inputs that the network answers wrongly, each proved to be wrong")
    wrong.add_argument("certificate", metavar="CERT", help="a certificate about the network and the task; it need not prove its claim")
    wrong.add_argument("-n", "--number", type=int, default=10, metavar="N", help="how many inputs to show (default: 10)")
    wrong.add_argument("--tries", type=int, default=1 << 17, metavar="N", help="how many inputs to evaluate at most (default: 131072)")
    wrong.add_argument("--model", metavar="FILE", help="another place of the same weight file")
    wrong.add_argument("--backend", choices=("fast", "arb"), default="fast", help="float64 intervals, or balls only (slow)")
    wrong.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help="raise or lower one limit")
    wrong.add_argument("--trust", action="append", default=[], metavar="NAME", help="trust the code of an installed extension")
    wrong.add_argument("--json", action="store_true", help="one JSON object for each input, with bounds of all logits")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 (for as long as the process lives)
    if sys.stdout is None:
        print("proofcheck: there is no standard output to write a verdict to", file=sys.stderr)
        return DECLINED
    try:
        options = parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], int] = import_module(f"proofcheck.cli.{options.command}").run
        status = command(options)
        sys.stdout.flush()  # here, where a closed pipe is caught
        return status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:  # files are read elsewhere, so this is output: a closed pipe, a full disk
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more can be said
        if not isinstance(error, BrokenPipeError):
            print(f"proofcheck: cannot write the output: {error.strerror}", file=sys.stderr)
        return DECLINED
    except MemoryError:
        print("limit-exceeded: the memory of this process ran out", file=sys.stderr)
        return DECLINED
    except Exception:  # a bug: said so, never a verdict
        import traceback

        for line in traceback.format_exc().splitlines():
            print(f"| {escape(line)}", file=sys.stderr)  # no text of a file or argument begins a line
        print("proofcheck: internal error; please report it with the traceback above", file=sys.stderr)
        return INTERNAL


def entry() -> None:
    """Console script."""
    for name in BLAS_THREADS:
        os.environ.setdefault(name, "1")  # before numpy: products are small, and threads of a library spin while they wait
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without the dots of a verdict line is no internal error
    sys.exit(main())
