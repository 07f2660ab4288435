"""A report as HTML, for notebooks: one table, readable without colours, and the steps below it. Every text is escaped twice over."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as html_escape

from proofcheck.decimals import decimal
from proofcheck.escape import escape
from proofcheck.report import Report, Verdict

_MARKS = {Verdict.VERIFIED: ("✓", "#1a7f37"), Verdict.REJECTED: ("✗", "#b42318"), Verdict.DECLINED: ("–", "#8a6100")}


def report_as_html(report: Report) -> str:
    """Verdict, what it is about, the refusal with all of its details, notes, and the steps with their costs."""
    mark, colour = _MARKS[report.verdict]
    title = f"{mark} <b>{report.verdict}</b> {_text(report.claim or report.certificate)}"
    caption = f'<caption style="text-align:left;border-left:0.4em solid {colour};padding-left:0.5em">{title}</caption>'
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left">{name}</th><td style="text-align:left">{_text(text)}</td></tr>'
        for name, text in [*_refusal(report), *_facts(report)]
        if text
    )
    return f"<table>{caption}<tbody>{rows}</tbody></table>{_steps(report)}"


def _refusal(report: Report) -> list[tuple[str, str]]:
    error = report.error
    if error is None:
        return []
    return [
        ("reason", f"{error.code}: {error.message}"),
        ("step", error.step + (f" ({error.rule})" if error.rule else "")),
        ("place", error.path),
        ("expected", error.expected),
        ("found", error.found),
        ("hint", error.hint),
    ]


def _facts(report: Report) -> list[tuple[str, str]]:
    verified = report.verdict is Verdict.VERIFIED
    return [
        ("claimed", report.claim if report.proved_words else f"{report.claimed:,} of {report.total:,} inputs" if report.total else ""),
        ("proved", report.proved_words or (f"{report.proved:,} ({decimal(report.proved, report.total)})" if verified else "")),
        ("exact", f"every input is decided: {report.wrong:,} are answered wrongly" if report.exact else ""),
        ("undecided", f"{report.undecided:,} inputs, counted as wrong" if report.undecided else ""),
        ("certificate", report.certificate),
        ("strategy", f"{report.strategy} (as the certificate calls itself)" if report.strategy else ""),
        ("model", f"{report.model_file} SHA-256 {report.model_sha256}" if report.model_sha256 else ""),
        ("network", report.model_words),
        ("task", report.task),
        ("arithmetic", f"{report.backend}, balls of {report.precision} bits" if report.precision else ""),
        ("trusting", ", ".join(report.trusting)),
        ("note", "; ".join(report.notes)),
        ("cost", f"{report.operations:,} operations, {report.seconds:.2f} s" if report.steps else f"{report.seconds:.2f} s"),
    ]


def _steps(report: Report) -> str:
    if not report.steps:
        return ""
    head = _row("th", ("step", "rule", "operations", "seconds"))
    body = "".join(_row("td", (step.id, step.rule, f"{step.operations:,}", f"{step.seconds:.3f}")) for step in report.steps)
    return f"<details><summary>{len(report.steps)} steps</summary><table><thead>{head}</thead><tbody>{body}</tbody></table></details>"


def _row(cell: str, texts: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{cell}>{_text(text)}</{cell}>" for text in texts) + "</tr>"


def _text(text: str) -> str:
    """Printable characters alone, none of them markup."""
    return html_escape(escape(text))
