"""The page: what is proved, where accuracy is lost, what the network computes, what the proof says and costs."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proofcheck import Report, Verdict
from proofcheck._version import __version__
from proofcheck.cli.main import GUARANTEE
from proofcheck.decimals import decimal
from strategies.report.figures import blocks_figure, cost_figure, frontier_figure, largest_losses, spectrum_figure, table_figure
from strategies.report.gather import Entry, Subject
from strategies.report.inputs import HardInput
from strategies.report.markup import Markup, data, element, joined, lines, table, text, void

ASSETS = Path(__file__).with_name("assets")
LOSSES = 12


class Page:
    """One HTML document under construction: its figures are numbered as they are added.

    library: the element that brings the chart library, from `library.py`.
    """

    def __init__(self, title: str, library: Markup) -> None:
        self._title = title
        self._library = library
        self._figures: dict[str, Any] = {}

    def document(self, *body: Markup) -> str:
        """The whole document."""
        script = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in ("charts.js", "page.js"))
        parts = [
            void("meta", charset="utf-8"),
            void("meta", name="viewport", content="width=device-width, initial-scale=1"),
            void("meta", name="color-scheme", content="light dark"),
            void("link", rel="icon", href="data:,"),
            element("title", self._title),
            Markup(f"<style>{(ASSETS / 'page.css').read_text(encoding='utf-8')}</style>"),
        ]
        footer = element(
            "footer",
            "Verdicts and counts are those of proofcheck ",
            __version__,
            ". Pictures, circuits and logits are computed in float64 for the eye, and prove nothing. "
            "This page needs no network: everything that it shows is in it.",
        )
        return "<!doctype html>\n" + element(
            "html",
            element("head", *parts),
            element(
                "body",
                element("a", "Skip to the content", href="#main", class_="skip"),
                element(
                    "noscript",
                    element("p", "Charts, sorting and filtering need JavaScript; claims, losses and proofs are here without it."),
                ),
                element("main", *body, footer, id="main"),
                Markup(f'<script type="application/json" id="figures">{data(self._figures)}</script>'),
                self._library,
                Markup(f"<script>\n{script}</script>"),
            ),
            lang="en",
        )

    def figure(self, figure: dict[str, Any], title: object, words: str, *, tall: bool = False) -> Markup:
        """A chart with its title, what it shows in words, a line that reads out the point at hand, and the same as a table."""
        name = f"figure-{len(self._figures) + 1}"
        self._figures[name] = figure
        views = _views(name, figure) if figure["kind"] == "blocks" else Markup("")
        return element(
            "figure",
            element("figcaption", element("b", title), " ", words),
            views,
            element(
                "div",
                id=name,
                class_="chart tall" if tall else "chart",
                tabindex="0",
                role="group",
                aria_roledescription="chart",
                aria_label=joined([title, ". ", words, " Arrow keys read it point by point; a table follows."]),
            ),
            element("p", "Point at the chart, or focus it and use the arrow keys.", class_="readout", role="status", id=f"{name}-readout"),
            element("details", element("summary", "As a table"), class_="as-table", data_figure=name),
        )


def certificate_page(entry: Entry, subject: Subject, library: Markup, *, back: str = "") -> str:
    """The page of one certificate."""
    page = Page(f"{entry.report.verdict}: {entry.path.name}", library)
    home = element("nav", element("a", "All certificates", href=back), aria_label="Pages") if back else Markup("")
    head = element("header", home, element("h1", entry.path.name), _verdict(entry.report))
    return page.document(head, *_certificate(page, entry), *_subject(page, subject))


def several_page(entries: Sequence[Entry], subjects: Sequence[tuple[str, Subject]], library: Markup) -> str:
    """One page about several certificates: the index, a frontier for each network, each certificate, each network."""
    page = Page(f"{len(entries)} certificates", library)
    links = {entry.path: f"#certificate-{k + 1}" for k, entry in enumerate(entries)}
    body = list(_index(page, entries, links))
    for k, entry in enumerate(entries):
        summary = element("summary", element("h2", entry.path.name), " ", _badge(entry.report), " ", _short(entry.report))
        inner = joined([_verdict(entry.report), *_certificate(page, entry, level=3)])
        body.append(element("details", summary, inner, class_="certificate", id=f"certificate-{k + 1}"))
    for name, subject in subjects:
        body += _subject(page, subject, f" of {name}" if len(subjects) > 1 else "")
    return page.document(*body)


def index_page(entries: Sequence[Entry], links: dict[Path, str], library: Markup) -> str:
    """The index of a folder of pages."""
    page = Page(f"{len(entries)} certificates", library)
    return page.document(*_index(page, entries, links))


def _index(page: Page, entries: Sequence[Entry], links: dict[Path, str]) -> list[Markup]:
    counts = [f"{sum(entry.report.verdict is verdict for entry in entries)} {verdict.lower()}" for verdict in Verdict]
    rows = [
        (
            element("a", entry.path.name, href=links[entry.path]),
            _badge(entry.report),
            element("span", _proved(entry.report), data_sort=float(entry.report.accuracy)),
            "all decided" if entry.report.exact else "",
            element("span", f"{entry.report.operations:,}" if entry.report.steps else "", data_sort=entry.report.operations),
            element("span", f"{entry.report.seconds:.2f}", data_sort=entry.report.seconds),
            str(entry.report.error.code) if entry.report.error else "",
            entry.report.strategy,
            Path(entry.report.model_file).name,
            entry.report.task,
        )
        for entry in entries
    ]
    head = ("certificate", "verdict", "proved", "exact", "operations", "seconds", "reason", "strategy", "weights", "task")
    field = element(
        "p",
        element("label", "Show only rows with ", void("input", type="search", id="filter", autocomplete="off")),
        " ",
        element("span", f"{len(rows)} of {len(rows)} rows", id="shown", role="status"),
        class_="filter",
    )
    parts = [
        element("header", element("h1", f"{len(entries)} certificates"), element("p", ", ".join(counts))),
        element(
            "section", element("h2", "All certificates"), field, table("Certificates", head, rows, numbers=(2, 4, 5), class_="sortable")
        ),
    ]
    for name, group in groups(entries):
        counted = [entry for entry in group if not entry.report.proved_words]
        if len(counted) > 1:
            figure = page.figure(
                frontier_figure(counted),
                f"{name}: {len(counted)} certificates",
                "Proved accuracy against the operations of the checker; the line joins what nothing cheaper reaches.",
                tall=True,
            )
            parts.append(element("section", element("h2", "The frontier of ", name), figure))
    return parts


def groups(entries: Sequence[Entry]) -> list[tuple[str, list[Entry]]]:
    """Verified certificates about the same network and task, with a name for them."""
    found: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        if entry.report.verdict is Verdict.VERIFIED:
            found.setdefault(entry.subject, []).append(entry)
    return [(Path(group[0].report.model_file).name, group) for group in found.values()]


def _certificate(page: Page, entry: Entry, level: int = 2) -> list[Markup]:
    report, title = entry.report, f"h{level}"
    parts = [element("section", element(title, "The claim"), _facts(entry))]
    if entry.blocks is not None:
        parts.append(element("section", element(title, "Where accuracy is lost"), *_losses(page, entry)))
    parts.append(element("section", element(title, "The proof, step by step"), *_steps(page, entry)))
    guarantee = element("blockquote", *(element("p", lines(part)) for part in GUARANTEE.split("\n\n")))
    where = element("p", "Pages called docs/… are part of proofcheck: of its site, and in share/doc/proofcheck where it is installed.")
    if report.verdict is Verdict.VERIFIED:
        parts.append(element("section", element(title, "What the verdict guarantees"), guarantee, where))
    return parts


def _badge(report: Report) -> Markup:
    return element("span", str(report.verdict), class_=f"badge {report.verdict.lower()}")


def _proved(report: Report) -> str:
    """What was proved, as short as it can be said: an accuracy is rounded down."""
    if report.verdict is not Verdict.VERIFIED:
        return ""
    return report.proved_words or (decimal(report.proved, report.total) if report.total else report.claim)


def _short(report: Report) -> str:
    return str(report.error.code) if report.error else _proved(report)


def _verdict(report: Report) -> Markup:
    if report.error is not None:
        error = report.error
        rows = [("reason", error.code), ("step", f"{error.step} {error.rule}".strip()), ("at", error.path), ("expected", error.expected)]
        rows += [("found", error.found), ("what to try", error.hint)]
        return element(
            "div",
            element("p", _badge(report), " ", element("strong", error.message)),
            element("dl", *(joined([element("dt", name), element("dd", value)]) for name, value in rows if value)),
            class_="verdict",
        )
    if report.proved_words or not report.total:
        claimed = element("p", _badge(report), " ", element("strong", report.claim))
        return element("div", claimed, element("p", "Proved: ", report.proved_words) if report.proved_words else "", class_="verdict")
    left = report.total - report.proved - report.wrong
    parts = [
        ("right", report.proved, "proved right"),
        ("wrong", report.wrong, "proved wrong"),
        ("left", left, "nothing proved, counted as wrong"),
    ]
    bar = element(
        "div",
        *(element("span", class_=name, style=f"flex-grow:{count / report.total:.9f}") for name, count, _ in parts if count),
        class_="share",
        role="img",
        aria_label="; ".join(f"{count:,} inputs {words}" for _, count, words in parts),
    )
    legend = element(
        "ul", *(element("li", element("b", f"{count:,}"), f" {words}", class_=name) for name, count, words in parts), class_="legend"
    )
    number = element("span", "all" if report.proved == report.total else _percent(report), class_="number")
    words = " of all inputs" if report.proved != report.total else " inputs"
    least = "Exactly" if report.exact else "At least"
    sentence = f"{least} {report.proved:,} of {report.total:,} inputs are proved to be answered correctly."
    sentence += " Every input is decided." if report.exact else ""
    return element("div", element("p", _badge(report), " ", number, words), element("p", sentence), bar, legend, class_="verdict")


def _percent(report: Report) -> str:
    return "≥ " + decimal(100 * report.proved, report.total, 4).rstrip("…") + " %"


def _facts(entry: Entry) -> Markup:
    report = entry.report
    rows: list[tuple[str, object]] = [
        ("verdict line", element("code", report.line())),
        ("claim", report.claim),
        ("task", report.task),
        ("network", report.model_words),
        ("weights", report.model_file),
        ("SHA-256", element("code", report.model_sha256) if report.model_sha256 else ""),
        ("strategy", f"{report.strategy} (as the certificate calls itself)" if report.strategy else ""),
        ("arithmetic", f"{report.backend}, balls of {report.precision} bits" if report.precision else ""),
        ("software", ", ".join(report.versions)),
        ("trusting", ", ".join(report.trusting)),
        ("note", "; ".join(report.notes)),
        ("cost", f"{report.operations:,} operations, {report.seconds:.2f} s" if report.steps else ""),
    ]
    return element("dl", *(joined([element("dt", name), element("dd", value)]) for name, value in rows if value))


def _losses(page: Page, entry: Entry) -> list[Markup]:
    blocks = entry.blocks
    assert blocks is not None
    words = (
        "A block is all inputs with one last token (row) and one right answer (column). "
        "Choose what the colour shows; a blank cell has no inputs."
    )
    losses = largest_losses(blocks, LOSSES)
    if not losses:
        return [
            element("p", "Nowhere: every input of every block is proved right."),
            page.figure(blocks_figure(blocks), "Blocks", words, tall=True),
        ]
    lost = sum(row[2] - row[3] for row in losses)
    everything = int((blocks.size - blocks.right).sum())
    share = decimal(100 * lost, everything, 1).rstrip("…")
    some, filled = int((blocks.size - blocks.right > 0).sum()), int((blocks.size > 0).sum())
    sentence = f"{everything:,} inputs are not proved right, in {some:,} of {filled:,} blocks; the table's blocks have {share} % of them."
    return [
        element("p", sentence),
        page.figure(blocks_figure(blocks), "Blocks", words, tall=True),
        table(
            "The blocks that lose most",
            ("last token", "right answer", "inputs", "proved right", "proved wrong", "left open"),
            [[f"{value:,}" for value in row] for row in losses],
            numbers=range(6),
        ),
    ]


def _views(name: str, figure: dict[str, Any]) -> Markup:
    """Radio buttons: what the colour shows. First what says most."""
    size, right, wrong = (sum(int(value) for row in figure[key] for value in row) for key in ("size", "right", "wrong"))
    first = "left" if size > right + wrong else "wrong" if wrong else "right"
    choices = (("left", "left open"), ("wrong", "proved wrong"), ("right", "proved right"))
    radios = (
        element("label", void("input", type="radio", name=f"{name}-view", value=key, checked=key == first), " ", words)
        for key, words in choices
    )
    return element("fieldset", element("legend", "Colour: share of each block that is"), *radios, class_="views", data_figure=name)


def _steps(page: Page, entry: Entry) -> list[Markup]:
    costs = {step.id: step for step in entry.report.steps}
    items = []
    for step in entry.theorems:
        cost = costs.get(step.id)
        spent = f" {cost.operations:,} operations, {cost.seconds:.3f} s" if cost else " not replayed"
        failed = entry.report.error is not None and entry.report.error.step == step.id
        call = f"({', '.join(step.premises)})" + (f" with {', '.join(step.hints)}" if step.hints else "")
        items.append(
            element(
                "li",
                element("b", step.id),
                ": ",
                element("code", step.rule + call),
                element("span", spent, class_="cost"),
                element("strong", " refused here") if failed else "",
                element("details", element("summary", f"The theorem of {step.rule}"), element("pre", lines(inspect.cleandoc(step.text))))
                if step.text
                else "",
            )
        )
    parts = [element("ol", *items, class_="steps")] if items else [element("p", "The file has no steps that could be read.")]
    if entry.report.steps:
        parts.append(page.figure(cost_figure(entry), "Cost by step", "Operations as the checker counts them, on a logarithmic axis."))
    return parts


def _subject(page: Page, subject: Subject, of: str = "") -> list[Markup]:
    parts = []
    if subject.hard:
        parts.append(element("section", element("h2", "The hardest inputs", of), *_hard(subject)))
    if subject.tables:
        intro = element(
            "p",
            "The network is a sum of paths. With q the token that is read and t a token at position i: score = EQKE[q, t] + EQKP[q, i], "
            "and logits = EUPU[q] + Σ attention · (EVOU[t] + PVOU[i]). Values in float64.",
        )
        figures = [
            page.figure(
                table_figure(found), f"{found.name}: {found.title}", f"Rows: {found.rows}; columns: {found.columns}; colour: {found.unit}."
            )
            for found in subject.tables
        ]
        square = [found for found in subject.tables if min(found.values.shape) > 1 and not found.name.startswith(("EQKP", "PVOU"))]
        words = "Of each table of tokens, falling; a steep fall means that a short proof can treat the rest as noise."
        figures.append(page.figure(spectrum_figure(square), "Singular values", words))
        parts.append(element("section", element("h2", "What the network computes", of), intro, element("div", *figures, class_="grid")))
    return parts


def _hard(subject: Subject) -> list[Markup]:
    several = len({name for found in subject.hard for name, _ in found.patterns}) > 1
    intro = element(
        "p",
        "The inputs whose right answer has the least lead over its best rival, one for each block; looked for among ",
        subject.looked,
        ". The verdict of each is proved by the checker's enclosures, beside any certificate.",
    )
    rows = [
        (
            element("code", " ".join(map(str, found.tokens))),
            found.answer,
            element("span", found.verdict, class_=f"badge {'verified' if found.verdict == 'right' else 'rejected'}"),
            f"{found.margin:+.3f}",
            joined(
                (element("code", f"{token}: {logit:.2f}", class_="own" if token == found.answer else None) for token, logit in found.best),
                " ",
            ),
            joined(_pattern(found, name, weights, several) for name, weights in found.patterns),
        )
        for found in subject.hard
    ]
    head = ("input", "right answer", "answered", "lead", "largest logits", "attention to each position")
    return [intro, table("Inputs with the least lead", head, rows, numbers=(1, 3))]


def _pattern(found: HardInput, name: str, weights: Sequence[float], several: bool) -> Markup:
    """The attention of one head as small bars, with the numbers as text."""
    words = f"{name}: " + ", ".join(f"{token} {weight:.0%}" for token, weight in zip(found.tokens, weights, strict=True))
    bars = (element("i", style=f"height:{max(2.0, 100 * weight):.1f}%") for weight in weights)
    label = element("small", name.replace("layer ", "L").replace(" head ", "H")) if several else ""
    return element("span", label, element("span", *bars, class_="bars", role="img", aria_label=words, title=words), class_="pattern")


__all__ = ["certificate_page", "groups", "index_page", "several_page", "text"]
