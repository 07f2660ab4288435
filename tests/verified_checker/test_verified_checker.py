"""The verified program on shipped certificates and random models. It is built by `make lemmas`; without it these tests are skipped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.shipped import one, shipped, text_of
from tests.verified_checker.agreement import PROGRAM, random_agreements, verified_count

SMALL = [path for path in shipped("accept") if path.name.startswith("max-of-3-d-vocab-16-seed-0--")]

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="the verified program is not built: make lemmas")


def test_shipped_certificates() -> None:
    assert len(SMALL) == 3
    assert [verified_count(path) for path in SMALL] == [4096, 4096, 4096]


def test_random_models(tmp_path: Path) -> None:
    found = list(random_agreements(tmp_path, range(4)))
    assert [str(one.comparison) for one in found if one.false] == []
    assert sum(one.kind == "equal" for one in found) >= 12
    assert sum(isinstance(one.verified, int) and one.verified > 0 for one in found) >= 12


def test_a_false_count_is_noticed(tmp_path: Path) -> None:
    one = next(random_agreements(tmp_path, range(1)))
    assert not one.false
    assert replace(one, verified=one.comparison.bounds["proved"][1] + 1).false


def test_weights_without_unembedding_prove_nothing(tmp_path: Path) -> None:
    """All logits tie, and a tie is wrong: the program reads the weights."""
    certificate = next(path for path in SMALL if path.stem.endswith("--cubic"))
    value = json.loads(certificate.read_text())
    weights = bytearray((certificate.parent / value["model"]["weights"]["file"]).read_bytes())
    length = int.from_bytes(weights[:8], "little")
    start, end = json.loads(weights[8 : 8 + length])["unembed.W_U"]["data_offsets"]
    weights[8 + length + start : 8 + length + end] = bytes(end - start)
    (tmp_path / "weights.safetensors").write_bytes(weights)
    value["model"]["weights"]["file"] = "weights.safetensors"
    (tmp_path / certificate.name).write_text(json.dumps(value))
    assert verified_count(tmp_path / certificate.name) == 0


def test_unknown_rule_is_declined(tmp_path: Path) -> None:
    path = tmp_path / "plain.json"  # the program reads no gzip
    path.write_bytes(text_of(one("accept", "max-of-4-seed-123--separable-early-maximum")))
    assert verified_count(path) == "declined the rule separable-early-maximum is not one of the verified program's"


def test_claims_in_other_readings_are_declined() -> None:
    margin = verified_count(one("accept", "max-of-4-seed-123--separable-minimum--margin-1-10"))
    assert margin == "declined a margin is not one of the verified program's"
    assert str(verified_count(one("accept", "max-of-4-seed-123--separable-minimum--float32"))).startswith("declined")


@pytest.mark.parametrize(("part", "field", "reason"), [("model", "architecture", "architecture"), ("task", "name", "task")])
def test_another_statement_is_declined(tmp_path: Path, part: str, field: str, reason: str) -> None:
    value = json.loads(SMALL[0].read_text())
    value[part][field] = "another"
    (tmp_path / "certificate.json").write_text(json.dumps(value))
    assert verified_count(tmp_path / "certificate.json") == f"declined the {reason} another is not one of the verified program's"


def test_reader_is_small() -> None:
    assert len((Path(__file__).parent / "main.ml").read_text().splitlines()) <= 250
