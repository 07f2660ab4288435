"""Options that `prove` and `sweep` share."""

from __future__ import annotations

import argparse
import math
import sys

from proofcheck import Declined, Limits
from proofcheck.cli.verify import parse_limits
from proofcheck.report import describe
from strategies.budget import DEFAULT_SECONDS


def add_search_options(parser: argparse.ArgumentParser) -> None:
    """--limit, --search-seconds, --progress, --force."""
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a limit of the checker (docs/limits.md), repeatable",
    )
    parser.add_argument(
        "--search-seconds",
        type=_seconds,
        default=DEFAULT_SECONDS,
        metavar="S",
        help=f"longest search of one certificate, 0 for no bound (default {DEFAULT_SECONDS:.0f}); what it leaves out is said",
    )
    parser.add_argument("--progress", action="store_true", help="show progress also where standard error is no terminal")


def limits_of(options: argparse.Namespace) -> Limits | None:
    """The limits asked for; None, after a message, if they are not limits."""
    try:
        return parse_limits(options.limit)
    except Declined as error:
        print("\n".join(describe(error)), file=sys.stderr)
        return None


def _seconds(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return value or math.inf
