"""Rule `centred-expansion`: exact tables with common parts moved where they cancel, and scores of which a part is only bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from proofcheck.errors import Reason, Rejected
from proofcheck.models import Dimensions
from proofcheck.rules.facts import Fact
from proofcheck.rules.rule import ArrayHint, Context, Hints, Rule, exact_hint
from proofcheck.rules.windows.centred import Centred, centred, centred_operations
from proofcheck.rules.windows.scores import Integers, Scores, scores, scores_operations


@dataclass(frozen=True, slots=True)
class CentredTables(Fact):
    """Exact tables of the network: `Centred`, and its scores of tokens, `Scores`."""

    tables: Centred
    scores: Scores


def centred_expansion(context: Context, premises: tuple[Any, ...], hints: Hints) -> CentredTables:
    """Theorem (centred path expansion). For all queries q, positions i, tokens t and logits m, j, over the reals,

        (EV[t, m] − EV[t, j]) + (EU[q, m] − EU[q, j]) + (PV[i, m] − PV[i, j])

    is the difference of the logit terms of (q, i, t) in `path-expansion`, and attention is the softmax of (Y_q·W_E[t] + Y_q·W_pos[i])/√d_head.
    Scores of tokens t < first[q] are not computed; for maxima over prefixes of them there are the upper bounds of `Scores`.

    Hypotheses: none beyond the architecture. Premises: none.
    Hints: direct_mean, position_mean f64 [d_model], any finite vectors ℓ and p; first i64 [d_vocab], 0 ≤ first[q] ≤ q;
    direction f64 [d_model] and coefficients f64 [d_vocab], any finite numbers, used only where some first[q] > 0.
    Cost: 4·d²·D + 2·(d² − Σ first)·D + 4·D²·(d + H), lower-order terms, and 8·d·D for the bounds.
    Reason codes: bad-hint. Proof: docs/rules/centred-expansion.md. Source: this project.
    """
    model, first = context.model, _first(hints, context.task.d_vocab)
    tables = centred(model, exact_hint(hints, "direct_mean").reshape(1, -1), exact_hint(hints, "position_mean").reshape(1, -1))
    direction, coefficients = exact_hint(hints, "direction").reshape(1, -1), exact_hint(hints, "coefficients").reshape(-1, 1)
    return CentredTables(tables, scores(tables.queries, model.W_E, first, direction, coefficients))


def _first(hints: Hints, d_vocab: int) -> Integers:
    """Rejected(bad-hint) unless 0 ≤ first[q] ≤ q: a query's own score is always needed."""
    first = np.array(hints["first"], dtype=np.int64)
    wrong = np.flatnonzero((first < 0) | (first > np.arange(d_vocab)))
    if len(wrong):
        q = int(wrong[0])
        raise Rejected(Reason.BAD_HINT, f"first[{q}] is out of range", path="first", expected=f"0 … {q}", found=str(int(first[q])))
    return first


def _operations(dimensions: Dimensions, hints: Hints) -> int:
    first = hints["first"]
    known = first if isinstance(first, np.ndarray) else np.zeros(dimensions.d_vocab, dtype=np.int64)
    return centred_operations(dimensions) + scores_operations(dimensions, known)


RULE = Rule(
    name="centred-expansion",
    apply=centred_expansion,
    premises=(),
    operations=_operations,
    hints={
        "direct_mean": ArrayHint("f64", ("d_model",)),
        "position_mean": ArrayHint("f64", ("d_model",)),
        "first": ArrayHint("i64", ("d_vocab",)),
        "direction": ArrayHint("f64", ("d_model",)),
        "coefficients": ArrayHint("f64", ("d_vocab",)),
    },
)
