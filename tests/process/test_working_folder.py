"""No file of the working folder is run: not by workers of `--jobs`, not by `python -m`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REJECT = Path(__file__).parents[2] / "certificates" / "reject"
FALSE = REJECT / "not-proved" / "one-higher.json"
COMMAND = [sys.executable, str(Path(sys.executable).with_name("proofcheck"))]
FORGED = "s VERIFIED accuracy >= 64/64 (1.000000)"
# what a hostile module does when something imports it: leave a trace, print a verdict, and replace the checker where it can
HOSTILE = f"""
import sys
open("imported-{{}}", "w").close()
print({FORGED!r})
try:
    import proofcheck.verification as v
    v.Checker.verify = lambda self, *a, **k: v.Report("x", v.Verdict.VERIFIED, None, claimed=64, proved=64, total=64)
except Exception:
    pass
"""
NAMES = ("socket", "pickle", "signal", "threading", "queue", "flint", "numpy", "safetensors", "proofcheck", "runpy", "typing", "selectors")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(HOSTILE.format(name))
    (tmp_path / "one.json").write_bytes(FALSE.read_bytes())
    (tmp_path / "two.json").write_bytes(FALSE.read_bytes())
    (tmp_path / "tiny.safetensors").write_bytes((REJECT / "weights" / "tiny.safetensors").read_bytes())
    return tmp_path


def traces(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("imported-*"))


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_workers_import_nothing_of_the_working_folder(jobs: str, hostile: Path) -> None:
    done = run(hostile, *COMMAND, "verify", "--jobs", jobs, "--model", "tiny.safetensors", "one.json", "two.json")
    assert done.returncode == 1
    assert [line.split()[:3] for line in done.stdout.splitlines() if line.startswith("s ")] == [["s", "REJECTED", "not-proved"]] * 2
    assert "VERIFIED accuracy" not in done.stdout
    assert traces(hostile) == []


def test_the_attack_works_on_a_process_that_trusts_its_folder(hostile: Path) -> None:
    """The same files take over an interpreter that is started with the working folder on its path: the test above can fail."""
    done = run(hostile, sys.executable, "-c", "import socket")
    assert FORGED in done.stdout
    assert "imported-socket" in traces(hostile)


def test_the_module_form_refuses_before_it_imports_anything(hostile: Path) -> None:
    for name in ("proofcheck", "runpy"):  # a proofcheck.py would be run instead of us, and runpy is Python's own (3.10 does not freeze it)
        (hostile / f"{name}.py").unlink()
    done = run(hostile, sys.executable, "-m", "proofcheck", "verify", "one.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "use the command proofcheck" in done.stderr
    assert traces(hostile) == []


def test_the_isolated_module_form_runs(hostile: Path) -> None:
    done = run(hostile, sys.executable, "-I", "-m", "proofcheck", "verify", "--model", "tiny.safetensors", "one.json")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("s REJECTED not-proved")
    assert traces(hostile) == []


@pytest.mark.parametrize("words", [["-mproofcheck"], ["-umproofcheck"], ["-mproofcheck.__main__"], ["-B", "-mproofcheck"]])
def test_the_module_form_refuses_however_it_is_written(words: list[str], hostile: Path) -> None:
    for name in ("proofcheck", "runpy"):
        (hostile / f"{name}.py").unlink()
    done = run(hostile, sys.executable, *words, "verify", "one.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert traces(hostile) == []


@pytest.mark.parametrize("entries", ["", ":/nowhere", "/nowhere:", ".", "/nowhere::/elsewhere", "sub"])
def test_a_module_path_that_leads_to_the_working_folder_is_refused(entries: str, tmp_path: Path) -> None:
    """Only flint.py is hostile here: what Python imports before this package runs, it cannot refuse."""
    folder = tmp_path / "sub" if entries == "sub" else tmp_path
    folder.mkdir(exist_ok=True)
    (folder / "flint.py").write_text(HOSTILE.format("flint"))
    environment = {**os.environ, "PYTHONPATH": entries}
    command = [*COMMAND, "verify", str(FALSE)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == (2 if entries else 1)
    assert "VERIFIED" not in done.stdout
    assert traces(tmp_path) == []
