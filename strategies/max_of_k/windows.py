"""Strategy `windows`: rivals and tokens far from the max token are bounded together; along a price for each operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial as applied

import numpy as np

from proofcheck import Step
from strategies.max_of_k.strategy import Problem, Proposal, Strategy
from strategies.max_of_k.windows_scores import Partial, bounded_prefixes, everything, partial
from strategies.max_of_k.windows_search import Worth, list_hints, search_all
from strategies.max_of_k.windows_terms import Evaluation, FloatTables, MaxToken, Window, table_operations

BINS = 64
MOST_ADDITIONS = 10**10
PRICES = (6000.0, 2000.0, 600.0, 200.0, 60.0, 20.0, 6.0, 2.0, 0.6, 0.06)  # billionths of all inputs for each operation
PRICE = 6.0
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


def plan(tables: FloatTables, price: float) -> Plan:
    """The best windows for a price (billionths of all inputs), with all scores or with those that they need."""
    sequences = price * 1e-9 * tables.d_vocab**tables.n_ctx
    worth = Worth(sequences)

    def value(found: Plan) -> float:
        return found.gain - sequences * found.operations

    full = searched(tables, everything(tables), worth)
    boundaries = {m: window.boundaries[0] for m, (window, _) in full.windows.items()}
    tries = [reevaluated(full, partial(tables, boundaries, room), worth) for room in ROOMS]
    best = max(tries, key=value)
    if value(best) > value(full):
        best = max((best, searched(tables, best.scores, worth)), key=value)
    return max((full, best), key=value)


def searched(tables: FloatTables, scores: Partial, worth: Worth) -> Plan:
    """The best windows with these scores."""
    tables.prefix = bounded_prefixes(tables, scores)
    return Plan(tables, scores, {m: (window, found) for m, window, found in search_all(tables, worth, BINS, scores.first)})


def reevaluated(known: Plan, scores: Partial, worth: Worth) -> Plan:
    """The same windows with other scores."""
    tables = known.tables
    tables.prefix = bounded_prefixes(tables, scores)
    price = float("inf") if worth.block else worth.price
    windows = {m: (window, MaxToken(tables, m, BINS).evaluate(window, price)) for m, (window, _) in known.windows.items()}
    return Plan(tables, scores, windows)


def propose_windows(problem: Problem, price: float) -> Proposal:
    """price: billionths of all inputs that one operation must prove."""
    return proposal(plan(FloatTables(problem.model), price))


def proposal(found: Plan) -> Proposal:
    """The steps of a plan."""
    steps = (
        Step("tables", "centred-expansion", (), expansion_hints(found.tables, found.scores)),
        Step("blocks", "separable-windows", ("tables",), window_hints(found)),
        Step("count", "sum-blocks", ("blocks",)),
    )
    return Proposal(steps, correct=found.gain)


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
    counted = [(q, m, BINS) for m in sorted(windows) for q, _, _ in windows[m][1].counted]
    return {
        "boundaries": rows([(m, b) for m in sorted(windows) for b in windows[m][0].boundaries], 2),
        "rivals": rows([(m, j) for m in sorted(windows) for j in windows[m][0].rivals], 2),
        "blocks": rows(counted, 3),
        **list_hints(found.tables),
        "additions": MOST_ADDITIONS,
    }


def rows(rows: list[tuple[int, ...]], width: int) -> np.ndarray:
    return np.array(rows, dtype="<i8").reshape(-1, width)


def at_price(price: float) -> Callable[[Problem], Proposal]:
    """The search for one price."""
    return applied(propose_windows, price=price)


def windows_at(price: float, name: str) -> Strategy:
    """The strategy at one price."""
    return Strategy(name, f"near rivals and tokens one by one, the others together; price {price:g}", at_price(price))


STRATEGIES = (windows_at(PRICE, "windows"), *(windows_at(price, f"windows--price-{price:g}") for price in PRICES if price != PRICE))
