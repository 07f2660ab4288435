"""`proofcheck verify`: a `c ` line for each certificate as it is done, then one verdict line for each, in the order given."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

from proofcheck.certificate import is_stream, read_regular_file, sha256_hex
from proofcheck.cli.main import DECLINED
from proofcheck.cli.progress import Progress
from proofcheck.cli.settings import Settings
from proofcheck.errors import Declined, Reason
from proofcheck.escape import escape
from proofcheck.limits import Limits
from proofcheck.report import Report, Verdict, decimal, describe
from proofcheck.verification import Checker, Expected


def run(options: argparse.Namespace) -> int:
    """Verify all; the exit code is the worst: 1 before 2 before 0."""
    try:
        settings = Settings(options.backend, parse_limits(options.limit), options.precision, tuple(options.trust))
        checker = settings.checker()
        expected = _expected(options, settings.limits)
    except Declined as error:
        print("\n".join(describe(error)), file=sys.stderr)
        return DECLINED
    reports = []
    several = len(options.certificates) > 1
    if several and not options.quiet:
        print(f"c {'verdict':9} {'proved':40} {'seconds':>9}  certificate", flush=True)
    for report in _reports(options, settings, checker, expected):
        reports.append(report)
        if not options.quiet:
            print("\n".join(_comment(report, options, several=several)), flush=True)
        if report.error is not None:
            place = f"proofcheck: {escape(report.certificate)}:\n" if several else ""
            print(place + "\n".join(describe(report.error)), file=sys.stderr, flush=True)
        _progress(len(reports), len(options.certificates))
    if several and not options.quiet:
        print(_summary(reports))
    for report in reports:
        print(report.line())
    sys.stdout.flush()
    codes = {report.exit_code for report in reports}
    return 1 if 1 in codes else 2 if 2 in codes else 0


def parse_limits(settings: list[str]) -> Limits:
    """Limits from NAME=VALUE settings. Raises Declined(usage)."""
    limits = Limits()
    names = [field.name for field in fields(limits)]
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in names or not value.isascii() or not value.isdigit() or len(value) > 30:
            raise Declined(
                Reason.USAGE,
                f"--limit {setting[:80]} is not NAME=VALUE",
                expected=f"an integer for one of {', '.join(names)}",
                found=setting[:80],
            )
        limits = replace(limits, **{name: int(value)})
    return limits


def _expected(options: argparse.Namespace, limits: Limits) -> Expected:
    """What the certificates must be about. Raises Declined: usage, and what reading --expect-model raises."""
    if options.jobs < 1:
        raise Declined(Reason.USAGE, "--jobs must be at least 1", expected="at least 1", found=str(options.jobs))
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


def _comment(report: Report, options: argparse.Namespace, *, several: bool) -> list[str]:
    """The `c ` lines of one report."""
    lines = [_row(report)] if several else _details(report)
    if options.stats:
        lines += [f"c   {step.id:24} {step.rule:40} {step.operations:>15,} operations {step.seconds:8.3f} s" for step in report.steps]
    if options.json:
        lines.append("c json " + json.dumps(report.as_json(), ensure_ascii=True))
    return lines


def _summary(reports: list[Report]) -> str:
    counts = {verdict: sum(report.verdict is verdict for report in reports) for verdict in Verdict}
    return "c " + ", ".join(f"{count} {verdict.lower()}" for verdict, count in counts.items())


def _row(report: Report) -> str:
    name = escape(Path(report.certificate).name)
    if report.verdict is Verdict.VERIFIED:
        proved = report.claim if report.proved_words else f"{decimal(report.proved, report.total)} {_counts(report.proved, report.total)}"
    else:
        proved = str(report.error.code) if report.error else ""
    return f"c {report.verdict:9} {proved:40} {report.seconds:7.2f} s  {name}"


def _counts(part: int, whole: int) -> str:
    return f"{part}/{whole}" if whole < 10**15 else f"{part:.6e}/{whole:.6e}" if whole < 10**300 else ""


def _details(report: Report) -> list[str]:
    lines = [f"c certificate {escape(report.certificate)}"]
    if report.model_sha256:
        lines += [
            f"c model       {escape(report.model_file)} SHA-256 {report.model_sha256}",
            f"c network     {escape(report.model_words)}",
            f"c task        {escape(report.task)}",
            f"c strategy    {escape(report.strategy)} (as the certificate calls itself)",
            f"c arithmetic  {report.backend}, balls of {report.precision} bits; {', '.join(report.versions)}",
        ]
    if report.verdict is Verdict.VERIFIED:
        lines += [f"c note        {escape(note)}" for note in report.notes]
        lines.append(f"c proved      {report.proved_words or f'{report.proved} of {report.total} inputs'}")
        if report.exact:
            lines.append(f"c exact       every input is decided: {report.wrong} are answered wrongly")
        if report.undecided:
            lines.append(f"c undecided   {report.undecided} inputs, counted as wrong")
        lines.append(f"c cost        {report.operations} operations, {report.seconds:.2f} s")
    return lines


def _progress(done: int, total: int) -> None:
    if total > 1 and sys.stderr.isatty():
        print(f"\r{done}/{total} verified" + ("\n" if done == total else ""), end="", file=sys.stderr, flush=True)
