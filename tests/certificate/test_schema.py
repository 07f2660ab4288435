"""docs/certificate.schema.json accepts all that the decoder accepts: the corpora, random certificates, the examples of the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from test_round_trip import certificates

from proofcheck import Certificate, Limits, ProofcheckError, decode_certificate, encode_certificate
from tests.shipped import shipped, stem_of, text_of

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "certificate.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
REJECT = sorted((ROOT / "certificates" / "reject").rglob("*.json"))
VISIBLE = ("missing-field", "unknown-field", "wrong-type", "unsupported-format", "bad-string")  # codes that a schema can mostly see


def accepts(document: Any) -> bool:
    return bool(VALIDATOR.is_valid(document))


def parsed(data: bytes) -> Any:
    """As an ordinary JSON library reads it; None if it cannot."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def decodes(data: bytes) -> bool:
    try:
        decode_certificate(data, Limits())
    except ProofcheckError:
        return False
    return True


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_it_accepts_the_accepted_certificates() -> None:
    texts = {path.name: text_of(path) for path in shipped("accept")}
    assert len(texts) > 100
    refused = [name for name, text in texts.items() if len(text) < 10**6 and not accepts(json.loads(text))]
    assert refused == []


def test_it_accepts_what_decodes_and_refuses_most_of_what_it_can_see() -> None:
    """Never less than the decoder; where the decoder refuses the form, the schema sees it unless the order or spelling is at fault."""
    decoded = seen = unseen = 0
    for path in REJECT:
        data = path.read_bytes()
        document = parsed(data)
        if decodes(data):
            decoded += 1
            assert accepts(document), path
        elif path.parent.name in VISIBLE and document is not None:
            seen, unseen = seen + (not accepts(document)), unseen + accepts(document)
    print(decoded, seen, unseen)
    assert decoded >= 250 and seen >= 120
    assert seen >= 3 * unseen


@given(certificates)
def test_it_accepts_every_written_certificate(certificate: Certificate) -> None:
    assert accepts(json.loads(encode_certificate(certificate)))


@pytest.mark.parametrize("change", [{"steps": {}}, {"extra": 1}, {"provenance": {"a b": "x"}}, {"arithmetic": {"precision": 0}}])
def test_it_refuses(change: dict[str, Any]) -> None:
    document = json.loads((ROOT / "certificates" / "reject" / "twin-1.1.json").read_bytes())
    assert accepts(document)
    assert not accepts({**document, **change})


def test_the_examples_of_the_page_are_certificates() -> None:
    """Both decode, are accepted by the schema, and are those of shipped files but for their provenance."""
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "certificate-format.md").read_text(), flags=re.DOTALL)
    versions = []
    for block in blocks:
        document = json.loads(block)
        assert decodes(block.encode()) and accepts(document)
        versions.append(document["format"]["version"])
        files = [path for path in shipped("accept") if stem_of(path).endswith(("--cubic", "--evaluation"))]
        assert {**document, "provenance": {}} in [{**json.loads(text_of(path)), "provenance": {}} for path in files]
    assert versions == ["1.0", "1.1"]
