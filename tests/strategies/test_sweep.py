"""`sweep`: only verified certificates get their names, finished ones stay, nothing else is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import proofcheck
from proofcheck import Step, Verdict, decode_certificate
from strategies import sweep as sweeping
from strategies.cli.main import main
from strategies.lock import FolderLock
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem, Proposal
from strategies.metrics.rows import rows as metric_rows
from strategies.sweep import Pair, Result, Sweep
from strategies.sweep_table import COLUMNS, NAME, SECONDS, SweepTable

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "certificates" / "models"
DIRECT = "subcubic--max-diff-exact--mean-query+diff--"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copy(MODELS / "max-of-3-d-vocab-16-seed-0.safetensors", tmp_path / "tiny.safetensors"))


def sweep(model: Path, folder: Path, names: list[str], *, force: bool = False) -> tuple[dict[str, Result], int]:
    """The results by strategy, and how many certificates were kept."""
    pairs = [Pair(model, name) for name in names]
    found = {}
    with SweepTable(folder) as table:
        missing = Sweep(folder).missing(pairs, table, force=force)
        for pair, result in Sweep(folder).run(missing):
            table.put(Sweep(folder).row(pair, result), None if result.code else Sweep(folder).final(pair))
            found[pair.strategy] = result
    return found, len(pairs) - len(missing)


def names(folder: Path) -> list[str]:
    """The files, without the table and the lock that every sweep leaves."""
    return sorted(path.name for path in folder.iterdir() if path.name not in (NAME, ".lock"))


def test_a_sweep_in_two_processes(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    assert main(["sweep", str(model), "-o", str(folder), "--strategies", f"{DIRECT}*exact", "--jobs", "2"]) == 0
    assert "2 certificates written, 0 kept, 0 failed" in capsys.readouterr().out
    assert names(folder) == [f"tiny--{DIRECT}{error}.json" for error in ("exact-EQKE+max-diff-exact", "max-diff-exact")]
    for path in folder.glob("*.json"):
        report = proofcheck.verify(path)
        assert report.verdict is Verdict.VERIFIED
        assert report.claimed == report.proved > 0


def test_large_certificates_are_compressed(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """By the rule of certificates/README.md; a rerun finds them, and what is searched for again takes the place of both endings."""
    large = f"{DIRECT}max-diff"
    sweep(model, tmp_path, [large])
    plain = (tmp_path / f"tiny--{large}.json").read_bytes()
    monkeypatch.setattr("strategies.write.PLAIN_BYTES", len(plain) - 100)
    assert sweep(model, tmp_path, [large, "brute-force"])[1] == 1
    assert names(tmp_path) == ["tiny--brute-force.json", f"tiny--{large}.json", "tiny.safetensors"]
    sweep(model, tmp_path, [large], force=True)
    assert names(tmp_path) == ["tiny--brute-force.json", f"tiny--{large}.json.gz", "tiny.safetensors"]
    assert 2 * (tmp_path / f"tiny--{large}.json.gz").stat().st_size < len(plain)
    assert proofcheck.verify(tmp_path / f"tiny--{large}.json.gz").verdict is Verdict.VERIFIED
    assert sweep(model, tmp_path, [large, "brute-force"]) == ({}, 2)
    assert [row.strategy for row in metric_rows([tmp_path / f"tiny--{large}.json.gz"])] == [large]
    capsys.readouterr()
    assert main(["table", str(tmp_path), "--columns", "strategy"]) == 0
    assert sorted(capsys.readouterr().out.split()) == ["brute-force", "strategy", large]
    assert main(["plot", str(tmp_path), "-o", str(tmp_path / "plot.svg")]) == 0
    assert "2 certificates" in capsys.readouterr().out
    (tmp_path / NAME).unlink()  # without its table
    assert sweep(model, tmp_path, [large])[1] == 0
    assert names(tmp_path) == ["plot.svg", "tiny--brute-force.json", f"tiny--{large}.json.gz", "tiny.safetensors"]


def test_a_rerun_keeps_what_is_there_and_writes_what_is_missing(model: Path, tmp_path: Path) -> None:
    first, kept_first = sweep(model, tmp_path, ["cubic"])
    before = (tmp_path / "tiny--cubic.json").read_bytes()
    (tmp_path / ".tiny--brute-force.draft").write_text("half a draft of a sweep that was killed")
    second, kept_second = sweep(model, tmp_path, ["brute-force", "cubic"])
    assert (first["cubic"].code, kept_first) == ("", 0)
    assert (list(second), second["brute-force"].code, kept_second) == (["brute-force"], "", 1)
    assert (tmp_path / "tiny--cubic.json").read_bytes() == before
    assert names(tmp_path) == ["tiny--brute-force.json", "tiny--cubic.json", "tiny.safetensors"]


def test_a_certificate_of_other_weights_is_replaced(model: Path, tmp_path: Path) -> None:
    sweep(model, tmp_path, ["cubic"])
    path = tmp_path / "tiny--cubic.json"
    other = json.loads(path.read_text())
    other["model"]["weights"]["sha256"] = "0" * 64
    path.write_text(json.dumps(other))
    assert [result.code for result in sweep(model, tmp_path, ["cubic"])[0].values()] == [""]
    assert proofcheck.verify(path).verdict is Verdict.VERIFIED


def test_a_wrong_guess_of_the_search_becomes_the_checkers_count(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cubic = STRATEGIES["cubic"]
    for guess in (1, 10**9 % 16**3):
        proposed = replace(cubic, propose=lambda problem, guess=guess: Proposal(cubic.propose(problem).steps, "", guess))
        monkeypatch.setitem(sweeping.STRATEGIES, "cubic", proposed)
        assert [result.code for result in sweep(model, tmp_path, ["cubic"], force=True)[0].values()] == [""]
        report = proofcheck.verify(tmp_path / "tiny--cubic.json")
        assert report.claimed == report.proved > 1


def test_a_refused_certificate_is_reported_and_not_written(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(STRATEGIES["cubic"], propose=lambda problem: Proposal((Step("count", "sum-blocks", ("blocks",)),)))
    monkeypatch.setitem(sweeping.STRATEGIES, "cubic", broken)
    results, _ = sweep(model, tmp_path, ["brute-force", "cubic"])
    assert (results["brute-force"].code, results["cubic"].code) == ("", "unknown-step")
    assert "unknown-step" in results["cubic"].message
    assert names(tmp_path) == ["tiny--brute-force.json", "tiny.safetensors"]


def test_usage_errors(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", str(model), "-o", str(tmp_path), "--strategies", "magic*"]) == 2
    assert "magic*" in capsys.readouterr().err
    assert main(["sweep", str(model), "-o", str(tmp_path), "--jobs", "0"]) == 2
    assert main(["sweep", str(tmp_path / "none.safetensors"), "-o", str(tmp_path)]) == 2
    assert names(tmp_path) == ["tiny.safetensors"]


COMMAND = [sys.executable, "-m", "strategies", "sweep"]


def test_several_models_and_names_that_clash(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Path(shutil.copy(model, tmp_path / "other.safetensors"))
    out = tmp_path / "out"
    assert main(["sweep", str(model), str(other), "-o", str(out), "--strategies", "cubic"]) == 0
    assert names(out) == ["other--cubic.json", "tiny--cubic.json"]
    (tmp_path / "folder").mkdir()
    shutil.copy(model, tmp_path / "folder" / "tiny.safetensors")
    assert main(["sweep", str(model), str(tmp_path / "folder" / "tiny.safetensors"), "-o", str(out), "--strategies", "cubic"]) == 2
    assert "two models are called tiny" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_done_and_says_how_much(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*COMMAND, str(model), "-o", str(out), "--strategies", "subcubic*", "--jobs", "2"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            while len(list(out.glob("*.json"))) < 3:
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            error = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert process.returncode == 130
    said = re.search(r"interrupted: (\d+) certificates written and 0 kept from before are in .*, with (\d+) drafts", error)
    assert said
    written = list(out.glob("*.json"))
    assert int(said[2]) == len(list(out.glob(".*.draft")))
    assert 3 <= int(said[1]) == len(written) < 100
    assert all(proofcheck.verify(path).verdict is Verdict.VERIFIED for path in written)


def test_a_draft_is_verified_and_not_searched_for_again(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep(model, tmp_path, ["cubic"])
    (tmp_path / "tiny--cubic.json").rename(tmp_path / ".tiny--cubic.draft")

    def search(problem: Problem) -> Proposal:
        raise AssertionError("searched again")

    monkeypatch.setitem(sweeping.STRATEGIES, "cubic", replace(STRATEGIES["cubic"], propose=search))
    assert sweep(model, tmp_path, ["cubic"])[0]["cubic"].code == ""
    assert names(tmp_path) == ["tiny--cubic.json", "tiny.safetensors"]
    with pytest.raises(AssertionError, match="searched again"):  # the twin: without a draft there is a search
        sweep(model, tmp_path, ["cubic"], force=True)


def test_a_limit_is_passed_to_the_checker_and_named_when_it_is_too_low(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sweep", str(model), "-o", str(tmp_path), "--strategies", "cubic"]
    assert main([*command, "--limit", "dimension=8"]) == 1
    assert "raise it with --limit dimension=16" in capsys.readouterr().err
    assert main([*command, "--limit", "dimension=64"]) == 0
    assert main([*command, "--limit", "dimensions=64"]) == 2
    assert "--limit dimensions=64 is not NAME=VALUE" in capsys.readouterr().err


def rows(folder: Path) -> list[dict[str, Any]]:
    """The table without its seconds."""
    with SweepTable(folder) as table:
        return [{name: value for name, value in row.items() if name not in SECONDS} for row in table.rows()]


def test_the_table_has_every_number_of_the_report(model: Path, tmp_path: Path) -> None:
    strategy = f"{DIRECT}max-diff-exact"
    assert main(["sweep", str(model), "-o", str(tmp_path / "out"), "--strategies", strategy]) == 0
    with SweepTable(tmp_path / "out") as table:
        (row,) = table.rows()
    report = proofcheck.verify(tmp_path / "out" / f"tiny--{strategy}.json")
    (published,) = metric_rows([tmp_path / "out" / f"tiny--{strategy}.json"])
    assert (row["model"], row["strategy"], row["verdict"], row["code"]) == ("tiny", strategy, "VERIFIED", "")
    assert (row["proved"], row["wrong"], row["undecided"], row["total"]) == (str(report.proved), str(report.wrong), "0", str(report.total))
    assert (row["model_sha256"], row["task"], row["operations"]) == (report.model_sha256, report.task, report.operations)
    assert json.loads(row["steps"]) == [[step.rule, step.operations] for step in report.steps]
    assert (row["published"], row["flops"]) == (str(published.published), str(published.flops))
    assert row["unexplained_dimension"] == str(published.dimension)
    assert published.flops > 0
    assert row["bound"] == report.proved / report.total
    assert all(row[name] > 0 for name in SECONDS)
    assert set(row) == set(COLUMNS)


def test_failures_are_rows_with_their_code(model: Path, tmp_path: Path) -> None:
    assert main(["sweep", str(model), "-o", str(tmp_path), "--strategies", "cubic", "--limit", "work=1000"]) == 1
    (row,) = rows(tmp_path)
    assert (row["verdict"], row["code"], row["proved"]) == ("DECLINED", "limit-exceeded", "0")
    assert "--limit work=" in row["message"]
    assert main(["sweep", str(model), "-o", str(tmp_path), "--strategies", "cubic"]) == 0  # tried again, and the row replaced
    (row,) = rows(tmp_path)
    assert (row["verdict"], row["code"]) == ("VERIFIED", "")


def test_a_certificate_that_the_table_does_not_know_is_verified_again(model: Path, tmp_path: Path) -> None:
    sweep(model, tmp_path, ["cubic"])
    whole = rows(tmp_path)
    before = (tmp_path / "tiny--cubic.json").read_bytes()
    (tmp_path / NAME).unlink()
    results, kept = sweep(model, tmp_path, ["cubic"])
    assert (kept, results["cubic"].code) == (0, "")
    assert rows(tmp_path) == whole
    assert (tmp_path / "tiny--cubic.json").read_bytes() == before  # not searched for again: the seconds in it are the old ones
    (tmp_path / "tiny--cubic.json").unlink()
    results, kept = sweep(model, tmp_path, ["cubic"])
    assert (kept, results["cubic"].code) == (0, "")


def test_two_sweeps_in_one_folder(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["sweep", str(model), "-o", str(tmp_path), "--strategies", "cubic"]
    with FolderLock(tmp_path):
        assert main(command) == 2
        assert f"another sweep is at work in {tmp_path} (process {os.getpid()})" in capsys.readouterr().err
    assert main(command) == 0
    holder = "import sys, time; from pathlib import Path; from strategies.lock import FolderLock; FolderLock(Path(sys.argv[1])).__enter__()"
    code = f"{holder}; print(1, flush=True); time.sleep(100)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        assert main(command) == 2
        process.kill()  # and the lock is free
        process.wait()
        assert main(command) == 0


def test_a_table_that_is_no_table_is_said(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / NAME).write_text("a text that is no database, and long enough to be taken for one" * 20)
    assert main(["sweep", str(model), "-o", str(tmp_path), "--strategies", "cubic"]) == 2
    assert f"cannot read or write {tmp_path / NAME}" in capsys.readouterr().err


def test_a_sweep_killed_again_and_again_gives_the_table_of_an_uninterrupted_one(model: Path, tmp_path: Path) -> None:
    """kill -9 of the parent, five times, at random moments after some certificate was written; workers end by themselves."""
    models = [shutil.copy(model, tmp_path / f"model-{k}.safetensors") for k in range(7)]
    given = [*map(str, models), "--strategies", "[bce]*"]
    assert main(["sweep", *given, "-o", str(tmp_path / "whole"), "--search-seconds", "0"]) == 0
    out = tmp_path / "killed"
    command = [*COMMAND, *given, "-o", str(out), "--search-seconds", "0", "--jobs"]
    generator = random.Random(0)
    kills = 0
    for k in range(5):
        with subprocess.Popen(
            [*command, "2" if k % 4 == 0 else "1"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            before = len(list(out.glob("*.json")))
            while process.poll() is None and len(list(out.glob("*.json"))) <= before:
                time.sleep(0.01)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.05 * generator.random())
            kills += process.poll() is None
            process.kill()
        for path in out.glob("*.json"):
            decode_certificate(path.read_bytes(), proofcheck.Limits())  # no half-written file has a final name
    done = subprocess.run([*command, "2"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert kills >= 3
    assert rows(out) == rows(tmp_path / "whole")
    assert names(out) == names(tmp_path / "whole")
    assert all(proofcheck.verify(path).verdict is Verdict.VERIFIED for path in list(out.glob("*.json"))[::20])


def test_the_page_names_every_column_of_the_table() -> None:
    page = (ROOT / "docs" / "sweeps.md").read_text()
    named = {word for line in page.splitlines() if line.startswith("| `") for word in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == set(COLUMNS)
