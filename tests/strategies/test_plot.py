"""`plot` draws what verified, the same bytes each time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import proofcheck
from strategies.cli.labels import place
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
        assert main(["plot", str(tmp_path), "--model", "counterexample-mean-diff-direct", "-o", str(tmp_path / name)]) == 0
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


def test_certificates_are_chosen_by_their_model_not_by_their_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept = Path(__file__).parents[2] / "certificates" / "accept"
    sixteen = accept / "max-of-3-d-vocab-16-seed-0--cubic.json"
    other = CORPUS / "accept--cubic.json"
    out = tmp_path / "x.svg"
    assert main(["plot", str(sixteen), "-o", str(out)]) == 0
    assert "1 certificates" in capsys.readouterr().out
    out.unlink()
    assert main(["plot", str(sixteen), str(other), "-o", str(out)]) == 2
    err = capsys.readouterr().err
    assert "about several models" in err and "max-of-3-d-vocab-16-seed-0" in err and "counterexample-mean-diff-direct" in err
    digest = proofcheck.load(sixteen).model.sha256
    for name in ("max-of-3-d-vocab-16-seed-0", digest[:12], digest.upper()):
        assert main(["plot", str(sixteen), str(other), "--model", name, "-o", str(out)]) == 0
    assert main(["plot", str(sixteen), "--model", "nothing", "-o", str(out)]) == 2
    capsys.readouterr()
    bad = CORPUS / "reject--not-proved--fifteen-of-twelve.json"
    assert main(["plot", str(other), str(bad), "-o", str(out)]) == 1
    out_text, err = capsys.readouterr()
    assert "1 certificates" in out_text and f"left out: {bad}: REJECTED not-proved" in err


@pytest.mark.parametrize("count", [1, 12, 60])
def test_labels_never_overlap(count: int) -> None:
    """Crowded points: those that find no room are returned, and no two texts touch."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.text import Text

    random = np.random.default_rng(count)
    figure, axes = plt.subplots(figsize=(5, 4), layout="constrained")
    points = [(float(x), float(y)) for x, y in random.random((count, 2)) ** 3]
    axes.scatter(*zip(*points, strict=True))
    asked = [(x, y, f"windows--price-{k}") for k, (x, y) in enumerate(points)]
    without_room = place(figure, axes, asked, points)
    figure.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # of the words, without the line that leads to the point
    assert len(boxes) + len(without_room) == count
    assert len(boxes) >= min(count, 10)
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])
    edge = axes.get_window_extent()
    assert all(edge.x0 <= box.x0 and box.x1 <= edge.x1 + 1 and edge.y0 <= box.y0 and box.y1 <= edge.y1 + 1 for box in boxes)
    plt.close(figure)
