"""Rule `float-tables`: the exact tables, and how far float evaluations of the network can be from them."""

from __future__ import annotations

import numpy as np

from proofcheck.arithmetic import DyadicArray
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import FloatTables, PathExpansion
from proofcheck.rules.attention_only.floats.forms import (
    certainly_small,
    exact_in,
    forms,
    forms_operations,
    least_roundings,
    weight_errors,
)
from proofcheck.rules.reading import FLOATS_ALONE, FloatRun
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def float_tables(context: MaxOfKContext, tables: PathExpansion) -> FloatTables:
    """Statement (float tables, Theorem F). The tables of premise 0 with error tables such that for every conforming evaluation
    (docs/semantics-float.md) of an input x with last token q, in the format and with N, τ, κ of the claim, and every C ≥ all its exact
    scores s_i, there are numbers a_i ≥ 0, Σ a_i > 0, with

        max(0, exp(s_i − C − Θ_i) − 2η) ≤ a_i ≤ exp(s_i − C + Θ_i) + 2η,   Θ_i = (EQKE_error[q, x_i] + EQKP_error[q, i]) / √d_head,

    and for any logits o, o' the computed logit[o] − logit[o'] is at least Σ_i a_i (V_i[o] − F_i[o] − V_i[o'] − F_i[o']) / Σ_i a_i, where
    V_i[o] = EUPU[q, o] + EVOU[x_i, o] + PVOU[i, o] and F_i[o] = EUPU_error[q, o] + EVOU_error[x_i, o] + PVOU_error[i, o].

    Hypotheses: premise 0 is the path expansion; the claim is about binary32 or binary64. Refused (rule-not-applicable) unless it has no
    `activation`; every weight is 0 or a normal number of the format; N is at least 2·d_model + d_head + 2·n_ctx + 8, so that plain
    evaluations conform; every Θ is at most 1/2; and no number of an evaluation can reach the end of the format.
    Hints: none. N, τ, κ and the format are the claim's, never hints.
    Proof: docs/rules/float-tables.md, docs/semantics-float.md.
    Cost: 24 products of matrices; see `forms_operations`.
    Reason codes: rule-not-applicable.
    Source: this project.
    Machine-checked: docs/proofs/FloatRun.v, float_run.
    """
    run, model = context.reading.floats, context.model
    if run is None:
        raise Rejected(Reason.RULE_NOT_APPLICABLE, "the claim is not about floats", expected="a claim about floats", found="another")
    if run.activation is not None:
        raise _refused("the claim counts roundings by stages of a transformer", "a claim without `activation`", "one with it")
    if run.format.short is not None:
        raise _refused("the claim counts roundings stage by stage", "binary32 or binary64; float-stages is for the others", run.format.name)
    _require_run(run, model.dimensions)
    problem = exact_in(model, run.format)
    if problem:
        raise _refused("a weight is no normal number of the format", "weights that the format holds", problem)
    found = forms(model, run)
    EQKE_error, EQKP_error = weight_errors(tables, found, run, model.dimensions.d_head)
    if not certainly_small(EQKE_error, EQKP_error, model.dimensions.d_head):
        raise _refused("scores may be off by too much", "errors of at most 1/2", "larger ones")
    if not (found.largest - _power(run.format.largest)).is_negative().all():
        raise _refused("numbers may leave the range of the format", f"forms below 2^{run.format.largest}", "larger ones")
    return FloatTables(
        tables.EUPU,
        tables.EVOU,
        tables.PVOU,
        tables.EQKE,
        tables.EQKP,
        EUPU_error=found.direct,
        EVOU_error=found.tokens,
        PVOU_error=found.positions,
        EQKE_error=EQKE_error,
        EQKP_error=EQKP_error,
        loss=_power(1 - run.format.least),
    )


def _require_run(run: FloatRun, sizes: Dimensions) -> None:
    """Rejected(rule-not-applicable) for so few roundings that no plain evaluation conforms, or so many that Γ is no number."""
    least = least_roundings(sizes)
    if run.roundings < least or 4 * run.roundings > 2**run.format.unit:
        raise _refused("plain evaluations round a term more often, or too often", f"{least} … 2^{run.format.unit - 2}", str(run.roundings))
    if 8 * sizes.n_ctx * 2**run.format.unit > 2**run.format.least:
        raise _refused("what underflows in the softmax is no rounding", "8·n_ctx·η ≤ u", f"n_ctx = {sizes.n_ctx}")


def _power(exponent: int) -> DyadicArray:
    """2^exponent, shape [1]."""
    return DyadicArray.from_integers(np.ones(1, dtype=np.int64)).times_power_of_two(exponent)


def _refused(message: str, expected: str, found: str) -> Rejected:
    return Rejected(Reason.RULE_NOT_APPLICABLE, message, path="$.claim", expected=expected, found=found)


def _cost(dimensions: Dimensions, limits: Limits) -> Cost:
    return Cost(forms_operations(dimensions))


RULE = Rule(name="float-tables", apply=float_tables, premises=(PathExpansion,), cost=_cost, readings=FLOATS_ALONE)
