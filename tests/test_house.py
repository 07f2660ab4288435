"""The house: one-way arrows between layers, no names where there should be none, no module-level mutable state in trusted code."""

from __future__ import annotations

import ast
import gzip
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofcheck.catalogue import BUILT_IN
from proofcheck.models import Architecture
from proofcheck.tasks import Task

ROOT = Path(__file__).parents[1] / "proofcheck"
FILES = sorted(ROOT.rglob("*.py"))
# from the bottom up: a module may import from its own layer (a package from its own files) and from those before it
LAYERS = (
    ("_version", "errors", "escape", "decimals"),
    ("limits",),
    ("kinds",),
    ("arithmetic",),
    ("certificate", "memo"),
    ("models", "tasks"),
    ("rules",),
    ("claims", "blocks"),
    ("catalogue", "extensions"),
    ("frame",),
    ("kernel",),
    ("report", "html"),
    ("verification",),
    ("wrong_inputs",),
    ("cli",),
    ("__init__", "__main__"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """The parts of proofcheck that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "proofcheck":
            names = (node.module or "").split(".")
            yield from ([names[1]] if len(names) > 1 else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("proofcheck."))


def test_every_part_has_a_layer() -> None:
    assert {part(path) for path in FILES} == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_import_goes_up(path: Path) -> None:
    own = part(path)
    if own == "__init__":
        return  # names for users, imported on first use
    assert [name for name in imports(path) if LEVEL[name] > LEVEL[own]] == []


def test_that_test_can_fail(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("from proofcheck.cli import main\nimport proofcheck.kernel\nfrom proofcheck import rules\n")
    assert sorted(imports(bad)) == ["cli", "kernel", "rules"]


def test_kernel_certificate_frame_and_report_know_nothing_by_name() -> None:
    """No import of a task, an architecture or a rule, and none of their names as a word of the text."""
    names = [*BUILT_IN.architectures, *BUILT_IN.tasks, *BUILT_IN.claims, *BUILT_IN.rules]
    classes = [kind.__name__ for kind in Task.__subclasses__()] + ["AttentionOnly", "SumOfTables", "max_of_k", "attention_only"]
    files = [ROOT / "kernel.py", ROOT / "frame.py", ROOT / "report.py", ROOT / "verification.py", *(ROOT / "certificate").glob("*.py")]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            found = ast.unparse(node) if isinstance(node, ast.Import | ast.ImportFrom) else ""
            assert not any(name in found for name in classes), found
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and path.parent.name != "certificate":
                assert node.value not in names, (path.name, node.value)  # format 1.0 of the decoder has its claim by name, for ever


MUTATORS = {"append", "add", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "sort", "update"}


def changed_globals(source: str) -> list[str]:
    """Module-level names that hold a list, dict or set and are changed somewhere in the module, or rebound from inside a function."""
    tree = ast.parse(source)
    bound: set[str] = set()
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        bound |= {target.id for target in targets if isinstance(target, ast.Name)}
    changed = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            changed += node.names
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            changed.append(ast.unparse(node.func.value))
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
            targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
            changed += [ast.unparse(target.value) for target in targets if isinstance(target, ast.Subscript | ast.Attribute)]
    return sorted(bound & set(changed))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_keeps_state(path: Path) -> None:
    assert changed_globals(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "_cache = {}\ndef f(k):\n    _cache[k] = 1\n",
        "_latest = []\ndef f(x):\n    _latest[:] = [x]\n",
        "_open: list = [False]\ndef f():\n    _open.append(True)\n",
        "_x = 0\ndef f():\n    global _x\n    _x += 1\n",
    ],
)
def test_that_one_can_fail_too(source: str) -> None:
    assert len(changed_globals(source)) == 1


def test_architectures_differ_in_nothing_but_their_files() -> None:
    """What the house asks of an architecture is in one object."""
    for name, architecture in BUILT_IN.architectures.items():
        assert isinstance(architecture, Architecture)
        assert architecture.name == name
        assert "n_ctx" in architecture.dimensions
        assert "d_vocab" in architecture.dimensions


CERTIFICATES = ROOT.parent / "certificates"


def test_large_certificates_are_compressed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule of certificates/README.md, by its own command and once more by hand; `python certificates/pack.py` mends what this finds."""
    monkeypatch.setattr(sys, "argv", ["pack.py", "--check"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(CERTIFICATES / "pack.py"), run_name="__main__")
    assert (ended.value.code, capsys.readouterr().err) == (0, "")
    seen = 0
    for folder in ("accept", "losses", "networks", "zoo"):
        for path in (CERTIFICATES / folder).iterdir():
            if path.suffix == ".gz":
                data = path.read_bytes()
                assert data[3:8] == bytes(5), f"{path} has a name or a time"
                assert int.from_bytes(data[-4:], "little") > 65_536  # expanded size
                assert not path.with_suffix("").exists()
            seen += path.suffix == ".gz"
            assert path.suffix != ".json" or path.stat().st_size <= 65_536
    assert seen > 100


def test_what_breaks_the_rule_is_found(tmp_path: Path) -> None:
    (tmp_path / "certificates" / "accept").mkdir(parents=True)
    for name in ("losses", "networks", "zoo"):
        (tmp_path / "certificates" / name).mkdir()
    script = tmp_path / "certificates" / "pack.py"
    script.write_bytes((CERTIFICATES / "pack.py").read_bytes())
    folder = tmp_path / "certificates" / "accept"
    (folder / "large.json").write_bytes(b" " * 65_537)
    (folder / "just.json").write_bytes(b" " * 65_536)
    (folder / "small.json.gz").write_bytes(gzip.compress(b"{}", mtime=0))
    (folder / "timed.json.gz").write_bytes(gzip.compress(b" " * 70_000, mtime=1))

    def run(*options: str) -> tuple[int, str]:
        done = subprocess.run([sys.executable, str(script), *options], capture_output=True, text=True, check=False, cwd=ROOT.parent)
        return done.returncode, done.stderr

    code, said = run("--check")
    assert code == 1
    assert [line.rpartition("/")[2] for line in said.splitlines()] == [
        "large.json belongs at large.json.gz",
        "small.json.gz belongs at small.json",
        "timed.json.gz belongs at timed.json.gz",
    ]
    assert run() == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["just.json", "large.json.gz", "small.json", "timed.json.gz"]
    assert run("--check") == (0, "")
    assert gzip.decompress((folder / "large.json.gz").read_bytes()) == b" " * 65_537
    (folder / "large.json").write_bytes(b"{}")
    code, said = run("--check")
    assert code == 1 and said.strip().endswith("accept/large")


def test_slow_tests_are_tests() -> None:
    """What `make quick` leaves out exists: `python tests/measure.py` writes the list anew."""
    entries = (ROOT.parent / "tests" / "slow_tests.txt").read_text().splitlines()[1:]
    assert len(entries) > 200 and entries == sorted(set(entries))
    for entry in entries:
        file, _, function = entry.partition("[")[0].partition("::")
        path = ROOT.parent / file
        assert path.is_file(), entry
        assert f"def {function}(" in path.read_text() or not function, entry
