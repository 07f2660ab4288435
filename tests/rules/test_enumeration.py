"""`enumeration`: every block counted right and wrong; the report that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from soundness.small_models import BRUTE_FORCE, CUBIC, TABLES, Shape, certificate, random_model, safetensors_bytes, trained_like
from soundness.subcubic_steps import apply, context
from soundness.truth import ground_truth, read_tensors

import proofcheck
from proofcheck import Report, Step, Verdict
from proofcheck.cli.main import main
from proofcheck.limits import Limits
from proofcheck.memo import Memo
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.fact import rule_application
from proofcheck.rules.rule import Context

ACCEPT = Path(__file__).parents[2] / "certificates" / "accept"
SHAPES = (Shape(1, 2), Shape(2, 6), Shape(3, 4), Shape(4, 3), Shape(6, 2))


def mixed_model(shape: Shape, k: int) -> dict[str, np.ndarray[Any, Any]]:
    """Right on some sequences, wrong on others, tied on some."""
    tensors = trained_like(shape, k, gain=0.4, biases=k % 2 > 0) if k % 3 else random_model(shape, k)
    if k % 5 == 0:
        tensors["unembed.W_U"][:, 0] = tensors["unembed.W_U"][:, -1]
        tensors.pop("unembed.b_U", None)
    return tensors


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("k", range(15))
def test_every_block_is_counted(k: int, backend: str) -> None:
    shape = SHAPES[k % len(SHAPES)]
    tensors = mixed_model(shape, k)
    where = context(shape, tensors, backend)
    fact = apply(where, "enumeration", (apply(where, "path-expansion"),))
    truth = ground_truth(read_tensors(safetensors_bytes(tensors)))
    assert fact.undecided == truth.undecided == 0
    for m in range(shape.d_vocab):
        for q in range(shape.d_vocab):
            assert fact.counts[q][m] == truth.block(q, m)
            assert fact.wrong[q][m] == where.task.block_size(q, m) - truth.block(q, m)


def test_ties_beyond_the_limit_are_undecided_and_not_counted() -> None:
    shape = Shape(2, 4)
    tensors = random_model(shape, 1)
    tensors["unembed.W_U"][:] = tensors["unembed.W_U"][:, :1]
    where = context(shape, tensors)
    for limit in (16, 5, 0):
        limited = Context(where.model, where.task, where.arithmetic, Limits(settled_in_balls=limit), Memo())
        fact = apply(limited, "enumeration", (apply(limited, "path-expansion"),))
        assert (sum(map(sum, fact.counts)), sum(map(sum, fact.wrong)), fact.undecided) == (0, limit, 16 - limit)


def report_of(steps: tuple[Step, ...], folder: Path, limits: Limits | None = None, *, tied: bool = False) -> Report:
    shape = Shape(2, 4)
    tensors = mixed_model(shape, 5)
    if tied:
        tensors["unembed.W_U"][:] = tensors["unembed.W_U"][:, :1]
    weights = safetensors_bytes(tensors)
    path = folder / "weights.safetensors"
    path.write_bytes(weights)
    return proofcheck.verify(certificate(weights, shape, steps), model=path, limits=limits)


def test_the_report_is_exact_iff_every_input_is_decided(tmp_path: Path) -> None:
    exact = report_of(BRUTE_FORCE, tmp_path)
    assert exact.verdict is Verdict.VERIFIED
    assert exact.proved + exact.wrong == exact.total
    assert exact.exact is exact.as_json()["exact"] is True
    assert 0 < exact.proved < exact.total
    assert report_of(BRUTE_FORCE, tmp_path, tied=True).exact is True
    undecided = report_of(BRUTE_FORCE, tmp_path, Limits(settled_in_balls=0), tied=True)
    assert undecided.undecided > 0
    assert undecided.proved + undecided.wrong + undecided.undecided == undecided.total
    assert undecided.exact is undecided.as_json()["exact"] is False
    assert report_of(CUBIC, tmp_path).exact is False


def test_sum_blocks_takes_the_best_of_every_block(tmp_path: Path) -> None:
    halves = [np.array([(q, m) for m in range(4) for q in range(m + 1) if (q + m) % 2 == parity], dtype="<i8") for parity in (0, 1)]
    hints = [{"blocks": half, "expansions": 1000} for half in halves]
    parts = tuple(Step(f"part{k}", "separable-enumeration", ("tables",), hint) for k, hint in enumerate(hints))
    both = report_of((TABLES, *parts, Step("count", "sum-blocks", ("part0", "part1"))), tmp_path)
    one = report_of((TABLES, parts[0], Step("count", "sum-blocks", ("part0",))), tmp_path)
    whole = report_of(BRUTE_FORCE, tmp_path)
    assert (both.proved, both.wrong, both.exact) == (whole.proved, whole.wrong, True)
    assert one.exact is False
    assert one.proved + one.wrong < one.total


def test_undecided_inputs_are_not_counted_twice_nor_where_another_premise_decides_them() -> None:
    shape = Shape(2, 4)
    tensors = random_model(shape, 1)
    tensors["unembed.W_U"][:] = tensors["unembed.W_U"][:, :1]
    where = context(shape, tensors)
    facts = []
    for limit in (16, 5):
        limited = Context(where.model, where.task, where.arithmetic, Limits(settled_in_balls=limit), Memo())
        facts.append(apply(limited, "enumeration", (apply(limited, "path-expansion"),)))
    decided, limited_fact = facts
    for premises, wrong, undecided in (((limited_fact,), 5, 11), ((limited_fact, limited_fact), 5, 11), ((limited_fact, decided), 16, 0)):
        total = apply(where, "sum-blocks", premises)
        assert (total.correct, total.wrong, total.undecided) == (0, wrong, undecided)


def test_sum_blocks_adds_what_is_right_and_leaves_the_rest() -> None:
    """9 inputs: 4 right, 2 wrong, so at most 3 are undecided, whatever the premises say."""
    where = context(Shape(2, 3), random_model(Shape(2, 3), 0))
    right, wrong = ((1, 0, 1), (0, 1, 0), (0, 0, 1)), ((0, 0, 0), (0, 1, 0), (0, 0, 1))
    for undecided, expected in ((0, 0), (2, 2), (3, 3), (4, 3), (100, 3)):
        with rule_application():
            fact = ProvedBlocks(right, undecided=undecided, wrong=wrong)
        total = apply(where, "sum-blocks", (fact,))
        assert (total.correct, total.wrong, total.undecided) == (4, 2, expected)
        total = apply(where, "sum-blocks", (fact, fact))
        assert (total.correct, total.wrong, total.undecided) == (4, 2, min(2 * undecided, 3))


def test_the_command_says_exact(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(ACCEPT / "max-of-3-d-vocab-16-seed-0--exact.json")]) == 0
    assert "c exact       every input is decided: 0 are answered wrongly\n" in capsys.readouterr().out
    assert main(["verify", str(ACCEPT / "max-of-4-seed-123--separable-minimum.json")]) == 0
    assert "c exact" not in capsys.readouterr().out


def test_more_answers_than_a_block_has_is_an_internal_error() -> None:
    """Right and wrong lower bounds that do not fit into the block contradict each other: some fact is false."""
    where = context(Shape(1, 2), random_model(Shape(1, 2), 0))
    for wrong, fits in ((((1, 0), (0, 0)), True), (((0, 0), (0, 1)), False)):
        with rule_application():
            right = ProvedBlocks(((0, 0), (0, 1)))
            other = ProvedBlocks(((0, 0), (0, 0)), wrong=wrong)
        if fits:
            count = apply(where, "sum-blocks", (right, other))
            assert (count.correct, count.wrong) == (1, 1)
        else:
            with pytest.raises(RuntimeError, match="1 proved right and 1 wrong"):
                apply(where, "sum-blocks", (right, other))
