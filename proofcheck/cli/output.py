"""What `verify` prints about each certificate and about all of them: text, JSON lines, or JUnit's XML.

Text is the verdict grammar of docs/soundness.md: each line begins with `c `, but for one `s ` line for each certificate. In the other two
no line begins with `s `: the verdict line is a value of the report, `line` in JSON, `system-out` in XML.
"""

from __future__ import annotations

import json
import sys
from html import escape as xml_escape
from typing import Protocol

from proofcheck.cli.terminal import painted, width
from proofcheck.escape import escape
from proofcheck.report import Report, Verdict, decimal, describe

_WIDE = 10_000  # columns of what is no terminal: nothing is cut


class Output(Protocol):
    """begin, then `report` for each certificate as it is done, then `end`."""

    def begin(self) -> None: ...

    def report(self, report: Report) -> None: ...

    def end(self, reports: list[Report]) -> None: ...


class Text:
    """For people. quiet: verdict lines only. several: one row for each certificate in place of its details."""

    def __init__(self, *, several: bool, quiet: bool, stats: bool) -> None:
        self._several, self._quiet, self._stats = several, quiet, stats

    def begin(self) -> None:
        if self._several and not self._quiet:
            print(f"c {'verdict':9} {'proved':40} {'seconds':>9}  certificate", flush=True)

    def report(self, report: Report) -> None:
        if not self._quiet:
            lines = [_row(report)] if self._several else [f"c {line}" for line in report.details()]
            if self._stats:
                lines += [
                    f"c   {step.id:24} {step.rule:40} {step.operations:>15,} operations {step.seconds:8.3f} s" for step in report.steps
                ]
            print("\n".join(lines), flush=True)
        if report.error is not None:
            place = f"proofcheck: {escape(report.certificate)}:\n" if self._several else ""
            print(place + "\n".join(describe(report.error)), file=sys.stderr, flush=True)

    def end(self, reports: list[Report]) -> None:
        """The verdict lines in the order of the certificates, then what failed, then how many."""
        for report in reports:
            print(report.line())
        if self._several and not self._quiet:
            for report in reports:
                if report.error is not None:
                    what = painted(f"{report.verdict} {report.error.code}", report.verdict, sys.stdout)
                    print(f"c failed: {what}: {escape(report.certificate)}: {describe(report.error)[0].partition(': ')[2]}")
            print("c " + _summary(reports))


class JsonLines:
    """One JSON object for each certificate, as it is done, and nothing else."""

    def begin(self) -> None:
        pass

    def report(self, report: Report) -> None:
        print(json.dumps(report.as_json(), ensure_ascii=True), flush=True)

    def end(self, reports: list[Report]) -> None:
        pass


class Junit:
    """One test case for each certificate: REJECTED is a failure, DECLINED an error. Written at the end."""

    def begin(self) -> None:
        pass

    def report(self, report: Report) -> None:
        pass

    def end(self, reports: list[Report]) -> None:
        counts = " ".join(
            f'{name}="{sum(report.verdict is verdict for report in reports)}"'
            for name, verdict in (("failures", Verdict.REJECTED), ("errors", Verdict.DECLINED))
        )
        counts = f'tests="{len(reports)}" {counts} time="{sum(report.seconds for report in reports):.3f}"'
        print('<?xml version="1.0" encoding="UTF-8"?>')
        print(f'<testsuites {counts}>\n<testsuite name="proofcheck" {counts}>')
        for report in reports:
            name, line = _xml(report.certificate), _xml(report.line())
            print(f'<testcase classname="proofcheck" name="{name}" time="{report.seconds:.3f}">')
            if report.error is not None:
                kind = "failure" if report.verdict is Verdict.REJECTED else "error"
                lines = [_xml(text) for text in describe(report.error)]
                print(f'<{kind} type="{report.error.code}" message="{lines[0]}">' + "\n".join(lines) + f"</{kind}>")
            print(f"<system-out>{line}</system-out>\n</testcase>")
        print("</testsuite>\n</testsuites>")


def _xml(text: str) -> str:
    """Printable characters alone, none of them markup."""
    return xml_escape(escape(text))


def _summary(reports: list[Report]) -> str:
    return ", ".join(f"{sum(report.verdict is verdict for report in reports)} {verdict.lower()}" for verdict in Verdict)


def _row(report: Report) -> str:
    if report.verdict is Verdict.VERIFIED:
        proved = report.claim if report.proved_words else f"{decimal(report.proved, report.total)} {_counts(report.proved, report.total)}"
    else:
        proved = str(report.error.code) if report.error else ""
    before = f" {proved:40} {report.seconds:7.2f} s  "
    room = width(sys.stdout, _WIDE) - 11 - len(before)
    name = escape(report.certificate)
    name = name if len(name) <= room else "…" + name[-max(8, room - 1) :]
    return f"c {painted(f'{report.verdict:9}', report.verdict, sys.stdout)}{before}{name}"


def _counts(part: int, whole: int) -> str:
    return f"{part}/{whole}" if whole < 10**15 else f"{part:.6e}/{whole:.6e}" if whole < 10**300 else ""
