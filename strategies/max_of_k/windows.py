"""Strategy `windows`: rivals and tokens far from the max token are bounded together; along a price for each
operation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial as applied

import numpy as np

from proofcheck import Step
from strategies.budget import Budget
from strategies.max_of_k.strategy import Problem, Proposal, Strategy
from strategies.max_of_k.windows_scores import Partial, bounded_prefixes, everything, partial
from strategies.max_of_k.windows_search import Worth, evaluated, is_short, list_hints, search_all
from strategies.max_of_k.windows_terms import Evaluation, FloatTables, Window, table_operations

ROOM_IN_ADDITIONS = 10_000  # for each count, beyond what the search computed: float rounding may leave a group open
PRICES = (
    6000.0,
    2000.0,
    600.0,
    200.0,
    60.0,
    20.0,
    6.0,
    2.0,
    0.6,
    0.06,
)  # billionths of all inputs for each operation
PRICE, PRICE_IN_BINS = 6.0, 0.02
LEAST_PRICE, MOST_PRICE, BISECTIONS = 1e-4, 1e8, 14
ROOMS = (1, 3, 6, 10)  # computed scores below the least boundary


@dataclass(frozen=True, slots=True)
class Plan:
    """Windows, and the scores they need."""

    tables: FloatTables
    scores: Partial
    windows: dict[int, tuple[Window, Evaluation]]

    @property
    def gain(self) -> int:
        """Sequences that the search believes are proved."""
        return sum(found.gain for _, found in self.windows.values())

    @property
    def operations(self) -> int:
        """Operations that the search expects."""
        known = self.tables.d_vocab**2 - int(self.scores.first.sum())
        return table_operations(self.tables, known) + sum(found.operations for _, found in self.windows.values())


def plan(tables: FloatTables, price: float, budget: Budget) -> Plan:
    """The best windows for a price (billionths of all inputs), with all scores or with those that they need."""
    sequences = price * 1e-9 * tables.d_vocab**tables.n_ctx
    worth = Worth(sequences)

    def value(found: Plan) -> float:
        return found.gain - sequences * found.operations

    full = searched(tables, everything(tables), worth, budget)
    boundaries = {m: window.boundaries[0] for m, (window, _) in full.windows.items()}
    tries = [reevaluated(full, partial(tables, boundaries, room), worth) for room in ROOMS]
    best = max(tries, key=value)
    if value(best) > value(full) and budget.left > 0:
        best = max((best, searched(tables, best.scores, worth, budget)), key=value)
    return max((full, best), key=value)


def searched(tables: FloatTables, scores: Partial, worth: Worth, budget: Budget) -> Plan:
    """The best windows with these scores."""
    tables.prefix = bounded_prefixes(tables, scores)
    return Plan(
        tables,
        scores,
        {m: (window, found) for m, window, found in search_all(tables, worth, budget, scores.first)},
    )


def reevaluated(known: Plan, scores: Partial, worth: Worth) -> Plan:
    """The same windows with other scores."""
    tables = known.tables
    tables.prefix = bounded_prefixes(tables, scores)
    windows = {m: (window, evaluated(tables, m, window, worth)) for m, (window, _) in known.windows.items()}
    return Plan(tables, scores, windows)


def propose_windows(problem: Problem, price: float | None = None) -> Proposal:
    """price: billionths of all inputs that one operation must prove; by default what suits the number of
    positions.
    """
    tables = FloatTables(problem.model)
    found = plan(tables, default_price(tables) if price is None else price, problem.budget)
    return proposal(found, problem.budget)


def propose_within(problem: Problem, operations: int) -> Proposal:
    """The best bound found with at most so many operations: prices by bisection. ValueError if even the
    tables cost more.
    """
    tables = FloatTables(problem.model)
    low, high, best = LEAST_PRICE, MOST_PRICE, None
    for _ in range(BISECTIONS):
        price = math.sqrt(low * high)
        found = plan(tables, price, problem.budget)
        if found.operations <= operations:
            best = found if best is None or found.gain > best.gain else best
            high = price
        else:
            low = price
        if problem.budget.left <= 0:
            break
    if best is None:
        raise ValueError(f"no windows cost at most {operations} operations: the tables alone cost {table_operations(tables, 0)} or more")
    return proposal(best, problem.budget)


def default_price(tables: FloatTables) -> float:
    """A count in bins costs a thousand times as much as one of a few positions."""
    return PRICE if is_short(tables) else PRICE_IN_BINS


def proposal(found: Plan, budget: Budget) -> Proposal:
    """The steps of a plan."""
    steps = (
        Step("tables", "centred-expansion", (), expansion_hints(found.tables, found.scores)),
        Step("blocks", "separable-windows", ("tables",), window_hints(found)),
        Step("count", "sum-blocks", ("blocks",)),
    )
    ended = f"the search ended after {budget.seconds:g} s; --search-seconds S gives it more" if budget.left <= 0 else ""
    return Proposal(steps, correct=found.gain, left_out=ended)


def expansion_hints(tables: FloatTables, scores: Partial) -> dict[str, np.ndarray]:
    """Hints of `centred-expansion`."""
    return {
        "direct_mean": tables.direct_mean,
        "position_mean": tables.position_mean,
        "first": np.asarray(scores.first, dtype="<i8"),
        "direction": scores.direction,
        "coefficients": scores.coefficients,
    }


def window_hints(found: Plan) -> dict[str, np.ndarray | int]:
    """Hints of `separable-windows`."""
    windows = found.windows
    counted = [(q, m, bins) for m in sorted(windows) for q, _, _, bins in windows[m][1].counted]
    return {
        "boundaries": rows([(m, b) for m in sorted(windows) for b in windows[m][0].boundaries], 2),
        "rivals": rows([(m, j) for m in sorted(windows) for j in windows[m][0].rivals], 2),
        "blocks": rows(counted, 3),
        **list_hints(found.tables),
        "additions": sum(cost for _, found in windows.values() for _, _, cost, _ in found.counted) + ROOM_IN_ADDITIONS * (len(counted) + 1),
    }


def rows(rows: list[tuple[int, ...]], width: int) -> np.ndarray:
    return np.array(rows, dtype="<i8").reshape(-1, width)


def windows_at(price: float | None, name: str) -> Strategy:
    """The strategy at one price."""
    shown = "" if price is None else f"; price {price:g}"
    return Strategy(
        name,
        f"near rivals and tokens one by one, the others together{shown}",
        applied(propose_windows, price=price),
    )


def windows_within(operations: int) -> Strategy:
    """The strategy with at most so many operations."""
    return Strategy(
        "windows",
        f"the best of windows with at most {operations} operations",
        applied(propose_within, operations=operations),
    )


STRATEGIES = (
    windows_at(None, "windows"),
    *(windows_at(price, f"windows--price-{price:g}") for price in PRICES),
)
