"""Rule `separable-windows`: rivals in groups, far tokens in segments, then whole blocks and counts."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from proofcheck.errors import Reason, Rejected
from proofcheck.models import Dimensions
from proofcheck.rules.block_counts import ADDITIONS, BLOCKS, Budget, Exhausted, additions, block_rows, checked_blocks
from proofcheck.rules.centred_expansion import CentredTables
from proofcheck.rules.facts import ProvedBlocks
from proofcheck.rules.rule import ArrayHint, Context, Hints, Rule
from proofcheck.rules.windows.cells import Integers, read_windows, require_scores, wanted_prefixes
from proofcheck.rules.windows.conclusions import LEVEL_BITS, beaten, failing, levels
from proofcheck.rules.windows.levels import GroupTerms, Terms
from proofcheck.rules.windows.lists import Lists


def separable_windows(context: Context, premises: tuple[Any, ...], hints: Hints) -> ProvedBlocks:
    """Windows. For a max token m with hinted single rivals X and boundaries, the rivals are divided into the groups {j}, j ∈ X, and the rest
    R of all others; the tokens 0 … m into single tokens and segments (`Cells`). For every query q ≤ m:

    counts[q][m] is the whole block (q, m) if W3 holds for every group. For the blocks of the hint otherwise it is the size of the block less
    Σ F_G over the groups for which W3 fails, F_G an upper bound (W4) on the sequences that do not beat some rival of G, or 0 if that is
    negative. Other entries are 0. A wrong sequence of the block loses to a rival of a group without W3, so it is counted there.
    Hypotheses: premise 0 is `CentredTables`.
    Hints: boundaries [*, 2], rows (m, b), for each m strictly from at most m down to 0; rivals [*, 2], rows (m, j ≠ m), increasing;
    blocks [*, 3], rows (q, m, bins), which to count where they are not whole; bins matter only where a count is in bins (`is_listed`);
    top_EV, top_EU [d_vocab, K], top_PV [n_ctx, K'], the columns of the largest entries of each row, in order;
    additions, what all counts may cost together (blocks beyond that get 0, smallest max tokens last).
    Cost: 2·d·(d + K) for the lists; for each m with G groups, k single tokens below m and s segments 2·(m + 1)·K for the rest,
    G·(m + 1)·(3·k + 4·s + 20), and for each of its listed blocks G·(n·(3·k + 4·s + 8) + 10); and `additions`.
    Reason codes: bad-hint. Proof: docs/rules/separable-windows.md. Source: this project.
    """
    (facts,) = premises
    task, n = context.task, context.task.n_ctx
    windows = read_windows(_table(hints, "boundaries"), _table(hints, "rivals"), task.d_vocab)
    require_scores(windows, facts.scores.first)
    listed = checked_blocks(hints, task.d_vocab)
    if missing := sorted(set(listed) - set(windows)):
        message = f"max token {missing[0]} of blocks has no boundaries"
        raise Rejected(Reason.BAD_HINT, message, path="blocks", expected="max tokens with boundaries", found=str(missing[0]))
    exact = facts.tables
    lists = tuple(Lists(table, _table(hints, f"top_{name}"), f"top_{name}") for name, table in _named(exact))
    terms = Terms(exact, facts.scores, wanted_prefixes(windows, task.d_vocab), context.arithmetic, context.model.dimensions.d_head)
    counts = [[0] * task.d_vocab for _ in range(task.d_vocab)]
    budget = Budget(hints)
    nothing = np.zeros(0, dtype=np.int64)
    for m in reversed(windows):
        group = GroupTerms(terms, windows[m], (lists[0], lists[1], lists[2]))
        settled = beaten(group)
        whole = settled.all(axis=0)
        for q in np.flatnonzero(whole).tolist():
            counts[q][m] = task.block_size(q, m)
        queries, bins = listed.get(m, (nothing, nothing))
        partly = ~whole[queries]
        for q, count in _counted(group, settled, queries[partly], bins[partly], budget, task.block_size).items():
            counts[q][m] = count
    return ProvedBlocks(tuple(tuple(row) for row in counts))


def _counted(group: GroupTerms, settled: Any, queries: Integers, bins: Integers, budget: Budget, block_size: Any) -> dict[int, int]:
    """query -> sequences proved by W4, for blocks that are not whole."""
    out: dict[int, int] = {}
    if len(queries) == 0:
        return out
    places, rows = np.nonzero(~settled[:, queries].T)  # by query, then by group
    lower = levels(group, rows, queries[places]).fixed_point(LEVEL_BITS).lower
    for k, (query, number) in enumerate(zip(queries.tolist(), bins.tolist(), strict=True)):
        size = left = block_size(query, group.window.cells.max_token)
        with suppress(Exhausted):
            for c in np.flatnonzero(places == k).tolist():
                left -= failing(group, query, np.asarray(lower[c], dtype=np.int64), number, budget)
                if left <= 0:
                    break
            out[query] = min(size, max(0, left))
    return out


def _named(exact: Any) -> tuple[tuple[str, Any], ...]:
    return ("EV", exact.EV), ("EU", exact.EU), ("PV", exact.PV)


def _table(hints: Hints, name: str) -> Integers:
    value = hints[name]
    if not isinstance(value, np.ndarray):
        raise TypeError(f"the kernel checks that hint {name} is an array")
    return np.asarray(value, dtype=np.int64)


def _operations(dimensions: Dimensions, hints: Hints) -> int:
    n, d = dimensions.n_ctx, dimensions.d_vocab
    listed = sum(2 * len(_table(hints, f"top_{name}")) * (d + 2 * _table(hints, f"top_{name}").shape[1]) for name in ("EV", "EU", "PV"))
    tables = 2 * d * (d + 1) + 2 * d * n + 2 * d * n
    tables += 5 * sum(m + 1 for m, _ in set(_pairs(hints, "boundaries")) if 0 <= m < d)
    rows = np.bincount(np.clip(block_rows(hints)[:, 1], 0, d - 1), minlength=d)
    total = 0
    for m, (singles, segments, groups) in _shapes(hints, d).items():
        levels_of_block = 3 * singles + 5 * segments
        evaluated = groups * (m + 1) * (levels_of_block + 16) + groups * (4 * n + 2 * m + 4) + 2 * (m + 1) * n
        rest = (2 * (m + 1) + n) * max(1, _table(hints, "top_EV").shape[1], _table(hints, "top_EU").shape[1])
        total += evaluated + rest + int(rows[m]) * groups * (n * levels_of_block + n + 8)
    return listed + tables + total + additions(hints)


def _shapes(hints: Hints, d: int) -> dict[int, tuple[int, int, int]]:
    """m -> (single tokens, segments, groups) of the hints at most, whatever they hold."""
    out: dict[int, tuple[int, int, int]] = {}
    for m, b in _pairs(hints, "boundaries"):
        if 0 <= m < d:
            singles, segments, _ = out.get(m, (1 + max(0, min(m, m - b)), -1, 0))
            out[m] = (singles, min(d, segments + 1), 1)
    for m, _ in _pairs(hints, "rivals"):
        if m in out:
            singles, segments, groups = out[m]
            out[m] = (singles, segments, min(d, groups + 1))
    return out


def _pairs(hints: Hints, name: str) -> list[tuple[int, int]]:
    """Rows of a table of two columns, none where it is another one: the rule refuses that."""
    table = _table(hints, name)
    return [(m, value) for m, value in table.tolist()] if table.shape[1] == 2 else []


_ROWS = ArrayHint("i64", ("*", "*"))

RULE = Rule(
    name="separable-windows",
    apply=separable_windows,
    premises=(CentredTables,),
    operations=_operations,
    hints={
        "boundaries": _ROWS,
        "rivals": _ROWS,
        "blocks": BLOCKS,
        "top_EV": _ROWS,
        "top_EU": _ROWS,
        "top_PV": _ROWS,
        "additions": ADDITIONS,
    },
    sums=lambda dimensions, hints: additions(hints),
)
