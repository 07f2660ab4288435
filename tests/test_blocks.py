"""`Report.blocks` against brute force, for every kind of task and rule."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path

import pytest

import proofcheck
from proofcheck import Checker
from proofcheck.blocks import Block
from proofcheck.catalogue import BUILT_IN
from proofcheck.kinds import read_fields
from tests.shipped import one, shipped, stem_of

ROOT = Path(__file__).parents[1]
SMALL = [path for path in shipped("accept") if path.name.startswith("max-of-3-d-vocab-16-seed-0--")]
SEED_123 = [one("accept", f"max-of-4-seed-123--{name}") for name in ("exact", "cubic", "separable-minimum")]
NETWORKS = [one("networks", name) for name in ("multifun", "token-at", "s5-product", "linear-second")]
CLASSES = one("accept", "max-of-4-seed-123--cubic")  # its rules prove classes of sequences


def test_blocks_are_those_of_the_exact_count_and_bounds_lie_below() -> None:
    reports = {stem_of(path).rpartition("--")[2]: proofcheck.verify(path) for path in SEED_123}
    exact = reports["exact"].blocks
    assert exact is not None
    for report in reports.values():
        blocks = report.blocks
        assert blocks is not None
        for block in blocks:
            truth = exact[block.query, block.answer]
            assert block.right <= truth.right and block.wrong <= truth.wrong and block.size == truth.size
            assert block.right + block.wrong + block.undecided == block.size
    assert all(block.undecided == 0 for block in exact)
    assert any(block.undecided for block in reports["cubic"].blocks or ())


@pytest.mark.parametrize("path", [*SMALL, *NETWORKS, CLASSES], ids=stem_of)
def test_sums_of_blocks_are_the_counts_of_the_report(path: Path) -> None:
    report = proofcheck.verify(path)
    report.raise_for_verdict()
    blocks = report.blocks
    assert blocks is not None
    assert sum(block.right for block in blocks) == report.proved
    assert sum(block.wrong for block in blocks) == report.wrong
    assert sum(block.size for block in blocks) == report.total
    assert sum(map(sum, blocks.undecided)) == report.total - report.proved - report.wrong
    assert sum(map(sum, blocks.size)) == report.total
    assert len(blocks) == len(list(blocks))


def test_sizes_are_those_of_the_definition() -> None:
    """The words, one by one, with the answer that the task defines."""
    path = NETWORKS[0]
    certificate = proofcheck.decode_certificate(path.read_bytes(), proofcheck.Limits())
    kind = BUILT_IN.tasks[certificate.task.name]
    task = kind.build(**read_fields(certificate.task.fields, kind.fields, "", proofcheck.Limits()))
    sizes: Counter[tuple[int, int]] = Counter()
    for tokens, _ in task.batches(1 << 12):
        for word in map(tuple, tokens.tolist()):
            answer = task.answer(word)
            assert answer is not None
            sizes[word[-1], answer] += 1
    blocks = proofcheck.verify(path).blocks
    assert blocks is not None
    assert {(block.query, block.answer): block.size for block in blocks} == sizes


def test_several_facts_are_joined_block_by_block() -> None:
    """The exact strategy has one step for whole blocks and others for the rest; neither alone is the count."""
    report = proofcheck.verify(SEED_123[0])
    assert report.blocks is not None
    assert len(report.blocks.facts) > 1
    alone = [sum(map(sum, fact.counts)) for fact in report.blocks.facts]
    assert max(alone) < sum(block.right for block in report.blocks) == report.proved


def test_what_is_not_verified_has_no_blocks() -> None:
    corpus = ROOT / "certificates" / "reject"
    assert proofcheck.verify(corpus / "not-proved" / "one-higher.json").blocks is None
    assert proofcheck.verify(corpus / "twin.json").blocks is not None


def test_a_place_that_is_no_block() -> None:
    blocks = proofcheck.verify(ROOT / "certificates" / "reject" / "twin.json").blocks
    assert blocks is not None
    assert blocks[2, 1] == Block(2, 1, 0, 0, 0, 0)
    for place in ((3, 0), (0, 3), (-1, 0)):
        with pytest.raises(IndexError, match="no block"):
            blocks[place]


def test_the_observer_of_the_caller_still_sees_every_step() -> None:
    seen: list[str] = []
    report = Checker().verify(SMALL[0], observe=lambda step, fact: seen.append(step.id))
    assert seen == [step.id for step in report.steps]
    assert report.blocks is not None


def test_blocks_survive_pickling() -> None:
    report = proofcheck.verify(SMALL[0])
    again = pickle.loads(pickle.dumps(report))
    assert list(again.blocks) == list(report.blocks or ())
