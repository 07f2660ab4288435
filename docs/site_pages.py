"""Pages of the site that are made from code and from the files at the top of the repository, and links and docstrings made fit for Sphinx.

The pages are written for people who read files: links go to files, docstrings are plain text. Nothing of that changes for the site.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TOP = {"CONTRIBUTING.md": "contributing", "SECURITY.md": "security", "CHANGELOG.md": "changelog"}  # file -> page under generated/
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def write(folder: Path) -> None:
    """All made pages, rewritten only where they changed."""
    folder.mkdir(exist_ok=True)
    pages = {f"{page}.md": (ROOT / name).read_text(encoding="utf-8") for name, page in TOP.items()}
    pages |= {"cli.md": command_line(), "api.rst": api(), "rules.md": rules()}
    pages |= {f"{path.stem}.md": notebook(path) for path in (DOCS / "notebooks").glob("*.ipynb")}
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def on_source(app: object, page: str, source: list[str]) -> None:
    """Links of one page: to pages, as they are; to what lies outside the site, as text that names it."""
    here = (DOCS / page).parent
    home = ROOT if page.removeprefix("generated/") in TOP.values() else here  # what links are relative to
    parts = re.split(r"(^```.*?^```|^~~~.*?^~~~)", source[0], flags=re.DOTALL | re.MULTILINE)
    if page == "index":
        parts = [part.replace("\ndecisions\n", f"\ndecisions\n{_unlisted(source[0])}") for part in parts]
    source[0] = "".join(part if k % 2 else _LINK.sub(lambda match: _link(match, home, here), part) for k, part in enumerate(parts))


def _unlisted(index: str) -> str:
    """Pages that the index names in no list: they come last under Explanation."""
    return "".join(f"{page.stem}\n" for page in sorted(DOCS.glob("*.md")) if page.stem != "index" and f"\n{page.stem}\n" not in index)


def _link(match: re.Match[str], home: Path, here: Path) -> str:
    image, words, target = match.groups()
    path, _, anchor = target.partition("#")
    if "://" in target or not path or not (home / path).exists():
        return match.group(0)
    place = (home / path).resolve()
    if place == DOCS / "rules":
        place = DOCS / "generated/rules.md"
    elif place.is_dir():
        place = place / "README.md"
    if place.suffix == ".ipynb":
        place = DOCS / "generated" / f"{place.stem}.md"
    if place.parent == ROOT and place.name in TOP:
        place = DOCS / "generated" / f"{TOP[place.name]}.md"
    inside = place.is_relative_to(DOCS) and place.exists() and place.suffix in (".md", ".svg", ".png", ".json")
    if not inside:
        return words  # a file of the repository: the words name it
    return f"{image}[{words}]({os.path.relpath(place, here)}{'#' * bool(anchor)}{anchor})"


def on_docstring(app: object, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Plain text to reStructuredText: paragraphs whose lines are aligned stay as they are laid out, all others flow."""
    paragraphs = "\n".join(lines).rstrip("\n").split("\n\n")
    lines[:] = [line for paragraph in paragraphs for line in _paragraph(paragraph.splitlines())]


def _paragraph(lines: list[str]) -> list[str]:
    if any(line.startswith(" ") for line in lines):
        return ["::", "", *(f"    {line}" for line in lines), ""]
    return [*(_flowing(line) for line in lines), ""]


def _flowing(line: str) -> str:
    parts = re.split(r"(`[^`]+`)", line)
    return "".join(f"`{part}`" if k % 2 else re.sub(r"([\\*|_`])", r"\\\1", part) for k, part in enumerate(parts))


def notebook(path: Path) -> str:
    """A notebook with the outputs that it was saved with; a test runs it anew."""
    found = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            found.append(text)
            continue
        found.append(f"```python\n{text}\n```")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:
                found.append("```{raw} html\n" + "".join(data["text/html"]) + "\n```")
            elif "image/png" in data:
                picture = "".join(data["image/png"]).replace("\n", "")
                found.append(f'```{{raw}} html\n<img alt="what the cell above draws" src="data:image/png;base64,{picture}">\n```')
            else:
                words = "".join(output.get("text", data.get("text/plain", "")))
                found.append(f"```text\n{words.rstrip()}\n```")
    return "\n\n".join(found) + "\n"


def command_line() -> str:
    """The help of every command."""
    from proofcheck.cli.main import parser

    os.environ["COLUMNS"] = "100"
    found = ["# Command line\n", "The help texts of the programs, as they print them.\n", "## proofcheck\n"]
    found += [_help("proofcheck", parser(), 3)]
    found += [_help(f"proofcheck {name}", command, 3) for name, command in _commands(parser()).items()]
    from strategies.cli.main import COMMANDS

    found.append("## python -m strategies\n")
    found.append("The untrusted side: trains, searches, writes certificates, draws. What it writes is checked.\n")
    for name, (module, summary) in COMMANDS.items():
        command = argparse.ArgumentParser(prog=f"python -m strategies {name}", description=summary)
        try:
            import_module(module).add_arguments(command)
        except ImportError as error:  # torch is not there
            found.append(f"### python -m strategies {name}\n\n{summary}. Its options: `--help`, with the package {error.name} installed.\n")
        else:
            found.append(_help(f"python -m strategies {name}", command, 3))
    return "\n".join(found)


def _help(title: str, command: argparse.ArgumentParser, level: int) -> str:
    return f"{'#' * level} {title}\n\n```text\n{command.format_help().rstrip()}\n```\n"


def _commands(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def api() -> str:
    """The names of `proofcheck` and of the untrusted side that other programs call."""
    import proofcheck

    lines = ["Python", "======", "", "Names of the package ``proofcheck``. Nothing of a strategy is imported by it.", ""]
    functions = [name for name in proofcheck.__all__ if inspect.isfunction(getattr(proofcheck, name))]
    classes = [name for name in proofcheck.__all__ if inspect.isclass(getattr(proofcheck, name))]
    for name in functions:
        lines += [f".. autofunction:: proofcheck.{name}", ""]
    for name in classes:
        private = issubclass(getattr(proofcheck, name), str)  # an enumeration: its members, not those of str
        lines += [f".. autoclass:: proofcheck.{name}", "   :members:", *(["   :undoc-members:"] if private else []), ""]
    return "\n".join(lines)


# rule, or the beginning of rules -> section of Gross et al. 2024; number of a heading of published-strategies.md; lemma, as it is called
# there. All other rules are of this project. Theorems of the paper are cited by what they say: its versions number them differently.
PAPER = {
    "path-expansion": ("3 (three circuits)", "0", "the forward pass in circuits"),
    "enumeration": ("4 (brute-force proof)", "3.1", "Theorem B"),
    "cubic": ("4 (cubic proof)", "3.2", "L1 to L4, and the table Λ of Theorem C"),
    "count-classes": ("4 and appendix (counting)", "3.4", "the count of Theorem C; S5, with (m−g+1)^p"),
    "sum-blocks": ("4 (sum over cases)", "3.3", "Theorem C and S5: classes are disjoint"),
    "direct-path": ("appendix (sub-cubic: direct path)", "2.1", "axis 1, this value"),
    "qk-error": ("appendix (sub-cubic: low-rank QK)", "2.3", "axis 3, this value"),
    "attention-bounds": ("appendix (sub-cubic: attention)", "3.4", "S1, S2"),
    "margin-drop": ("appendix (sub-cubic: largest differences)", "3.4", "S3, S4 with the first formula of axis 2"),
    "margin-mean": ("appendix (sub-cubic: mean query)", "4.1", "S4 by a chord: the second formula of axis 2 is false"),
}
READING = (
    "sum-blocks", "evaluation", "path-expansion", "enumeration", "cubic", "count-classes", "direct-path", "qk-error", "attention-bounds",
    "margin", "separable-partition", "separable-enumeration", "separable-minimum", "separable-early-maximum", "separable-counting",
    "centred-expansion", "separable-windows", "grouped-queries", "rival-tree",
)  # fmt: skip


def rules() -> str:
    """The rules in reading order: section of the paper, theorem, page, file."""
    from proofcheck.rules import RULES

    theorems = json.loads((ROOT / "proofcheck/data/theorems.json").read_text(encoding="utf-8"))

    def place(name: str) -> int:
        return next((k for k, start in enumerate(READING) if name.startswith(start)), len(READING))

    lines = [
        "# Rules in reading order\n",
        "Each rule is a theorem: from facts, with hints that only propose. From the simplest to the newest; its page has the whole proof,",
        "`proofcheck rules NAME` prints the statement. *Paper*: the section of Gross et al. 2024 (arXiv 2406.11779) that the rule makes",
        "rigorous, and the lemma by its name in [the published proofs](../published-strategies.md); empty where a rule is of this project.",
        "*Coq*: the machine-checked theorem in [docs/proofs](../proofs/README.md).\n",
        "| rule | statement | paper: lemma | Coq | file in `proofcheck/rules/` |",
        "|---|---|---|---|---|",
    ]
    for name in sorted(RULES, key=lambda name: (place(name), name)):
        statement = re.sub(r"^Statement \(([^)]*)\).*", r"\1", inspect.cleandoc(RULES[name].theorem).splitlines()[0])
        published = _published(name)
        coq = f"`{theorems[name]['file'].removesuffix('.v')}.{theorems[name]['name']}`"
        file = Path(inspect.getsourcefile(RULES[name].apply) or "").resolve().relative_to(ROOT / "proofcheck/rules").as_posix()
        lines.append(f"| {_page(name)} | {_cell(statement)} | {published} | {coq} | `{file}` |")
    lines += ["", "```{toctree}", ":hidden:", ":glob:", "", "../rules/*", "```", ""]
    return "\n".join(lines)


def _published(rule: str) -> str:
    """Section of the paper, and its lemma as a link to our page about it; "" for a rule of this project."""
    for start, (section, number, lemma) in PAPER.items():
        if rule.startswith(start):
            return f"{section}: [{lemma}](../published-strategies.md#{_anchor(number)})"
    return ""


def _anchor(number: str) -> str:
    """The anchor, as Sphinx and code hosts make it, of the heading with this number. ValueError if there is none."""
    text = (DOCS / "published-strategies.md").read_text(encoding="utf-8")
    found = re.search(rf"^##+ ({re.escape(number)}\.? .*)$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"published-strategies.md has no section {number}")
    return re.sub(r"[^\w\- ]", "", found[1].strip().lower()).replace(" ", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def _page(name: str) -> str:
    """The page of a rule: its own, or its family's, the longest name that fits."""
    pages = sorted((page.stem for page in (DOCS / "rules").glob("*.md")), key=len, reverse=True)
    for page in pages:
        if name.startswith(page.removesuffix("s")) or name == page:
            return f"[`{name}`](../rules/{page}.md)"
    return f"`{name}`"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    write(DOCS / "generated")
