"""`verify --json` and a notebook show every refusal of format 1.1, whatever kinds of value the certificate gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import proofcheck
from proofcheck.cli.main import main

REJECT = sorted((Path(__file__).parents[2] / "certificates" / "reject").glob("*/1.1-*.json"))


def test_every_refusal_has_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(REJECT) >= 100
    status = main(["verify", "--json", *map(str, REJECT)])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert status in (1, 2)
    assert [line["error"]["code"] for line in lines] == [path.parent.name for path in REJECT]


@pytest.mark.parametrize("value", ["9", [9], {"dtype": "i64", "shape": [1], "data": "CQAAAAAAAAA="}])
def test_a_claim_that_is_no_number(value: object, tmp_path: Path) -> None:
    document = json.loads((REJECT[0].parents[1] / "twin-1.1.json").read_bytes())
    document["claim"]["accuracy_at_least"] = {"correct": value, "total": value}
    (tmp_path / "c.json").write_text(json.dumps(document))
    report = proofcheck.verify(tmp_path / "c.json", model=REJECT[0].parents[1] / "weights" / "adder.safetensors")
    assert report.error is not None and report.error.code == "wrong-type"
    assert report.claimed == report.total == 0
    assert report._repr_html_()
