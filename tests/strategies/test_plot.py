"""`plot` draws what verified, the same bytes each time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import proofcheck
from strategies.cli.main import main
from strategies.cli.plot import family, frontier, labels
from strategies.metrics.rows import Row

CORPUS = Path(proofcheck.__file__).parent / "selftest_corpus"


def _row(strategy: str, operations: int, correct: int) -> Row:
    return Row(strategy, "m", "", "", 0, 0, operations, correct, 100, 0, 0, Fraction(correct, 100), 0.1)


def test_the_picture_is_reproducible(tmp_path: Path) -> None:
    pictures = []
    for name in ("a.svg", "b.svg"):
        for path in CORPUS.glob("accept--*.json"):
            (tmp_path / f"model--{path.stem.removeprefix('accept--')}.json").write_bytes(path.read_bytes())
        (tmp_path / "counterexample-mean-diff-direct.safetensors").write_bytes(
            (CORPUS / "counterexample-mean-diff-direct.safetensors").read_bytes()
        )
        assert main(["plot", str(tmp_path), "--model", "model", "-o", str(tmp_path / name)]) == 0
        pictures.append((tmp_path / name).read_bytes())
    assert pictures[0] == pictures[1]
    assert b"brute force (published): 1" in pictures[0]


def test_no_certificates_no_picture(tmp_path: Path) -> None:
    assert main(["plot", str(tmp_path), "--model", "model", "-o", str(tmp_path / "x.svg")]) == 2
    assert not (tmp_path / "x.svg").exists()


def test_frontier_keeps_what_nothing_cheaper_reaches() -> None:
    table = [_row("a", 10, 50), _row("b", 20, 40), _row("c", 20, 60), _row("d", 30, 60), _row("e", 40, 61)]
    assert [row.strategy for row in frontier(table)] == ["a", "c", "e"]


def test_families() -> None:
    assert family("brute-force") == "brute-force"
    assert family("subcubic--max-diff--drop-average-query-per-output-logit-reasoning--svd") == "off"
    assert family("subcubic--max-diff--mean-query+diff--svd") == "chord"
    assert family("exact") == "separable"
    assert {family(name) for name in ("windows", "windows--price-6", "windows-exact", "rival-tree--price-600")} == {"windows"}


def test_points_on_one_spot_share_a_label() -> None:
    table = [_row("a", 100, 90), _row("b", 105, 90), _row("c", 300, 90), _row("d", 100, 50)]
    assert sorted(names for _, _, names in labels(table)) == ["a, b", "c", "d"]
