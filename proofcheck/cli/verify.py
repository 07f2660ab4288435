"""`proofcheck verify`: which certificates, with which settings; `output` prints. Verdicts come in the order of the arguments."""

from __future__ import annotations

import argparse
import glob
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

from proofcheck.certificate import is_stream, read_regular_file, sha256_hex
from proofcheck.cli.main import DECLINED
from proofcheck.cli.output import JsonLines, Junit, Output, Text
from proofcheck.cli.progress import Progress
from proofcheck.cli.settings import Settings
from proofcheck.cli.terminal import Counter, did_you_mean
from proofcheck.errors import Declined, Reason
from proofcheck.limits import Limits
from proofcheck.report import Report, describe
from proofcheck.verification import Checker, Expected

ENDINGS = (".json", ".json.gz")


def run(options: argparse.Namespace) -> int:
    """Verify all; the exit code is the worst: 1 before 2 before 0."""
    try:
        settings = Settings(options.backend, parse_limits(options.limit), options.precision, tuple(options.trust))
        checker = settings.checker()
        options.certificates = [file for name in options.certificates for file in files_of(name)]
        expected = _expected(options, settings.limits)
    except Declined as error:
        print("\n".join(describe(error)), file=sys.stderr)
        return DECLINED
    several = len(options.certificates) > 1
    output = _output(options, several=several)
    counter = Counter(len(options.certificates))
    reports: list[Report] = []
    output.begin()
    counter.show(0)
    try:
        for report in _reports(options, settings, checker, expected):
            reports.append(report)
            counter.clear()
            output.report(report)
            counter.show(len(reports))
    finally:
        counter.clear()
    output.end(reports)
    sys.stdout.flush()
    codes = {report.exit_code for report in reports}
    return 1 if 1 in codes else 2 if 2 in codes else 0


def _output(options: argparse.Namespace, *, several: bool) -> Output:
    if options.output_format == "json":
        return JsonLines()
    return Junit() if options.output_format == "junit" else Text(several=several, quiet=options.quiet, stats=options.stats)


def files_of(name: str) -> list[str]:
    """A folder's certificates at any depth, but for hidden ones; the files that a pattern matches; else the name itself.

    Declined(usage) for a folder without certificates.
    """
    path = Path(name)
    try:
        if path.is_dir():
            files = [file for ending in ENDINGS for file in path.rglob(f"*{ending}")]
            found = sorted(str(file) for file in files if not any(part.startswith(".") for part in file.relative_to(path).parts))
            if not found:
                raise Declined(Reason.USAGE, f"there are no certificates in {name[:200]}", expected=" or ".join(f"*{e}" for e in ENDINGS))
            return found
        if path.exists() or not glob.has_magic(name):
            return [name]
        return sorted(glob.glob(name, recursive=True)) or [name]  # noqa: PTH207 (as the user wrote it, from the working folder or the root)
    except (OSError, ValueError):  # no name of a file: reading it says so
        return [name]


def parse_limits(settings: list[str]) -> Limits:
    """Limits from NAME=VALUE settings. Raises Declined(usage)."""
    limits = Limits()
    names = [field.name for field in fields(limits)]
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in names or not value.isascii() or not value.isdigit() or len(value) > 30:
            raise Declined(
                Reason.USAGE,
                f"--limit {setting[:80]} is not NAME=VALUE{did_you_mean(name[:80], names) if name not in names else ''}",
                expected=f"an integer for one of {', '.join(names)}",
                found=setting[:80],
            )
        limits = replace(limits, **{name: int(value)})
    return limits


def _expected(options: argparse.Namespace, limits: Limits) -> Expected:
    """What the certificates must be about. Raises Declined: usage, and what reading --expect-model raises."""
    if options.jobs < 1:
        raise Declined(Reason.USAGE, "--jobs must be at least 1", expected="at least 1", found=str(options.jobs))
    if options.dask is not None and options.jobs > 1:
        raise Declined(Reason.USAGE, "--dask and --jobs are two places for the same work", expected="one of them", found="both")
    if len(_streams(options)) > 1:
        raise Declined(Reason.USAGE, "more than one certificate from a stream", found=", ".join(_streams(options))[:200])
    digest: str | None = options.expect_sha256
    if digest is not None and not re.fullmatch("[0-9a-fA-F]{64}", digest):
        raise Declined(Reason.USAGE, "--expect-sha256 is not a SHA-256 digest", expected="64 hexadecimal digits", found=digest[:80])
    if options.expect_model is not None:
        found = sha256_hex(read_regular_file(Path(options.expect_model), "weights_bytes", limits, follow_links=True))
        if digest is not None and found != digest.lower():
            raise Declined(Reason.USAGE, "--expect-model and --expect-sha256 are of two models", expected=digest.lower(), found=found)
        digest = found
    if options.expect_task == "":
        raise Declined(Reason.USAGE, "--expect-task is empty", expected="the words of a task", found="nothing")
    return Expected(digest, options.expect_task)


def _streams(options: argparse.Namespace) -> list[str]:
    return [name for name in options.certificates if is_stream(Path(name))]


def _reports(options: argparse.Namespace, settings: Settings, checker: Checker, expected: Expected) -> Iterator[Report]:
    """Reports in the order of the certificates."""
    models = options.model[0] if options.model and len(options.model) == 1 and len(options.certificates) == 1 else options.model
    jobs = [(name, models, expected) for name in options.certificates]
    if options.dask is not None:
        from proofcheck.cli.cluster import on_cluster

        yield from on_cluster(settings, jobs, options.dask)
        return
    progress = Progress(always=options.progress)
    if options.jobs > 1 and len(jobs) == 1:
        from proofcheck.cli.parallel import end_with_workers
        from proofcheck.cli.pieces import PiecesInProcesses

        end_with_workers()
        with closing(PiecesInProcesses(settings, options.jobs)) as pool, closing(progress):
            report = checker.verify(*jobs[0], progress=progress, pool=pool)
        yield replace(report, blocks=None)
        return
    if options.jobs == 1 or _streams(options):  # a stream is of this process: no worker can read it
        for job in jobs:
            with closing(progress):
                report = checker.verify(*job, progress=progress)
            yield replace(report, blocks=None)  # which this command does not show: many reports stay in memory
        return
    from proofcheck.cli.parallel import in_processes

    yield from in_processes(settings, jobs, options.jobs)
