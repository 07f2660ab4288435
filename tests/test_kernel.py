"""The kernel: what it asks of every step, for every rule there is; and that no composition of rules proves more than the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, certificate, random_model, safetensors_bytes, sizes_of, trained_like
from soundness.truth import ground_truth, read_tensors

from proofcheck import Certificate, Declined, Limits, ProofcheckError, Reason, Rejected, Step
from proofcheck.arithmetic import Arithmetic
from proofcheck.catalogue import BUILT_IN, Catalogue
from proofcheck.kernel import Outcome, replay
from proofcheck.memo import Memo
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.facts import PathExpansion, ProvedClasses
from proofcheck.rules.counting.facts import ProvedBlocks, ProvedCount
from proofcheck.rules.fact import Fact
from proofcheck.rules.hints import ExactHint, IntegerHint
from proofcheck.rules.reading import ReadingKind

SHAPE = Shape(2, 3)
WEIGHTS = safetensors_bytes(trained_like(SHAPE, 1, gain=0.3, biases=True))
TRUTH = ground_truth(read_tensors(WEIGHTS))
OF_REALS = [name for name, rule in RULES.items() if ReadingKind.REALS in rule.readings]  # the claims here are about accuracy over the reals
PRODUCERS = {
    "PathExpansion": Step("tables", "path-expansion"),
    "ProvedClasses": Step("classes", "cubic", ("tables",)),
    "ProvedBlocks": Step("blocks", "enumeration", ("tables",)),
    "ProvedCount": Step("count", "sum-blocks", ("blocks",)),
}
KINDS: dict[str, type[Fact]] = {kind.__name__: kind for kind in (PathExpansion, ProvedClasses, ProvedBlocks, ProvedCount)}


def run(
    chosen: Certificate, weights: bytes = WEIGHTS, limits: Limits | None = None, backend: Any = "fast", catalogue: Catalogue = BUILT_IN
) -> Outcome:
    return replay(chosen, weights, Arithmetic(backend, chosen.precision), limits or Limits(), Memo(), catalogue, lambda step, fact: None)


def refusal(chosen: Certificate, weights: bytes = WEIGHTS, catalogue: Catalogue = BUILT_IN) -> ProofcheckError:
    with pytest.raises(ProofcheckError) as caught:
        run(chosen, weights, catalogue=catalogue)
    return caught.value


def with_steps(*steps: Step, correct: int = 0) -> Certificate:
    return certificate(WEIGHTS, SHAPE, steps, correct=correct)


def good_hints(name: str) -> dict[str, Any]:
    """Hints of the right type and shape (whether the rule likes their values is its own matter)."""
    sizes = {
        "n_ctx": SHAPE.n_ctx,
        "d_vocab": SHAPE.d_vocab,
        "d_model": SHAPE.d_model,
        "d_head": SHAPE.d_head,
        "*": 2,
        **{str(k): k for k in (1, 2, 3)},
    }
    hints: dict[str, Any] = {}
    for hint, kind in RULES[name].hints.items():
        if isinstance(kind, IntegerHint):
            hints[hint] = kind.least
        else:
            axes: tuple[str, ...] = kind.axes  # type: ignore[attr-defined]
            hints[hint] = np.ones([sizes[axis] for axis in axes], dtype="<f8" if isinstance(kind, ExactHint) else "<i8")
    return hints


def premises(name: str) -> tuple[str, ...]:
    """As many earlier steps as the rule wants."""
    return ("tables",) * len(RULES[name].premises)


def with_enumeration(apply: Callable[..., Any]) -> Catalogue:
    """The catalogue with another function behind the rule's name."""
    return replace(BUILT_IN, rules={**RULES, "enumeration": replace(RULES["enumeration"], apply=apply)})


def test_the_network_is_a_fair_example() -> None:
    assert 0 < TRUTH.correct < TRUTH.total
    assert TRUTH.undecided == 0


@pytest.mark.parametrize("backend", ["fast", "arb"])
def test_exactly_the_truth_can_be_claimed(backend: str) -> None:
    outcome = run(with_steps(*BRUTE_FORCE, correct=TRUTH.correct), backend=backend)
    fact: Any = outcome.fact
    assert (fact.correct, outcome.frame.task.total(), fact.undecided) == (TRUTH.correct, TRUTH.total, 0)
    with pytest.raises(Rejected) as caught:
        run(with_steps(*BRUTE_FORCE, correct=TRUTH.correct + 1), backend=backend)
    assert caught.value.code == Reason.NOT_PROVED
    assert (caught.value.expected, caught.value.found) == (f"at most {TRUTH.correct}", str(TRUTH.correct + 1))


def test_less_than_the_truth_can_be_claimed() -> None:
    for correct in range(TRUTH.correct):
        assert run(with_steps(*BRUTE_FORCE, correct=correct)).fact.correct == TRUTH.correct


@pytest.mark.parametrize("change", [-1, 1, TRUTH.total])
def test_another_total_is_rejected(change: int) -> None:
    error = refusal(with_steps(*BRUTE_FORCE).claiming(total=TRUTH.total + change))
    assert (error.code, error.expected) == (Reason.WRONG_TOTAL, str(TRUTH.total))


def test_another_model_of_the_same_shape_is_not_confused_with_the_last_one() -> None:
    """The exact tables of the last model are kept; they must not serve another one."""
    other = safetensors_bytes(random_model(SHAPE, 5))
    expected = {weights: ground_truth(read_tensors(weights)).correct for weights in (WEIGHTS, other)}
    assert len(set(expected.values())) == 2
    for weights in (WEIGHTS, other, WEIGHTS, other):
        assert run(certificate(weights, SHAPE, BRUTE_FORCE), weights).fact.correct == expected[weights]
    error = refusal(with_steps(*BRUTE_FORCE), other)
    assert error.code == Reason.DIGEST_MISMATCH


def test_every_digit_of_the_digest_counts() -> None:
    good = with_steps(*BRUTE_FORCE)
    for k in range(0, 64, 7):
        digest = good.model.sha256
        digit = "0" if digest[k] != "0" else "1"
        changed = replace(good, model=replace(good.model, sha256=digest[:k] + digit + digest[k + 1 :]))
        assert refusal(changed).code == Reason.DIGEST_MISMATCH
    assert run(good).frame.task.total() == TRUTH.total


@pytest.mark.parametrize("name", [name for name in RULES if name not in OF_REALS])
def test_a_rule_of_another_reading_is_not_applied(name: str) -> None:
    error = refusal(with_steps(PRODUCERS["PathExpansion"], Step("x", name, premises(name), good_hints(name))))
    assert (error.code, error.step, error.found) == (Reason.RULE_NOT_APPLICABLE, "x", "reals")


@pytest.mark.parametrize("name", OF_REALS)
def test_every_rule_wants_its_number_of_premises(name: str) -> None:
    rule, count = RULES[name], len(RULES[name].premises)
    for wrong in range(count + 3):
        if wrong == count or (rule.variadic and wrong > count):
            continue
        error = refusal(with_steps(PRODUCERS["PathExpansion"], Step("x", name, ("tables",) * wrong, good_hints(name))))
        assert (error.code, error.step, error.rule) == (Reason.WRONG_PREMISE, "x", name)
    error = refusal(with_steps(PRODUCERS["PathExpansion"], Step("x", name, premises(name), good_hints(name))))
    assert "wrong number" not in error.message


@pytest.mark.parametrize(("name", "wrong"), [(n, w) for n, w in product(OF_REALS, PRODUCERS) if RULES[n].premises])
def test_every_rule_wants_its_kinds_of_premises(name: str, wrong: str) -> None:
    """A fact of another kind in place of each premise."""
    needed = [PRODUCERS["PathExpansion"], *([PRODUCERS["ProvedBlocks"]] if wrong == "ProvedCount" else [])]
    needed += [] if wrong == "PathExpansion" else [PRODUCERS[wrong]]
    for k, kind in enumerate(RULES[name].premises):
        if issubclass(KINDS[wrong], kind) or any(not issubclass(PathExpansion, earlier) for earlier in RULES[name].premises[:k]):
            continue
        chosen = [PRODUCERS[wrong].id if j == k else "tables" for j in range(len(RULES[name].premises))]
        error = refusal(with_steps(*needed, Step("x", name, tuple(chosen), good_hints(name))))
        assert error.code in (Reason.WRONG_PREMISE, Reason.UNUSED_STEP)
        if error.code == Reason.WRONG_PREMISE:
            assert (error.expected, error.found, error.step) == (kind.__name__, wrong, "x")


@pytest.mark.parametrize("name", OF_REALS)
def test_every_rule_wants_exactly_its_hints(name: str) -> None:
    hints = good_hints(name)
    wrong: list[dict[str, Any]] = [{**hints, "more": 1}, {**hints, "": 1}]
    wrong += [{key: value for key, value in hints.items() if key != missing} for missing in hints]
    for key, kind in RULES[name].hints.items():
        if isinstance(kind, IntegerHint):
            values: list[Any] = [kind.least - 1, kind.most + 1, np.array([1]), np.array(1)]
        else:
            array = hints[key]
            other = "<f4" if array.dtype.str != "<f4" else "<f8"
            values = [1, array.astype(other), array[None], array[0] if array.ndim else array[None], array.astype(">f8")]
            values += [np.ones([size + 1 for size in array.shape], dtype=array.dtype)] if "*" not in kind.axes else []
        wrong += [{**hints, key: value} for value in values]
    for bad in wrong:
        error = refusal(with_steps(PRODUCERS["PathExpansion"], Step("x", name, premises(name), bad)))
        assert (error.code, error.step, error.rule) == (Reason.BAD_HINT, "x", name), bad


def test_refusals_name_the_step_and_give_a_hint() -> None:
    error = refusal(with_steps(PRODUCERS["PathExpansion"], Step("b", "cubics", ("tables",))))
    assert (error.code, error.step, error.rule, error.found) == (Reason.UNKNOWN_RULE, "b", "cubics", "cubics")
    assert "proofcheck rules" in error.hint


@pytest.mark.parametrize("steps", [BRUTE_FORCE, CUBIC], ids=["brute-force", "cubic"])
def test_operations_bound_what_is_counted(steps: tuple[Step, ...]) -> None:
    """From shapes alone, before any arithmetic."""
    for record in run(with_steps(*steps)).steps:
        assert record.operations <= RULES[record.rule].cost(sizes_of(with_steps(*steps)), Limits()).operations


def test_facts_cannot_be_made_outside_a_rule() -> None:
    for make in (lambda: ProvedCount(9), lambda: ProvedBlocks(((9,),)), Fact):
        with pytest.raises(TypeError, match="only a rule applied by the kernel"):
            make()
    assert run(with_steps(*BRUTE_FORCE)).fact.correct == TRUTH.correct
    with pytest.raises(TypeError, match="only a rule"):
        ProvedCount(9)


def test_a_rule_that_breaks_its_promise_is_an_internal_error() -> None:
    """A block with more proved than it has is a bug of the checker, never a verdict."""
    lying = replace(RULES["enumeration"], apply=lambda context, tables: ProvedBlocks(((99,) * 3,) * 3))
    with pytest.raises(RuntimeError, match="99 proved"):
        run(with_steps(*BRUTE_FORCE), catalogue=with_enumeration(lying.apply))


@pytest.mark.parametrize("error", [OverflowError, ZeroDivisionError, ArithmeticError])
def test_arithmetic_that_leaves_its_range_is_a_refusal(error: type[Exception]) -> None:
    def fail(*arguments: Any) -> Any:
        raise error("too large")

    found = refusal(with_steps(*BRUTE_FORCE), catalogue=with_enumeration(fail))
    assert (found.code, found.step) == (Reason.OUT_OF_RANGE, "blocks")


def test_no_memory_is_declined() -> None:
    def fail(*arguments: Any) -> Any:
        raise MemoryError

    with pytest.raises(Declined) as caught:
        run(with_steps(*BRUTE_FORCE), catalogue=with_enumeration(fail))
    assert caught.value.code == Reason.LIMIT_EXCEEDED


HINTLESS = [name for name in OF_REALS if not RULES[name].hints]


@st.composite
def compositions(draw: st.DrawFn) -> tuple[Step, ...]:
    """Any rules without hints, any earlier (or later, or missing) premises."""
    steps: list[Step] = [PRODUCERS["PathExpansion"]]
    for k in range(draw(st.integers(1, 5))):
        name = draw(st.sampled_from(HINTLESS))
        rule = RULES[name]
        ids = [step.id for step in steps] + (["nowhere"] if draw(st.integers(0, 9)) == 0 else [])
        count = len(rule.premises) + draw(st.sampled_from([0, 0, 0, 1]))
        fitting = [step.id for step in steps if any(step.rule in MAKERS[kind.__name__] for kind in rule.premises)]
        chosen = draw(st.lists(st.sampled_from(fitting or ids), min_size=count, max_size=count))
        steps.append(Step(f"s{k}", name, tuple(chosen)))
    return tuple(steps)


MAKERS = {
    "PathExpansion": {"path-expansion"},
    "LogitTables": {"path-expansion"},
    "ProvedClasses": {"cubic"},
    "ProvedBlocks": {"enumeration", "count-classes", "separable-minimum"},
    "ProvedCount": {"sum-blocks"},
    "LossBlocks": {"evaluation-losses"},
    "LossSum": {"sum-losses"},
    **{
        kind: {name for name in RULES if name.startswith(start)}
        for kind, start in (("DirectPathBound", "direct-path"), ("ScoreApproximation", "qk-error"), ("AttentionBounds", "attention"))
    },
}


@settings(max_examples=150)
@given(steps=compositions(), seed=st.integers(0, 4), claim=st.integers(0, 9))
def test_no_composition_of_rules_proves_more_than_the_truth(steps: tuple[Step, ...], seed: int, claim: int) -> None:
    weights = safetensors_bytes(trained_like(SHAPE, seed, gain=(0.2, 0.5, 1.0)[seed % 3], biases=True))
    truth = ground_truth(read_tensors(weights)).correct
    used = {premise for step in steps for premise in step.premises}
    kept = tuple(step for k, step in enumerate(steps) if step.id in used or k == len(steps) - 1)
    try:
        outcome = run(certificate(weights, SHAPE, kept, correct=claim), weights)
    except ProofcheckError:
        return
    assert claim <= outcome.correct <= truth


def test_those_compositions_do_verify_sometimes(tmp_path: Path) -> None:
    """The twin: two ways to prove blocks, combined."""
    steps = (
        *BRUTE_FORCE[:2],
        *CUBIC[1:2],
        Step("more", "count-classes", ("classes",)),
        Step("count", "sum-blocks", ("more", "blocks", "more")),
    )
    assert run(with_steps(*steps)).fact.correct == TRUTH.correct
