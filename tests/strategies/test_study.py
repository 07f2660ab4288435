"""The study's tables and page: kept files, statistics, rows run again, ablations."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
import torch

from strategies.cli.main import main
from strategies.max_of_k.registry import STRATEGIES
from strategies.models.load import Model, load
from strategies.names import matching
from strategies.study import summary
from strategies.study.ablation import ABLATIONS, PATHS, ablations
from strategies.study.figures import draw_newer
from strategies.study.float_cubic import tables
from strategies.study.page import newer, page
from strategies.study.table import NEWER, SWEEP, Network, Result, read, save, with_newer

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results"
ZOO = ROOT / "certificates" / "models" / "zoo"
TINY = ROOT / "certificates" / "models" / "max-of-3-d-vocab-16-seed-0.safetensors"


def result(strategy: str) -> Result:
    return Result("m", strategy, "", 0, 0, 0, 0, 0, 0, 0)


def test_groups_and_classes_have_the_published_sizes() -> None:
    rows = [result(name) for name, strategy in STRATEGIES.items() if strategy.published_name]
    assert Counter(row.complexity for row in rows) == {
        "brute force": 1,
        "cubic": 1,
        "subcubic": 52,
        "vocab-model-squared": 30,
        "almost-quadratic": 18,
    }
    assert sorted(Counter(row.group for row in rows).values()) == [1, 1, 8, 12, 12, 18, 20, 30]
    assert result("exact").group == ""


def test_a_frontier() -> None:
    rows = [(1, 0.2), (2, 0.1), (2, 0.5), (3, 0.5), (3, 0.6), (3, 0.6)]
    assert summary.on_frontier(rows) == [True, False, True, True, True, True]  # equal cost or equal value beats nobody


def test_statistics() -> None:
    assert summary.mean_std([1.0, 2.0, 3.0], 2) == "2.00 ± 1.00"
    assert summary.ranks([5, 1, 5, 9]) == [2.5, 1.0, 2.5, 4.0]
    slope, intercept, r2 = summary.fit([0, 1, 2], [1, 3, 5])
    assert (round(slope, 9), round(intercept, 9), round(r2, 9)) == (2, 1, 1)


def network(name: str, right: int = 99) -> Network:
    return Network(name, 4, 64, 1, "0" * 64, right, 100, True, 2.0, 1.0)


def row(model: str, strategy: str, proved: int, operations: int) -> Result:
    return Result(model, strategy, "", proved, 0, 0, 0, 0, 0, operations)


def test_newer_strategies_stand_beside_the_others_on_their_networks(tmp_path: Path) -> None:
    names = ("a", "b", "c")
    old = [row(name, strategy, *numbers) for name in names for strategy, numbers in (("cubic", (90, 500)), ("exact", (98, 9000)))]
    save(tmp_path, [network(name) for name in names], old)
    assert with_newer(tmp_path, read(tmp_path)) is None
    assert newer(tmp_path, read(tmp_path)) == []
    late = [row("a", "windows", 96, 90), row("b", "windows", 98, 110), row("a", "windows-exact", 98, 100)]
    (tmp_path / NEWER).mkdir()
    save(tmp_path / NEWER, [network("a"), network("b")], late)
    study = with_newer(tmp_path, read(tmp_path))
    assert study is not None
    assert set(study.networks) == {"a", "b"}
    assert [(item.strategy, first) for item, first in summary.shortest_first(study)] == [
        ("windows", True),
        ("cubic", False),
        ("exact", True),
    ]
    table = summary.newer_table(study)
    assert "| `windows` | 0.970000 ± 0.014142 | 0.979798 | 100 ± 14 | yes |" in table
    (words,) = newer(tmp_path, read(tmp_path))
    assert "2 of the 3 networks" in words
    assert "`windows-exact` (1)" in words
    assert draw_newer(study, tmp_path, "figure").stat().st_size > 10_000


def test_the_page_is_that_of_the_tables() -> None:
    assert (RESULTS / "README.md").read_text(encoding="utf-8") == page(RESULTS)


def test_the_kept_files_are_small_and_there() -> None:
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    pictures = {word.split(")")[0] for word in text.split("](")[1:] if ".svg)" in word}
    assert pictures
    for name in pictures:
        assert (RESULTS / name).is_file()
    assert sum(path.stat().st_size for path in RESULTS.iterdir()) < 10 * 2**20


ROWS = [
    ("max-of-4-seed-10248", "cubic"),
    ("max-of-4-seed-104", "exact"),
    ("max-of-4-seed-12141", "subcubic--max-diff-exact--*--max-diff"),
    ("max-of-5-seed-123", "subcubic--mean-query+max-diff--*--svd"),
    ("max-of-20-seed-123", "subcubic--svd-query+max-diff--mean-query+diff--mean-recursive*"),
]


@pytest.mark.parametrize(("model", "strategies"), ROWS)
def test_rows_run_again_give_the_same_integers(model: str, strategies: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["rerun", str(RESULTS), str(ZOO / f"{model}.safetensors"), strategies])
    out = capsys.readouterr()
    assert status == 0, out.err
    assert out.out.startswith("same ")


def test_a_row_with_another_integer_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(RESULTS, tmp_path / "study", ignore=shutil.ignore_patterns("*.svg"))
    file = tmp_path / "study" / SWEEP
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    place = next(k for k, line in enumerate(lines) if line.startswith("max-of-4-seed-10248,cubic,"))
    cells = lines[place].split(",")
    lines[place] = ",".join([*cells[:3], str(int(cells[3]) + 1), *cells[4:]])
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert main(["rerun", str(tmp_path / "study"), str(ZOO / "max-of-4-seed-10248.safetensors"), "cubic"]) == 1
    assert "DIFFERENT cubic" in capsys.readouterr().out
    assert main(["rerun", str(RESULTS), str(TINY), "cubic"]) == 2
    assert main(["rerun", str(RESULTS), str(ZOO / "max-of-4-seed-10248.safetensors"), "no-such"]) == 2


def test_tables_from_a_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a small network, with a refusal; the counts are those of the sweep's table."""
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    shutil.copy(TINY, zoo)
    command = ["sweep", str(zoo / TINY.name), "-o", str(tmp_path / "sweep"), "--strategies"]
    assert main([*command, "brute-force"]) == main([*command, "cubic"]) == 0
    assert main([*command, "exact", "--limit", "work=1000"]) == 1
    import hashlib

    entry = {"file": TINY.name, "n_ctx": 3, "d_vocab": 16, "seed": 0, "sha256": hashlib.sha256(TINY.read_bytes()).hexdigest()}
    entry["certified"] = {"right": 4096, "total": 4096, "exact": True}
    (zoo / "manifest.json").write_text(json.dumps({"models": [entry]}))
    out = tmp_path / "study"
    assert main(["collect", str(tmp_path / "sweep"), "--models", str(zoo), "-o", str(out)]) == 0
    study = read(out)
    assert [(row.strategy, row.proved) for row in study.results] == [("brute-force", 4096), ("cubic", 4096)]
    assert [(row.strategy, row.code) for row in study.refused] == [("exact", "limit-exceeded")]
    assert study.networks[TINY.stem].accuracy == 1
    assert study.networks[TINY.stem].ratio > 1
    assert main(["study", str(out), "--no-figures"]) == 0
    assert "2 certificates were searched" in (out / "README.md").read_text(encoding="utf-8")
    assert main([*command, "subcubic--max-diff--*--svd"]) == 0
    shutil.copy(TINY, zoo / "half.safetensors")
    assert main(["sweep", str(zoo / "half.safetensors"), "-o", str(tmp_path / "sweep"), "--strategies", "cubic"]) == 0
    half = {**entry, "file": "half.safetensors"}
    (zoo / "manifest.json").write_text(json.dumps({"models": [entry, half]}))
    for more, names in (([], {TINY.stem, "half"}), (["--whole"], {TINY.stem})):
        assert main(["collect", str(tmp_path / "sweep"), "--models", str(zoo), "-o", str(out), *more]) == 0
        assert read(out).networks.keys() == names
    entry["sha256"] = "0" * 64
    (zoo / "manifest.json").write_text(json.dumps({"models": [entry]}))
    assert main(["collect", str(tmp_path / "sweep"), "--models", str(zoo), "-o", str(out)]) == 2


def right_without(model: Model, without: tuple[str, ...]) -> int:
    """From the five tables, those of some paths zero: an independent reading."""
    t = tables(model)
    keep = {path: float(path not in without) for path in PATHS}
    words = torch.tensor(list(product(range(model.d_vocab), repeat=model.n_ctx)))
    q, positions = words[:, -1], torch.arange(model.n_ctx)
    scores = keep["EQKE"] * t.EQKE[q[:, None], words] + keep["EQKP"] * t.EQKP[q[:, None], positions]
    values = keep["EVOU"] * t.EVOU[words] + keep["PVOU"] * t.PVOU[positions]
    logits = keep["EU"] * t.EUPU[q] + (scores.softmax(-1)[..., None] * values).sum(1)
    answer = words.amax(1, keepdim=True)
    rivals = logits.scatter(1, answer, -torch.inf).amax(1)
    return int((rivals < logits.gather(1, answer)[:, 0]).sum())


def test_ablations_are_exact_counts() -> None:
    rows = list(ablations(TINY))
    model = load(TINY)
    assert len(rows) == len(ABLATIONS) == 32
    assert len({row.ablated for row in rows}) == 32
    for row, without in zip(rows, ABLATIONS, strict=True):
        assert row.right + row.wrong + row.undecided == row.total == 16**3
        assert row.undecided == 0
        assert row.right == right_without(model, without)


def test_the_commands_on_the_page_mean_the_strategies_of_the_tables() -> None:
    """Patterns stay right when strategies are added."""
    study = read(RESULTS)
    patterns = re.findall(r"max-of-(\S+)-seed-\S+ --strategies '(\S+)' -o FOLDER", page(RESULTS))
    assert [lengths for lengths, _ in patterns] == ["4", "{5,10,20}"]
    for n_ctx, (_, pattern) in zip((4, 20), patterns, strict=True):
        assert set(matching(pattern)) == {row.strategy for row in study.of(n_ctx).results}
