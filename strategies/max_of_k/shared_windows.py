"""Strategy `shared-windows`: windows whose counts are shared by classes of queries, for many positions or tokens."""

from __future__ import annotations

from functools import partial as applied

import numpy as np

from proofcheck import Step
from strategies.max_of_k.shared_search import FoundSheet, search
from strategies.max_of_k.strategy import Problem, Proposal, Strategy
from strategies.max_of_k.windows import expansion_hints, rows
from strategies.max_of_k.windows_scores import Partial, bounded_prefixes, everything, partial
from strategies.max_of_k.windows_search import list_hints
from strategies.max_of_k.windows_terms import FloatTables
from strategies.progress import Progress

PRICE, PRICE_IN_BINS = 2.0, 0.02  # billionths of all inputs for each operation
ROOM = 3  # computed scores below the least boundary
SMALL_SHARE = 0.05  # of the operations of the sheets, for the score table
ROOM_IN_ADDITIONS = 1.25  # of what the search expects: rounding may leave a group open that it believes settled


def propose_shared_windows(problem: Problem, price: float | None = None) -> Proposal:
    """price: billionths of all inputs that one operation must prove; by default what suits the number of positions."""
    tables, budget = FloatTables(problem.model), problem.budget
    each = price if price is not None else PRICE if tables.n_ctx <= 6 else PRICE_IN_BINS
    sequences = each * 1e-9 * tables.d_vocab**tables.n_ctx
    sheets: list[FoundSheet] = []
    with Progress("max tokens", tables.d_vocab, shown=budget.progress, budget=budget.left) as progress:
        for m in reversed(range(tables.d_vocab)):
            if budget.left <= 0 or (m + 1) ** tables.n_ctx < sequences * 1000:
                break
            sheets += search(tables, m, sequences)
            progress.step()
    ended = f"the search ended after {budget.seconds:g} s; --search-seconds S gives it more" if budget.left <= 0 else ""
    return Proposal(steps(tables, sheets), left_out=ended)


def steps(tables: FloatTables, sheets: list[FoundSheet]) -> tuple[Step, ...]:
    """The steps of these sheets."""
    return (
        Step("tables", "centred-expansion", (), expansion_hints(tables, needed_scores(tables, sheets))),
        Step("blocks", "shared-windows", ("tables",), sheet_hints(tables, sheets)),
        Step("count", "sum-blocks", ("blocks",)),
    )


def needed_scores(tables: FloatTables, sheets: list[FoundSheet]) -> Partial:
    """Those of single tokens and a few more, if bounds on the others are as good for what stands in these sheets; else all. All also where
    they cost little beside the sheets.
    """
    if 2.0 * tables.d_vocab**2 * tables.d_model <= SMALL_SHARE * sum(sheet.operations for sheet in sheets):
        return everything(tables)
    least: dict[int, int] = {}
    for sheet in sheets:
        least[sheet.max_token] = min(sheet.boundaries[0], least.get(sheet.max_token, sheet.max_token))
    some = partial(tables, least, ROOM)
    bounded, exact = bounded_prefixes(tables, some), tables.prefix
    worse = max(
        (
            float(np.exp(bounded[list(queries), end - 1] - tables.scores[list(queries), sheet.max_token]).max())
            - float(np.exp(exact[list(queries), end - 1] - tables.scores[list(queries), sheet.max_token]).max())
            for sheet in sheets
            for queries in sheet.classes
            for end in sheet.boundaries[:-1]
        ),
        default=0.0,
    )
    return some if worse <= 1e-4 else everything(tables)


def sheet_hints(tables: FloatTables, sheets: list[FoundSheet]) -> dict[str, np.ndarray | int]:
    """Hints of `shared-windows`. The largest group of a sheet need not be named."""
    named = [
        (w, g + 1, j)
        for w, sheet in enumerate(sheets)
        for g, group in enumerate(sorted(sheet.groups, key=len)[: max(1, len(sheet.groups) - 1)])
        for j in group
    ]
    queries = [sorted((q, label) for label, some in enumerate(sheet.classes) for q in some) for sheet in sheets]
    return {
        "max_tokens": np.array([sheet.max_token for sheet in sheets], dtype="<i8"),
        "boundaries": rows([(w, b) for w, sheet in enumerate(sheets) for b in sheet.boundaries], 2),
        "rivals": rows([], 2),
        "groups": rows(named, 3),
        "blocks": rows([(w, q) for w, mine in enumerate(queries) for q, _ in mine], 2),
        "classes": np.array([label for mine in queries for _, label in mine], dtype="<i8"),
        "bins": rows([(sheet.bins.fine, sheet.bins.below, sheet.bins.above) for sheet in sheets], 3),
        **list_hints(tables),
        "additions": int(ROOM_IN_ADDITIONS * sum(sheet.additions for sheet in sheets)) + 1_000_000,
    }


def shared_windows_at(price: float | None, name: str) -> Strategy:
    """The strategy at one price."""
    shown = "" if price is None else f"; price {price:g}"
    return Strategy(name, f"windows whose counts classes of queries share{shown}", applied(propose_shared_windows, price=price))


STRATEGIES = (shared_windows_at(None, "shared-windows"),)
