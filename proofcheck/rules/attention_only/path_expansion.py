"""Rule `path-expansion`: the exact tables of the network."""

from __future__ import annotations

from proofcheck.models.attention_only import path_tables_operations
from proofcheck.rules.attention_only.facts import PathExpansion
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def path_expansion(context: MaxOfKContext) -> PathExpansion:
    """Statement (path expansion). For the network of the weight file, over the reals,

        score_i = (EQKE[q, x_i] + EQKP[q, i]) / √d_head   and   logit = EUPU[q] + Σ_i softmax(score)_i (EVOU[x_i] + PVOU[i]),

    where q = x_{n−1} and the five tables are the exact dyadic matrices of `PathTables`.

    Hypotheses: none beyond the architecture. Premises: none.
    Hints: none.
    Proof: expand the products of the forward pass; Σ_i α_i = 1 moves b_V and the positions into the tables. docs/rules/path-expansion.md.
    Cost: 2·d·(d·(D + 2H) + 3·D·H) + lower-order terms.
    Source: Elhage et al. 2021 (path expansion); Gross et al. 2024.
    Machine-checked: docs/proofs/PathExpansion.v, correct_expand.
    """
    tables = context.memo.once(("path tables",), context.model.path_tables)
    return PathExpansion(tables.EUPU, tables.EVOU, tables.PVOU, tables.EQKE, tables.EQKP)


RULE = Rule(
    name="path-expansion",
    apply=path_expansion,
    premises=(),
    cost=lambda dimensions, limits: Cost(path_tables_operations(dimensions)),
    readings=ALL_READINGS,
)
