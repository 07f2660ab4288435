"""Strategy `windows-exact`: whole blocks by windows, every other block decided from both sides on cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial as applied

import numpy as np

from proofcheck import Step
from proofcheck.arithmetic import Arithmetic, DyadicArray
from proofcheck.arithmetic.operations import counting
from proofcheck.limits import Limits
from proofcheck.models import decode_weights
from proofcheck.models.attention_only import ATTENTION_ONLY, TENSORS
from proofcheck.rules.attention_only.windows.cells import cells
from proofcheck.rules.attention_only.windows.centred import centred
from proofcheck.rules.attention_only.windows.exact import SheetTerms, deciding
from proofcheck.rules.attention_only.windows.levels import Terms
from proofcheck.rules.attention_only.windows.lists import Lists
from proofcheck.rules.attention_only.windows.scores import scores
from proofcheck.rules.attention_only.windows.separable_windows_exact import ENTRY_BITS
from proofcheck.rules.attention_only.windows.sheets import Sheet
from proofcheck.rules.reading import margin_above
from strategies.max_of_k.separable_groups import sample_block
from strategies.max_of_k.separable_terms import Doubles, FloatTerms, block_minimum
from strategies.max_of_k.strategy import Problem, Proposal, Strategy
from strategies.max_of_k.windows import Plan, expansion_hints, rows, window_hints
from strategies.max_of_k.windows_scores import Partial, bounded_prefixes, everything
from strategies.max_of_k.windows_search import Worth, boundaries, list_hints, search_all
from strategies.max_of_k.windows_terms import FloatTables, Integers

BLOCK_WORTH = 800.0  # operations that a block costs which windows leave open
NEAR = (2, 3, 4, 5, 7, 10, 15, 22, 40)
FARTHER = ((), (3,))
MOST_RIVALS = 14
MOST_EXPANSIONS = 10**6
CHAIN_ROOM = 0.01  # of the largest term: what cells may lose
ROOM = 4  # expansions beyond the searched number, per block
Config = tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, ...], ...]]  # boundaries, rivals, groups


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sheet that was tried: which queries it decides, the operations of the sheet itself and of each query,
    expanded nodes.
    """

    fixed: float
    costs: dict[int, float]
    nodes: dict[int, int]


class Prover:
    """The rule's own arithmetic on the tables of one model: what it decides is what the checker will decide."""

    def __init__(self, problem: Problem, tables: FloatTables, partial: Partial) -> None:
        sizes = problem.dimensions
        model = ATTENTION_ONLY.build(sizes, {}, decode_weights(problem.path.read_bytes(), TENSORS, Limits()))
        rows_of = [DyadicArray.from_floats(row).reshape(1, -1) for row in (tables.direct_mean, tables.position_mean, partial.direction)]
        exact = centred(model, rows_of[0], rows_of[1])
        alpha = DyadicArray.from_floats(partial.coefficients).reshape(-1, 1)
        table = scores(exact.queries, model.W_E, partial.first, rows_of[2], alpha)
        wanted = np.ones((sizes.d_vocab, sizes.d_vocab + 1), dtype=np.bool_)
        wanted[:, 0] = False
        self.terms = Terms(exact, table, wanted, Arithmetic("fast", 128), sizes.d_head, margin_above(problem.margin))
        named = zip(("top_EV", "top_EU", "top_PV"), (exact.EV, exact.EU, exact.PV), tables.lists, strict=True)
        one, two, three = (Lists(part, hint, name) for name, part, hint in named)
        self.lists = (one, two, three)
        self.bits = ENTRY_BITS - sizes.n_ctx.bit_length()

    def run(self, m: int, config: Config, queries: list[int]) -> Outcome:
        """Only the queries that the sheet decides are in the outcome."""
        bounds, rivals, groups = config
        place = cells(m, np.array(bounds, dtype=np.int64))
        sheet = Sheet(
            place,
            np.array(rivals, dtype=np.int64),
            tuple(np.array(g, dtype=np.int64) for g in groups),
            np.array(queries),
        )
        with counting() as counter:
            levels = SheetTerms(self.terms, sheet, self.lists).levels(self.bits)
        built = counter.total
        fixed = min(built, 2.5 * (m + 1) + (len(rivals) + 1) * (m + 1 + bounds[0]) + len(rivals) * bounds[0])
        costs, nodes = {}, {}
        for k, q in enumerate(queries):
            spent = [0]

            def spend(number: int, spent: list[int] = spent) -> None:
                spent[0] += number

            with counting() as counter:
                failing, wrong = deciding(levels.low[k], levels.high[k], place.sizes, spend, required=q < m)
            if failing == wrong:
                costs[q], nodes[q] = counter.total + (built - fixed) / len(queries), spent[0]
        return Outcome(fixed, costs, nodes)


def propose_exact_windows(problem: Problem) -> Proposal:
    """Windows for whole blocks, sheets for the rest."""
    tables = FloatTables(problem.model)
    partial = everything(tables)
    tables.prefix = bounded_prefixes(tables, partial)
    found = {m: (window, seen) for m, window, seen in search_all(tables, Worth(0.0, BLOCK_WORTH), problem.budget, partial.first)}
    windows = Plan(tables, partial, found)
    prover, float_terms = Prover(problem, tables, partial), problem.float_terms()
    sheets: list[tuple[int, Config, list[int]]] = []
    expansions = 0
    for m in range(tables.d_vocab):
        queries = found[m][1].open_queries if m in found else list(range(m + 1))
        if tables.n_ctx == 1:
            queries = [q for q in queries if q == m]
        for config, mine, nodes in choose(prover, float_terms, tables, m, queries):
            sheets.append((m, config, mine))
            expansions += nodes + ROOM * len(mine)
    steps = (
        Step("tables", "centred-expansion", (), expansion_hints(tables, partial)),
        Step("windows", "separable-windows", ("tables",), window_hints(windows)),
        Step("exact", "separable-windows-exact", ("tables",), sheet_hints(tables, sheets, expansions)),
        Step("count", "sum-blocks", ("windows", "exact")),
    )
    return Proposal(steps)


@dataclass(frozen=True, slots=True)
class Rivals:
    """Of one block: winners (they win every sequence that the max token loses, in a sample), all that may
    win, and more to look at alone.
    """

    winners: tuple[int, ...]
    may_win: tuple[int, ...]
    more: tuple[int, ...]


def choose(prover: Prover, float_terms: FloatTerms, tables: FloatTables, m: int, queries: list[int]) -> list[tuple[Config, list[int], int]]:
    """Sheets that decide all these queries, greedily by operations for each query. What nothing decides gets
    single tokens and rivals.
    """
    ranked = {q: _ranked(float_terms, q, m) for q in queries}
    tried: dict[Config, Outcome] = {}
    cheapest: dict[int, float] = dict.fromkeys(queries, float("inf"))
    for config, mine in configurations(float_terms, m, ranked):
        wanted = [q for q in mine if cheapest[q] > _least(config, tables.n_ctx, m)]
        if not wanted or config in tried:
            continue
        found = tried[config] = prover.run(m, config, wanted)
        for q, cost in found.costs.items():
            cheapest[q] = min(cheapest[q], cost + found.fixed / len(found.costs))
    left, out = set(queries), []
    while left:
        best, price = None, float("inf")
        for config, outcome in tried.items():
            ordered = sorted(left & outcome.costs.keys(), key=lambda q: outcome.costs[q])
            for k in range(1, len(ordered) + 1):
                each = (outcome.fixed + sum(outcome.costs[q] for q in ordered[:k])) / k
                if each < price:
                    best, price = (config, ordered[:k]), each
        if best is None:
            everyone = tuple(j for j in range(tables.d_vocab) if j != m)
            out.append((((0,), everyone, ()), sorted(left), MOST_EXPANSIONS))
            break
        config, mine = best
        out.append((config, sorted(mine), sum(tried[config].nodes[q] for q in mine)))
        left -= set(mine)
    return out


def _ranked(float_terms: FloatTerms, q: int, m: int) -> Rivals:
    """More: those without which the others, minimised token by token, are beaten."""
    everyone = np.arange(float_terms.d_vocab)
    terms = float_terms.terms(q, m, everyone)  # [d, n, T]
    bounds = block_minimum(terms, q, m)
    bounds[m] = np.inf
    may_win = np.flatnonzero(~(bounds > 0))
    chosen = may_win[np.argsort(bounds[may_win], kind="stable")].tolist()
    left = np.ones(len(everyone), dtype=np.bool_)
    left[[*chosen, m]] = False
    while len(chosen) < MOST_RIVALS and left.any():
        rest = terms[left].min(axis=0)
        if block_minimum(rest, q, m) > 0:
            break
        ways = [*((i, int(t)) for i, t in enumerate(rest[:-1].argmin(axis=1))), (len(rest) - 1, q)]
        i, t = min(ways, key=lambda way: rest[way])  # where the others lose most
        worst = int(np.flatnonzero(left)[terms[left, i, t].argmin()])
        chosen.append(worst)
        left[worst] = False
    return Rivals(
        _winners(float_terms, terms, q, m, may_win),
        tuple(may_win.tolist()[:MOST_RIVALS]),
        tuple(chosen[len(may_win) :]),
    )


def _winners(float_terms: FloatTerms, terms: Doubles, q: int, m: int, may_win: Integers) -> tuple[int, ...]:
    """A few rivals that win every drawn sequence of the block that is not answered correctly."""
    if len(may_win) == 0:
        return ()
    n = float_terms.n_ctx
    sequences = sample_block(q, m, n, np.random.default_rng(0))
    lost = terms[may_win][:, np.arange(n)[None, :], sequences].sum(axis=2) <= 0  # [J, S]
    chosen: list[int] = []
    left = lost.any(axis=0)
    while left.any():
        best = int((lost & left).sum(axis=1).argmax())
        chosen.append(int(may_win[best]))
        left &= ~lost[best]
    return tuple(sorted(chosen))


def _least(config: Config, n: int, m: int) -> float:
    """Operations for one query at least: what cannot be cheaper than what is known need not be tried."""
    bounds, rivals, groups = config
    cells, d = m - bounds[0] + len(bounds), len(rivals) + sum(len(group) for group in groups)
    return (n - 1) * cells * 4 * (len(rivals) + max(1, len(groups))) + (2 * d * (m - bounds[0] + 2) if groups else 0)


def configurations(float_terms: FloatTerms, m: int, ranked: dict[int, Rivals]) -> Iterator[tuple[Config, list[int]]]:
    """Sheets to try, each with the queries whose possible winners it looks at one by one: few near tokens
    first.
    """
    sets: dict[frozenset[int], list[int]] = {}
    for q, rivals in ranked.items():
        both = (*rivals.may_win, *rivals.more)
        for chosen in (rivals.winners, rivals.may_win, both[: (len(rivals.may_win) + len(both)) // 2], both):
            if q not in sets.setdefault(frozenset(chosen), []):
                sets[frozenset(chosen)].append(q)
    sheets: list[tuple[frozenset[int], tuple[tuple[int, ...], ...], list[int]]] = []
    for chosen, origin in sorted(sets.items(), key=lambda item: (len(item[0]), sorted(item[0]))):
        mine = [q for q, rivals in ranked.items() if set(rivals.winners) <= chosen]
        others = tuple(j for j in range(float_terms.d_vocab) if j != m and j not in chosen)
        sheets.append((chosen, (), mine))
        if others:
            sheets.append((chosen, (others,), mine))
            sheets += [(chosen, groups, mine) for groups in dict.fromkeys(chain(float_terms, q, m, others) for q in origin)]
    for near in NEAR:
        for farther in FARTHER:
            bounds = boundaries(m, near, farther)
            for chosen, groups, mine in sheets:
                yield (bounds, tuple(sorted(chosen)), groups), mine
    everyone = tuple(j for j in range(float_terms.d_vocab) if j != m)
    for near in NEAR:
        yield (boundaries(m, near, ()), everyone, ()), list(ranked)


def chain(float_terms: FloatTerms, q: int, m: int, others: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The other rivals in groups that are beaten token by token: those that are worst somewhere are best
    where the max token stands.
    """
    terms = float_terms.terms(q, m, np.array(others))  # [J, n, T]
    order = np.argsort(terms[:, :-1].min(axis=2).sum(axis=1), kind="stable").tolist()
    groups: list[list[int]] = []
    least = terms[order[0]]
    for a in order:
        merged = np.minimum(least, terms[a])
        if groups and block_minimum(merged, q, m) > CHAIN_ROOM * np.abs(terms).max():
            groups[-1].append(others[a])
            least = merged
        else:
            groups.append([others[a]])
            least = terms[a]
    return tuple(tuple(sorted(group)) for group in groups)


def sheet_hints(tables: FloatTables, sheets: list[tuple[int, Config, list[int]]], expansions: int) -> dict[str, np.ndarray | int]:
    """Hints of `separable-windows-exact`."""
    return {
        "max_tokens": np.array([m for m, _, _ in sheets], dtype="<i8"),
        "boundaries": rows([(w, b) for w, (_, (bounds, _, _), _) in enumerate(sheets) for b in bounds], 2),
        "rivals": rows([(w, j) for w, (_, (_, rivals, _), _) in enumerate(sheets) for j in rivals], 2),
        "groups": rows(
            [(w, g + 1, j) for w, (_, (_, _, groups), _) in enumerate(sheets) for g, group in enumerate(groups) for j in group],
            3,
        ),
        "blocks": rows([(w, q) for w, (_, _, mine) in enumerate(sheets) for q in mine], 2),
        **list_hints(tables),
        "expansions": expansions,
    }


STRATEGIES = (
    Strategy(
        "windows-exact",
        "the exact count: whole blocks by windows, the others decided on cells",
        applied(propose_exact_windows),
    ),
)
