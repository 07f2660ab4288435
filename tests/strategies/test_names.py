"""`list`, aliases, suggestions: the page of names is that of the strategies, and needs no torch."""

from __future__ import annotations

import fnmatch
import subprocess
import sys
from pathlib import Path

import pytest
from test_imports import imported

from strategies.cli.main import COMMANDS, main
from strategies.max_of_k.grouped import PRICES as GROUPED
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.windows import PRICES as WINDOWS
from strategies.names import ENTRIES, FAMILIES, GROUPED_PRICES, WINDOWS_PRICES, UnknownStrategy, full_name, matching

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "certificates" / "models" / "max-of-3-d-vocab-16-seed-0.safetensors"


def test_the_names_are_those_of_the_registry() -> None:
    """In the same order, with the same published names and summaries."""
    found = [(entry.name, entry.published, entry.summary) for entry in ENTRIES]
    wanted = [(strategy.name, strategy.published_name, strategy.summary) for strategy in STRATEGIES.values()]
    assert sorted(found) == sorted(wanted)
    assert tuple(WINDOWS_PRICES) == WINDOWS
    assert {name: tuple(map(float, prices)) for name, prices in GROUPED_PRICES.items()} == GROUPED


def test_every_name_stands_for_one_strategy() -> None:
    called = [name for entry in ENTRIES for name in entry.called]
    assert len(set(called)) >= len(called) - 2  # brute-force and cubic are their own published names
    assert all(full_name(name) == entry.name for entry in ENTRIES for name in entry.called)


def test_aliases_can_be_typed() -> None:
    aliases = [entry.alias for entry in ENTRIES if entry.alias]
    assert len(set(aliases)) == len(aliases) >= 100
    for alias in aliases:
        assert len(alias) <= 28 and all(c.islower() or c.isdigit() or c in ".-" for c in alias)
        assert alias not in STRATEGIES
    assert full_name("sub.exact.chord.exact") == "subcubic--max-diff-exact--mean-query+diff--exact-EQKE+max-diff-exact"


def test_a_misspelt_name_has_a_suggestion(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(UnknownStrategy, match="did you mean 'exact'"):
        full_name("exakt")
    assert main(["prove", str(MODEL), "--strategy", "cubick", "-o", str(tmp_path / "x.json")]) == 2
    assert "did you mean 'cubic'" in capsys.readouterr().err
    assert main(["sweep", str(MODEL), "--strategies", "windws", "-o", str(tmp_path)]) == 2
    assert "did you mean 'windows'" in capsys.readouterr().err
    assert main(["tabel", "x"]) == 2
    assert "did you mean 'table'" in capsys.readouterr().err
    assert main(["list", "qubic"]) == 2
    assert "did you mean 'cubic'" in capsys.readouterr().err


def test_patterns_match_aliases_and_published_names() -> None:
    assert matching("sub.*") == [name for name in STRATEGIES if name.startswith("subcubic--")]
    assert matching("EUPU-svd-query*") == [name for name in STRATEGIES if fnmatch.fnmatchcase(name, "subcubic--svd-query*")]
    assert matching("*") == [entry.name for entry in ENTRIES]
    assert matching("tree-*") == [name for name in STRATEGIES if name.startswith("rival-tree--")]


def test_list_has_every_family_with_cost_and_advice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for family in FAMILIES:
        assert family.title in out and family.cost.split()[0] in out
    assert out.count("cost:") == out.count("advice:") == len(FAMILIES)
    assert len(out.splitlines()) < 90
    assert all(len(line) <= 120 for line in out.splitlines())


def test_list_all_and_filtered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--names"]) == 0
    assert sorted(capsys.readouterr().out.split()) == sorted(STRATEGIES)
    assert main(["list", "--all"]) == 0
    out = capsys.readouterr().out
    assert all(strategy.published_name in out for strategy in STRATEGIES.values())
    assert main(["list", "sub.svd.drop.*", "--names"]) == 0
    assert len(capsys.readouterr().out.split()) == 10
    assert main(["list", "early", "--names"]) == 0
    assert capsys.readouterr().out.split() == ["separable-early-maximum"]


@pytest.mark.parametrize("command", ["list", "table", "plot"])
def test_what_needs_no_torch_imports_none(command: str) -> None:
    module = COMMANDS[command][0]
    names = imported(f"import importlib; importlib.import_module({module!r})", ROOT)
    assert "torch" not in names


def test_list_imports_next_to_nothing() -> None:
    names = imported("from strategies.cli.main import main\nmain(['list'])", ROOT)
    assert names.isdisjoint({"torch", "numpy", "flint", "sympy"})


@pytest.mark.parametrize("command", ["train", "prove", "sweep", "evaluate", "zoo"])
def test_without_torch_one_line_names_the_extra(command: str, tmp_path: Path) -> None:
    """A process in which torch cannot be found."""
    code = f"""
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] == 'torch':
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, NoTorch())
sys.path.insert(0, {str(ROOT)!r})
from strategies.cli.main import main
sys.exit(main([{command!r}, '--help' if {command!r} in ('train', 'sweep', 'zoo') else 'x']))
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"`{command}` needs the package torch, which is not installed: pip install 'proofcheck-nn[strategies]'\n"


def test_another_missing_module_is_a_bug() -> None:
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
sys.modules['strategies.cli.list'] = None
from strategies.cli.main import main
main(['list'])
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "ModuleNotFoundError" in done.stderr


def test_an_alias_proves_what_its_name_proves(tmp_path: Path) -> None:
    texts = []
    for k, name in enumerate(("sub.mean.drop.svd", full_name("sub.mean.drop.svd"))):
        assert main(["prove", str(MODEL), "--strategy", name, "-o", str(tmp_path / f"{k}.json")]) == 0
        lines = (tmp_path / f"{k}.json").read_text().splitlines()
        texts.append([line for line in lines if "search_seconds" not in line])
    assert texts[0] == texts[1]
