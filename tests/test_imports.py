"""What importing the checker imports, in fresh processes; and that these tests can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = ("torch", "transformer_lens", "sympy", "mpmath", "strategies", "hypothesis", "pytest", "matplotlib", "distributed", "dask")
EVERYTHING = """
import pkgutil, sys, importlib, proofcheck
for module in pkgutil.walk_packages(proofcheck.__path__, "proofcheck."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
REPORT = "\nprint(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"


def imported(code: str, path: Path = ROOT) -> set[str]:
    """The top-level modules that a fresh process has after `code`."""
    program = f"import sys; sys.path.insert(0, {str(path)!r})\n{code}{REPORT}"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_checker_imports_nothing_untrusted() -> None:
    names = imported(EVERYTHING)
    assert {"proofcheck", "flint", "numpy", "safetensors"} <= names
    assert names.isdisjoint(FORBIDDEN)


@pytest.mark.parametrize("module", ["mpmath", "strategies"])
def test_that_test_can_fail(module: str, tmp_path: Path) -> None:
    """A copy of the package with one forbidden import is caught."""
    (tmp_path / "proofcheck").symlink_to(ROOT / "proofcheck")
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "__init__.py").write_text("")
    copy = tmp_path / "copy"
    copy.mkdir()
    package = copy / "proofcheck"
    package.mkdir()
    for item in (ROOT / "proofcheck").iterdir():
        if item.name != "limits.py":
            (package / item.name).symlink_to(item)
    source = (ROOT / "proofcheck" / "limits.py").read_text()
    (package / "limits.py").write_text(source.replace("from dataclasses import", f"import {module}\nfrom dataclasses import", 1))
    (copy / "strategies").symlink_to(tmp_path / "strategies")
    assert module in imported(EVERYTHING, copy)


def test_verifying_imports_nothing_untrusted() -> None:
    certificate = ROOT / "certificates" / "reject" / "twin.json"
    names = imported(f"import proofcheck; print(proofcheck.verify({str(certificate)!r}).line())")
    assert "flint" in names
    assert names.isdisjoint(FORBIDDEN)


@pytest.mark.parametrize(
    "code",
    [
        "import proofcheck",
        "import proofcheck; proofcheck.__version__",
        "import proofcheck.cli.main",
        "from proofcheck.cli.main import main\ntry:\n    main(['--version'])\nexcept SystemExit as done:\n    assert not done.code",
        "from proofcheck.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit as done:\n    assert not done.code",
    ],
)
def test_the_version_costs_nothing(code: str) -> None:
    assert imported(code).isdisjoint({"numpy", "flint", "safetensors", *FORBIDDEN})


def test_only_the_arithmetic_imports_flint() -> None:
    importers = {
        path.relative_to(ROOT / "proofcheck").as_posix()
        for path in (ROOT / "proofcheck").rglob("*.py")
        if any(line.split()[:2] in (["import", "flint"], ["from", "flint"]) for line in path.read_text().splitlines())
    }
    assert "arithmetic/dyadic.py" in importers
    assert {name for name in importers if not name.startswith("arithmetic/")} == set()


def test_no_assert_carries_soundness() -> None:
    """`python -O` removes assert statements; there are none to remove."""
    found = [
        f"{path}:{number}"
        for path in (ROOT / "proofcheck").rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if line.strip().startswith("assert ") or line.strip() == "assert"
    ]
    assert found == []


def test_public_names_resolve() -> None:
    names = imported("import proofcheck\nfor name in proofcheck.__all__: getattr(proofcheck, name)")
    assert "numpy" in names
    import proofcheck

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = proofcheck.nothing
