"""Rule `float-stages`: the exact tables, and how far float evaluations in stages can be from them."""

from __future__ import annotations

import numpy as np

from proofcheck.arithmetic import DyadicArray
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import FloatTables, PathExpansion
from proofcheck.rules.attention_only.floats.forms import exact_in, weight_errors
from proofcheck.rules.attention_only.floats.stages import MOST, TERMS, stage_errors, stages_operations
from proofcheck.rules.reading import FLOATS_ALONE, FloatRun, ShortRoundings
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule

MOST_THETA = 8
LOSS_BITS = 12  # e^MOST_THETA ≤ 2^LOSS_BITS


def float_stages(context: MaxOfKContext, tables: PathExpansion) -> FloatTables:
    """Statement (float stages, Theorem G). The tables of premise 0 with error tables such that for every conforming evaluation in stages
    (docs/semantics-float.md) of an input x with last token q, in the format and with N, τ, κ of the claim, and every C ≥ all its exact
    scores s_i, there are numbers a_i ≥ 0, Σ a_i > 0, with

        max(0, exp(s_i − C − Θ_i) − 2^12·η) ≤ a_i ≤ exp(s_i − C + Θ_i) + 2^12·η,

    where η = 2^−126, Θ_i = (EQKE_error[q, x_i] + EQKP_error[q, i]) / √d_head, and for any logits o, o' the computed logit[o] − logit[o'] is
    at least Σ_i a_i (V_i[o] − F_i[o] − V_i[o'] − F_i[o']) / Σ_i a_i, with V and F as in `float-tables`.

    Hypotheses: premise 0 is the path expansion; the claim is about evaluations in stages. Refused (rule-not-applicable) unless it has no
    `activation`; every weight is 0 or a normal number of binary32; N is at least max(d_model, d_head) + 2·n_ctx + 2, so that plain
    evaluations conform; τ is at most 1/2 and every Θ at most 8; no operand, and no number that is rounded to the short format, can reach
    the format's end or 2^40.
    Hints: none. N, τ, κ and the format are the claim's, never hints.
    Proof: docs/rules/float-stages.md, docs/semantics-float.md.
    Cost: 36 products of matrices; see `stages_operations`.
    Reason codes: rule-not-applicable.
    Source: this project.
    Machine-checked: docs/proofs/FloatRun.v, float_run.
    """
    run, model = context.reading.floats, context.model
    if run is None:
        raise Rejected(Reason.RULE_NOT_APPLICABLE, "the claim is not about floats", expected="a claim about floats", found="another")
    short = run.format.short
    if short is None:
        raise _refused(
            "the claim counts roundings of a term from weights to logits",
            "a format in stages; float-tables is for the others",
            run.format.name,
        )
    if run.activation is not None:
        raise _refused("the claim is about the stages of a transformer", "a claim without `activation`", "one with it")
    _require_run(run, model.dimensions)
    problem = exact_in(model, run.format)
    if problem:
        raise _refused("a weight is no normal number of binary32", "weights that binary32 holds", problem)
    found = stage_errors(model, run, short)
    _require_range(found.sizes, short)
    errors = found.tables()
    EQKE_error, EQKP_error = weight_errors(tables, errors, run, model.dimensions.d_head)
    most = EQKE_error.max(axis=1) + EQKP_error.max(axis=1)
    if (most * most - _integer(MOST_THETA**2 * model.dimensions.d_head)).is_positive().any():
        raise _refused("scores may be off by too much", f"errors of at most {MOST_THETA}", "larger ones")
    return FloatTables(
        tables.EUPU,
        tables.EVOU,
        tables.PVOU,
        tables.EQKE,
        tables.EQKP,
        EUPU_error=errors.direct,
        EVOU_error=errors.tokens,
        PVOU_error=errors.positions,
        EQKE_error=EQKE_error,
        EQKP_error=EQKP_error,
        loss=_integer(1).reshape(1).times_power_of_two(LOSS_BITS - run.format.least),
    )


def _require_run(run: FloatRun, sizes: Dimensions) -> None:
    """Rejected(rule-not-applicable) for too few or too many roundings, sums that are too long, or exponentials that say nothing."""
    least = least_roundings(sizes)
    if run.roundings < least or 4 * run.roundings > 2**run.format.unit:
        raise _refused(
            "a stage of a plain evaluation rounds more often, or too often", f"{least} … 2^{run.format.unit - 2}", str(run.roundings)
        )
    if max(sizes.d_model, sizes.d_head, sizes.n_ctx) > 2**TERMS:
        raise _refused("sums are too long", f"at most 2^{TERMS} terms", "longer ones")
    if 2 * run.tau > 1:
        raise _refused("exponentials may be off by too much", "tau of at most 1/2", str(run.tau))


def _require_range(sizes: dict[str, DyadicArray], short: ShortRoundings) -> None:
    limit = _integer(1).times_power_of_two(min(MOST, short.largest))
    for name, size in sizes.items():
        if not bool((size - limit).is_negative()):
            raise _refused("numbers may leave the range of the format", f"{name} below 2^{min(MOST, short.largest)}", "larger ones")


def least_roundings(sizes: Dimensions) -> int:
    """Roundings to binary32 that a plain evaluation makes of a term in one stage, at most."""
    return max(sizes.d_model, sizes.d_head) + 2 * sizes.n_ctx + 2


def _refused(message: str, expected: str, found: str) -> Rejected:
    return Rejected(Reason.RULE_NOT_APPLICABLE, message, path="$.claim", expected=expected, found=found)


def _integer(value: int) -> DyadicArray:
    return DyadicArray.from_integers(np.array(value, dtype=np.int64))


def _cost(dimensions: Dimensions, limits: Limits) -> Cost:
    return Cost(stages_operations(dimensions))


RULE = Rule(name="float-stages", apply=float_stages, premises=(PathExpansion,), cost=_cost, readings=FLOATS_ALONE)
