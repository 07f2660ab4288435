"""The checker's own process: it imports nothing of the working folder, and its death is no verdict."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proofcheck import Limits
from strategies.checker import CheckerEnded, CheckerProcess

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "certificates" / "reject" / "twin.json"


def test_reports_are_those_of_verify() -> None:
    with CheckerProcess(Limits()) as checker:
        assert checker.verify(GOOD)["verdict"] == "VERIFIED"
        assert checker.verify(ROOT / "absent.json")["error"]["code"] == "unreadable-file"
        assert checker.verify(GOOD)["verdict"] == "VERIFIED"
    with CheckerProcess(Limits(dimension=1)) as checker:
        assert checker.verify(GOOD)["error"]["code"] == "limit-exceeded"


def test_the_folder_where_one_works_is_not_imported(tmp_path: Path) -> None:
    for name in ("flint", "numpy", "json", "socket", "proofcheck", "strategies"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'hit')!r}, 'w').close()\nraise SystemExit\n")
    imports = "from proofcheck import Limits; from strategies.checker import CheckerProcess"
    code = f"{imports}\nprint(CheckerProcess(Limits()).verify({str(GOOD)!r})['verdict'])"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "VERIFIED\n"
    assert not (tmp_path / "hit").exists()
    subprocess.run([sys.executable, "-c", "import flint"], cwd=tmp_path, check=False, capture_output=True)
    assert (tmp_path / "hit").exists()  # the trap works


def test_a_killed_checker_is_no_verdict_and_the_next_question_starts_another() -> None:
    with CheckerProcess(Limits()) as checker:
        checker.verify(GOOD)
        assert checker._process is not None
        os.kill(checker._process.pid, signal.SIGKILL)
        with pytest.raises(CheckerEnded, match="status -9"):
            checker.verify(GOOD)
        assert checker.verify(GOOD)["verdict"] == "VERIFIED"


def test_no_process_is_left_behind() -> None:
    checker = CheckerProcess(Limits())
    checker.verify(GOOD)
    assert checker._process is not None
    process = checker._process
    checker.close()
    assert process.returncode is not None
