"""Rule `centred-expansion`: exact tables with common parts moved where they cancel, and scores of which a
part is only bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import DyadicArray, Integers
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.windows.centred import Centred, centred, centred_operations
from proofcheck.rules.attention_only.windows.scores import Scores, scores, scores_operations
from proofcheck.rules.fact import Fact
from proofcheck.rules.hints import ExactHint, IntegersHint
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


@dataclass(frozen=True, slots=True)
class CentredTables(Fact):
    """Exact tables of the network: `Centred`, and its scores of tokens, `Scores`."""

    tables: Centred
    scores: Scores


def centred_expansion(
    context: MaxOfKContext,
    *,
    direct_mean: DyadicArray,
    position_mean: DyadicArray,
    first: Integers,
    direction: DyadicArray,
    coefficients: DyadicArray,
) -> CentredTables:
    """Statement (centred path expansion). For all queries q, positions i, tokens t and logits m, j, over the
    reals,

        (EV[t, m] − EV[t, j]) + (EU[q, m] − EU[q, j]) + (PV[i, m] − PV[i, j])

    is the difference of the logit terms of (q, i, t) in `path-expansion`, and attention is the softmax of
    (Y_q·W_E[t] + Y_q·W_pos[i])/√d_head.
    Scores of tokens t < first[q] are not computed; for maxima over prefixes of them there are the upper
    bounds of `Scores`.

    Hypotheses: none beyond the architecture.
    Hints: direct_mean, position_mean f64 [d_model], any finite vectors ℓ and p; first i64 [d_vocab], 0 ≤
    first[q] ≤ q;
    direction f64 [d_model] and coefficients f64 [d_vocab], any finite numbers, used only where some first[q]
    > 0.
    Proof: docs/rules/centred-expansion.md.
    Cost: 4·d²·D + 2·(d² − Σ first)·D + 4·D²·(d + H), lower-order terms, and 8·d·D for the bounds.
    Reason codes: bad-hint.
    Source: this project.
    Machine-checked: docs/proofs/Windows.v, half_table.
    """
    _require_first(first)
    tables = centred(context.model, direct_mean.reshape(1, -1), position_mean.reshape(1, -1))
    table = scores(tables.queries, context.model.W_E, first, direction.reshape(1, -1), coefficients.reshape(-1, 1))
    return CentredTables(tables, table)


def _require_first(first: Integers) -> None:
    """Rejected(bad-hint) unless 0 ≤ first[q] ≤ q: a query's own score is always needed."""
    wrong = np.flatnonzero((first < 0) | (first > np.arange(len(first))))
    if len(wrong):
        q = int(wrong[0])
        raise Rejected(
            Reason.BAD_HINT,
            f"first[{q}] is out of range",
            path="first",
            expected=f"0 … {q}",
            found=str(int(first[q])),
        )


def _cost(dimensions: Dimensions, limits: Limits, *, first: Integers, **others: object) -> Cost:
    return Cost(centred_operations(dimensions) + scores_operations(dimensions, first))


RULE = Rule(
    name="centred-expansion",
    apply=centred_expansion,
    premises=(),
    cost=_cost,
    readings=ALL_READINGS,
    hints={
        "direct_mean": ExactHint(("d_model",)),
        "position_mean": ExactHint(("d_model",)),
        "first": IntegersHint(("d_vocab",)),
        "direction": ExactHint(("d_model",)),
        "coefficients": ExactHint(("d_vocab",)),
    },
)
