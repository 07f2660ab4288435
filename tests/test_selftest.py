"""`proofcheck selftest` passes here, and fails where something is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import proofcheck
from proofcheck.cli import selftest
from proofcheck.cli.main import main


def test_selftest_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest"]) == 0
    out = capsys.readouterr().out
    assert "FAILED" not in out
    assert out.splitlines()[-1].endswith("checks passed")


def test_selftest_fails_on_a_corpus_that_is_judged_wrongly(tmp_path: Path) -> None:
    """A true claim under a reject name, and a false one under an accept name: both are reported."""
    corpus = Path(proofcheck.__file__).parent / "selftest_corpus"
    for path in corpus.glob("*.safetensors"):
        shutil.copy(path, tmp_path)
    shutil.copy(corpus / "accept--cubic.json", tmp_path / "reject--not-proved--but-true.json")
    shutil.copy(corpus / "reject--not-proved--fifteen-of-twelve.json", tmp_path / "accept--but-false.json")
    assert all(problem for _, problem in [*selftest._accepted(tmp_path), *selftest._refused(tmp_path)])
    assert len(selftest._accepted(tmp_path)) == 2
