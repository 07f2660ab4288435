"""Rule `shared-windows`: windows whose bounds and counts are shared by the queries of a sheet."""

from __future__ import annotations

import numpy as np

from proofcheck.arithmetic import Integers
from proofcheck.arithmetic.clamped_sums import MOST_BINS, Bins, clamped_operations, clamped_tuples
from proofcheck.arithmetic.level_sums import is_listed, nonpositive_tuples, tuples_operations
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.separable.block_counts import ADDITIONS
from proofcheck.rules.attention_only.windows.cells import COUNT_SINGLES, JOB_SINGLES, Cells
from proofcheck.rules.attention_only.windows.centred_expansion import CentredTables
from proofcheck.rules.attention_only.windows.jobs import LEVEL_BITS, beaten
from proofcheck.rules.attention_only.windows.levels import Terms
from proofcheck.rules.attention_only.windows.lists import LISTS, lists_operations, read_lists
from proofcheck.rules.attention_only.windows.scores import distinct
from proofcheck.rules.attention_only.windows.shared import RelativeWeights, SharedTerms
from proofcheck.rules.attention_only.windows.sheets import (
    Sheet,
    near_tokens,
    read_sheets,
    refused,
    require_sheet_scores,
    rows_of_sheets,
    sheet_prefixes,
)
from proofcheck.rules.budget import Budget, Exhausted
from proofcheck.rules.counting.block_tally import frozen
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.hints import IntegersHint
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule
from proofcheck.tasks import MaxOfK


def shared_windows(
    context: MaxOfKContext,
    tables: CentredTables,
    *,
    max_tokens: Integers,
    boundaries: Integers,
    rivals: Integers,
    groups: Integers,
    blocks: Integers,
    classes: Integers,
    bins: Integers,
    top_EV: Integers,
    top_EU: Integers,
    top_PV: Integers,
    additions: int,
) -> ProvedBlocks:
    """Statement (shared windows). A sheet is a max token m, cells of the tokens ≤ m, groups that cover all rivals ≠ m, and queries in
    classes; a class is all below m, or m alone. With integers Λ that are, position by position and cell by cell, at most a positive
    multiple of the terms of every query of the class and every rival of a group (H1–H3), counts[q][m] for each query q of the class is

        size(q, m) − Σ_G #{tuples of cells with Σ_i Λ_i ≤ 0, with {m} among them if q < m} (W4),

    over the groups that W3 does not settle, or 0 if that is negative. Other entries are 0.

    Hypotheses: premise 0 is `CentredTables`.
    Hints: max_tokens, boundaries, rivals, groups, blocks as in `separable-windows-exact`; classes, a number for each row of blocks: queries
    of a sheet with the same number are a class; bins [W, 3], for the counts of each sheet (`Bins`: fine, below,
    above; they matter with more than five positions before the query); top_EV, top_EU, top_PV as in `separable-windows`;
    additions, what all counts may cost together (classes beyond that get 0).
    Proof: docs/rules/shared-windows.md.
    Cost: for a sheet of Q queries in C classes with J single rivals, G groups, L cells, k single tokens: (J + 1)·(3·m + 3·Q + n), 4·Q·d and
    3·C·k·d if the others are divided, 3·Q·L, 6·C·(J + G)·n·L; and `additions`.
    Reason codes: bad-hint, out-of-range.
    Source: this project.
    Machine-checked: docs/proofs/QueryClasses.v, class_block.
    """
    task, d = context.task, context.task.d_vocab
    sheets = read_sheets(max_tokens, boundaries, rivals, groups, blocks, d)
    divided = _read_classes(sheets, blocks, classes, bins)
    require_sheet_scores(sheets, tables.scores.first)
    lists = read_lists(tables.tables, top_EV, top_EU, top_PV)
    d_head = context.model.dimensions.d_head
    terms = Terms(tables.tables, tables.scores, sheet_prefixes(sheets, d), context.arithmetic, d_head, context.reading)
    weights = RelativeWeights(terms, tables.scores, tables.tables.positions, context.arithmetic, d_head)
    counts = [[0] * d for _ in range(d)]
    budget = Budget(additions)
    for sheet, numbers, parts in zip(sheets, bins.tolist(), divided, strict=True):
        if len(sheet.queries) == 0:
            continue
        levels = SharedTerms(terms, sheet, lists).levels(parts, *weights.of(sheet, parts), LEVEL_BITS)
        for places, lower in zip(parts, levels, strict=True):
            queries = sheet.queries[places]
            proved = _proved(sheet.cells, int(queries[0]), lower, Bins(*numbers), budget, task)
            for q in queries.tolist():
                counts[q][sheet.cells.max_token] = proved
    return ProvedBlocks(frozen(counts))


def _proved(cells: Cells, query: int, lower: Integers, bins: Bins, budget: Budget, task: MaxOfK) -> int:
    """Sequences of the block of each query of a class that are proved right; 0 if the budget does not suffice. lower [G, n, L]."""
    is_max = query == cells.max_token
    settled = beaten(lower[None], np.array([is_max]))[0]
    left = task.block_size(query, cells.max_token)
    try:
        for g in np.flatnonzero(~settled).tolist():
            left -= _failing(cells, lower[g], bins, budget, required=not is_max)
            if left <= 0:
                return 0
    except Exhausted:
        return 0
    return left


def _failing(cells: Cells, lower: Integers, bins: Bins, budget: Budget, *, required: bool) -> int:
    """An upper bound on the sequences of one block of a class that do not beat some rival of a group (W4 of `conclusions`).

    lower [n, L], the query's own term at [n − 1, 0].
    """
    levels, base = lower[:-1], int(lower[-1, 0])
    if is_listed(len(levels), cells.sizes):
        budget.spend(tuples_operations(len(levels), cells.sizes, 1, first_required=required))
        return nonpositive_tuples(levels, cells.sizes, base, 1, first_required=required)
    budget.spend(clamped_operations(len(levels), cells.sizes, bins, first_required=required))
    return clamped_tuples(levels, cells.sizes, base, bins, first_required=required)


def _read_classes(sheets: list[Sheet], blocks: Integers, classes: Integers, bins: Integers) -> list[list[Integers]]:
    """For each sheet its classes, as places among its queries. Rejected(bad-hint) unless classes are one number for each row of blocks, a
    class with the max token holds it alone, and bins are one valid number for each sheet.
    """
    if len(bins) != len(sheets):
        raise refused("bins", "are not one row for each sheet", f"{len(sheets)} rows", str(len(bins)))
    if any(not (1 <= fine <= MOST_BINS and 0 <= below <= MOST_BINS and 1 <= above <= MOST_BINS) for fine, below, above in bins.tolist()):
        raise refused("bins", "are out of range", f"1, 0, 1 … {MOST_BINS}", str(bins.tolist()[:8]))
    if len(classes) != len(blocks):
        raise refused("classes", "are not one for each row of blocks", f"{len(blocks)} numbers", str(len(classes)))
    out, start = [], 0
    for w, sheet in enumerate(sheets):
        labels = classes[start : start + len(sheet.queries)]
        start += len(sheet.queries)
        parts = [np.flatnonzero(labels == label) for label in distinct(labels)]
        if any(len(places) > 1 and sheet.cells.max_token in sheet.queries[places] for places in parts):
            raise refused(
                "classes", f"of sheet {w} put the max token among others", "queries below it, or it alone", str(labels.tolist()[:8])
            )
        out.append(parts)
    return out


def _cost(
    dimensions: Dimensions,
    limits: Limits,
    *,
    max_tokens: Integers,
    boundaries: Integers,
    rivals: Integers,
    groups: Integers,
    blocks: Integers,
    classes: Integers,
    bins: Integers,
    additions: int,
    **lists: Integers,
) -> Cost:
    n, d, sheets = dimensions.n_ctx, dimensions.d_vocab, len(max_tokens)
    K = max(1, *(hint.shape[1] for hint in lists.values()))
    total = lists_operations(d, lists) + 2 * d * (d + 1) + 5 * d * n
    numbers = [rows_of_sheets(hint, sheets) for hint in (boundaries, rivals, groups, blocks)]
    near = near_tokens(max_tokens.tolist(), boundaries.tolist(), d)
    counted = jobs = 0
    labels = _classes_of_sheets(blocks, classes, sheets)
    for w, (falling, alone, divided, queries) in enumerate(zip(*numbers, strict=True)):
        singles, Q, J, G = near[w], min(d, queries), min(d, alone), min(d, divided) + 1
        L, C = singles + min(d, falling), min(Q, labels[w])
        total += (J + 1) * (3 * d + 4 * Q + 2 * n) + (2 * d + Q + n) * K + Q * (5 * L + 5 * falling + 8) + 4 * n * (Q + C)
        total += (4 * Q + 3 * C * singles + 2 * n) * d + G * (3 * Q + 2 * C * singles + n) if divided else 0
        total += (J + G) * (3 * Q + C * (n * (7 * L + 6) + L + 4)) + C * n * L
        counted += C * (J + G)
        jobs += C
    one_by_one = JOB_SINGLES * (sheets + jobs) + COUNT_SINGLES * counted
    return Cost(total + additions + one_by_one, sums=additions, singles=one_by_one)


def _classes_of_sheets(blocks: Integers, classes: Integers, sheets: int) -> list[int]:
    """The number of classes of each sheet, whatever the hints hold."""
    number = min(len(blocks), len(classes))
    pairs = np.unique(np.stack([blocks[:number, 0], classes[:number]], axis=1), axis=0)[:, 0]
    counts: list[int] = np.bincount(pairs[(pairs >= 0) & (pairs < sheets)], minlength=sheets).tolist()
    return counts


RULE = Rule(
    name="shared-windows",
    apply=shared_windows,
    premises=(CentredTables,),
    cost=_cost,
    hints={
        "max_tokens": IntegersHint(("*",)),
        "boundaries": IntegersHint(("*", "2")),
        "rivals": IntegersHint(("*", "2")),
        "groups": IntegersHint(("*", "3")),
        "blocks": IntegersHint(("*", "2")),
        "classes": IntegersHint(("*",)),
        "bins": IntegersHint(("*", "3")),
        **LISTS,
        "additions": ADDITIONS,
    },
)
