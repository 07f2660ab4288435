"""The kinds of hints: what they take, what a rule gets, and that signatures say the same as the tables of rules."""

from __future__ import annotations

import inspect
from fractions import Fraction
from typing import Any, get_type_hints

import numpy as np
import pytest

from proofcheck import Declined, Dimensions, Limits, Reason, Rejected
from proofcheck.arithmetic import DyadicArray, Integers
from proofcheck.rules import RULES
from proofcheck.rules.hints import ExactHint, HintKind, IntegerHint, IntegersHint

SIZES = Dimensions(n_ctx=2, d_vocab=3, d_model=4, d_head=5)
DECODED = {IntegerHint: int, IntegersHint: Integers, ExactHint: DyadicArray}


def check(kind: HintKind, value: Any, limits: Limits | None = None) -> None:
    kind.check("h", value, SIZES, limits or Limits())


def test_kinds_take_what_they_say() -> None:
    check(IntegerHint(2, 4), 3)
    assert IntegerHint(2, 4).decode(3) == 3
    check(IntegersHint(("d_vocab", "2")), np.zeros((3, 2), dtype="<i8"))
    check(IntegersHint(("*",)), np.zeros(7, dtype="<i8"))
    check(ExactHint(("d_model",)), np.ones(4, dtype="<f8"))
    exact = ExactHint(("1",)).decode(np.array([0.1]))
    assert exact.fractions().tolist() == [Fraction(0.1)]


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (IntegerHint(2, 4), 1, "out of range"),
        (IntegerHint(2, 4), 5, "out of range"),
        (IntegerHint(2, 4), np.array(3), "not an integer"),
        (IntegersHint(("*", "3")), 3, "not an array of i64"),
        (IntegersHint(("*", "3")), np.zeros((1, 3)), "not an array of i64"),
        (IntegersHint(("*", "3")), np.zeros((1, 3), dtype=">i8"), "not an array of i64"),
        (IntegersHint(("*", "3")), np.zeros((1, 2), dtype="<i8"), "wrong shape"),
        (IntegersHint(("*", "3")), np.zeros((1, 4), dtype="<i8"), "wrong shape"),
        (IntegersHint(("*", "3")), np.zeros(3, dtype="<i8"), "wrong shape"),
        (IntegersHint(("d_vocab",)), np.zeros(4, dtype="<i8"), "wrong shape"),
        (ExactHint(("d_model",)), np.zeros(4, dtype="<f4"), "not an array of f64"),
        (ExactHint(("d_model",)), np.zeros(3), "wrong shape"),
    ],
)
def test_kinds_refuse_all_else(kind: HintKind, value: Any, message: str) -> None:
    with pytest.raises(Rejected, match=message) as caught:
        check(kind, value)
    assert (caught.value.code, caught.value.path) == (Reason.BAD_HINT, "h")


def test_the_exponents_of_exact_hints_are_limited() -> None:
    check(ExactHint(("1",)), np.array([2.0**-40]), Limits(exponent=40))
    with pytest.raises(Declined):
        check(ExactHint(("1",)), np.array([2.0**-40]), Limits(exponent=39))


@pytest.mark.parametrize("name", RULES)
def test_the_signature_is_the_statement(name: str) -> None:
    """apply(context, *premises, **hints): the types of the signature are those that the kernel checks and decodes."""
    rule = RULES[name]
    types = get_type_hints(rule.apply)
    parameters = list(inspect.signature(rule.apply).parameters.values())[1:]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
    keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    assert tuple(types[p.name] for p in positional) == rule.premises
    assert rule.variadic == any(p.kind is p.VAR_POSITIONAL for p in positional)
    several = next((p for p in parameters if p.kind is p.VAR_KEYWORD), None)
    named = {p.name: types[p.name] for p in keywords}
    if several is not None:
        named |= {hint: types[several.name] for hint in rule.hints if hint not in named}
    assert named == {hint: DECODED[type(kind)] for hint, kind in rule.hints.items()}
    if several is None:
        assert all(p.default is p.empty for p in parameters)


HEADINGS = ("Statement", "Hypotheses", "Hints", "Proof", "Cost", "Source")


@pytest.mark.parametrize("name", RULES)
def test_the_docstring_has_the_fixed_headings_in_order(name: str) -> None:
    """The theorem before its hypotheses, hints, proof, cost and source; `Hypotheses and hints` may stand for two of them."""
    lines = inspect.cleandoc(RULES[name].theorem).replace("Hypotheses and hints:", "Hypotheses:\nHints:").splitlines()
    found = [line.split(":")[0].split(" (")[0] for line in lines]
    places = [found.index(heading) for heading in HEADINGS]
    assert places == sorted(places)
    assert places[0] == 0
