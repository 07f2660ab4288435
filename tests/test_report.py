"""`proofcheck.verify` as a library: the report, its Jupyter form, errors."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

import proofcheck
from proofcheck import Reason, Rejected, Verdict
from proofcheck.report import decimal, escape

CORPUS = Path(proofcheck.__file__).parent / "selftest_corpus"


def test_a_verified_report() -> None:
    report = proofcheck.verify(CORPUS / "accept--brute-force.json")
    report.raise_for_verdict()
    assert report.verdict is Verdict.VERIFIED
    assert (report.claimed, report.proved, report.total, report.undecided) == (12, 12, 64, 0)
    assert report.accuracy == Fraction(12, 64)
    assert report.exit_code == 0
    assert report.line().startswith(
        "s VERIFIED accuracy >= 12/64 (0.187500) task max-of-k n_ctx=2 d_vocab=8 network attention-only-one-layer-one-head"
    )
    assert [step.rule for step in report.steps] == ["path-expansion", "enumeration", "sum-blocks"]
    assert report.operations == sum(step.operations for step in report.steps) > 0


def test_a_rejected_report() -> None:
    report = proofcheck.verify(CORPUS / "reject--not-proved--fifteen-of-twelve.json")
    assert report.verdict is Verdict.REJECTED
    assert report.accuracy == 0
    assert report.exit_code == 1
    with pytest.raises(Rejected) as caught:
        report.raise_for_verdict()
    assert caught.value.code is Reason.NOT_PROVED
    assert caught.value.found == "15"


def test_a_report_has_no_truth_value() -> None:
    with pytest.raises(TypeError, match="no truth value"):
        bool(proofcheck.verify(CORPUS / "accept--cubic.json"))


def test_a_claim_below_the_proof_is_verified_as_claimed(tmp_path: Path) -> None:
    text = (CORPUS / "accept--brute-force.json").read_text().replace('"correct": 12', '"correct": 7')
    path = tmp_path / "less.json"
    path.write_text(text)
    report = proofcheck.verify(path, model=CORPUS / "counterexample-mean-diff-direct.safetensors")
    assert report.line().startswith("s VERIFIED accuracy >= 7/64")
    assert report.proved == 12


def test_jupyter_form_escapes() -> None:
    certificate = proofcheck.decode_certificate((CORPUS / "accept--cubic.json").read_bytes(), proofcheck.Limits())
    hostile = replace(certificate, provenance={"strategy": "<script>alert(1)</script>"})
    report = proofcheck.verify(hostile, model=CORPUS / "counterexample-mean-diff-direct.safetensors")
    text = report._repr_html_()
    assert "VERIFIED" in text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    ("part", "whole", "text"), [(1, 3, "0.333333…"), (1, 4, "0.250000"), (0, 7, "0.000000"), (7, 7, "1.000000"), (2, 3, "0.666666…")]
)
def test_decimals_round_down(part: int, whole: int, text: str) -> None:
    assert decimal(part, whole) == text


def test_escape_keeps_one_line() -> None:
    assert escape("a\ns VERIFIED\x1b[2J\u2028") == "a\\ns VERIFIED\\x1b[2J\\u2028"
