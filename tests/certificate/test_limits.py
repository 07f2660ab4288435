"""Every limit declines one above it and accepts what is at it; raised limits never end in a traceback."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import proofcheck
from proofcheck import Declined, Limits, Reason, decode_certificate
from proofcheck.certificate import read_regular_file

REJECT = Path(__file__).parents[2] / "certificates" / "reject"
TWIN = REJECT / "twin.json"
DATA = TWIN.read_bytes()
DEEP = b"[" * 200_000
ARRAY = json.dumps({"dtype": "f64", "shape": [2, 3], "data": "A" * 64})


def with_hint(text: str) -> bytes:
    return DATA.replace(b'"hints": {}', b'"hints": {"h": ' + text.encode() + b"}", 1)


def reason(data: bytes, limits: Limits) -> Reason | None:
    try:
        decode_certificate(data, limits)
    except proofcheck.ProofcheckError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("name", "data", "at"),
    [
        ("json_depth", DATA, 4),
        ("steps", DATA, 3),
        ("string_length", DATA, 24),
        ("integer_digits", DATA, 3),
        ("array_entries", with_hint(ARRAY), 6),
        ("precision_most", DATA, 128),
    ],
)
def test_decoding_stops_exactly_at_the_limit(name: str, data: bytes, at: int) -> None:
    limits = Limits()
    assert reason(data, replace(limits, **{name: at})) is None
    with pytest.raises(Declined) as caught:
        decode_certificate(data, replace(limits, **{name: at - 1}))
    error = caught.value
    assert error.code == Reason.LIMIT_EXCEEDED
    assert error.message.startswith(f"{name.removesuffix('_most').replace('_', ' ')} is {at}, above the limit {at - 1}")
    assert f"--limit {name}={at}" in error.hint


def test_tokens_are_counted() -> None:
    tokens = next(n for n in range(1, 500) if reason(DATA, replace(Limits(), json_tokens=n)) is None)
    assert 100 < tokens < 400
    assert reason(DATA, replace(Limits(), json_tokens=tokens - 1)) == Reason.LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("name", "at"),
    [("certificate_bytes", len(DATA)), ("weights_bytes", 1144), ("dimension", 3), ("sequence_length", 2), ("table_entries", 9)],
)
def test_verifying_stops_exactly_at_the_limit(name: str, at: int) -> None:
    if name == "weights_bytes":
        at = (REJECT / "weights" / "tiny.safetensors").stat().st_size
    assert proofcheck.verify(TWIN, limits=replace(Limits(), **{name: at})).error is None
    error = proofcheck.verify(TWIN, limits=replace(Limits(), **{name: at - 1})).error
    assert error is not None
    assert error.code == Reason.LIMIT_EXCEEDED
    assert f"--limit {name}={at}" in error.hint


def test_work_is_bounded_before_any_arithmetic() -> None:
    report = proofcheck.verify(TWIN)
    needed = next(10**k for k in range(10) if proofcheck.verify(TWIN, limits=replace(Limits(), work=10**k)).error is None)
    assert needed >= report.operations
    error = proofcheck.verify(TWIN, limits=replace(Limits(), work=needed // 10)).error
    assert error is not None
    assert error.code == Reason.LIMIT_EXCEEDED
    assert "above the limit" in error.message


@pytest.mark.parametrize("bits", [2**20 + 1, 10**9, 10**40])
def test_a_precision_beyond_reason_is_declined_whatever_the_limit(bits: int) -> None:
    report = proofcheck.verify(TWIN, precision=bits, limits=replace(Limits(), precision_most=10**50))
    assert report.error is not None
    assert report.error.code == Reason.LIMIT_EXCEEDED
    assert proofcheck.verify(TWIN, precision=2000, limits=replace(Limits(), precision_most=10**50)).error is None


def test_a_limit_of_settled_sequences_only_makes_the_proof_weaker() -> None:
    assert proofcheck.verify(TWIN, limits=replace(Limits(), settled_in_balls=0)).proved <= proofcheck.verify(TWIN).proved


@pytest.mark.parametrize("data", [DEEP, b'{"a":' * 100_000, with_hint("1" * 5000), with_hint("-" + "9" * 100_000)])
def test_limits_that_were_raised_beyond_what_python_can_do(data: bytes) -> None:
    everything: dict[str, Any] = {field.name: 10**18 for field in fields(Limits) if field.name != "precision_least"}
    assert reason(data, Limits(**everything)) == Reason.LIMIT_EXCEEDED
    assert reason(DATA, Limits(**everything)) is None


def test_files_are_read_under_any_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    for most in (5, 10**30):
        assert read_regular_file(path, "weights_bytes", Limits(weights_bytes=most), follow_links=True) == b"12345"
    with pytest.raises(Declined) as caught:
        read_regular_file(path, "weights_bytes", Limits(weights_bytes=4), follow_links=True)
    assert caught.value.code == Reason.LIMIT_EXCEEDED


def test_links_are_followed_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular_file(tmp_path / "link", "weights_bytes", Limits(), follow_links=True) == b"x"
    with pytest.raises(Declined) as caught:
        read_regular_file(tmp_path / "link", "weights_bytes", Limits(), follow_links=False)
    assert caught.value.code == Reason.NOT_A_REGULAR_FILE


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (tmp_path, TWIN, tmp_path / "none", Path("/dev/null")):
        try:
            read_regular_file(path, "weights_bytes", Limits(), follow_links=True)
        except Declined:
            continue
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("depth", [99, 100, 101, 150, 300, 900, 5_000, 100_000])
@pytest.mark.parametrize("place", ["options", "task", "claim"])
def test_deep_nesting_is_declined_whatever_the_limit_says(depth: int, place: str) -> None:
    """Values of options, tasks and claims are read by recursive functions."""
    document = json.loads((REJECT / "twin-1.1.json").read_bytes())
    nested = "[" * (depth - 4) + "1" + "]" * (depth - 4)
    where = {"options": document["model"]["options"], "task": document["task"], "claim": next(iter(document["claim"].values()))}[place]
    where["deep"] = "DEEP"
    data = json.dumps(document).replace('"DEEP"', nested).encode()
    for limits in (Limits(), Limits(json_depth=10**6, json_tokens=10**7)):
        report = proofcheck.Checker(limits=limits)
        path_free = reason(data, limits)
        assert path_free in (None, Reason.LIMIT_EXCEEDED, Reason.UNKNOWN_FIELD)
        assert path_free == Reason.LIMIT_EXCEEDED or (limits.json_depth > 100 and depth <= 101)
        if path_free is None:
            certificate = decode_certificate(data, limits)
            error = report.verify(certificate, model=REJECT / "weights" / "adder.safetensors").error
            assert error is not None
