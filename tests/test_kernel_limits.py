"""What the kernel asks before any step: sizes, one by one, exactly at their limits; and that what it reports is what was done."""

from __future__ import annotations

from dataclasses import replace

import pytest
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, certificate, safetensors_bytes, sizes_of, trained_like

from proofcheck import Certificate, Declined, Limits, Reason, Rejected, Step
from proofcheck.arithmetic import Arithmetic
from proofcheck.catalogue import BUILT_IN
from proofcheck.claims.accuracy import AccuracyAtLeast
from proofcheck.frame import read_frame
from proofcheck.kernel import Outcome, check_steps, replay
from proofcheck.memo import Memo
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.facts import PathExpansion
from proofcheck.rules.counting.facts import ProvedCount
from proofcheck.rules.fact import rule_application
from proofcheck.rules.rule import ARRAY_WORK, BALL_WORK, SINGLE_WORK, Cost, Rule
from proofcheck.tasks import Task

SHAPE = Shape(3, 4, 2, 2)
WEIGHTS = safetensors_bytes(trained_like(Shape(3, 4), 1, gain=0.3))


def about(shape: Shape, steps: tuple[Step, ...] = BRUTE_FORCE) -> Certificate:
    return certificate(b"", shape, steps)


def framed(chosen: Certificate, limits: Limits) -> Task:
    return read_frame(chosen, BUILT_IN, limits).task


def checked_steps(chosen: Certificate, limits: Limits) -> list[Rule]:
    return check_steps(chosen.steps, sizes_of(chosen), BUILT_IN, limits, "fast")


def run(
    steps: tuple[Step, ...] = BRUTE_FORCE, limits: Limits | None = None, precision: int = 128, correct: int = 0, memo: Memo | None = None
) -> Outcome:
    chosen = replace(certificate(WEIGHTS, Shape(3, 4), steps, correct=correct), precision=precision)
    return replay(chosen, WEIGHTS, Arithmetic("fast", precision), limits or Limits(), memo or Memo(), BUILT_IN, lambda step, fact: None)


@pytest.mark.parametrize(
    ("name", "shape", "at"),
    [
        ("sequence_length", Shape(3, 9, 9, 9), 3),
        ("dimension", Shape(3, 8, 2, 2), 8),
        ("dimension", Shape(3, 2, 8, 2), 8),
        ("dimension", Shape(3, 2, 2, 8), 8),
        ("table_entries", Shape(9, 4, 2, 2), 81),
        ("table_entries", Shape(3, 9, 2, 2), 81),
        ("table_entries", Shape(3, 4, 9, 2), 81),
        ("table_entries", Shape(3, 4, 2, 9), 81),
    ],
)
def test_every_size_stops_exactly_at_its_limit(name: str, shape: Shape, at: int) -> None:
    framed(about(shape), replace(Limits(), **{name: at}))
    with pytest.raises(Declined) as caught:
        framed(about(shape), replace(Limits(), **{name: at - 1}))
    assert caught.value.code == Reason.LIMIT_EXCEEDED
    assert f"--limit {name}={at}" in caught.value.hint


@pytest.mark.parametrize("shape", [Shape(10, 1024), Shape(700, 2), Shape(5, 63), Shape(7, 64)])
def test_totals_of_too_many_digits_are_declined_before_they_are_made(shape: Shape) -> None:
    """The bound is below the true number of digits, by less than a factor (d_vocab is rounded down to a power of two)."""
    digits = len(str(shape.d_vocab**shape.n_ctx))
    framed(about(shape), Limits(integer_digits=digits))
    with pytest.raises(Declined) as caught:
        framed(about(shape), Limits(integer_digits=digits * 3 // 5))
    assert caught.value.code == Reason.LIMIT_EXCEEDED
    bound = shape.n_ctx * (shape.d_vocab.bit_length() - 1) * 3 // 10
    framed(about(shape), Limits(integer_digits=bound))
    with pytest.raises(Declined):
        framed(about(shape), Limits(integer_digits=bound - 1))


def test_a_task_that_differs_from_the_model_is_rejected_by_field() -> None:
    task = about(SHAPE).task
    for field in ("n_ctx", "d_vocab"):
        for change in (-1, 1):
            changed = replace(about(SHAPE), task=replace(task, fields={**task.fields, field: task.fields[field] + change}))
            with pytest.raises(Rejected) as caught:
                framed(changed, Limits())
            assert (caught.value.code, caught.value.path) == (Reason.TASK_MISMATCH, f"$.task.{field}")
    assert framed(about(SHAPE), Limits()).total() == 4**3


def test_other_architectures_tasks_and_claims_are_declined() -> None:
    good = about(SHAPE)
    for name in ("another", "", "max-of-k-"):
        for changed, code in (
            (replace(good, model=replace(good.model, architecture=name)), Reason.UNSUPPORTED_ARCHITECTURE),
            (replace(good, task=replace(good.task, name=name)), Reason.UNSUPPORTED_TASK),
            (replace(good, claim=replace(good.claim, kind=name)), Reason.UNSUPPORTED_CLAIM),
        ):
            with pytest.raises(Declined) as caught:
                framed(changed, Limits())
            assert caught.value.code == code


def test_no_steps_are_no_conclusion() -> None:
    with pytest.raises(Rejected) as caught:
        checked_steps(about(SHAPE, ()), Limits())
    assert caught.value.code == Reason.NO_CONCLUSION
    assert len(checked_steps(about(SHAPE), Limits())) == 3


def test_the_work_of_all_steps_is_added() -> None:
    chosen = about(SHAPE, CUBIC)
    work = sum(RULES[step.rule].work(sizes_of(chosen), Limits(), step.hints, len(step.premises), "fast") for step in CUBIC)
    assert len(checked_steps(chosen, Limits(work=work))) == 4
    with pytest.raises(Declined) as caught:
        checked_steps(chosen, Limits(work=work - 1))
    assert caught.value.code == Reason.LIMIT_EXCEEDED


def test_work_weighs_operations_by_how_they_run() -> None:
    """Sums of small integers, array operations, balls, single operations; once more for each further premise."""
    cost = Cost(100, sums=30, singles=10)
    assert cost.work("fast") == 30 + SINGLE_WORK * 10 + ARRAY_WORK * 60
    assert cost.work("arb") == 30 + SINGLE_WORK * 10 + BALL_WORK * 60
    assert replace(cost, operations=35).work("fast") == 30 + SINGLE_WORK * 10
    assert Cost(100).work("fast") == ARRAY_WORK * 100
    rule = Rule("x", RULES["cubic"].apply, (PathExpansion,), lambda *_: cost)
    sizes = sizes_of(about(SHAPE))
    assert [rule.work(sizes, Limits(), {}, premises, "fast") for premises in (0, 1, 3)] == [cost.work("fast") * k for k in (1, 1, 3)]


def test_tables_of_too_many_bits_are_declined_before_they_are_made() -> None:
    with pytest.raises(Declined) as caught:
        run(limits=Limits(table_bits=1000))
    assert caught.value.code == Reason.LIMIT_EXCEEDED
    needed = int(caught.value.found)
    assert run(limits=Limits(table_bits=needed)).frame.task.total() == 64
    with pytest.raises(Declined):
        run(limits=Limits(table_bits=needed - 1))


def test_certificates_about_one_model_share_it() -> None:
    memo, calls = Memo(), []

    def model() -> int:
        return memo.once(("probe",), lambda: calls.append(1) or len(calls))

    run(memo=memo)
    assert model() == 1
    run(CUBIC, memo=memo)
    assert model() == 1  # still what was kept for this network
    run(limits=Limits(work=10**12), memo=memo)  # read under other limits: read anew
    assert model() == 2


def test_operations_are_counted_step_by_step() -> None:
    first, second = run(), run()
    assert [record.operations for record in first.steps] == [record.operations for record in second.steps]
    assert [record.id for record in first.steps] == [step.id for step in BRUTE_FORCE]
    assert sum(record.operations for record in first.steps) > 0
    assert all(0 <= record.seconds < 60 for record in first.steps)


def test_the_hint_of_a_refused_claim_says_whether_something_stayed_undecided() -> None:
    with pytest.raises(Rejected) as caught:
        run(correct=64)
    assert "more than it proves" in caught.value.hint
    with rule_application(), pytest.raises(Rejected) as undecided:
        AccuracyAtLeast(5, 9).compare(ProvedCount(4, undecided=3))
    assert "3 inputs stayed undecided" in undecided.value.hint
