"""Real processes: exit codes, Ctrl-C, closed pipes, poor terminals, order with --jobs, JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proofcheck.cli.main import main

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(Path(sys.executable).with_name("proofcheck"))]
REJECT = ROOT / "certificates" / "reject"
TWIN = REJECT / "twin.json"
SLOW = ROOT / "certificates" / "accept" / "max-of-4-seed-123--brute-force.json"
BAD = REJECT / "wrong-total" / "one-lower.json"
NEWER = REJECT / "unsupported-format" / "version-1.2.json"


def process(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    """the command `proofcheck …` in a process of its own; a hang fails."""
    environment = {**os.environ, **options.pop("env", {})}
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment, **options)


@pytest.mark.parametrize(
    ("files", "status", "last"),
    [
        ([TWIN], 0, "s VERIFIED accuracy >= 9/9 (1.000000)"),
        ([BAD], 1, "s REJECTED wrong-total"),
        ([NEWER], 2, "s DECLINED unsupported-format"),
        ([Path("/dev/null")], 2, "s DECLINED not-a-regular-file"),
        ([REJECT / "malformed-json" / "truncated.json"], 1, "s REJECTED malformed-json"),
        ([REJECT / "limit-exceeded" / "deep-nesting.json"], 2, "s DECLINED limit-exceeded"),
        ([TWIN, NEWER, BAD], 1, "s REJECTED wrong-total"),
        ([TWIN, NEWER, TWIN], 2, "s VERIFIED accuracy >= 9/9 (1.000000)"),
    ],
)
def test_exit_codes(files: list[Path], status: int, last: str) -> None:
    done = process("verify", *files)
    assert done.returncode == status
    assert [line for line in done.stdout.splitlines() if line.startswith("s ")][-1].startswith(last + " ")
    assert "Traceback" not in done.stderr
    assert all(line.startswith(("c ", "s ")) for line in done.stdout.splitlines())
    assert sum(line.startswith("s ") for line in done.stdout.splitlines()) == len(files)


def test_the_installed_module_has_a_version() -> None:
    done = process("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("proofcheck ")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_interrupted(jobs: str) -> None:
    """Ctrl-C in the middle of a slow certificate, after a first one was verified: no verdict is printed."""
    command = [*COMMAND, "verify", "--backend", "arb", "--jobs", jobs, str(TWIN), str(SLOW), str(SLOW)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        while line and "VERIFIED" not in line:
            line = running.stdout.readline()
        assert line.startswith("c VERIFIED")
        running.send_signal(signal.SIGINT)
        try:
            out, err = running.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            running.kill()
            raise
    assert running.returncode == 130
    assert not any(line.startswith("s ") for line in out.splitlines())
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err


def test_the_order_of_the_verdicts_is_that_of_the_arguments() -> None:
    files = [BAD, TWIN, NEWER, TWIN, REJECT / "not-proved" / "one-higher.json"]
    one, two = (process("verify", "--quiet", "--jobs", jobs, *files) for jobs in ("1", "2"))
    assert one.stdout == two.stdout
    assert one.returncode == two.returncode == 1
    assert [line.split()[1] for line in two.stdout.splitlines()] == ["REJECTED", "VERIFIED", "DECLINED", "VERIFIED", "REJECTED"]


def test_a_closed_pipe_is_no_traceback() -> None:
    """`proofcheck … | head -0`: the reader is gone before anything is written."""
    for arguments in (["verify", TWIN], ["rules"], ["inspect", TWIN], ["verify", TWIN, BAD]):
        read, write = os.pipe()
        os.close(read)
        command = [*COMMAND, *map(str, arguments)]
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        os.close(write)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "Exception" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_terminals_without_the_characters_of_a_verdict(encoding: str) -> None:
    inexact = ROOT / "certificates" / "accept" / "max-of-4-seed-123--cubic.json"
    done = process("verify", inexact, env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0
    assert "\\u2026) task" in done.stdout.splitlines()[-1]
    assert process("rules", "cubic", env={"PYTHONIOENCODING": encoding}, encoding=encoding).returncode == 0


def json_lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_json_reports(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--json", str(TWIN), str(BAD), str(REJECT / "not-proved" / "huge.json")]) == 1
    good, bad, huge = json_lines(capsys.readouterr().out)
    assert (good["verdict"], good["claimed"], good["proved"], good["total"], good["exit_code"]) == ("VERIFIED", 9, 9, 9, 0)
    assert good["error"] is None
    assert good["line"].startswith(
        "s VERIFIED accuracy >= 9/9 (1.000000) task max-of-k n_ctx=2 d_vocab=3 network attention-only-one-layer-one-head"
    )
    assert good["model"]["sha256"] == json.loads(TWIN.read_bytes())["model"]["weights"]["sha256"]
    assert [step["rule"] for step in good["steps"]] == ["path-expansion", "enumeration", "sum-blocks"]
    assert good["operations"] == sum(step["operations"] for step in good["steps"]) > 0
    assert (bad["verdict"], bad["error"]["code"], bad["exit_code"], bad["proved"]) == ("REJECTED", "wrong-total", 1, 0)
    assert (bad["error"]["expected"], bad["error"]["found"]) == ("9", "8")
    assert huge["claimed"] == 10**1999


def test_json_is_the_same_with_jobs_and_quiet_says_less() -> None:
    done = process("verify", "--json", "--jobs", "2", TWIN, BAD)
    reports = json_lines(done.stdout)
    assert [report["verdict"] for report in reports] == ["VERIFIED", "REJECTED"]
    assert process("verify", "--quiet", TWIN).stdout == reports[0]["line"] + "\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--limit", "works=1"],
        ["--limit", "work"],
        ["--limit", "work="],
        ["--limit", "work=-1"],
        ["--limit", "work=1e9"],
        ["--limit", "work=" + "9" * 31],
        ["--limit", "work=\u0661"],
        ["--limit", "__class__=1"],
        ["--jobs", "0"],
        ["--jobs", "-2"],
        ["--expect-sha256", "12"],
        ["--expect-sha256", "0" * 64, "--expect-model", str(REJECT / "weights" / "tiny.safetensors")],
    ],
)
def test_bad_options_are_declined_before_anything_is_read(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", *arguments, str(TWIN)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: ")


@pytest.mark.parametrize("bits", ["31", "0", "-1", "1025", "9" * 40])
def test_bad_precisions_are_declined(bits: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", f"--precision={bits}", str(TWIN)]) == 2
    assert capsys.readouterr().out.splitlines()[-1].split()[:3] in (["s", "DECLINED", "usage"], ["s", "DECLINED", "limit-exceeded"])
    assert main(["verify", "--precision=32", str(TWIN)]) == 0


def test_a_limit_can_be_raised_and_lowered(capsys: pytest.CaptureFixture[str]) -> None:
    bad = str(REJECT / "limit-exceeded" / "precision-1025.json")
    assert main(["verify", bad]) == 2
    assert "--limit precision_most=1025" in capsys.readouterr().err
    assert main(["verify", "--limit", "precision_most=1025", bad]) == 0
    assert main(["verify", "--limit", "dimension=2", str(TWIN)]) == 2
    assert main(["verify", "--limit", "dimension=3", "--limit", "dimension=2", str(TWIN)]) == 2


def test_model_names_another_copy_of_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = (REJECT / "weights" / "tiny.safetensors").read_bytes()
    (tmp_path / "certificate.json").write_bytes(TWIN.read_bytes())
    (tmp_path / "copy").write_bytes(weights)
    (tmp_path / "changed").write_bytes(weights[:-1] + b"\1")
    certificate = str(tmp_path / "certificate.json")
    assert main(["verify", certificate]) == 2
    assert main(["verify", certificate, "--model", str(tmp_path / "copy")]) == 0
    capsys.readouterr()
    assert main(["verify", certificate, "--model", str(tmp_path / "changed")]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("s REJECTED digest-mismatch certificate ")


def test_an_internal_error_is_code_3_and_no_verdict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*arguments: Any) -> Any:
        raise RuntimeError("a bug\ns VERIFIED accuracy >= 9/9 (1.000000)")

    monkeypatch.setattr("proofcheck.verification.replay", fail)
    assert main(["verify", str(TWIN)]) == 3
    out, err = capsys.readouterr()
    assert not any(line.startswith("s ") for line in (out + err).splitlines())
    assert "internal error" in err
    assert "a bug" in err
