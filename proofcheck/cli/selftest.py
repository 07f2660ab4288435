"""`proofcheck selftest`: does this installation compute and judge as it should?

Checks the platform's float arithmetic, then the small corpus that is installed with the package: certificates that must verify, with both
backends, and certificates that must be refused with the reason code in their file name.
"""

from __future__ import annotations

import argparse
import sys
from importlib.resources import as_file, files
from pathlib import Path

from proofcheck.arithmetic import platform_failures
from proofcheck.arithmetic.backend import Backend
from proofcheck.cli.main import INTERNAL, OK
from proofcheck.report import Report, Verdict
from proofcheck.verification import verify, versions

_BACKENDS: tuple[Backend, ...] = ("fast", "arb")


def run(options: argparse.Namespace) -> int:
    """Print one line per check; exit code 3 if any fails, for then no verdict of this installation means anything."""
    print("c " + ", ".join(versions()))
    failures = platform_failures()
    print(f"c float64 arithmetic: {'; '.join(failures) or 'rounds to nearest, keeps subnormals'}")
    with as_file(files("proofcheck") / "selftest_corpus") as corpus:
        results = [*_accepted(corpus), *_refused(corpus)]
    for name, problem in results:
        print(f"c {'FAILED' if problem else 'ok':6} {name}{': ' + problem if problem else ''}")
    failed = len(failures) + sum(1 for _, problem in results if problem)
    if failed or not results:
        print(f"selftest: {failed} of {len(results) + 1} checks failed; do not use this installation", file=sys.stderr)
        return INTERNAL
    print(f"selftest: {len(results) + 1} checks passed")
    return OK


def _accepted(corpus: Path) -> list[tuple[str, str]]:
    results = []
    for path in sorted(corpus.glob("accept--*.json")):
        for backend in _BACKENDS:
            report = verify(path, backend=backend)
            exact = report.verdict is Verdict.VERIFIED and report.proved == report.claimed
            results.append((f"{path.stem} ({backend})", "" if exact else _words(report)))
    return results


def _refused(corpus: Path) -> list[tuple[str, str]]:
    """Files are named reject--<reason-code>--<attack>.json."""
    results = []
    for path in sorted(corpus.glob("reject--*.json")):
        report = verify(path)
        wanted = path.stem.split("--")[1]
        refused = report.error is not None and report.error.code.value == wanted
        results.append((path.stem, "" if refused else _words(report)))
    return results


def _words(report: Report) -> str:
    return f"{report.line()}; proved {report.proved}"
