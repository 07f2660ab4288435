"""`prove` and `list`: what is written has verified; what has not is not written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import proofcheck
from proofcheck import Step
from strategies.cli.main import main
from strategies.emit import ProveError, prove
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem, Proposal, Strategy

MODEL = Path(proofcheck.__file__).parent / "selftest_corpus" / "counterexample-mean-diff-direct.safetensors"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copy(MODEL, tmp_path / "model.safetensors"))


@pytest.mark.parametrize(("strategy", "count"), [("brute-force", 12), ("cubic", 5)])
def test_prove_writes_a_certificate_that_verifies(model: Path, strategy: str, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    output = model.parent / "proof.json"
    assert main(["prove", str(model), "--strategy", strategy, "-o", str(output)]) == 0
    assert f"accuracy >= {count}/64" in capsys.readouterr().out
    report = proofcheck.verify(output)
    assert report.verdict is proofcheck.Verdict.VERIFIED
    assert report.claimed == report.proved == count
    assert report.strategy == strategy


def test_a_proposal_that_is_refused_leaves_the_old_file(model: Path) -> None:
    output = model.parent / "proof.json"
    output.write_text("old")
    broken = Strategy("broken", "refers to nothing", lambda problem: Proposal((Step("count", "sum-blocks", ("blocks",)),)))
    with pytest.raises(ProveError, match="unknown-step"):
        prove(Problem(model), broken, output)
    assert output.read_text() == "old"
    assert sorted(path.name for path in model.parent.iterdir()) == ["model.safetensors", "proof.json"]
    prove(Problem(model), replace(broken, propose=STRATEGIES["cubic"].propose), output)  # the twin that is accepted
    assert output.read_text() != "old"


def test_an_unknown_strategy_or_file_is_a_usage_error(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", str(model), "--strategy", "magic", "-o", str(model.parent / "x.json")]) == 2
    assert "magic" in capsys.readouterr().err
    assert main(["prove", str(model.parent / "none.safetensors"), "--strategy", "cubic", "-o", str(model.parent / "x.json")]) == 2
    assert "none.safetensors" in capsys.readouterr().err
    assert not (model.parent / "x.json").exists()


def test_list_names_every_strategy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[::2]] == list(STRATEGIES)
    assert all(line.startswith(("    published as: ", "    new")) for line in lines[1::2])


def test_the_command_line_starts_without_torch() -> None:
    code = "\n".join(
        (
            "import sys",
            "from strategies.cli.main import main",
            "try: main(['--help'])",
            "except SystemExit: print('torch' in sys.modules)",
        )
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
