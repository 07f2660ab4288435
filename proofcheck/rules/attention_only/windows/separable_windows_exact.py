"""Rule `separable-windows-exact`: hinted blocks decided from both sides on cells of tokens."""

from __future__ import annotations

from collections.abc import Callable

from proofcheck.arithmetic import Integers
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.windows.cells import JOB_SINGLES
from proofcheck.rules.attention_only.windows.centred_expansion import CentredTables
from proofcheck.rules.attention_only.windows.exact import SheetTerms, deciding
from proofcheck.rules.attention_only.windows.levels import Terms
from proofcheck.rules.attention_only.windows.lists import LISTS, lists_operations, read_lists
from proofcheck.rules.attention_only.windows.sheets import (
    near_tokens,
    read_sheets,
    require_sheet_scores,
    rows_of_sheets,
    sheet_prefixes,
)
from proofcheck.rules.budget import Budget, Exhausted
from proofcheck.rules.counting.block_tally import frozen
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.hints import IntegerHint, IntegersHint
from proofcheck.rules.reading import REALS_AND_MARGINS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule

ENTRY_BITS = 29  # levels have at most ENTRY_BITS − n_ctx.bit_length() bits, so that n_ctx + 1 of them fit int32


def separable_windows_exact(
    context: MaxOfKContext,
    tables: CentredTables,
    *,
    max_tokens: Integers,
    boundaries: Integers,
    rivals: Integers,
    groups: Integers,
    blocks: Integers,
    top_EV: Integers,
    top_EU: Integers,
    top_PV: Integers,
    expansions: int,
) -> ProvedBlocks:
    """Statement (exact windows). Each hinted block (q, m) has cells of the tokens ≤ m, single rivals J, and groups that
    cover all other rivals ≠ m.
    With lower bounds on f for every group and upper bounds for every j ∈ J, constant on the cells at each
    position,

        counts[q][m] = size − #{x in the block : Σ lower ≤ 0 for some group},
        wrong[q][m] = #{x in the block : Σ upper ≤ 0 for some j ∈ J},

    each counted exactly, tuple of cells by tuple, a sequence once however many rivals it loses to. Other
    blocks get 0.

    Hypotheses: premise 0 is `CentredTables`.
    Hints: max_tokens [W], the max token of each sheet of blocks that share cells and rivals; boundaries [*,
    2], rows (sheet, b), strictly
    from at most m down to 0; rivals [*, 2], rows (sheet, j), J; groups [*, 3], rows (sheet, group ≥ 1, j):
    the others are divided, those not
    named are group 0; a sheet without such rows takes its others together by lists; blocks [*, 2], rows
    (sheet, q); top_EV, top_EU, top_PV as
    in `separable-windows`; expansions, how many nodes the searches for tuples may expand together.
    Proof: docs/rules/separable-windows-exact.md.
    Cost: for a sheet of Q queries with J single rivals, G groups, L cells, k single tokens: (J + 1)·(3·m + Q
    + n), 2·Q·(k + 2)·d if the
    others are divided, 8·Q·(J + G)·n·L, and 3·L for each expanded node.
    Reason codes: bad-hint.
    Source: this project.
    Machine-checked: docs/proofs/Windows.v, window_wrong.
    """
    task, d = context.task, context.task.d_vocab
    sheets = read_sheets(max_tokens, boundaries, rivals, groups, blocks, d)
    require_sheet_scores(sheets, tables.scores.first)
    lists = read_lists(tables.tables, top_EV, top_EU, top_PV)
    wanted = sheet_prefixes(sheets, d)
    terms = Terms(tables.tables, tables.scores, wanted, context.arithmetic, context.model.dimensions.d_head, context.reading)
    spend = _spend(Budget(expansions))
    counts, wrong = ([[0] * d for _ in range(d)] for _ in range(2))
    undecided = 0
    for sheet in sheets:
        if len(sheet.queries) == 0:
            continue
        levels = SheetTerms(terms, sheet, lists).levels(ENTRY_BITS - task.n_ctx.bit_length())
        m = sheet.cells.max_token
        for k, q in enumerate(sheet.queries.tolist()):
            size = task.block_size(q, m)
            failing, lost = deciding(levels.low[k], levels.high[k], sheet.cells.sizes, spend, required=q < m)
            counts[q][m], wrong[q][m] = size - failing, lost
            undecided += failing - lost
    return ProvedBlocks(frozen(counts), undecided=undecided, wrong=frozen(wrong))


def _spend(budget: Budget) -> Callable[[int], None]:
    """Rejected(bad-hint) when more nodes are expanded than the hint allows."""

    def spend(nodes: int) -> None:
        try:
            budget.spend(nodes)
        except Exhausted as error:
            raise Rejected(
                Reason.BAD_HINT,
                "the searches need more expansions than the hint allows",
                path="expansions",
                expected="at least the number of nodes of the searches",
                found=str(budget.most),
            ) from error

    return spend


def _cost(
    dimensions: Dimensions,
    limits: Limits,
    *,
    max_tokens: Integers,
    boundaries: Integers,
    rivals: Integers,
    groups: Integers,
    blocks: Integers,
    expansions: int,
    **lists: Integers,
) -> Cost:
    n, d, sheets = dimensions.n_ctx, dimensions.d_vocab, len(max_tokens)
    K = max(1, *(hint.shape[1] for hint in lists.values()))
    total = lists_operations(d, lists) + 2 * d * (d + 1) + 5 * d * n
    numbers = [rows_of_sheets(hint, sheets) for hint in (boundaries, rivals, groups, blocks)]
    near = near_tokens(max_tokens.tolist(), boundaries.tolist(), d)
    for w, (falling, alone, divided, queries) in enumerate(zip(*numbers, strict=True)):
        singles, Q, J, G = near[w], min(d, queries), min(d, alone), min(d, divided) + 1
        L = singles + min(d, falling)
        total += (J + 1) * (4 * d + 2 * Q + 2 * n) + (2 * d + Q + n) * K + 3 * Q * (J + 1) * (L + 3) + 5 * Q * falling
        total += Q * (2 * (singles + 2) * d + G * (2 * singles + 4)) if divided else 0
        total += Q * n * L * (9 * (J + G) + 2) + Q * (3 * (J + G) + d + 2)
        total += 2 * Q * (J + G) * n * (n * L + 2)
    searched = expansions * (3 * (d + 1) + n)  # a node: a row of at most d + 1 cells, its comparisons and weights
    one_by_one = JOB_SINGLES * (sheets + n * len(blocks))  # a search for each box of each block
    return Cost(total + searched + one_by_one, sums=searched, singles=one_by_one)


RULE = Rule(
    name="separable-windows-exact",
    apply=separable_windows_exact,
    premises=(CentredTables,),
    cost=_cost,
    readings=REALS_AND_MARGINS,
    hints={
        "max_tokens": IntegersHint(("*",)),
        "boundaries": IntegersHint(("*", "2")),
        "rivals": IntegersHint(("*", "2")),
        "groups": IntegersHint(("*", "3")),
        "blocks": IntegersHint(("*", "2")),
        **LISTS,
        "expansions": IntegerHint(0, 1 << 48),
    },
)
