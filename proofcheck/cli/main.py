"""Dispatch and exit codes. Heavy modules are imported by the commands that need them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper

from proofcheck.cli.isolated import BLAS_THREADS
from proofcheck.cli.parser import COMMANDS, DECLINED, EXIT_CODES, GUARANTEE, INTERNAL, INTERRUPTED, OK, REJECTED, parser
from proofcheck.cli.terminal import did_you_mean
from proofcheck.escape import escape

__all__ = ["DECLINED", "EXIT_CODES", "GUARANTEE", "INTERNAL", "INTERRUPTED", "OK", "REJECTED", "entry", "main", "parser"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 (for as long as the process lives)
    if sys.stdout is None:
        print("proofcheck: there is no standard output to write a verdict to", file=sys.stderr)
        return DECLINED
    try:
        words = sys.argv[1:] if arguments is None else list(arguments)
        unknown = next((word for word in words[:1] if not word.startswith("-") and word not in COMMANDS), None)
        if unknown is not None:
            message = f"there is no command {unknown[:80]!r}{did_you_mean(unknown[:80], list(COMMANDS))}"
            print(f"usage: {escape(message)}; `proofcheck --help` lists the commands", file=sys.stderr)
            return DECLINED
        options = parser().parse_args(words)
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
