"""`--jobs N` of one certificate: the same report, and no worker that ends, lies about its piece or answers junk makes a verdict."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import proofcheck
from proofcheck import Limits, Reason, Report, Verdict
from proofcheck.certificate import Certificate, decode_certificate
from proofcheck.cli import pieces
from proofcheck.cli.pieces import Ended, PiecesInProcesses, Unfit, read_answer, write_answer
from proofcheck.cli.settings import Settings
from proofcheck.decimals import duration
from proofcheck.rules.counting import evaluation
from proofcheck.verification import Checker, versions

ROOT = Path(__file__).parents[2]
CERTIFICATE = ROOT / "certificates" / "networks" / "max-of-2-layernorm.json"  # 4,096 inputs
COMMAND = [sys.executable, str(Path(sys.executable).with_name("proofcheck"))]
SETTINGS = Settings("fast", Limits(), None, ())


@pytest.fixture(autouse=True)
def many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MOST_AT_ONCE", 64)


def facts_of(report: Report) -> tuple[Any, ...]:
    code = report.error.code if report.error else None
    return report.verdict, code, report.claim, report.proved, report.wrong, report.undecided, report.operations


def shared(certificate: Certificate | Path, patience: float = 0.0, processes: int = 2, settings: Settings = SETTINGS) -> Report:
    model = ROOT / "certificates" / "models" / "networks" / "max-of-2-layernorm-seed-0.safetensors"
    with closing(PiecesInProcesses(settings, processes, patience)) as pool:
        return settings.checker().verify(certificate, model=model, pool=pool)


class Slowly:
    """This process's own pieces take long, so that the others have some."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pieces = 0
        whole = evaluation.evaluated

        def slow(context: Any) -> Any:
            part = whole(context)

            def waits(piece: Any) -> Any:
                self.pieces += 1
                time.sleep(0.2)
                return part(piece)

            return waits

        monkeypatch.setattr(evaluation, "evaluated", slow)


def test_the_report_is_the_same_and_others_did_some_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Checker().verify(CERTIFICATE)
    assert (alone.verdict, alone.exact) == (Verdict.VERIFIED, True)
    own = Slowly(monkeypatch)
    assert facts_of(shared(CERTIFICATE)) == facts_of(alone)
    assert 0 < own.pieces < 64  # of 64


def test_what_is_left_open_is_settled_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bits settle nothing, and a limit lets only some be tried: the same ones, whoever found them."""
    settings = Settings("arb", Limits(settled_in_balls=100, precision_least=2), 12, ())
    claim = decode_certificate(CERTIFICATE.read_bytes(), Limits()).claiming(correct=0)
    monkeypatch.setattr(evaluation, "MOST_AT_ONCE", 1024)
    model = ROOT / "certificates" / "models" / "networks" / "max-of-2-layernorm-seed-0.safetensors"
    alone = settings.checker().verify(claim, model=model)
    assert alone.undecided > 100
    assert facts_of(shared(claim, settings=settings)) == facts_of(alone)


def test_a_pool_serves_on_after_a_sweep_that_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer to an old question is taken for one to a new one."""
    Slowly(monkeypatch)
    model = ROOT / "certificates" / "models" / "networks" / "max-of-2-layernorm-seed-0.safetensors"

    def stop(step: Any, done: int, whole: int) -> None:
        if done > 1000:
            raise proofcheck.Rejected(Reason.NOT_PROVED, "enough")

    with closing(PiecesInProcesses(SETTINGS, 2, 0.0)) as pool:
        given_up = SETTINGS.checker().verify(CERTIFICATE, model=model, pool=pool, progress=stop)
        assert given_up.verdict is Verdict.REJECTED
        again = SETTINGS.checker().verify(CERTIFICATE, model=model, pool=pool)
    assert facts_of(again) == facts_of(Checker().verify(CERTIFICATE))


ANSWERING = """
import sys
from proofcheck.cli import pieces
from proofcheck.cli.pieces import *
honest = pieces.write_answer
def write(stream, question, part, operations):
    {body}
pieces.write_answer = write
pieces.serve()
"""
LIES = {
    "another piece": "honest(stream, (question[0], question[1] + 64, question[2] + 64), part, operations)",
    "another step": "honest(stream, ('total', *question[1:]), part, operations)",
    "junk": "stream.write(bytes(range(256)) * 100); stream.flush()",
    "a long line": "stream.write(b'7' * 100_000 + bytes([10])); stream.flush()",
    "JSON of another kind": "stream.write(b'[1, 2]' + bytes([10])); stream.flush()",
    "no numbers": "honest(stream, question, part[:0], operations)",
    "numbers cut short": "honest(stream, question, part[:-1], operations)",
    "more numbers": "honest(stream, question, np.append(part, 7), operations)",
    "negative numbers": "honest(stream, question, -part, operations)",
    "all are right twice": "k = part[0]; part[1 + 2 * k : 1 + 3 * k] *= 2; honest(stream, question, part, operations)",
    "inputs of another piece": "k = part[0]; part[1 + k : 1 + 3 * k] += 1; honest(stream, question, part, operations)",
    "inputs forgotten": "honest(stream, question, np.zeros(2, dtype=np.int64), operations)",
    "open inputs invented": "part[-1] += 1; honest(stream, question, part, operations)",
    "decided inputs left open": "part[-1] = 1; honest(stream, question, np.append(part, [0, 0, 0]), operations)",
    "negative operations": "honest(stream, question, part, -1)",
    "operations that are none": "honest(stream, question, part, True)",
    "other software": "pieces.versions = lambda: ('proofcheck 9',); honest(stream, question, part, operations)",
}


def replaced(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Workers run this program instead."""
    path = [entry for entry in sys.path if Path(entry).is_absolute()]
    program = f"import sys\nsys.path[:] = {path!r}\n{code}"

    def start(module: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-I", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(pieces, "start", start)


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_an_internal_error(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Slowly(monkeypatch)
    replaced(monkeypatch, ANSWERING.format(body=LIES[lie]))
    with pytest.raises(RuntimeError):
        shared(CERTIFICATE)


def test_those_workers_would_be_believed_if_they_were_honest(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Slowly(monkeypatch)
    replaced(monkeypatch, ANSWERING.format(body="honest(stream, question, part, operations)"))
    assert shared(CERTIFICATE).verdict is Verdict.VERIFIED
    assert own.pieces < 64


@pytest.mark.parametrize(
    "code",
    [
        "",
        "import os\nos.kill(os.getpid(), 9)",
        ANSWERING.format(body="stream.write(b'{'); stream.flush(); os._exit(0)").replace("import sys", "import os, sys"),
        ANSWERING.format(body="honest(stream, question, part, operations); os._exit(1)").replace("import sys", "import os, sys"),
    ],
    ids=["ends at once", "is killed", "ends in a line", "ends after an answer"],
)
def test_a_worker_that_ends_is_declined(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Slowly(monkeypatch)
    replaced(monkeypatch, code)
    try:
        report = shared(CERTIFICATE)
    except Unfit:  # half a line is an answer too
        return
    assert (report.verdict, report.error and report.error.code) == (Verdict.DECLINED, Reason.LIMIT_EXCEEDED)


def test_what_a_worker_cannot_do_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Slowly(monkeypatch)
    replaced(monkeypatch, ANSWERING.format(body="honest(stream, question, None, 0)"))
    monkeypatch.setattr(evaluation, "MOST_AT_ONCE", 1024)
    assert shared(CERTIFICATE).verdict is Verdict.VERIFIED
    assert own.pieces == 4


def answer(**changes: Any) -> bytes:
    fields: dict[str, Any] = {"question": ["inputs", 0, 64], "about": list(versions()), "numbers": 2, "operations": 3}
    fields |= changes
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode() + b"\n" + bytes(16)


def test_the_answer_is_read_as_it_was_written() -> None:
    stream = io.BytesIO()
    write_answer(stream, ("inputs", 0, 64), np.array([1, -(2**62)]), 5)
    write_answer(stream, ("inputs", 64, 128), None, 0)
    stream.seek(0)
    part, operations = read_answer(stream, ("inputs", 0, 64)) or (None, 0)
    assert part is not None
    assert (part.tolist(), operations) == ([1, -(2**62)], 5)
    assert read_answer(stream, ("inputs", 64, 128)) is None
    assert read_answer(io.BytesIO(answer()), ("inputs", 0, 64)) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"question": ["inputs", 0, 63]},
        {"question": None},
        {"about": []},
        {"numbers": -1},
        {"numbers": 2**40},
        {"numbers": "2"},
        {"numbers": 2.0},
        {"numbers": None},
        {"operations": None},
        {"operations": False},
        {"more": 1},
        {"unable": True},
        {"unable": False},
    ],
    ids=str,
)
def test_fields_that_do_not_fit(changes: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        read_answer(io.BytesIO(answer(**changes)), ("inputs", 0, 64))


@pytest.mark.parametrize("cut", [0, -1, -16])
def test_an_answer_cut_short(cut: int) -> None:
    with pytest.raises(Ended):
        read_answer(io.BytesIO(answer()[:cut]), ("inputs", 0, 64))


Sweeper = Callable[..., Any]


@pytest.mark.parametrize("how", ["twice", "never", "unasked", "floats"])
def test_each_piece_comes_once(how: str) -> None:
    def sweep(found: Any, here: Any) -> Any:
        parts = [(index, here(piece)) for index, piece in enumerate(found)]
        if how == "floats":
            parts[3] = (3, parts[3][1].astype(float))
        yield from {"twice": parts + parts[:1], "never": parts[1:], "unasked": [*parts, (len(parts), parts[0][1])]}.get(how, parts)

    class Odd:
        def sweep(self, *about: Any) -> Any:
            return sweep

    with pytest.raises(RuntimeError):
        Checker().verify(CERTIFICATE, pool=Odd())


def test_a_claim_that_is_refuted_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that are never right: the first pieces refute the claim, and the numbers say how much was looked at."""
    certificate = decode_certificate(CERTIFICATE.read_bytes(), Limits())
    honest = evaluation.decide

    def pessimist(logits: Any, answers: Any, *margin: Any) -> Any:
        right, wrong = honest(logits, answers)
        return right & False, wrong | True

    monkeypatch.setattr(evaluation, "decide", pessimist)
    seen: list[int] = []
    report = Checker().verify(CERTIFICATE, progress=lambda step, done, whole: seen.append(done))
    assert report.error is not None
    assert (report.verdict, report.error.code) == (Verdict.REJECTED, Reason.NOT_PROVED)
    total, claimed = (certificate.claim.fields[name] for name in ("total", "correct"))
    allowed = total - claimed
    looked_at = (allowed // 64 + 1) * 64
    assert f"{looked_at} of the {looked_at} inputs" in report.error.message
    assert (report.error.expected, report.error.found) == (f"at most {total - looked_at}", str(claimed))
    assert max(seen, default=0) < looked_at < total
    report = Checker().verify(certificate.claiming(correct=0), model=CERTIFICATE.parent / certificate.model.file)
    assert (report.verdict, report.proved, report.wrong) == (Verdict.VERIFIED, 0, total)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_command(jobs: str, tmp_path: Path) -> None:
    command = [*COMMAND, "verify", "--progress", "--jobs", jobs, str(CERTIFICATE)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("c ")] == lines[-1:]
    assert lines[-1].startswith("s VERIFIED accuracy >= ")
    assert all(line.startswith("c progress inputs: ") for line in done.stderr.splitlines())


def test_progress_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from proofcheck import Step
    from proofcheck.cli import progress

    clock = iter([0.0, 0.5, 2.0, 2.1, 20.0, 5000.0, 6000.0])
    monkeypatch.setattr(progress, "perf_counter", lambda: next(clock))
    shown, step = progress.Progress(always=True), Step("inputs\ns VERIFIED", "evaluation")
    for done in (0, 10, 10, 20, 50, 75):
        shown(step, done, 100)
    shown.close()
    assert [line[line.index(": ") :] for line in capsys.readouterr().err.splitlines()] == [
        ": 10 % of 100 inputs, 18 s left",
        ": 50 % of 100 inputs, 20 s left",
        ": 75 % of 100 inputs, 28 min left",
    ]
    times = [duration(seconds) for seconds in (3, 100, 7800, 10**6, 10**9, 10**30)]
    assert times == ["3 s", "2 min", "2 h 10 min", "11 days", "31 years", "millions of years"]
    quiet = progress.Progress(always=False)
    quiet(step, 1, 2)
    assert capsys.readouterr().err == ""
