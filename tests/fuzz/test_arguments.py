"""Any arguments and any limits: an exit status of the documented ones, one verdict line for each certificate at most, never a traceback."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, certificate, safetensors_bytes, trained_like

import proofcheck
from proofcheck import Limits, Verdict, encode_certificate
from proofcheck.cli.main import main

SHAPE = Shape(2, 3, 3, 2)
WEIGHTS = safetensors_bytes(trained_like(SHAPE, 0))
INTEGERS = st.integers() | st.sampled_from((-1, 0, 1, 2, 2**31, 2**63, 2**64, 10**29, 10**30, 10**5000))
NUMBERS = INTEGERS.map(lambda value: hex(value) if abs(value) > 10**4000 else str(value)) | st.sampled_from(
    ("9" * 5000, "1_0", "٣", "1e9", " 7")
)
NAMES = st.sampled_from([field.name for field in fields(Limits)])
OPTIONS = st.one_of(
    st.tuples(st.just("--limit"), st.tuples(NAMES, NUMBERS).map("=".join) | st.text()),
    st.tuples(st.sampled_from(("--precision", "--backend", "--model")), NUMBERS | st.text() | st.sampled_from(("arb", "fast"))),
    st.tuples(st.just("--jobs"), st.sampled_from(("-1", "0", "1", "1e9", "")) | st.text()),  # 2 starts processes
    st.tuples(st.sampled_from(("--json", "--stats", "--quiet", "--help", "--version", "--", "-", "--limi", ""))),
    st.tuples(st.text()),
)
COMMANDS = st.sampled_from(("verify", "inspect", "explain", "rules", "nothing")) | st.text()
PLACE: list[Path] = []


@pytest.fixture(scope="module", autouse=True)
def files(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A certificate that verifies; {} in the arguments below stands for it."""
    folder = tmp_path_factory.mktemp("arguments")
    (folder / "weights.safetensors").write_bytes(WEIGHTS)
    (folder / "c.json").write_bytes(encode_certificate(certificate(WEIGHTS, SHAPE, CUBIC)))
    PLACE[:] = [folder / "c.json"]


def outcome(arguments: list[str]) -> tuple[int, str, str]:
    """Status, stdout and stderr of `proofcheck ARGUMENTS`."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as exit_:  # argparse
            status = exit_.code if isinstance(exit_.code, int) else 3
    return status, out.getvalue(), err.getvalue()


def check(arguments: list[str]) -> None:
    status, out, err = outcome(arguments)
    assert status in (0, 1, 2), err
    assert "Traceback" not in err
    verdicts = [line for line in out.splitlines() if line.startswith("s ")]
    verified = [line for line in verdicts if line.startswith("s VERIFIED accuracy >= 0/9 ")]
    assert len(verdicts) <= len(arguments)
    assert len(verified) == sum("VERIFIED" in line for line in verdicts)
    if arguments[:1] == ["verify"] and status == 0 and not {"--help", "-h"} & set(arguments):
        assert verified == verdicts != []


@given(st.lists(OPTIONS, max_size=4), st.booleans())
def test_verify_takes_any_options(options: list[tuple[str, ...]], before: bool) -> None:
    extra = [argument for option in options for argument in option]
    place = [str(PLACE[0])]
    check(["verify", *(place + extra if before else extra + place)])


@given(COMMANDS, st.lists(st.text() | st.just("{}") | NUMBERS, max_size=3))
def test_any_command_with_any_arguments(command: str, arguments: list[str]) -> None:
    check([command, *(str(PLACE[0]) if argument == "{}" else argument for argument in arguments)])


@given(
    st.dictionaries(NAMES, st.integers(0, 10**30) | st.integers(0, 64), max_size=4),
    st.sampled_from((CUBIC, BRUTE_FORCE)),
    st.integers(0, 9),
)
def test_limits_decline_more_and_never_prove_more(settings: dict[str, int], steps: tuple[proofcheck.Step, ...], claim: int) -> None:
    PLACE[0].with_name("claim.json").write_bytes(encode_certificate(certificate(WEIGHTS, SHAPE, steps, correct=claim)))
    report = proofcheck.verify(PLACE[0].with_name("claim.json"), limits=Limits(**settings))
    usual = proofcheck.verify(PLACE[0].with_name("claim.json"))
    assert report.proved <= usual.proved
    if report.verdict is Verdict.VERIFIED:
        assert usual.verdict is Verdict.VERIFIED
    json.dumps(report.as_json())
