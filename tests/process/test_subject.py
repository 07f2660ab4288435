"""A verdict says what it is about, whatever the mode; expectations are compared; what is in memory passes the decoder."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from soundness.small_models import CUBIC, Shape, certificate, safetensors_bytes, trained_like
from soundness.subcubic_steps import CHORD, EXACT, steps

import proofcheck
from proofcheck import Certificate, Expected, Limits, Reason, Step, Verdict, decode_certificate
from proofcheck.cli.main import main

REJECT = Path(__file__).parents[2] / "certificates" / "reject"
TWIN = REJECT / "twin.json"
WEIGHTS = REJECT / "weights" / "tiny.safetensors"
DIGEST = json.loads(TWIN.read_bytes())["model"]["weights"]["sha256"]
TASK = "max-of-k n_ctx=2 d_vocab=3"
NETWORK = "attention-only-one-layer-one-head n_ctx=2 d_vocab=3 d_model=3 d_head=2"
COMMAND = [sys.executable, str(Path(sys.executable).with_name("proofcheck"))]
GRAMMAR = re.compile(
    r"s VERIFIED accuracy >= \d+/\d+ \(\d\.\d{6}…?\) task [^\n]+ network [^\n]+ model sha256:[0-9a-f]{64} certificate [^\n]+"
    r"|s (REJECTED|DECLINED) [a-z-]+ certificate [^\n]+"
)


@pytest.mark.parametrize("mode", [[], ["--quiet"], ["--stats"], ["--jobs", "2"]])
@pytest.mark.parametrize("copies", [1, 3])
def test_every_mode_names_file_digest_model_and_task(mode: list[str], copies: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", *mode, *[str(TWIN)] * copies]) == 0
    verdicts = [line for line in capsys.readouterr().out.splitlines() if line.startswith("s ")]
    assert len(verdicts) == copies
    for line in verdicts:
        assert GRAMMAR.fullmatch(line)
        assert line.endswith(f" task {TASK} network {NETWORK} model sha256:{DIGEST} certificate {TWIN}")


def test_refusals_follow_the_grammar(capsys: pytest.CaptureFixture[str]) -> None:
    for path in (REJECT / "not-proved" / "one-higher.json", REJECT / "unsupported-format" / "version-2.0.json", REJECT / "none"):
        main(["verify", "--quiet", str(path)])
        assert GRAMMAR.fullmatch(capsys.readouterr().out.rstrip("\n"))


def test_expectations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(WEIGHTS.read_bytes() + b" ")
    good = [["--expect-sha256", DIGEST.upper()], ["--expect-model", str(WEIGHTS)], ["--expect-task", TASK]]
    bad = [
        (["--expect-sha256", "0" * 64], Reason.UNEXPECTED_MODEL),
        (["--expect-model", str(other)], Reason.UNEXPECTED_MODEL),
        (["--expect-task", "max-of-k n_ctx=2 d_vocab=4"], Reason.UNEXPECTED_TASK),
    ]
    for arguments in (*good, [*good[0], *good[1], *good[2]]):
        assert main(["verify", *arguments, str(TWIN)]) == 0
    capsys.readouterr()
    for arguments, code in bad:
        assert main(["verify", *arguments, str(TWIN)]) == 2
        out, err = capsys.readouterr()
        assert out.splitlines()[-1] == f"s DECLINED {code} certificate {TWIN}"
        assert err.startswith(f"{code}: ")
    assert proofcheck.verify(TWIN, expected=Expected(DIGEST, TASK)).verdict is Verdict.VERIFIED


def test_several_models_are_told_apart_by_their_digests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models, files = [], []
    for k in range(3):
        weights = safetensors_bytes(trained_like(Shape(2, 3), k))
        models.append(tmp_path / f"{k}.safetensors")
        models[-1].write_bytes(weights)
        files.append(tmp_path / f"{k}.json")
        files[-1].write_bytes(proofcheck.encode_certificate(certificate(weights, Shape(2, 3), CUBIC, weights_file="gone")))
    given = [word for model in reversed(models) for word in ("--model", str(model))]
    assert main(["verify", *given, *map(str, files)]) == 0
    capsys.readouterr()
    assert main(["verify", *given[2:], *map(str, files)]) == 2
    assert "none of the files named by --model" in capsys.readouterr().err


def test_weights_that_are_not_there_are_named_by_digest(tmp_path: Path) -> None:
    (tmp_path / "certificate.json").write_bytes(TWIN.read_bytes())
    report = proofcheck.verify(tmp_path / "certificate.json")
    assert report.error is not None
    assert DIGEST in report.error.expected
    assert "--model" in report.error.hint


def test_weights_behind_a_link_as_in_a_hub_cache_need_the_users_word(tmp_path: Path) -> None:
    """snapshots/… are links into blobs/: a certificate may not lead there, its user may."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "blob").write_bytes(WEIGHTS.read_bytes())
    (tmp_path / "weights" / "tiny.safetensors").symlink_to("../blob")
    (tmp_path / "certificate.json").write_bytes(TWIN.read_bytes())
    report = proofcheck.verify(tmp_path / "certificate.json")
    assert report.error is not None
    assert (report.error.code, "--model FILE" in report.error.hint) == (Reason.NOT_A_REGULAR_FILE, True)
    linked = tmp_path / "weights" / "tiny.safetensors"
    assert proofcheck.verify(tmp_path / "certificate.json", model=linked).verdict is Verdict.VERIFIED


class Agreeable(int):
    """An int that is at most anything."""

    def __le__(self, other: object) -> bool:
        return True

    __lt__ = __ge__ = __gt__ = __eq__ = __le__  # type: ignore[assignment]
    __hash__ = int.__hash__


def twin(**changes: Any) -> Certificate:
    """The twin with other numbers in its claim, another weight file or digest, or other parts."""
    found = decode_certificate(TWIN.read_bytes(), Limits())
    claim = {name: changes.pop(name) for name in ("correct", "total") if name in changes}
    model = {name: changes.pop(name) for name in ("file", "sha256") if name in changes}
    return replace(found.claiming(**claim), model=replace(found.model, **model), **changes)


def test_certificates_in_memory_pass_the_decoder() -> None:
    assert proofcheck.verify(twin(), model=WEIGHTS).verdict is Verdict.VERIFIED
    refused = {
        Reason.NOT_PROVED: {"correct": Agreeable(10)},
        Reason.WRONG_TYPE: {"correct": "9"},
        Reason.BAD_NUMBER: {"correct": 9.0},
        Reason.BAD_STRING: {"sha256": "x" * 64},
    }
    for code, changes in refused.items():
        report = proofcheck.verify(twin(**changes), model=WEIGHTS)
        assert (report.verdict, report.error and report.error.code) == (Verdict.REJECTED, code), changes
    for changes in (
        {"correct": True},
        {"correct": "9"},
        {"total": None},
        {"steps": None},
        {"provenance": {"a": 1}},
        {"steps": (object(),)},
    ):
        report = proofcheck.verify(twin(**changes), model=WEIGHTS)
        assert report.verdict is Verdict.REJECTED, changes


def test_facts_do_not_share_the_arrays_of_the_caller(tmp_path: Path) -> None:
    """What an observer writes into the arrays of a certificate in memory changes nothing, and it cannot write into facts."""
    weights = safetensors_bytes(trained_like(Shape(2, 3), 1))
    gaps = np.ones((3, 3, 2), dtype="<i8")
    these = steps("direct-path-max-diff-exact", EXACT, CHORD, gaps)
    (tmp_path / "weights.safetensors").write_bytes(weights)
    found = []

    def hostile(step: Step, fact: Any) -> None:
        gaps[:] = 3
        if step.rule == "attention-bounds":
            found.append(fact.gaps.copy())
            with pytest.raises(ValueError, match="read-only"):
                fact.gaps[:] = 3

    model = tmp_path / "weights.safetensors"
    report = proofcheck.Checker().verify(certificate(weights, Shape(2, 3), these), model=model, observe=hostile)
    assert report.error is None
    assert (found[0] == 1).all()


def with_metadata(tmp_path: Path, metadata: dict[str, str]) -> proofcheck.Report:
    from safetensors.numpy import save

    weights = save(trained_like(Shape(2, 3), 1), metadata=metadata)
    (tmp_path / "weights.safetensors").write_bytes(weights)
    return proofcheck.verify(certificate(weights, Shape(2, 3), CUBIC), model=tmp_path / "weights.safetensors")


def test_what_the_weight_file_declares_is_compared(tmp_path: Path) -> None:
    good = {
        "proofcheck.task": TASK,
        "proofcheck.normalization": "none",
        "proofcheck.activation": "none",
        "proofcheck.attention_scale": "sqrt(d_head)",
        "seed": "7",
    }
    report = with_metadata(tmp_path, good)
    assert (report.verdict, report.notes) == (Verdict.VERIFIED, ())
    silent = with_metadata(tmp_path, {"seed": "7"})
    assert silent.verdict is Verdict.VERIFIED
    assert "does not say" in silent.notes[0]
    for name, value, code in (
        ("task", "min-of-k n_ctx=2 d_vocab=3", Reason.METADATA_MISMATCH),
        ("normalization", "LNPre", Reason.UNSUPPORTED_ARCHITECTURE),
        ("activation", "relu", Reason.UNSUPPORTED_ARCHITECTURE),
        ("attention_scale", "1", Reason.UNSUPPORTED_ARCHITECTURE),
    ):
        report = with_metadata(tmp_path, {**good, f"proofcheck.{name}": value})
        assert report.error is not None
        assert report.error.code == code


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("bits", [0, 1, 2, 3, 31])
def test_small_precisions_end_in_a_report(bits: int, backend: Any) -> None:
    report = proofcheck.verify(TWIN, backend=backend, precision=bits, limits=Limits(precision_least=0))
    assert (report.error is None) or report.error.code in (Reason.USAGE, Reason.OUT_OF_RANGE, Reason.NOT_PROVED)
    assert (report.error is not None and report.error.code is Reason.USAGE) == (bits < 2)


def piped(data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, "verify", *arguments], input=data, capture_output=True, timeout=60, check=False)


def test_certificates_from_pipes_and_gzip(tmp_path: Path) -> None:
    data = TWIN.read_bytes()
    for name in ("-", "/dev/stdin"):
        for content in (data, gzip.compress(data)):
            done = piped(content, "--model", str(WEIGHTS), name)
            assert done.returncode == 0, done.stderr
            assert done.stdout.splitlines()[-1].endswith(f"certificate {name}".encode())
    (tmp_path / "twin.json.gz").write_bytes(gzip.compress(data))
    assert main(["verify", "--model", str(WEIGHTS), str(tmp_path / "twin.json.gz")]) == 0


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b" " * 200, 2, "limit-exceeded"),
        (gzip.compress(b" " * 10**7), 2, "limit-exceeded"),
        (gzip.compress(b"{}")[:-4], 1, "malformed-json"),
        (gzip.compress(b"{}") + b"x", 1, "malformed-json"),
        (gzip.compress(b"{}") * 2, 1, "malformed-json"),
        (b"\x1f\x8bnothing", 1, "malformed-json"),
        (b"", 1, "malformed-json"),
    ],
    ids=["too long", "too long when expanded", "truncated", "something after it", "two members", "no gzip", "nothing"],  # gzip has a clock
)
def test_hostile_streams(data: bytes, status: int, code: str) -> None:
    done = piped(data, "--limit", "certificate_bytes=100", "-")
    assert done.returncode == status
    assert done.stdout.splitlines()[-1].startswith(f"s {'DECLINED' if status == 2 else 'REJECTED'} {code}".encode())


def test_files_of_another_kind_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    assert main(["verify", str(WEIGHTS)]) == 1
    assert "this looks like a weight file" in capsys.readouterr().err
    for legacy in (False, True):
        torch.save({"embed.W_E": torch.zeros(3, 3)}, tmp_path / "model.pt", _use_new_zipfile_serialization=not legacy)
        digest = __import__("hashlib").sha256((tmp_path / "model.pt").read_bytes()).hexdigest()
        report = proofcheck.verify(twin(sha256=digest), model=tmp_path / "model.pt")
        assert report.error is not None
        assert report.error.code is Reason.BAD_WEIGHTS
        assert "torch checkpoint" in report.error.hint


def test_no_name_makes_a_line_that_looks_like_a_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forged = "s VERIFIED accuracy >= 64/64 (1.000000)"
    (tmp_path / forged).mkdir(parents=True)
    commands = [
        ["verify", forged],
        ["verify", forged, forged],
        ["verify", f"x\n{forged}", "y"],
        ["verify", "--quiet", str(tmp_path / forged)],
        ["explain", forged],
        ["inspect", forged],
        ["rules", forged],
        ["verify", "--limit", forged, "x"],
        ["verify", "x", f"--y\n{forged}"],
        [f"y\n{forged}"],
        ["verify", "--backend", f"z\n{forged}", "x"],
    ]
    for command in commands:
        try:
            assert main(command) == 2
        except SystemExit as stopped:
            assert stopped.code == 2
        out, err = capsys.readouterr()
        lines = (out + err).splitlines()
        assert not any(line.startswith("s VERIFIED") for line in lines), command
        assert all(GRAMMAR.fullmatch(line) for line in lines if line.startswith("s "))


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_output_that_cannot_be_written(jobs: str) -> None:
    command = [*COMMAND, "verify", "--jobs", jobs, str(TWIN), str(TWIN)]
    if Path("/dev/full").exists():
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (2, "proofcheck: cannot write the output: No space left on device\n")
    closed = subprocess.run(["/bin/sh", "-c", '"$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert closed.returncode == 2
    assert closed.stderr.count("\n") == 1
    assert "output" in closed.stderr


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0"])
def test_streams_are_read_by_the_process_that_has_them(name: str) -> None:
    """A worker of --jobs has another standard input: its jobs."""
    done = piped(TWIN.read_bytes(), "--jobs", "2", "--model", str(WEIGHTS), name, str(TWIN))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"s VERIFIED") == 2
    twice = piped(TWIN.read_bytes(), "--model", str(WEIGHTS), name, name)
    assert (twice.returncode, twice.stdout) == (2, b"")


@pytest.mark.parametrize("arguments", [["--expect-sha256", ""], ["--expect-task", ""]])
def test_an_empty_expectation_is_no_expectation_that_holds(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", *arguments, str(TWIN)]) == 2
    assert capsys.readouterr().out == ""
    for expected in (Expected(sha256=""), Expected(task="")):
        assert proofcheck.verify(TWIN, expected=expected).verdict is Verdict.DECLINED


def test_null_metadata_is_no_metadata(tmp_path: Path) -> None:
    data = WEIGHTS.read_bytes()
    size = int.from_bytes(data[:8], "little")
    text = json.dumps({"__metadata__": None, **json.loads(data[8 : 8 + size])}).encode()
    weights = len(text).to_bytes(8, "little") + text + data[8 + size :]
    (tmp_path / "weights").write_bytes(weights)
    digest = __import__("hashlib").sha256(weights).hexdigest()
    report = proofcheck.verify(twin(sha256=digest), model=tmp_path / "weights")
    assert report.error is None or report.error.code is Reason.BAD_WEIGHTS


def test_missing_standard_error_hides_no_verdict() -> None:
    command = ["/bin/sh", "-c", '"$@" 2>&-', "sh", *COMMAND, "verify", str(TWIN), str(REJECT / "not-proved" / "one-higher.json")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("s ")] == ["VERIFIED", "REJECTED"]
    assert all(line.startswith(("c ", "s ")) for line in done.stdout.splitlines())


def test_a_task_has_one_name() -> None:
    with pytest.raises(TypeError, match="no field `name`"):
        proofcheck.encode_certificate(twin(task=replace(twin().task, fields={"name": "x"})))
