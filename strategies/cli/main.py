"""`proofcheck-strategies COMMAND`, also `python -m strategies`.

A command is a module with `add_arguments(parser)` and `run(options) -> int`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from proofcheck.escape import escape
from strategies.names import suggestion

COMMANDS = {
    "train": ("strategies.models.train", "train a model with the published recipe"),
    "train-or-load": ("strategies.cli.train_or_load", "the file of a trained model: from a cache, or trained into it"),
    "zoo": ("strategies.cli.zoo", "the networks of the published study, with a manifest"),
    "train-network": ("strategies.networks.train", "train a transformer of any options for a finite task"),
    "evaluate": ("strategies.networks.evaluate", "the exhaustive certificate of a transformer"),
    "list": ("strategies.cli.list", "the strategies in families, with cost, advice and short names"),
    "prove": ("strategies.cli.prove", "search for a proof and write a certificate that verifies"),
    "sweep": ("strategies.cli.sweep", "certificates of many strategies for one model"),
    "claims": ("strategies.cli.claims", "what the published programs claim in float32, beside what is proved and true"),
    "ablations": ("strategies.cli.ablations", "exact counts of right answers without some paths of the network"),
    "collect": ("strategies.cli.collect", "the tables of a study from its sweeps"),
    "study": ("strategies.cli.study", "the page and the figures of a study from its tables"),
    "experiment": ("strategies.cli.experiment", "train, analyse and verify an experiment of one's own"),
    "rerun": ("strategies.cli.rerun", "rows of a study searched, verified and compared again"),
    "table": ("strategies.cli.table", "bounds, costs and seconds of certificates"),
    "report": ("strategies.cli.report", "certificates as a page to look at: what is proved, where accuracy is lost, the circuits"),
    "picture": ("strategies.cli.picture", "what the windows of a certificate look at, as a picture"),
    "plot": ("strategies.cli.plot", "proved bound against operations, as a picture"),
}

EXIT_CODES = """\
exit codes:
  0    done
  1    the checker rejected what the strategy wrote; nothing was written
  2    usage, a file that cannot be read or written, a network of another task, or a limit of the checker
  130  interrupted

pages called docs/… are installed in share/doc/proofcheck of this environment"""


EXTRAS = {"torch": "strategies", "sympy": "strategies", "matplotlib": "strategies", "plotly": "report", "distributed": "cluster"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    options = sys.argv[1:] if arguments is None else list(arguments)
    if options and not options[0].startswith("-") and options[0] not in COMMANDS:
        near = suggestion(options[0], COMMANDS)
        print(escape(f"there is no command {options[0][:80]!r}{near}; --help lists the commands"), file=sys.stderr)
        return 2
    try:
        return _run(options)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        extra = f"pip install 'proofcheck-nn[{EXTRAS[package]}]'"
        print(f"`{options[0]}` needs the package {package}, which is not installed: {extra}", file=sys.stderr)
        return 2


def entry() -> None:
    """Console script."""
    sys.exit(main())


def _run(options: list[str]) -> int:
    top = argparse.ArgumentParser(
        prog="python -m strategies" if Path(sys.argv[0]).name == "__main__.py" else "proofcheck-strategies",
        description="Proof strategies: train models, search for proofs, write certificates. Untrusted: proofcheck has the last word.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in options if word in COMMANDS), None)
    if chosen == "evaluate":  # as `proofcheck verify` does, before numpy is loaded
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name == chosen:  # torch is imported only by the command that needs it
            import_module(module).add_arguments(command)
    parsed = top.parse_args(options)
    try:
        return int(import_module(COMMANDS[parsed.command][0]).run(parsed))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
