"""What is released: a wheel that verifies alone, a source distribution with docs and tests, and help that names only what is installed."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from proofcheck.cli.rules import statement, theorem
from proofcheck.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("flint", "python_flint.libs", "numpy", "numpy.libs", "safetensors")  # all that the checker imports
SKIPPED = shutil.ignore_patterns(
    ".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", "_build", "generated", "reject", "zoo", "inflation", "*cache*"
)


def build(folder: Path, kind: str) -> Path:
    """The archive, built by the backend of pyproject.toml from a copy of the source."""
    if int(version("setuptools").split(".")[0]) < 77:
        pytest.skip("needs setuptools from 77 on")
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=SKIPPED)
    code = f"import sys; from setuptools.build_meta import build_{kind} as build; print(build(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=source, check=True, capture_output=True)
    return next(folder.glob("*.whl" if kind == "wheel" else "*.tar.gz"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel and, of all other packages, only what the checker needs."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build(folder, "wheel")
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.startswith(("tests", "docs", "certificates"))]
    environment, others = folder / "environment", folder / "others"
    venv.create(environment, with_pip=False)
    others.mkdir()
    for name in NEEDED:
        found = Path(importlib.import_module("numpy").__file__ or "").parents[1] / name
        if found.exists():
            (others / name).symlink_to(found)
    site = next(environment.glob("lib/python*/site-packages"))
    (site / "others.pth").write_text(f"{others}\n")
    command = [sys.executable, "-m", "pip", "--python", str(environment), "install", "--no-index", "--no-deps", "--quiet", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return environment


def run(environment: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([environment / "bin/proofcheck", *arguments], capture_output=True, text=True, cwd=environment, check=False)


def test_the_wheel_alone_verifies(installed: Path) -> None:
    without = subprocess.run([installed / "bin/python", "-c", "import torch"], capture_output=True, check=False)
    assert without.returncode != 0
    done = run(installed, "verify", str(ROOT / "certificates/accept/max-of-4-seed-123--cubic.json"))
    assert done.returncode == 0, done.stderr
    assert "s VERIFIED accuracy >= 16143960/16777216" in done.stdout
    assert run(installed, "selftest").returncode == 0
    refused = run(installed, "verify", str(ROOT / "certificates/reject/not-proved/1.1-tables-one-higher.json"))
    assert (refused.returncode, refused.stdout.splitlines()[-1].split()[:3]) == (1, ["s", "REJECTED", "not-proved"])


def texts_for_people() -> Iterator[str]:
    """What the programs may print: every string of the packages but docstrings, and every rule's theorem and statement."""
    for package in ("proofcheck", "strategies", "pytest_proofcheck"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.parent.name == "study" and path.name == "page.py":
                continue  # writes a page of docs/
            tree = ast.parse(path.read_text())
            apart = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            yield from (
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart
            )
    yield from (line for name in RULES for line in [*theorem(name), *statement(name)])


def test_help_names_only_pages_that_are_there(installed: Path) -> None:
    named = {page for text in texts_for_people() for page in re.findall(r"docs/([\w/-]*(?:\w\.md|\w\.v|/))", text)}
    assert {"soundness.md", "rules/cubic.md", "proofs/Cubic.v", "models.md", "extending/"} <= named
    assert len(named) > 25
    documentation = installed / "share/doc/proofcheck"
    assert [page for page in sorted(named) if not (documentation / page).exists()] == []
    shown = [run(installed, "--help").stdout, run(installed, "verify", "--help").stdout, run(installed, "rules", "cubic").stdout]
    assert all(re.findall(r"docs/[\w/-]+\.md", text) for text in shown)
    assert "share/doc/proofcheck" in shown[0]
    assert (documentation / "extending/token_at/train.py").exists()


def test_the_source_distribution_is_whole(tmp_path: Path) -> None:
    archive = build(tmp_path, "sdist")
    with tarfile.open(archive) as files:
        names = {name.partition("/")[2] for name in files.getnames()}
    for name in (
        "README.md",
        "CITATION.cff",
        "docs/soundness.md",
        "docs/rules/cubic.md",
        "docs/notebooks/from-model-to-proof.ipynb",
        "tests/test_packaging.py",
        "tests/second_checker/check.py",
        "certificates/accept/max-of-4-seed-123--cubic.json",
        "certificates/models/max-of-4-seed-123.safetensors",
        "certificates/networks/induction.json",
        "strategies/report/assets/page.js",
        "proofcheck/selftest_corpus/accept--cubic.json",
    ):
        assert name in names
    assert not [name for name in names if name.startswith(("docs/_build", "docs/generated")) or name.endswith(".vo")]
    assert archive.stat().st_size < 8_000_000


def test_every_extra_is_in_dev() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    extras = set(
        re.findall(r"^([a-z]+) = \[", text.partition("[project.optional-dependencies]")[2].partition("\n[")[0], flags=re.MULTILINE)
    )
    assert extras >= {"strategies", "report", "dask", "test", "docs", "dev", "cluster"}
    (inner,) = re.findall(r"proofcheck-nn\[([a-z,]+)\]", text)
    assert set(inner.split(",")) == extras - {"dev", "cluster"}  # cluster is another word for dask


def test_citation_has_the_paper() -> None:
    assert "doi: 10.48550/arXiv.2406.11779" in (ROOT / "CITATION.cff").read_text()
    assert 'Paper = "https://doi.org/10.48550/arXiv.2406.11779"' in (ROOT / "pyproject.toml").read_text()
