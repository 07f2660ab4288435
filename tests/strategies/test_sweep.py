"""`sweep`: only verified certificates get their names, finished ones stay, nothing else is left behind."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import proofcheck
from proofcheck import Step, Verdict
from strategies import sweep as sweeping
from strategies.cli.main import main
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Proposal
from strategies.sweep import Sweep

MODELS = Path(__file__).parents[2] / "certificates" / "models"
DIRECT = "subcubic--max-diff-exact--mean-query+diff--"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copy(MODELS / "max-of-3-d-vocab-16-seed-0.safetensors", tmp_path / "tiny.safetensors"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_sweep_in_two_processes(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    assert main(["sweep", str(model), "-o", str(folder), "--strategies", f"{DIRECT}*exact", "--jobs", "2"]) == 0
    assert "2 certificates written, 0 kept, 0 failed" in capsys.readouterr().out
    assert names(folder) == [f"tiny--{DIRECT}{error}.json" for error in ("exact-EQKE+max-diff-exact", "max-diff-exact")]
    for path in folder.iterdir():
        report = proofcheck.verify(path)
        assert report.verdict is Verdict.VERIFIED
        assert report.claimed == report.proved > 0


def test_a_rerun_keeps_what_is_there_and_writes_what_is_missing(model: Path, tmp_path: Path) -> None:
    first = Sweep(model, tmp_path, 1).run(["cubic"], force=False)
    before = (tmp_path / "tiny--cubic.json").read_bytes()
    (tmp_path / ".tiny--brute-force.draft").write_text("half a draft of a sweep that was killed")
    second = Sweep(model, tmp_path, 1).run(["brute-force", "cubic"], force=False)
    assert (first.written, first.kept) == (1, 0)
    assert (second.written, second.kept) == (1, 1)
    assert (tmp_path / "tiny--cubic.json").read_bytes() == before
    assert names(tmp_path) == ["tiny--brute-force.json", "tiny--cubic.json", "tiny.safetensors"]


def test_a_certificate_of_other_weights_is_replaced(model: Path, tmp_path: Path) -> None:
    Sweep(model, tmp_path, 1).run(["cubic"], force=False)
    path = tmp_path / "tiny--cubic.json"
    other = json.loads(path.read_text())
    other["model"]["weights"]["sha256"] = "0" * 64
    path.write_text(json.dumps(other))
    assert Sweep(model, tmp_path, 1).run(["cubic"], force=False).written == 1
    assert proofcheck.verify(path).verdict is Verdict.VERIFIED


def test_a_wrong_guess_of_the_search_becomes_the_checkers_count(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cubic = STRATEGIES["cubic"]
    for guess in (1, 10**9 % 16**3):
        proposed = replace(cubic, propose=lambda problem, guess=guess: Proposal(cubic.propose(problem).steps, "", guess))
        monkeypatch.setitem(sweeping.STRATEGIES, "cubic", proposed)
        assert Sweep(model, tmp_path, 1).run(["cubic"], force=True).written == 1
        report = proofcheck.verify(tmp_path / "tiny--cubic.json")
        assert report.claimed == report.proved > 1


def test_a_refused_certificate_is_reported_and_not_written(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(STRATEGIES["cubic"], propose=lambda problem: Proposal((Step("count", "sum-blocks", ("blocks",)),)))
    monkeypatch.setitem(sweeping.STRATEGIES, "cubic", broken)
    swept = Sweep(model, tmp_path, 1).run(["brute-force", "cubic"], force=False)
    assert swept.written == 1
    assert "unknown-step" in swept.failed["cubic"]
    assert names(tmp_path) == ["tiny--brute-force.json", "tiny.safetensors"]


def test_usage_errors(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", str(model), "-o", str(tmp_path), "--strategies", "magic*"]) == 2
    assert "magic*" in capsys.readouterr().err
    assert main(["sweep", str(model), "-o", str(tmp_path), "--jobs", "0"]) == 2
    assert main(["sweep", str(tmp_path / "none.safetensors"), "-o", str(tmp_path)]) == 2
    assert names(tmp_path) == ["tiny.safetensors"]
