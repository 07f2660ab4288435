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


def test_print_is_readable_and_forges_nothing() -> None:
    text = str(proofcheck.verify(CORPUS / "accept--cubic.json"))
    assert text.splitlines()[0] == "VERIFIED accuracy >= 5/64 (0.078125)"
    assert "proved      5 of 64 inputs" in text
    refused = str(proofcheck.verify(CORPUS / "reject--not-proved--fifteen-of-twelve.json"))
    assert refused.splitlines()[:4] == [
        "REJECTED",
        "not-proved: the claim is larger than what the steps prove (at $.claim.accuracy_at_least.correct)",
        "  expected: at most 12",
        "  found:    15",
    ]
    certificate = proofcheck.load(CORPUS / "accept--cubic.json")
    hostile = replace(certificate, provenance={"strategy": "x\ns VERIFIED accuracy >= 64/64\x1b[2J"})
    printed = str(proofcheck.verify(hostile, model=CORPUS / "counterexample-mean-diff-direct.safetensors"))
    assert not any(line.startswith("s ") for line in printed.splitlines())
    assert "\x1b" not in printed


def test_the_notebook_form_has_refusals_and_steps_in_full() -> None:
    text = proofcheck.verify(CORPUS / "accept--cubic.json")._repr_html_()
    for part in ("VERIFIED", "<th scope", "path-expansion", "count-classes", "sum-blocks", "4 steps", "claimed", "network", "task"):
        assert part in text
    refused = proofcheck.verify(CORPUS / "reject--not-proved--fifteen-of-twelve.json")
    text = refused._repr_html_()
    assert refused.error is not None
    for part in ("REJECTED", "not-proved", refused.error.message, refused.error.path, "at most 12", ">15<", refused.error.hint):
        assert part in text


def test_tables_of_a_report() -> None:
    report = proofcheck.verify(CORPUS / "accept--brute-force.json")
    blocks = report.to_rows()
    assert list(blocks[0]) == ["query", "answer", "right", "wrong", "undecided", "size"]
    assert sum(row["right"] for row in blocks) == report.proved and sum(row["size"] for row in blocks) == report.total
    assert [row["rule"] for row in report.to_rows("steps")] == [step.rule for step in report.steps]
    (row,) = report.to_rows("report")
    assert (row["verdict"], row["proved"], row["total"], row["accuracy"], row["code"]) == ("VERIFIED", 12, 64, 12 / 64, "")
    refused = proofcheck.verify(CORPUS / "reject--not-proved--fifteen-of-twelve.json")
    assert (refused.to_rows(), refused.to_rows("report")[0]["code"]) == ([], "not-proved")
    with pytest.raises(ValueError, match="there is no table 'nothing'"):
        report.to_rows("nothing")


def test_tables_in_pandas() -> None:
    pytest.importorskip("pandas")
    report = proofcheck.verify(CORPUS / "accept--brute-force.json")
    frame = report.to_pandas()
    assert int(frame["right"].sum()) == report.proved
    assert list(report.to_pandas("steps")["rule"]) == [step.rule for step in report.steps]


def test_the_interface_is_listed() -> None:
    import inspect

    assert dir(proofcheck) == sorted(proofcheck.__all__)
    for name in proofcheck.__all__:
        assert inspect.getdoc(getattr(proofcheck, name)), name


def test_load_reads_what_verify_reads(tmp_path: Path) -> None:
    import gzip

    path = CORPUS / "accept--cubic.json"
    packed = tmp_path / "c.json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert proofcheck.encode_certificate(proofcheck.load(packed)) == proofcheck.encode_certificate(proofcheck.load(str(path)))
    assert proofcheck.load(path).claim.fields == {"correct": 5, "total": 64}
    with pytest.raises(proofcheck.Declined, match="above the limit"):
        proofcheck.load(path, proofcheck.Limits(steps=1))
    with pytest.raises(Rejected):
        proofcheck.load(CORPUS / "counterexample-mean-diff-direct.safetensors")
