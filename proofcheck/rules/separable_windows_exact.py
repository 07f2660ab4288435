"""Rule `separable-windows-exact`: hinted blocks decided from both sides on cells of tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofcheck.errors import Reason, Rejected
from proofcheck.models import Dimensions
from proofcheck.rules.centred_expansion import CentredTables
from proofcheck.rules.facts import ProvedBlocks
from proofcheck.rules.rule import ArrayHint, Context, Hints, IntegerHint, Rule
from proofcheck.rules.windows.exact import SheetTerms, deciding
from proofcheck.rules.windows.levels import Terms
from proofcheck.rules.windows.lists import Lists
from proofcheck.rules.windows.sheets import Sheet, read_sheets, refused

ENTRY_BITS = 29  # levels have at most ENTRY_BITS − n_ctx.bit_length() bits, so that n_ctx + 1 of them fit int32
Integers = NDArray[np.int64]


def separable_windows_exact(context: Context, premises: tuple[Any, ...], hints: Hints) -> ProvedBlocks:
    """Exact windows. Each hinted block (q, m) has cells of the tokens ≤ m, single rivals J, and groups that cover all other rivals ≠ m.
    With lower bounds on f for every group and upper bounds for every j ∈ J, constant on the cells at each position,

        counts[q][m] = size − #{x in the block : Σ lower ≤ 0 for some group},
        wrong[q][m] = #{x in the block : Σ upper ≤ 0 for some j ∈ J},

    each counted exactly, tuple of cells by tuple, a sequence once however many rivals it loses to. Other blocks get 0.
    Hypotheses: premise 0 is `CentredTables`.
    Hints: max_tokens [W], the max token of each sheet of blocks that share cells and rivals; boundaries [*, 2], rows (sheet, b), strictly
    from at most m down to 0; rivals [*, 2], rows (sheet, j), J; groups [*, 3], rows (sheet, group ≥ 1, j): the others are divided, those not
    named are group 0; a sheet without such rows takes its others together by lists; blocks [*, 2], rows (sheet, q); top_EV, top_EU, top_PV as
    in `separable-windows`; expansions, how many nodes the searches for tuples may expand together.
    Cost: for a sheet of Q queries with J single rivals, G groups, L cells, k single tokens: (J + 1)·(3·m + Q + n), 2·Q·(k + 2)·d if the
    others are divided, 8·Q·(J + G)·n·L, and 3·L for each expanded node.
    Reason codes: bad-hint. Proof: docs/rules/separable-windows-exact.md. Source: this project.
    """
    (facts,) = premises
    task, exact, d = context.task, facts.tables, context.task.d_vocab
    sheets = read_sheets(*(_table(hints, name) for name in ("max_tokens", "boundaries", "rivals", "groups", "blocks")), d)
    _require_scores(sheets, facts.scores.first)
    named = (("top_EV", exact.EV), ("top_EU", exact.EU), ("top_PV", exact.PV))
    lists = tuple(Lists(table, _table(hints, name), name) for name, table in named)
    terms = Terms(exact, facts.scores, _wanted(sheets, d), context.arithmetic, context.model.dimensions.d_head)
    budget = _Budget(hints["expansions"])
    counts, wrong = ([[0] * d for _ in range(d)] for _ in range(2))
    undecided = 0
    for sheet in sheets:
        if len(sheet.queries) == 0:
            continue
        levels = SheetTerms(terms, sheet, (lists[0], lists[1], lists[2])).levels(ENTRY_BITS - task.n_ctx.bit_length())
        m = sheet.cells.max_token
        for k, q in enumerate(sheet.queries.tolist()):
            size = task.block_size(q, m)
            failing, lost = deciding(levels.low[k], levels.high[k], sheet.cells.sizes, budget.spend, required=q < m)
            counts[q][m], wrong[q][m] = size - failing, lost
            undecided += failing - lost
    return ProvedBlocks(_frozen(counts), undecided=undecided, wrong=_frozen(wrong))


class _Budget:
    """Counts expanded nodes."""

    __slots__ = ("_left", "_most")

    def __init__(self, most: Any) -> None:
        self._most = self._left = int(most)

    def spend(self, nodes: int) -> None:
        """Rejected(bad-hint) when more nodes are expanded than the hint allows."""
        self._left -= nodes
        if self._left < 0:
            raise Rejected(
                Reason.BAD_HINT,
                "the searches need more expansions than the hint allows",
                path="expansions",
                expected="at least the number of nodes of the searches",
                found=str(self._most),
            )


def _wanted(sheets: list[Sheet], d_vocab: int) -> NDArray[np.bool_]:
    """[q, s]: whether some block needs a bound on the weights of the tokens t < s."""
    wanted = np.zeros((d_vocab, d_vocab + 1), dtype=np.bool_)
    for sheet in sheets:
        wanted[sheet.queries[:, None], sheet.cells.ends[None, :]] = True
    return wanted


def _require_scores(sheets: list[Sheet], first: Integers) -> None:
    """Rejected(bad-hint) unless the score of every single token was computed for every query of its sheet."""
    for w, sheet in enumerate(sheets):
        least, needed = int(sheet.cells.tokens.min()), int(first[sheet.queries].max(initial=0))
        if needed > least:
            raise refused("boundaries", f"of sheet {w} reach below the computed scores", f"at least {needed}", str(least))


def _frozen(counts: list[list[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in counts)


def _table(hints: Hints, name: str) -> Integers:
    value = hints[name]
    if not isinstance(value, np.ndarray):
        raise TypeError(f"the kernel checks that hint {name} is an array")
    return np.asarray(value, dtype=np.int64)


def _operations(dimensions: Dimensions, hints: Hints) -> int:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    tops = [_table(hints, f"top_{name}") for name in ("EV", "EU", "PV")]
    total = sum(2 * len(top) * (d + 2 * top.shape[1]) for top in tops) + 2 * d * (d + 1) + 4 * d * n + n * d
    K = max(1, *(top.shape[1] for top in tops))
    sheets = len(_table(hints, "max_tokens"))
    cells_of, rivals, groups, queries = (_rows_of(hints, name, sheets) for name in ("boundaries", "rivals", "groups", "blocks"))
    near = _near(hints, sheets, d)
    for w in range(sheets):
        L, J, G, Q = near[w] + min(d, cells_of[w]), min(d, rivals[w]), min(d, groups[w]) + 1, min(d, queries[w])
        total += (J + 1) * (4 * d + 2 * Q + 2 * n) + (2 * d + Q + n) * K + 3 * Q * (J + 1) * (L + 3)
        total += Q * (2 * (near[w] + 2) * d + G * (2 * near[w] + 4)) if groups[w] else 0
        total += Q * n * L * (9 * (J + G) + 2) + Q * (3 * (J + G) + d + 2)
        total += 2 * Q * (J + G) * n * (n * L + 2)
    return total + _expanded(dimensions, hints)


def _expanded(dimensions: Dimensions, hints: Hints) -> int:
    """Operations of the nodes of the searches: a table row of at most d + 1 cells, its comparisons and weights."""
    expansions = hints["expansions"]
    if not isinstance(expansions, int):
        raise TypeError("the kernel checks the kinds of hints")
    return expansions * (3 * (dimensions.d_vocab + 1) + dimensions.n_ctx)


def _rows_of(hints: Hints, name: str, sheets: int) -> Integers:
    """The number of rows of each sheet, whatever the hint holds."""
    table = _table(hints, name)
    first = table[:, 0] if table.shape[1] else np.zeros(0, dtype=np.int64)
    return np.bincount(first[(first >= 0) & (first < sheets)], minlength=sheets)


def _near(hints: Hints, sheets: int, d: int) -> list[int]:
    """Single tokens of each sheet at most, from its first boundary."""
    out = [d] * sheets
    table, tokens = _table(hints, "boundaries"), _table(hints, "max_tokens").tolist()
    if table.shape[1] == 2:
        for w, b in reversed(table.tolist()):
            if 0 <= w < sheets:
                out[w] = min(d, max(0, tokens[w] - max(b, 0))) + 1
    return out


_ROWS = ArrayHint("i64", ("*", "*"))

RULE = Rule(
    name="separable-windows-exact",
    apply=separable_windows_exact,
    premises=(CentredTables,),
    operations=_operations,
    hints={
        "max_tokens": ArrayHint("i64", ("*",)),
        **dict.fromkeys(("boundaries", "rivals", "groups", "blocks", "top_EV", "top_EU", "top_PV"), _ROWS),
        "expansions": IntegerHint(0, 1 << 48),
    },
    sums=_expanded,
)
