"""Pages in headless Chromium: no error on the console, the right counts under the pointer and under the arrow keys, room on any screen.

Skipped where playwright or Chromium is missing; with PROOFCHECK_NEED_BROWSER set, as .ci/run does, that is a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from proofcheck import Checker
from strategies.cli.main import main
from strategies.models.forward import right
from strategies.models.load import load
from strategies.report.gather import read
from tests.report.test_report_pages import CERTIFICATES, CUBIC, EXACT, REFERENCE, REFUSED, hostile

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), "")


def missing(what: str) -> None:
    if os.environ.get("PROOFCHECK_NEED_BROWSER"):
        pytest.fail(f"{what} is needed here")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright")
    if not CHROMIUM:
        missing("Chromium")
    with sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One certificate, several, and a folder of pages."""
    pytest.importorskip("plotly")
    folder = tmp_path_factory.mktemp("pages")
    assert main(["report", str(CUBIC), "-o", str(folder / "one.html")]) == 0
    several = [str(path) for path in (EXACT, CUBIC, REFUSED, hostile(folder))]
    assert main(["report", *several, "-o", str(folder / "several.html")]) == 0
    assert main(["report", *several, "-o", str(folder / "site")]) == 0
    return folder


class Tab:
    """A page that collects what goes wrong."""

    def __init__(self, browser: Any, path: Path, width: int = 1440, scheme: str = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on(
            "request", lambda request: self.wrong.append(request.url) if not request.url.startswith(("file:", "data:", "blob:")) else None
        )
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready=yes]", state="attached", timeout=120_000)

    def drawn(self, figure: str) -> Any:
        """The chart, in view and drawn."""
        chart = self.page.locator(f"#{figure}")
        chart.scroll_into_view_if_needed()
        self.page.wait_for_function("name => drawn.has(name)", arg=figure, timeout=60_000)
        return chart

    def close(self) -> None:
        self.page.close()
        assert self.wrong == []


def truth(q: int, y: int) -> tuple[str, str]:
    """How the page names a block of max-of-4, and the number of its inputs that the network answers right, by its forward pass."""
    tokens = torch.cartesian_prod(*[torch.arange(y + 1)] * 3, torch.tensor([q]))
    tokens = tokens[tokens.amax(1) == y]
    correct = int(right(load(REFERENCE), tokens).sum())
    return f"Last token {q}, right answer {y}: {len(tokens):,} inputs", f"proved right {correct:,} ("


def test_pointer_and_keys_read_the_right_counts(browser: Any, pages: Path) -> None:
    """Of a proof that decides every input, so that the counts are the network's own."""
    output = pages / "exact.html"
    assert main(["report", str(EXACT), "-o", str(output), "--hard-inputs", "0"]) == 0
    tab = Tab(browser, output)
    chart, readout = tab.drawn("figure-1"), tab.page.locator("#figure-1-readout")
    place = tab.page.evaluate(
        """([q, y]) => {
            const chart = document.getElementById("figure-1"), box = chart.getBoundingClientRect(), { xaxis, yaxis } = chart._fullLayout;
            return [box.left + xaxis._offset + xaxis.d2p(y), box.top + yaxis._offset + yaxis.d2p(q)];
        }""",
        [2, 5],
    )
    tab.page.mouse.move(*place)
    tab.page.wait_for_function("() => document.getElementById('figure-1-readout').textContent.startsWith('Last')")
    block, count = truth(2, 5)
    assert readout.inner_text().startswith(block)
    assert count in readout.inner_text()
    assert count in tab.page.locator("#figure-1 .hoverlayer").text_content()
    chart.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
        tab.page.keyboard.press(key)
    block, count = truth(3, 7)
    assert readout.inner_text().startswith(block)
    assert count in readout.inner_text()
    tab.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_nothing_is_wider_than_the_screen(browser: Any, pages: Path, width: int, scheme: str) -> None:
    for name in ("one.html", "several.html", "site/index.html"):
        tab = Tab(browser, pages / name, width, scheme)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        ground = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(13, 17, 23)") == (scheme == "dark")
        tab.close()


def test_every_chart_is_drawn_and_has_its_table(browser: Any, pages: Path) -> None:
    tab = Tab(browser, pages / "one.html")
    names = tab.page.evaluate("Object.keys(FIGURES)")
    assert len(names) >= 7
    for name in names:
        tab.drawn(name)
        assert tab.page.locator(f"#{name} .main-svg").count() > 0
    rows = tab.page.evaluate(
        """() => { const twin = document.querySelector('.as-table'); twin.open = true; twin.dispatchEvent(new Event('toggle'));
                   return [...twin.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.textContent)); }"""
    )
    assert len(rows) == 64 * 65 // 2  # the blocks that have inputs
    blocks = read(CUBIC, Checker()).blocks
    assert blocks is not None
    for q, y, *counts in rows:
        parts = (blocks.size, blocks.right, blocks.wrong, blocks.left)
        assert counts == [f"{part[int(q), int(y)]:,}" for part in parts]
    tab.close()


def test_colours_can_be_chosen_and_follow_the_scheme(browser: Any, pages: Path) -> None:
    tab = Tab(browser, pages / "one.html")
    tab.drawn("figure-1")
    before = tab.page.evaluate("document.getElementById('figure-1').data[0].z[3][9]")
    tab.page.locator(".views input[value=right]").check()
    after = tab.page.evaluate("document.getElementById('figure-1').data[0].z[3][9]")
    assert before**4 + after**4 == pytest.approx(1)  # what is not proved right is open in this proof
    tab.page.emulate_media(color_scheme="dark")
    tab.page.wait_for_function("() => document.getElementById('figure-1')._fullLayout.paper_bgcolor === '#0d1117'")
    tab.close()


@pytest.mark.parametrize("name", ["several.html", "site/index.html"])
def test_index_sorts_and_filters(browser: Any, pages: Path, name: str) -> None:
    tab = Tab(browser, pages / name)
    table = tab.page.locator("table.sortable")
    table.get_by_role("button", name="operations").click()
    operations = [int(text.replace(",", "") or 0) for text in table.locator("tbody tr td:nth-child(5)").all_inner_texts()]
    assert operations == sorted(operations)
    table.get_by_role("button", name="operations").click()
    assert table.locator("th[aria-sort=descending]").count() == 1
    tab.page.locator("#filter").fill("REJECTED")
    assert table.locator("tbody tr:visible").count() == 1
    assert tab.page.locator("#shown").inner_text() == "1 of 4 rows"
    assert tab.page.evaluate("window.taken === undefined")
    tab.close()


def test_links_open_what_they_name(browser: Any, pages: Path) -> None:
    tab = Tab(browser, pages / "several.html")
    tab.page.locator("table.sortable a", has_text="cubic").first.click()
    assert tab.page.evaluate("document.getElementById('certificate-2').open")
    tab.close()
    tab = Tab(browser, pages / "site/index.html")
    tab.page.locator("table.sortable a", has_text="img").first.click()
    tab.page.wait_for_selector("html[data-ready=yes]", state="attached")
    assert "img src=x" in tab.page.locator("h1").inner_text()
    assert tab.page.evaluate("window.taken === undefined")
    tab.close()


def test_print_has_every_chart_on_white(browser: Any, pages: Path) -> None:
    tab = Tab(browser, pages / "several.html", scheme="dark")
    assert tab.page.pdf().startswith(b"%PDF")
    tab.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert tab.page.evaluate("Object.keys(FIGURES).every(name => document.querySelector(`#${name} .main-svg`))")
    grounds = "[...new Set(Object.keys(FIGURES).map(name => document.getElementById(name)._fullLayout.paper_bgcolor))]"
    assert tab.page.evaluate(grounds) == ["#ffffff"]
    tab.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert tab.page.evaluate(grounds) == ["#0d1117"]
    tab.close()


def test_a_network_of_any_task_has_a_page(browser: Any, pages: Path) -> None:
    """A transformer with an MLP and another task: blocks and hard inputs, no circuits."""
    output = pages / "modular.html"
    assert main(["report", str(CERTIFICATES / "networks/token-at.json"), "-o", str(output)]) == 0
    tab = Tab(browser, output)
    tab.drawn("figure-1")
    assert tab.page.get_by_role("heading", name="Where accuracy is lost").count() == 1
    assert tab.page.get_by_role("heading", name="The hardest inputs").count() == 1
    tab.close()
