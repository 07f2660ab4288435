"""Pages that are made by a command are current."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from proofcheck.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def test_the_texts_of_the_package_are_current() -> None:
    done = subprocess.run([sys.executable, str(DOCS / "package_data.py"), "--check"], check=False)
    assert done.returncode == 0, "run python docs/package_data.py"


def test_trusted_lines_are_current() -> None:
    done = subprocess.run([sys.executable, str(DOCS / "trusted_lines.py"), "--check"], check=False)
    assert done.returncode == 0, "run python docs/trusted_lines.py"


def test_trusted_lines_count_code_only() -> None:
    sys.path.insert(0, str(DOCS))
    try:
        from trusted_lines import code_lines
    finally:
        sys.path.remove(str(DOCS))
    assert code_lines('"""doc\n\nstring"""\n\n# comment\nx = (\n    1\n)\n\n\ndef f():\n    """doc"""\n    return x\n') == 5


def test_links_between_pages_lead_somewhere() -> None:
    made = (DOCS / "generated", DOCS / "_build")
    pages = [ROOT / "README.md", *(page for page in DOCS.rglob("*.md") if not any(page.is_relative_to(folder) for folder in made))]
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert not broken


def test_the_run_in_the_readme_is_a_real_one() -> None:
    """Each line, counts included; seconds and versions may differ."""
    (block,) = re.findall(
        r"^```console\n\$ \.venv/verify/bin/proofcheck (.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE
    )
    arguments, _, shown = block.partition("\n")
    done = subprocess.run(
        [sys.executable, "-I", "-m", "proofcheck", *arguments.split()], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert _timeless(done.stdout) == _timeless(shown)


def _timeless(output: str) -> str:
    return re.sub(r"\b\d+(\.\d+)+( s\b|(?=[,;\n]))", "N", output)


def test_every_rule_has_a_page() -> None:
    """A page of its own, or its family's: direct-path.md for direct-path-*, margins.md for margin-*."""
    stems = [page.stem.removesuffix("s") for page in (DOCS / "rules").glob("*.md")]
    assert [name for name in RULES if not any(name.startswith(stem) for stem in stems)] == []


def test_cited_corollaries_are_stated() -> None:
    """Pages, rules and tests cite Corollaries 1 … 5 of Theorem S; its page states and proves each."""
    page = (DOCS / "rules" / "separability.md").read_text()
    stated = dict(re.findall(r"\*\*Corollary (\d) (.*?)(?=\n\*\*Corollary|\n## )", page, flags=re.DOTALL))
    sources = [*DOCS.rglob("*.md"), *(ROOT / "proofcheck").rglob("*.py"), *(ROOT / "strategies").rglob("*.py")]
    cited = {number for path in sources for number in re.findall(r"Corollary (\d)", path.read_text())}
    assert cited == set(stated) == set("12345")
    assert all("*Proof.*" in after and "∎" in after for after in stated.values())


def test_cited_sections_of_the_published_strategies_exist() -> None:
    """`published-strategies.md 2.4`, `… 5.1, 5.2`, `… 2-3`: every number is a heading of the page, and `4.4-C2` stands in its section."""
    page = (DOCS / "published-strategies.md").read_text()
    headings = set(re.findall(r"^#{2,3} (\d(?:\.\d)?)\b", page, flags=re.MULTILINE))
    sources = [path for part in ("proofcheck", "strategies", "tests") for path in (ROOT / part).rglob("*.py") if path != Path(__file__)]
    cited: list[str] = []
    for path in sources:
        for listed in re.findall(r"published-strategies\.md(?:,)? ([0-9][0-9., C-]*)", path.read_text()):
            cited += re.findall(r"\d(?:\.\d)?(?:-C\d)?", listed.rstrip(" .-"))
    assert len(cited) >= 15
    for number in cited:
        section, _, entry = number.partition("-")
        assert section in headings, number
        assert not entry or f"**{entry} " in page or f"**{entry}**" in page, number


def test_the_guarantee_has_one_source() -> None:
    """README, docs/soundness.md and --help say the same."""
    from proofcheck.cli.main import GUARANTEE

    guarantee = " ".join(GUARANTEE.split())
    for page in (ROOT / "README.md", DOCS / "soundness.md"):
        text = " ".join(line.removeprefix(">").strip() for line in page.read_text().splitlines())
        assert guarantee in " ".join(text.split()), page.name
