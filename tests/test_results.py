"""docs/results.md: counts and operations are those of its commands. Seconds, sampled accuracies and growth are records of one run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import proofcheck
from proofcheck.report import decimal
from strategies.cli.main import main
from tests.shipped import one, shipped, stem_of

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = "max-of-4-seed-123"
EXACT = [found[1] for path in shipped("accept") if (found := re.fullmatch(r"(max-of-[45]-seed-.*)--exact", stem_of(path)))]
COLUMNS = "strategy,class,leading,flops,dimension,operations,bound,normalized,published,code,gain"
PAGE = (ROOT / "docs" / "results.md").read_text()
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def row_of(table: str, *words: str) -> list[str]:
    """The cells of the one row of a section's tables that has these words in its first cells."""
    section = PAGE[PAGE.index(f"## {table}") :].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in section.splitlines() if line.startswith("|")]
    model = ""
    found = []
    for row in rows:
        model = row[0] or model
        if [model, *row[1:]][: len(words)] == list(words):
            found.append(row)
    (row,) = found
    return row


def test_rows_of_the_102_strategies_are_those_of_the_table_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Brute force, cubic and every ninth sub-cubic certificate; all columns, letter for letter. The page has the ten best of the file."""
    subcubic = [path for path in shipped("accept") if path.name.startswith(f"{REFERENCE}--subcubic--")]
    files = [one("accept", f"{REFERENCE}--brute-force"), one("accept", f"{REFERENCE}--cubic"), *subcubic[::9]]
    published = ROOT / "tests" / "data" / "published-bounds-seed-123.json"
    kept = (ROOT / "docs" / "results" / "reference-102.csv").read_text().splitlines()
    assert main(["table", *map(str, files), "--csv", "--published", str(published), "--columns", COLUMNS]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(files) + 1
    assert [line for line in printed if line not in kept] == []
    assert len(subcubic) == 100
    assert len(kept) == 103
    rows = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if re.match(r"\| (brute-force|cubic|subcubic--)", line)]
    ten = [line.split(",")[:8] for line in kept[1:11]]
    assert [[cell.strip() for cell in row][:8] for row in rows if len(row) >= 8 and row[1] != ""][:10] == ten


@pytest.mark.parametrize("model", EXACT)
def test_exact_counts(model: str) -> None:
    report = proofcheck.verify(one("accept", f"{model}--exact"))
    row = row_of("Exact counts", model)
    d, n = (int(re.search(rf"{name}=(\d+)", report.task)[1]) for name in ("d_vocab", "n_ctx"))  # type: ignore[index]
    assert report.exact
    assert row[1:4] == [f"{report.proved:,} of {d}^{n}", f"{report.wrong:,}", f"{report.operations:,}"]
    brute_force = {4: 2_161_524_416, 5: 135_350_614_786}[n]  # the operations of the rule `enumeration`; the first is in the other table
    assert row[4] == f"1/{round(brute_force / report.operations)}"


@pytest.mark.parametrize(
    ("model", "strategy"),
    [
        (REFERENCE, "separable-minimum"),
        (REFERENCE, "separable-early-maximum"),
        (REFERENCE, "separable-counting"),
    ],
)
def test_separable_counts(model: str, strategy: str) -> None:
    report = proofcheck.verify(one("accept", f"{model}--{strategy}"))
    _, _, proved, share, operations, *_ = row_of("Separable proofs", model, strategy)
    assert proved.startswith(f"{report.proved:,} of ")
    assert share == decimal(report.proved, report.total, len(share) - 2).rstrip("…")
    mantissa, exponent = operations.split("·10")
    assert f"{report.operations:.2e}" == f"{mantissa}e+{int(exponent.translate(SUPERSCRIPTS)):02d}"


@pytest.mark.parametrize(
    ("model", "strategy"), [("max-of-10-seed-123", "separable-counting"), ("max-of-20-seed-123", "separable-counting")]
)
def test_large_counts_are_those_of_the_certificates(model: str, strategy: str) -> None:
    """Whether they verify `make verify` shows."""
    certificate = proofcheck.load(one("accept", f"{model}--{strategy}"))
    _, _, proved, share, *_ = row_of("Separable proofs", model, strategy)
    count = proved.split(" of ")[0]
    if "·10" in count:
        mantissa, exponent = count.split("·10")
        assert mantissa == f"{certificate.claim.fields['correct'] / 10 ** int(exponent.translate(SUPERSCRIPTS)):.7f}"
    else:
        assert count == f"{certificate.claim.fields['correct']:,}"
    assert share == decimal(certificate.claim.fields["correct"], certificate.claim.fields["total"], len(share) - 2).rstrip("…")
