"""docs/output.md says what `verify` prints."""

from __future__ import annotations

import re
from pathlib import Path

import proofcheck
from proofcheck.cli.main import main

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "output.md").read_text()
REJECT = ROOT / "certificates" / "reject"


def test_every_field_of_json_is_documented() -> None:
    report = proofcheck.verify(REJECT / "wrong-total" / "one-lower.json").as_json()
    rows = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `")]
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    assert names == [name for name in names if name in report]
    assert sorted(names) == sorted(report)
    cells = {name: row[1] for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    for name in ("model", "arithmetic", "error"):
        assert set(report[name]) <= set(re.findall(r"`(\w+)`", cells[name])), name
    step = proofcheck.verify(REJECT / "twin.json").as_json()["steps"][0]
    assert list(step) == re.findall(r"`(\w+)`", cells["steps"])


def test_the_text_of_the_page_is_what_is_printed(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    files = [str(REJECT / "twin.json"), str(REJECT / "wrong-total" / "one-lower.json")]
    assert main(["verify", *files]) == 1
    printed = capsys.readouterr().out
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    for wanted, found in zip(shown.splitlines(), printed.splitlines(), strict=True):
        beginning, *_ = re.split(r" +\d\.\d\d s| network …| certificate proofs|: proofs", wanted)
        assert found.startswith(beginning), (wanted, found)
