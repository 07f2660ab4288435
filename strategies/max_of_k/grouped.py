"""Strategies `grouped-queries`, `rival-tree-direct`, `rival-tree` and `rival-tree-small`: below the cost of the tables of
`windows`, along a price.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial as applied

import numpy as np

from proofcheck import Step
from proofcheck.arithmetic import Arithmetic, DyadicArray
from proofcheck.arithmetic.level_sums import nonpositive_tuples, tuples_operations
from proofcheck.arithmetic.operations import counting
from proofcheck.limits import Limits
from proofcheck.models import decode_weights
from proofcheck.models.attention_only import ATTENTION_ONLY, TENSORS
from proofcheck.rules.attention_only.windows.cells import Window as ExactWindow
from proofcheck.rules.attention_only.windows.cells import cells
from proofcheck.rules.attention_only.windows.centred import centred, query_vectors, value_vectors
from proofcheck.rules.attention_only.windows.direct_rows import DirectRows
from proofcheck.rules.attention_only.windows.grouped_queries import ExactTerms
from proofcheck.rules.attention_only.windows.grouped_weights import (
    GroupedWeights,
    position_weights,
    weights_of,
)
from proofcheck.rules.attention_only.windows.jobs import beaten, jobs_of, lower_levels
from proofcheck.rules.attention_only.windows.lists import Lists, read_lists
from proofcheck.rules.attention_only.windows.rival_tree import TreeTerms, direct_rows
from proofcheck.rules.attention_only.windows.tree import RivalTree
from proofcheck.rules.reading import margin_above
from strategies.max_of_k.grouped_hints import Hints, Shape, score_hints, tree_hints
from strategies.max_of_k.strategy import Problem, Proposal, Strategy
from strategies.max_of_k.windows import rows
from strategies.max_of_k.windows_search import boundaries, list_hints
from strategies.max_of_k.windows_terms import FloatTables, Window
from strategies.progress import Progress

PRICES = {  # billionths of all inputs that one operation must prove
    "grouped-queries": (1800.0, 600.0, 200.0, 60.0),
    "rival-tree-direct": (600.0, 200.0, 60.0, 20.0),
    "rival-tree": (6000.0, 1800.0, 600.0, 200.0),
    "rival-tree-small": (6000.0, 2500.0, 600.0),  # fewer groups of queries, columns of the basis and nodes
}
BINS = 64
DEFAULT, SMALL, SMALLEST = Shape(), Shape(groups=3, basis=7), Shape(groups=2, basis=5, prune=10.0)
NEAR = (3, 4, 5, 6)
FARTHER = ((), (4,))
MOST_RIVALS = 3


@dataclass(frozen=True, slots=True)
class Found:
    """What a window proves: sequences and operations, and the counted jobs as (query, bins)."""

    gain: int
    operations: int
    counted: tuple[int, ...]


class Prover:
    """The rules' own arithmetic on the vectors of one model."""

    def __init__(self, problem: Problem, tables: FloatTables, hints: Hints, kind: str) -> None:
        sizes, reading = problem.dimensions, margin_above(problem.margin)
        self.tables, self.d_head = tables, sizes.d_head
        model = ATTENTION_ONLY.build(sizes, {}, decode_weights(problem.path.read_bytes(), TENSORS, Limits()))
        exact = {name: DyadicArray.from_floats(np.asarray(hint)) for name, hint in hints.items() if _is_float(hint)}
        row = {name: value.reshape(1, -1) for name, value in exact.items() if len(value.shape) == 1}
        self.arithmetic, self.labels = Arithmetic("fast", 128), np.asarray(hints["labels"])
        queries = query_vectors(model)
        parts = (row["base"], exact["directions"], exact["coefficients"], row["centre"])
        self.weights = GroupedWeights(queries, model.W_E, *parts, self.labels, self.arithmetic, self.d_head)
        self.positions = queries @ model.W_pos.T
        self.terms: ExactTerms | TreeTerms
        if kind == "grouped-queries":
            known = centred(model, row["direct_mean"], row["position_mean"])
            self.terms = ExactTerms(known, read_lists(known, *tables.lists), self.arithmetic, reading)
            return
        values, position_values = value_vectors(model, row["direct_mean"], row["position_mean"])
        order = np.asarray(hints["order"])
        tree = RivalTree(values, model.W_U.T, model.b_U.reshape(-1), exact["basis"], order, row["column_centre"])
        top = np.asarray(hints["top_direct"])
        direct: DirectRows = direct_rows(
            model,
            row["direct_mean"],
            exact["group_means"],
            self.labels,
            top,
            reading,
            exact=bool(hints["exact_direct"]),
        )
        PV = position_values @ model.W_U
        ranges: dict[int, list[int]] = {}
        for t, end in np.asarray(hints["ranges"]).tolist():
            ranges.setdefault(t, []).append(end)
        self.terms = TreeTerms(tree, ranges, direct, PV, Lists(PV, tables.lists[2], "top_PV"), self.arithmetic)

    def evaluate(self, m: int, window: Window, price: float) -> Found:
        """Whole jobs, and counts that win more than `price` sequences for each operation."""
        place = cells(m, np.array(window.boundaries, dtype=np.int64))
        chosen = ExactWindow(place, np.array(sorted(window.rivals), dtype=np.int64))
        jobs = jobs_of(place, self.labels)
        with counting() as counter:
            v = weights_of(self.weights, place, jobs.members, jobs.labels)
            u = position_weights(self.positions, jobs.members, self.arithmetic, self.d_head)
            lower = lower_levels(place, jobs, *self.terms.of(chosen, jobs), u, v)
            is_max = np.array([int(queries[0]) == m for queries in jobs.members])
            settled = beaten(lower, is_max)
        gain, operations, counted = 0, counter.total, []
        for k, queries in enumerate(jobs.members):
            size, required = self.tables.block_size(int(queries[0]), m), not is_max[k]
            if settled[k].all():
                gain += size * len(queries)
                continue
            cost = int(np.count_nonzero(~settled[k])) * tuples_operations(lower.shape[2] - 1, place.sizes, BINS, first_required=required)
            if size * len(queries) <= price * cost:
                continue
            left = size
            for group in np.flatnonzero(~settled[k]).tolist():
                levels = lower[k, group]
                left -= nonpositive_tuples(levels[:-1], place.sizes, int(levels[-1, 0]), BINS, first_required=required)
                if left <= 0:
                    break
            if left * len(queries) > price * cost:
                gain, operations = gain + left * len(queries), operations + cost
                counted.append(int(queries[0]))
        return Found(gain, operations, tuple(counted))


def _is_float(hint: np.ndarray | int) -> bool:
    return isinstance(hint, np.ndarray) and hint.dtype.kind == "f"


def propose(problem: Problem, kind: str, price: float, shape: Shape = DEFAULT) -> Proposal:
    """price: billionths of all inputs that one operation must prove."""
    tables = FloatTables(problem.model)
    hints = score_hints(tables, shape)
    if kind != "grouped-queries":
        labels = np.asarray(hints["labels"])
        hints |= tree_hints(tables, problem.model, shape, labels, exact_direct=kind.endswith("direct"))
    prover = Prover(problem, tables, hints, kind)
    sequences = price * 1e-9 * tables.d_vocab**tables.n_ctx
    found: dict[int, tuple[Window, Found]] = {}
    with Progress("max tokens", tables.d_vocab, shown=problem.budget.progress, budget=problem.budget.left) as progress:
        for m in reversed(range(tables.d_vocab)):
            if problem.budget.left <= 0:
                break
            best = search(prover, tables, m, sequences)
            if best is not None:
                found[m] = best
            progress.step()
    rule = "grouped-queries" if kind == "grouped-queries" else "rival-tree"
    all_hints = hints | _window_hints(tables, found, kind)
    if rule == "rival-tree":
        used = sorted({t for window, m in ((window, m) for m, (window, _) in found.items()) for t in (m, *range(window.boundaries[0], m))})
        ranges = np.asarray(hints["ranges"])
        all_hints["ranges"] = np.ascontiguousarray(ranges[np.isin(ranges[:, 0], used)])
    steps = (Step("blocks", rule, (), all_hints), Step("count", "sum-blocks", ("blocks",)))
    return Proposal(steps, correct=sum(part.gain for _, part in found.values()))


def search(prover: Prover, tables: FloatTables, m: int, price: float) -> tuple[Window, Found] | None:
    """Greedy: rivals one by one, then boundaries."""
    tried: dict[Window, Found] = {}

    def value(window: Window) -> float:
        key = Window(tuple(sorted(window.rivals)), window.boundaries)
        if key not in tried:
            tried[key] = prover.evaluate(m, key, price)
        return tried[key].gain - price * tried[key].operations

    best = Window((), boundaries(m, 4, ()))
    candidates = [
        m - 1,
        m + 1,
        m + 2,
        m - 2,
        *(int(j) for t in (m, max(0, m - 1)) for j in tables.lists[0][t][:4]),
    ]
    candidates = [j for j in dict.fromkeys(candidates) if 0 <= j < tables.d_vocab and j != m]
    for _ in range(MOST_RIVALS):
        options = [Window((*best.rivals, j), best.boundaries) for j in candidates if j not in best.rivals]
        better = max(options, key=value, default=best)
        if value(better) <= value(best):
            break
        best = better
    best = max((Window(best.rivals, boundaries(m, near, farther)) for near in NEAR for farther in FARTHER), key=value)
    key = Window(tuple(sorted(best.rivals)), best.boundaries)
    return (key, tried[key]) if value(best) > 0 else None


def _window_hints(tables: FloatTables, found: dict[int, tuple[Window, Found]], kind: str) -> Hints:
    blocks = sorted((m, q) for m, (_, part) in found.items() for q in part.counted)
    lists = list_hints(tables) if kind == "grouped-queries" else {}
    return {
        "boundaries": rows([(m, b) for m in sorted(found) for b in found[m][0].boundaries], 2),
        "rivals": rows([(m, j) for m in sorted(found) for j in found[m][0].rivals], 2),
        "blocks": rows([(q, m, BINS) for m, q in blocks], 3),
        **lists,
        "additions": 10**6 * (1 + len(blocks)),
    }


def shape_of(kind: str, price: float) -> Shape:
    """What suits a kind at a price."""
    if kind != "rival-tree-small":
        return DEFAULT
    return SMALLEST if price > 1000 else SMALL


STRATEGIES = tuple(
    Strategy(
        f"{kind}--price-{price:g}",
        f"{kind.replace('-', ' ')}, far queries in groups; price {price:g}",
        applied(propose, kind=kind, price=price, shape=shape_of(kind, price)),
    )
    for kind, prices in PRICES.items()
    for price in prices
)
