"""Rule `separable-enumeration`: hinted blocks sequence by sequence, without visiting what a minimum decides (Corollary 1)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from proofcheck.arithmetic import Integers, nonpositive_sums
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import LogitTables
from proofcheck.rules.attention_only.separable.boxes import BLOCK_PAIRS, Tally, boxes, hinted_blocks, hinted_terms, neither
from proofcheck.rules.attention_only.separable.separability import (
    ExactMargins,
    MarginTerms,
    settled_in_balls,
    settled_operations,
    shared_enclosures,
    table_exponentials,
)
from proofcheck.rules.budget import Budget, Exhausted
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.hints import IntegerHint
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def separable_enumeration(context: MaxOfKContext, tables: LogitTables, *, blocks: Integers, expansions: int) -> ProvedBlocks:
    """Statement (enumeration, Corollary 1), pruned. For each hinted block (q, m), counts[q][m] + wrong[q][m] + its undecided are all its
    sequences;
    the counted ones have Σ_i f_i^{q,m,j}(x_i) > 0 for every j ≠ m, the wrong ones Σ_i f_i^{q,m,j}(x_i) ≤ 0 for some j ≠ m. By Theorem S
    they are the correct and the wrong sequences. Where undecided = 0 the counts are exact. Blocks that are not hinted get 0.

    Hypotheses: premise 0 is the path expansion; for a claim about floats, the float tables.
    Hints: blocks [K, 2], rows (q, m), increasing in (m, q); expansions, a bound on the number of nodes that the search may expand (a node
    is a rival and the first tokens of a sequence). Rejected(bad-hint) where there are more: a smaller number never proves more.
    Proof: docs/rules/enumeration.md.
    Evaluation: integers L ≤ scale·f ≤ L + width (`FixedPoint`); S = min_j Σ_i L_i. Sequences with S > 0 are correct. `nonpositive_sums`
    yields all others: S ≤ −n·width is wrong; the rest is settled in balls up to the limit `settled_in_balls`, then undecided.
    Cost: 2·d·expansions for the search; for the terms K·n·(n + 1)·d² and 3·d³.
    Source: Theorem S, docs/rules/separability.md.
    Machine-checked: docs/proofs/SeparableEnumeration.v, search_once.
    """
    d_head, task = context.model.dimensions.d_head, context.task
    margins = MarginTerms(shared_enclosures(context, tables))
    tally = Tally(task.d_vocab, ExactMargins(tables, d_head, context.arithmetic, context.reading), settled_in_balls(context))
    spend = _spend(Budget(expansions))
    for block in hinted_terms(margins, hinted_blocks(blocks, task.d_vocab)):
        for box in boxes(task.n_ctx, block.query, block.max_token):
            base, terms = box.terms(block.lower[None], block.last[None])
            width = terms[-1].shape[2] if terms else 1
            not_right = 0
            for prefixes, smallest in nonpositive_sums(base[0], [term[0] for term in terms], spend):
                wrong = int(np.count_nonzero(smallest <= -block.slack))
                not_positive = int(np.count_nonzero(smallest <= 0))
                not_right += not_positive
                tally.add(block.query, block.max_token, wrong=wrong)
                if wrong == not_positive:
                    continue
                for row, token in tally.affordable(np.argwhere(neither(smallest, block.slack))).tolist():
                    tally.settle(box.sequence_at(block.query, int(prefixes[row]) * width + token), block.max_token)
            tally.add(block.query, block.max_token, right=box.size - not_right)
    return tally.fact()


def _spend(budget: Budget) -> Callable[[int], None]:
    """Rejected(bad-hint) when more nodes are expanded than the hint allows."""

    def spend(nodes: int) -> None:
        try:
            budget.spend(nodes)
        except Exhausted as error:
            raise Rejected(
                Reason.BAD_HINT,
                "the search needs more expansions than the hint allows",
                path="expansions",
                expected="at least the number of nodes of the search",
                found=str(budget.most),
            ) from error

    return spend


def _cost(dimensions: Dimensions, limits: Limits, *, blocks: Integers, expansions: int) -> Cost:
    """Singles: exponentials, and the sequences that may be settled in balls, at most d_vocab for each expanded node."""
    n, d = dimensions.n_ctx, dimensions.d_vocab
    search = 2 * d * expansions
    singles = table_exponentials(dimensions) + settled_operations(n, d, min(max(d, d * expansions), limits.settled_in_balls))
    others = terms_operations(n, d, len(blocks)) + len(blocks) * n * d * (n * d + 2)
    return Cost(others + search + singles, sums=search, singles=singles)


def terms_operations(n: int, d: int, blocks: int) -> int:
    """Upper bound on the operations of `hinted_terms` for that many blocks, tables included."""
    return d * (d + n) + 2 * d * (d * d + n * d) + n * d**3 + blocks * (3 * n * d * d + 2 * n * d + d)


RULE = Rule(
    name="separable-enumeration",
    apply=separable_enumeration,
    premises=(LogitTables,),
    cost=_cost,
    readings=ALL_READINGS,
    hints={"blocks": BLOCK_PAIRS, "expansions": IntegerHint(0, 1 << 48)},
)
