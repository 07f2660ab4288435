"""The shipped certificates of transformers: they verify, their counts are exact, and one more is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import proofcheck
from proofcheck import Reason, Verdict
from tests.shipped import shipped, stem_of

FOLDER = Path(__file__).parent.parent / "certificates" / "networks"
CERTIFICATES = shipped("networks")
SMALL = [path for path in CERTIFICATES if proofcheck.load(path).claim.fields["total"] <= 20_000]


def test_there_are_certificates_and_small_ones() -> None:
    assert len(CERTIFICATES) >= 5
    assert len(SMALL) >= 2


@pytest.mark.parametrize("path", SMALL, ids=stem_of)
def test_small_certificates_verify_exactly(path: Path) -> None:
    report = proofcheck.verify(path)
    assert (report.verdict, report.exact, report.proved) == (Verdict.VERIFIED, True, report.claimed)
    certificate = proofcheck.load(path)
    more = proofcheck.verify(certificate.claiming(correct=report.proved + 1), model=path.parent / certificate.model.file)
    assert (more.verdict, more.error and more.error.code) == (Verdict.REJECTED, Reason.NOT_PROVED)


@pytest.mark.parametrize("path", CERTIFICATES, ids=stem_of)
def test_every_certificate_names_its_own_weights(path: Path) -> None:
    certificate = proofcheck.load(path)
    weights = path.parent / certificate.model.file
    assert proofcheck.certificate.sha256_hex(weights.read_bytes()) == certificate.model.sha256
    assert certificate.model.architecture == "transformer"


def test_the_table_says_what_the_certificates_say() -> None:
    rows = {}
    for line in (FOLDER / "README.md").read_text().splitlines():
        if line.startswith("| `"):
            name, right, inputs, _ = (cell.strip() for cell in line.strip("|").split("|"))
            rows[name.strip("`")] = (int(right.replace(",", "")), int(inputs.replace(",", "")))
    claims = {stem_of(path): proofcheck.load(path).claim.fields for path in CERTIFICATES}
    assert rows == {name: (fields["correct"], fields["total"]) for name, fields in claims.items()}


def test_the_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in (FOLDER.parent / "models" / "networks").glob("*.safetensors")) <= 30 * 10**6
