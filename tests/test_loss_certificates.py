"""The shipped certificates about losses: the small ones verify and one unit less is refused; the page says what they say."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

import proofcheck
from proofcheck import Certificate, Reason, Verdict
from tests.shipped import shipped, stem_of

ROOT = Path(__file__).parents[1]
CERTIFICATES = shipped("losses")
SMALL = [path for path in CERTIFICATES if proofcheck.load(path).claim.fields["total"] <= 20_000]


def read(path: Path) -> Certificate:
    return proofcheck.load(path)


def nats(path: Path) -> Fraction:
    return Fraction(read(path).claim.fields["nats"])


def test_there_are_certificates() -> None:
    assert len(CERTIFICATES) >= 12
    assert len(SMALL) >= 3


@pytest.mark.parametrize("path", SMALL, ids=stem_of)
def test_small_ones_verify_and_a_unit_beyond_is_refused(path: Path) -> None:
    certificate = read(path)
    assert proofcheck.verify(path).verdict is Verdict.VERIFIED
    unit = Fraction(1, 10**20)
    while unit * 10**7 < nats(path):
        unit *= 10  # of its seventh digit, at least
    beyond = nats(path) + (-unit if certificate.claim.kind == "mean_loss_at_most" else unit)
    more = certificate.claiming(nats=f"{beyond.numerator}/{beyond.denominator}")
    refused = proofcheck.verify(more, model=path.parent / certificate.model.file)
    assert refused.error is not None and refused.error.code is Reason.NOT_PROVED


@pytest.mark.parametrize("path", CERTIFICATES, ids=stem_of)
def test_every_one_names_its_own_weights(path: Path) -> None:
    certificate = read(path)
    weights = path.parent / certificate.model.file
    assert proofcheck.certificate.sha256_hex(weights.read_bytes()) == certificate.model.sha256


def test_the_page_says_what_they_say() -> None:
    rows = {}
    for line in (ROOT / "docs" / "loss.md").read_text().splitlines():
        if line.startswith("| `") and line.count("|") == 5:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[1][:1] in "≤≥" and cells[1]:
                rows[cells[0].strip("`")] = cells[1].split()[1]
    found = {stem_of(path): f"{float(nats(path)):.7g}" for path in CERTIFICATES}
    assert rows == found
    for path in CERTIFICATES:
        assert (read(path).claim.kind == "mean_loss_at_most") != stem_of(path).endswith("at-least")
