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
from strategies.max_of_k.windows_terms import Evaluation, FloatTables, Window, table_operations

BINS = 256
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
    tables.prefix = bounded_prefixes(tables, everything(tables))
    best = Plan(tables, everything(tables), {m: (window, found) for m, window, found in search_all(tables, Worth(sequences), BINS)})
    boundaries = {m: window.boundaries[0] for m, (window, _) in best.windows.items()}
    for room in ROOMS:
        scores = partial(tables, boundaries, room)
        tables.prefix = bounded_prefixes(tables, scores)
        found = {m: (window, found) for m, window, found in search_all(tables, Worth(sequences), BINS, scores.first)}
        tried = Plan(tables, scores, found)
        if tried.gain - sequences * tried.operations > best.gain - sequences * best.operations:
            best = tried
    return best


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
