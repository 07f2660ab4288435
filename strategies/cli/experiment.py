"""`experiment FOLDER -o FOLDER`: train, analyse and verify an experiment of one's own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from proofcheck.report import escape
from strategies.checker import CheckerEnded
from strategies.study.experiment import ExperimentError
from strategies.study.experiment import run as run_experiment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FOLDER, --output, --force."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with train.py, analysis.py and verification.py, as in docs/extending/")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="for weights, findings and certificates")
    parser.add_argument("--force", action="store_true", help="train again")


def run(options: argparse.Namespace) -> int:
    """Exit status 0 if there are certificates and all verified, 1 if the checker refused one, 2 if the folder is no experiment."""
    outcomes = []
    try:
        for outcome in run_experiment(options.folder, options.output, force=options.force):
            outcomes.append(outcome)
            report = outcome.report
            if outcome.file is not None:
                print(f"{outcome.file}: {escape(report['claim'])}, {report['operations']} operations")
            else:
                print(
                    f"{outcome.name}: {report['verdict']} {report['error']['code']}: {escape(report['error']['message'])}", file=sys.stderr
                )
    except (ExperimentError, OSError, CheckerEnded) as error:
        print(f"no experiment: {error}", file=sys.stderr)
        return 2
    if not outcomes:
        print(f"no experiment: {options.folder / 'verification.py'} made no certificate", file=sys.stderr)
        return 2
    return 1 if any(outcome.file is None for outcome in outcomes) else 0
