"""Rule `grouped-queries`: windows without a score table; far queries share their evaluations."""

from __future__ import annotations

import numpy as np

from proofcheck.arithmetic import Arithmetic, DyadicArray, Integers, Intervals
from proofcheck.arithmetic.piecewise import joined
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.separable.block_counts import ADDITIONS, BLOCKS, checked_blocks
from proofcheck.rules.attention_only.windows.cells import (
    COUNT_SINGLES,
    JOB_SINGLES,
    Window,
    read_windows,
    window_shapes,
)
from proofcheck.rules.attention_only.windows.centred import Centred, centred, centred_operations
from proofcheck.rules.attention_only.windows.grouped_weights import (
    MOST_DIRECTIONS,
    GroupedWeights,
    grouped_weights_operations,
    position_weights,
    weights_of,
)
from proofcheck.rules.attention_only.windows.jobs import Jobs, beaten, failing, jobs_of, lower_levels
from proofcheck.rules.attention_only.windows.lists import LISTS, Lists, lists_operations, read_lists
from proofcheck.rules.budget import Budget, Exhausted
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.hints import ExactHint, IntegersHint
from proofcheck.rules.reading import REALS_AND_MARGINS, Reading
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule
from proofcheck.tasks import MaxOfK


def grouped_queries(
    context: MaxOfKContext,
    *,
    direct_mean: DyadicArray,
    position_mean: DyadicArray,
    base: DyadicArray,
    directions: DyadicArray,
    coefficients: DyadicArray,
    centre: DyadicArray,
    labels: Integers,
    boundaries: Integers,
    rivals: Integers,
    blocks: Integers,
    top_EV: Integers,
    top_EU: Integers,
    top_PV: Integers,
    additions: int,
) -> ProvedBlocks:
    """Statement (grouped queries). As `separable-windows`, with bounds on attention that hold for all queries of a group
    instead of scores (G1, G2), and
    for the queries below the first boundary f of a max token one evaluation for each group.

    counts[q][m] is the whole block (q, m) if every group of rivals is beaten for the job of q; for the jobs
    of the hinted blocks otherwise
    the size of the block less the failures of the groups that are not, counted cell by cell; else 0.

    Hypotheses: none beyond the architecture.
    Hints: direct_mean, position_mean, base, centre f64 [d_model], directions f64 [r, d_model], 1 ≤ r ≤ 4,
    coefficients f64 [d_vocab, r]: any
    finite numbers; labels i64 [d_vocab] in 0 … d_vocab − 1, the group of each query, so that the groups are a
    partition;
    boundaries, rivals, top_EV, top_EU, top_PV, additions as in `separable-windows`; blocks [*, 3], rows (q,
    m, bins), each for all queries of
    the job of q, no two for one job.
    Proof: docs/rules/grouped-queries.md.
    Cost: the tables without scores, 4·d·D·r for the bounds, and for each m with J jobs, G groups of rivals
    and L cells 4·J·G·n·L.
    Reason codes: bad-hint.
    Source: this project.
    Machine-checked: docs/proofs/QueryClasses.v, class_block.
    """
    task, model = context.task, context.model
    windows, listed = read_jobs(boundaries, rivals, blocks, labels, task.d_vocab)
    require_directions(directions, coefficients)
    tables = centred(model, direct_mean.reshape(1, -1), position_mean.reshape(1, -1))
    lists = read_lists(tables, top_EV, top_EU, top_PV)
    rows = (base.reshape(1, -1), directions, coefficients, centre.reshape(1, -1))
    d_head = model.dimensions.d_head
    groups = GroupedWeights(tables.queries, model.W_E, *rows, labels, context.arithmetic, d_head)
    terms = ExactTerms(tables, lists, context.arithmetic, context.reading)
    counts = [[0] * task.d_vocab for _ in range(task.d_vocab)]
    budget = Budget(additions)
    for m in reversed(windows):
        window, jobs = windows[m], jobs_of(windows[m].cells, labels)
        v = weights_of(groups, window.cells, jobs.members, jobs.labels)
        u = position_weights(tables.positions, jobs.members, context.arithmetic, d_head)
        lower = lower_levels(window.cells, jobs, *terms.of(window, jobs), u, v)
        conclude(counts, window, jobs, lower, listed.get(m, {}), budget, task)
    return ProvedBlocks(tuple(tuple(row) for row in counts))


class ExactTerms:
    """h on cells, e of jobs and π of the groups of rivals, from exact tables."""

    def __init__(self, tables: Centred, lists: tuple[Lists, Lists, Lists], arithmetic: Arithmetic, reading: Reading) -> None:
        self._EV, self._EU, self._PV = (arithmetic.enclose(table) for table in (tables.EV, tables.EU, tables.PV))
        self._EU_of_answer = arithmetic.enclose(reading.less_margin(tables.EU)) if reading.margin else self._EU
        self._lists = lists

    def of(self, window: Window, jobs: Jobs) -> tuple[Intervals, Intervals, Intervals]:
        """heights [G, L], e [jobs, G], π [G, n]: lower bounds for all rivals of a group and all queries of a
        job.
        """
        cells, m = window.cells, window.cells.max_token
        h, e, pi = (
            differences(own, table, known, np.arange(rows), window)
            for own, table, known, rows in zip(
                (self._EV, self._EU_of_answer, self._PV),
                (self._EV, self._EU, self._PV),
                self._lists,
                (m + 1, m + 1, self._PV.shape[0]),
                strict=True,
            )
        )
        spans = zip(cells.starts.tolist(), cells.ends.tolist(), strict=True)
        heights = joined([h[:, cells.tokens], *(h[:, a:b].min(axis=1)[:, None] for a, b in spans)], axis=1)
        return heights, joined([e[:, queries].min(axis=1)[None] for queries in jobs.members], axis=0), pi


def differences(own: Intervals, table: Intervals, known: Lists, rows: Integers, window: Window) -> Intervals:
    """own[row, m] − A[row, column] for single rivals, and for the rest by lists: [G, rows]."""
    marks = window.members(table.shape[1])
    columns = np.broadcast_to(window.rivals[:, None], (len(window.rivals), len(rows)))
    if not marks.all():
        columns = np.concatenate([columns, known.outside(rows, marks)[None, :]])
    return own[rows, window.cells.max_token] - table[rows[None, :], columns]


def read_jobs(
    boundaries: Integers, rivals: Integers, blocks: Integers, labels: Integers, d_vocab: int
) -> tuple[dict[int, Window], dict[int, dict[int, int]]]:
    """max token -> window, and max token -> job -> bins. Rejected(bad-hint) as `read_windows` and
    `checked_blocks`, or for labels or jobs.
    """
    if int(labels.min()) < 0 or int(labels.max()) >= d_vocab:
        found = str(int(labels.min() if labels.min() < 0 else labels.max()))
        raise Rejected(
            Reason.BAD_HINT,
            "a label is out of range",
            path="labels",
            expected=f"0 … {d_vocab - 1}",
            found=found,
        )
    windows = read_windows(boundaries, rivals, d_vocab)
    listed: dict[int, dict[int, int]] = {}
    for m, (queries, bins) in checked_blocks(blocks, d_vocab).items():
        if m not in windows:
            message = f"max token {m} of blocks has no boundaries"
            raise Rejected(Reason.BAD_HINT, message, path="blocks", expected="max tokens with boundaries", found=str(m))
        members = jobs_of(windows[m].cells, labels).members
        job_of = {q: k for k, some in enumerate(members) for q in some.tolist()}
        jobs = [job_of[q] for q in queries.tolist()]
        if len(set(jobs)) < len(jobs):
            message = f"two rows of max token {m} are about one job"
            raise Rejected(
                Reason.BAD_HINT,
                message,
                path="blocks",
                expected="one query of each job",
                found=str(queries.tolist()[:8]),
            )
        listed[m] = dict(zip(jobs, bins.tolist(), strict=True))
    return windows, listed


def conclude(
    counts: list[list[int]],
    window: Window,
    jobs: Jobs,
    lower: Integers,
    listed: dict[int, int],
    budget: Budget,
    task: MaxOfK,
) -> None:
    """Whole blocks, and the counts of the listed jobs that are not whole."""
    m = window.cells.max_token
    is_max = np.array([int(queries[0]) == m for queries in jobs.members])
    settled = beaten(lower, is_max)
    for k, queries in enumerate(jobs.members):
        proved = task.block_size(int(queries[0]), m)
        if not settled[k].all():
            open_groups = [lower[k, group] for group in np.flatnonzero(~settled[k]).tolist()]
            proved = _counted(window, open_groups, proved, listed[k], budget, is_max=bool(is_max[k])) if k in listed else 0
        for q in queries.tolist():
            counts[q][m] = proved


def _counted(window: Window, open_groups: list[Integers], size: int, bins: int, budget: Budget, *, is_max: bool) -> int:
    """Sequences of one block of a job that are proved right; 0 if the budget does not suffice."""
    left = size
    try:
        for lower in open_groups:
            left -= failing(window.cells, lower, bins, budget, is_max=is_max)
            if left <= 0:
                return 0
    except Exhausted:
        return 0
    return left


def require_directions(directions: DyadicArray, coefficients: DyadicArray) -> None:
    r = directions.shape[0]
    if not 1 <= r <= MOST_DIRECTIONS or coefficients.shape[1] != r:
        found = f"{r} directions, {coefficients.shape[1]} coefficients for each query"
        expected = f"1 … {MOST_DIRECTIONS} directions, as many coefficients"
        raise Rejected(
            Reason.BAD_HINT,
            "directions and coefficients do not fit",
            path="coefficients",
            expected=expected,
            found=found,
        )


def jobs_operations(
    dimensions: Dimensions,
    boundaries: Integers,
    rivals: Integers,
    blocks: Integers,
    labels: Integers,
    K: int,
    directions: int,
) -> int:
    """Upper bound on the operations of one pass over all max tokens, counts not included, whatever the hints
    hold.
    """
    n, d, D = dimensions.n_ctx, dimensions.d_vocab, dimensions.d_model
    number = len(np.unique(labels))
    total = 0
    for m, (singles, segments, groups) in window_shapes(boundaries.tolist(), rivals.tolist(), d).items():
        jobs, L = min(m + 1, singles + number), singles + segments
        weights = jobs * singles * (6 * directions + 8) + singles * (3 * D + directions + 4) + jobs * segments * (2**directions * 2 + 8)
        weights += 6 * jobs * n + 4 * (m + 1) * (directions + n + 1)
        rest = (2 * (m + 1) + n) * (K + 2 * groups) + 2 * groups * (m + 1)
        total += weights + rest + jobs * groups * (L * (6 * n + 4) + 8 * n + 8)
    return total


def jobs_singles(dimensions: Dimensions, boundaries: Integers, rivals: Integers, blocks: Integers, labels: Integers) -> int:
    """What jobs and counts take one by one."""
    shapes = window_shapes(boundaries.tolist(), rivals.tolist(), dimensions.d_vocab)
    number = len(np.unique(labels))
    jobs = sum(min(m + 1, singles + number) for m, (singles, _, _) in shapes.items())
    most = max((groups for _, _, groups in shapes.values()), default=0)
    return JOB_SINGLES * jobs + COUNT_SINGLES * len(blocks) * most


def _cost(
    dimensions: Dimensions,
    limits: Limits,
    *,
    directions: Integers,
    labels: Integers,
    boundaries: Integers,
    rivals: Integers,
    blocks: Integers,
    additions: int,
    **others: Integers,
) -> Cost:
    lists = {name: hint for name, hint in others.items() if name in LISTS}
    K, r = max(1, *(hint.shape[1] for hint in lists.values())), min(MOST_DIRECTIONS, directions.shape[0])
    total = centred_operations(dimensions) + lists_operations(dimensions.d_vocab, lists)
    total += grouped_weights_operations(dimensions, r, len(np.unique(labels))) + dimensions.d_vocab * dimensions.n_ctx
    total += jobs_operations(dimensions, boundaries, rivals, blocks, labels, K, r)
    one_by_one = jobs_singles(dimensions, boundaries, rivals, blocks, labels)
    return Cost(total + additions + one_by_one, sums=additions, singles=one_by_one)


RULE = Rule(
    name="grouped-queries",
    apply=grouped_queries,
    premises=(),
    cost=_cost,
    readings=REALS_AND_MARGINS,
    hints={
        **{name: ExactHint(("d_model",)) for name in ("direct_mean", "position_mean", "base", "centre")},
        "directions": ExactHint(("*", "d_model")),
        "coefficients": ExactHint(("d_vocab", "*")),
        "labels": IntegersHint(("d_vocab",)),
        "boundaries": IntegersHint(("*", "2")),
        "rivals": IntegersHint(("*", "2")),
        "blocks": BLOCKS,
        **LISTS,
        "additions": ADDITIONS,
    },
)
