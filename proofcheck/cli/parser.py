"""What the command line accepts, and its help. Imports nothing heavy."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from typing import Any, NoReturn

from proofcheck._version import __version__
from proofcheck.escape import escape

GUARANTEE = """\
If `proofcheck verify C` exits 0 and prints `s VERIFIED CLAIM task TASK network NETWORK model sha256:DIGEST ...`, then CLAIM is true of
the network whose weight file has that SHA-256, its numbers read as exact reals and evaluated by the real-number semantics of NETWORK
(architecture, sizes, options; docs/semantics.md), and of the inputs and right answers of TASK. `accuracy >= N/T`: at least N of the T
inputs are answered correctly; `accuracy with margin > d >= N/T`: and with the right logit more than d above every other.
`float accuracy >= N/T of FORMAT runs with ASSUMPTIONS`: at least N inputs are such that every evaluation in that format that conforms to
docs/semantics-float.md with these assumptions answers them correctly.
`mean loss <= R nats over T inputs` (or `>=`): the mean over all T inputs of the cross-entropy −log softmax(logits)[right answer] is at
most (at least) R. This relies on CPython, FLINT, numpy's IEEE-754 arithmetic (not with `--backend arb`), the hardware, the trusted lines
of proofcheck (counted in docs/soundness.md), and the extensions and workers that the line says it trusts. Only a claim about float
accuracy says something about the same weights run in floating point, and no claim says that a program conforms."""

EXIT_CODES = """\
exit codes:
  0    every certificate VERIFIED
  1    some certificate REJECTED (it does not prove its claim, or is malformed)
  2    nothing said: usage, unreadable file, exceeded limit, unsupported version (DECLINED)
  3    internal error
  130  interrupted

pages called docs/… are installed in share/doc/proofcheck of this environment"""

OK, REJECTED, DECLINED, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 130

COMMANDS = {
    "verify": "verify certificates",
    "inspect": "what a certificate says, without checking it",
    "explain": "replay a certificate step by step: each rule's theorem, and its values for this network",
    "wrong": "inputs that the network answers wrongly, each proved to be wrong",
    "rules": "the rules, or one rule's theorem and its machine-checked statement",
    "reason": "what a reason code means, and what to do",
    "selftest": "check this installation: platform arithmetic and a small shipped corpus",
}

_WIDEST = 120
_CERT = "a certificate file, also gzipped, or - for standard input"
_TRUST = "trust the code of an installed extension as that of proofcheck; may be repeated"
_LIMIT = "raise or lower one limit of the checker; may be repeated; a wrong NAME lists them"


class _Parser(argparse.ArgumentParser):
    """Errors of usage quote arguments, and an argument could hold a line that looks like a verdict."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(DECLINED, f"{self.prog}: error: {escape(message)}\n")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = _Parser(
        prog="proofcheck",
        description=_paragraphs("Rigorous verification of certificates about the accuracy of small neural networks.", GUARANTEE),
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"proofcheck {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        _ADD.get(name, _nothing)(commands.add_parser(name, **_described(name, summary)))
    return top


def _described(name: str, summary: str) -> dict[str, Any]:
    more = [_MORE[name]] if name in _MORE else []
    return {
        "help": summary,
        "description": _paragraphs(summary[0].upper() + summary[1:] + ".", *more),
        "epilog": EXIT_CODES,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }


_MORE = {
    "verify": "On standard output there is one verdict line for each certificate, `s VERIFIED …`, `s REJECTED CODE …` or "
    "`s DECLINED CODE …`, in the order given; every other line begins with `c `. Refusals are explained on standard error.\n\n" + GUARANTEE,
    "explain": "What is shown was proved for this network on the way to the verdict, which stands in the last line.",
    "wrong": "Inputs are tried in blocks that the certificate does not prove right, all of them or a random sample. No verdict is given.",
    "reason": "Without a CODE, all codes.",
    "rules": "Without a NAME, all rules.",
}


def _paragraphs(*texts: str) -> str:
    """As wide as the terminal, up to a width that can be read."""
    columns = min(_WIDEST, shutil.get_terminal_size().columns - 2)
    parts = [part for text in texts for part in text.split("\n\n")]
    return "\n\n".join(textwrap.fill(" ".join(part.split()), max(20, columns), break_on_hyphens=False) for part in parts)


def _verify(verify: argparse.ArgumentParser) -> None:
    files = "certificate files, also gzipped; folders, searched at any depth for *.json and *.json.gz; patterns; - for standard input"
    verify.add_argument("certificates", nargs="+", metavar="CERT", help=files)
    about = verify.add_argument_group("what the certificates are about")
    model = "another place of the same weight file; may be repeated: the digests decide which certificate is about which"
    about.add_argument("--model", action="append", metavar="FILE", help=model)
    about.add_argument("--expect-model", metavar="FILE", help="decline certificates about any other weight file than this one")
    about.add_argument("--expect-sha256", metavar="DIGEST", help="the same, by the SHA-256 of the weight file")
    about.add_argument("--expect-task", metavar="WORDS", help="decline other tasks than, for example, 'max-of-k n_ctx=4 d_vocab=64'")
    how = verify.add_argument_group("how they are checked")
    _backend(how)
    how.add_argument("--precision", type=int, metavar="BITS", help="bits of the balls instead of the certificate's")
    jobs = "use N processes (default: 1): for several certificates, or for the inputs of one"
    how.add_argument("--jobs", type=int, default=1, metavar="N", help=jobs)
    dask = "verify on the workers of a Dask cluster, which are then trusted: every verdict line says so"
    how.add_argument("--dask", metavar="ADDRESS", help=dask)
    how.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help=_LIMIT)
    how.add_argument("--trust", action="append", default=[], metavar="NAME", help=_TRUST)
    output = verify.add_argument_group("output")
    form = "text for people (default); json: one object for each certificate and line, and nothing else; junit: XML for CI"
    output.add_argument("--output-format", choices=("text", "json", "junit"), default="text", help=form)
    output.add_argument("--json", action="store_const", dest="output_format", const="json", help="the same as --output-format json")
    progress = "time left of long steps on standard error, also where that is no terminal"
    output.add_argument("--progress", action="store_true", help=progress)
    output.add_argument("--stats", action="store_true", help="text: operations and seconds of each step")
    output.add_argument("--quiet", action="store_true", help="text: verdict lines only")


def _backend(group: argparse._ActionsContainer) -> None:
    words = "fast: float64 intervals, rounded outward (default); arb: balls only, much slower, and no float arithmetic is relied on"
    group.add_argument("--backend", choices=("fast", "arb"), default="fast", help=words)


def _inspect(inspect: argparse.ArgumentParser) -> None:
    inspect.add_argument("certificate", metavar="CERT", help=_CERT)


def _explain(explain: argparse.ArgumentParser) -> None:
    explain.add_argument("certificate", metavar="CERT", help=_CERT)
    explain.add_argument("step", nargs="?", metavar="STEP", help="the id of a step, to show only this one; `proofcheck inspect` lists them")
    explain.add_argument("--model", action="append", metavar="FILE", help="another place of the same weight file; may be repeated")
    explain.add_argument("--trust", action="append", default=[], metavar="NAME", help=_TRUST)


def _wrong(wrong: argparse.ArgumentParser) -> None:
    wrong.add_argument("certificate", metavar="CERT", help=_CERT + "; it need not prove its claim")
    wrong.add_argument("-n", "--number", type=int, default=10, metavar="N", help="how many inputs to show (default: 10)")
    wrong.add_argument("--tries", type=int, default=1 << 17, metavar="N", help="how many inputs to evaluate at most (default: 131072)")
    wrong.add_argument("--model", action="append", metavar="FILE", help="another place of the same weight file; may be repeated")
    _backend(wrong)
    wrong.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help=_LIMIT)
    wrong.add_argument("--trust", action="append", default=[], metavar="NAME", help=_TRUST)
    wrong.add_argument("--json", action="store_true", help="one JSON object for each input and line, with bounds of all logits")


def _rules(rules: argparse.ArgumentParser) -> None:
    rules.add_argument("name", nargs="?", metavar="NAME", help="a rule's name, to print its theorem")


def _reason(reason: argparse.ArgumentParser) -> None:
    reason.add_argument("code", nargs="?", metavar="CODE", help="a code as it stands in a verdict line, such as not-proved")


def _nothing(command: argparse.ArgumentParser) -> None:
    """No arguments."""


_ADD = {"verify": _verify, "inspect": _inspect, "explain": _explain, "wrong": _wrong, "rules": _rules, "reason": _reason}
