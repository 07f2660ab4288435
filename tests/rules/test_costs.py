"""Cost polynomials: the counted operations of every rule stay below `Rule.operations`, and not far below; sympy reads their terms."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import sympy
from soundness.small_models import BRUTE_FORCE, CUBIC, certificate, safetensors_bytes, sizes_of
from soundness.subcubic_steps import CHORD, DIRECT_PATHS, EXACT, MARGINS, OFF, QK_ERRORS, apply, context, sought_hints, steps, table_model

from proofcheck import Dimensions, Step
from proofcheck.arithmetic import Arithmetic
from proofcheck.arithmetic.operations import counting
from proofcheck.catalogue import BUILT_IN
from proofcheck.kernel import replay
from proofcheck.limits import Limits
from proofcheck.memo import Memo
from proofcheck.rules import RULES

SIZES = ((2, 6), (3, 5), (4, 4), (3, 12))
SYMBOLS = dict(zip(("n_ctx", "d_vocab", "d_model", "d_head"), sympy.symbols("n d D H", positive=True), strict=True))
OURS = (*DIRECT_PATHS, *QK_ERRORS, "attention-bounds", *MARGINS)


@lru_cache
def counted(n: int, d: int, backend: str = "fast") -> dict[str, tuple[int, Dimensions, Step]]:
    """rule -> (counted operations, dimensions, step), from certificates that use every rule."""
    shape, tensors = table_model(n, d, 1, biases=True)
    weights = safetensors_bytes(tensors)
    gaps = np.ones((d, d, n), dtype=np.int64)
    direction = sought_hints(DIRECT_PATHS[-1], tensors).get("direction")
    proofs = [BRUTE_FORCE, CUBIC, steps("direct-path-max-diff", EXACT, OFF, gaps)]
    proofs += [steps("direct-path-max-diff", rule, CHORD, gaps, sought_hints(rule, tensors, excess=0.1)) for rule in QK_ERRORS]
    proofs += [steps(rule, EXACT, CHORD, gaps, direction=direction if "svd" in rule else None) for rule in DIRECT_PATHS]
    found = {}
    for proof in proofs:
        these = certificate(weights, shape, proof)
        outcome = replay(these, weights, Arithmetic(backend, 128), Limits(), Memo(), BUILT_IN, lambda step, fact: None)  # type: ignore[arg-type]
        for step, record in zip(these.steps, outcome.steps, strict=True):
            found[step.rule] = (record.operations, sizes_of(these), step)
    return found


@pytest.mark.parametrize("rule", OURS)
@pytest.mark.parametrize("size", SIZES)
def test_counted_operations_are_at_most_the_polynomial_and_at_least_a_quarter(rule: str, size: tuple[int, int]) -> None:
    operations, dimensions, step = counted(*size)[rule]
    polynomial = RULES[rule].cost(dimensions, Limits(), **step.hints).operations
    assert operations <= polynomial <= 4 * operations


@pytest.mark.parametrize("size", SIZES)
def test_no_rule_counts_more_than_its_bound(size: tuple[int, int]) -> None:
    for rule, (operations, dimensions, step) in counted(*size).items():
        assert operations <= RULES[rule].cost(dimensions, Limits(), **step.hints).operations, rule


def test_a_second_certificate_about_the_same_model_counts_the_same() -> None:
    """Tables shared between certificates are counted for each of them; and both backends count alike."""
    fresh = counted.__wrapped__(3, 5)
    for other in (counted.__wrapped__(3, 5), counted.__wrapped__(3, 5, "arb")):
        assert {rule: entry[0] for rule, entry in other.items()} == {rule: entry[0] for rule, entry in fresh.items()}


def test_the_polynomials_are_polynomials() -> None:
    for rule in OURS:
        expression = sympy.expand(RULES[rule].cost(Dimensions(**SYMBOLS), Limits()).operations)
        assert expression.is_polynomial(*SYMBOLS.values()), rule
        sizes = dict(zip(SYMBOLS, (4, 64, 32, 16), strict=True))
        value = expression.subs({SYMBOLS[name]: size for name, size in sizes.items()})
        assert int(value) == RULES[rule].cost(Dimensions(**sizes), Limits()).operations


@pytest.mark.parametrize(
    ("rule", "degree"),
    [
        ("direct-path-max-diff-exact", 2),
        ("direct-path-mean-query+max-diff", 1),
        ("qk-error-svd", 2),
        ("qk-error-max-diff-exact", 2),
        ("qk-error-mean+max-diff-subproduct", 2),
        ("qk-error-mean-recursive+max-diff-subproduct-recursive", 2),
        ("attention-bounds", 2),
        *((rule, 2) for rule in MARGINS),
    ],
)
def test_degree_in_the_vocabulary(rule: str, degree: int) -> None:
    """Sub-cubic: no rule costs more than d_vocab², with or without a factor d_model or n_ctx."""
    expression = RULES[rule].cost(Dimensions(**SYMBOLS), Limits()).operations
    assert sympy.degree(expression, SYMBOLS["d_vocab"]) == degree


def test_the_recursive_rules_multiply_no_two_matrices() -> None:
    """No term d·D·H or d·D² in the recursive rules, d·D·H in the other splitting ones."""
    d, D, H = (SYMBOLS[name] for name in ("d_vocab", "d_model", "d_head"))
    for rule in QK_ERRORS:
        if rule == EXACT:
            continue
        polynomial = sympy.Poly(RULES[rule].cost(Dimensions(**SYMBOLS), Limits()).operations, *SYMBOLS.values())
        triple = polynomial.coeff_monomial(d * D * H) + polynomial.coeff_monomial(d * D * D)
        assert (triple == 0) is rule.endswith("recursive"), rule


@pytest.mark.parametrize("settled", [0, 5, 100, 10**6])
@pytest.mark.parametrize("rule", ["enumeration", "separable-enumeration", "separable-partition"])
def test_the_bound_follows_the_limit_on_balls(rule: str, settled: int) -> None:
    """A raised `settled_in_balls` buys more operations, and the bound says so: all sequences of this network tie."""
    shape, tensors = table_model(3, 4, 0)
    tensors["unembed.W_U"][:] = tensors["unembed.W_U"][:, :1]
    where = replace(context(shape, tensors), limits=Limits(settled_in_balls=settled))
    every = np.array([(q, m) for m in range(4) for q in range(m + 1)], dtype="<i8")
    boxes = sum(1 if q == m else 2 for q, m in every.tolist())
    hints: dict[str, object] = {
        "enumeration": {},
        "separable-enumeration": {"blocks": every, "expansions": 10**4},
        "separable-partition": {"blocks": every, "nodes": np.full(boxes, -1, dtype="<i8")},
    }[rule]  # type: ignore[assignment]
    tables = apply(where, "path-expansion")
    with counting() as counter:
        fact = apply(where, rule, (tables,), hints)
    assert fact.undecided < 64 or settled < 64
    assert counter.total <= RULES[rule].cost(where.model.dimensions, where.limits, **hints).operations
