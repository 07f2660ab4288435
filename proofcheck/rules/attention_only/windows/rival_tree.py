"""Rule `rival-tree`: grouped queries without an EVOU table."""

from __future__ import annotations

import numpy as np

from proofcheck.arithmetic import Arithmetic, DyadicArray, Integers, Intervals
from proofcheck.arithmetic.roots import root_above
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import AttentionOnly, Dimensions
from proofcheck.rules.attention_only.separable.block_counts import ADDITIONS, BLOCKS
from proofcheck.rules.attention_only.windows.cells import Window, window_shapes
from proofcheck.rules.attention_only.windows.centred import query_vectors, value_vectors
from proofcheck.rules.attention_only.windows.direct_rows import DirectRows
from proofcheck.rules.attention_only.windows.grouped_queries import (
    conclude,
    differences,
    jobs_operations,
    jobs_singles,
    read_jobs,
    require_directions,
)
from proofcheck.rules.attention_only.windows.grouped_weights import (
    MOST_DIRECTIONS,
    GroupedWeights,
    grouped_weights_operations,
    position_weights,
    weights_of,
)
from proofcheck.rules.attention_only.windows.jobs import Jobs, jobs_of, lower_levels
from proofcheck.rules.attention_only.windows.lists import Lists
from proofcheck.rules.attention_only.windows.tree import Ranges, RivalTree, read_ranges, require_order
from proofcheck.rules.budget import Budget
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.hints import ExactHint, IntegerHint, IntegersHint
from proofcheck.rules.reading import REALS_AND_MARGINS, Reading
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule

ENTRY_SINGLES = 20  # an exact entry or a bound on a range takes as long as so many operations one by one


def rival_tree(
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
    basis: DyadicArray,
    order: Integers,
    ranges: Integers,
    column_centre: DyadicArray,
    group_means: DyadicArray,
    exact_direct: int,
    top_direct: Integers,
    top_PV: Integers,
    additions: int,
) -> ProvedBlocks:
    """Statement (rival tree). As `grouped-queries`, but no table EVOU is made: logit terms of single tokens are exact for
    single rivals and for ranges of one
    rival, bounded for longer ranges (T1), and bounded by norms on far tokens (T2).

    Hypotheses: none beyond the architecture.
    Hints: as `grouped-queries` without top_EV and top_EU, and basis f64 [d_model, R ≥ 1], column_centre f64
    [d_model]: any finite numbers;
    order i64 [d_vocab], the rivals in some order; ranges [*, 2], rows (token, end), which divide the order
    for each single token, the last end
    d_vocab, so that they cover all rivals; exact_direct 1: the direct path is the exact table EU, top_direct
    [d_vocab, K] its lists;
    exact_direct 0: it is bounded for each group, group_means f64 [N, d_model] any rows, labels < N,
    top_direct [N, K] the lists of
    (group_means − direct_mean) W_U. Then nothing of size d_vocab² is made.
    Proof: docs/rules/rival-tree.md.
    Cost: 4·d·D² and d·D·(4·R + 6·r) for vectors, 2·D for each exact entry, 4·R for each range of a token, 2·R
    for each rival of a range, and as
    `grouped-queries` for the jobs; 2·d²·D for the direct path if it is exact.
    Reason codes: bad-hint.
    Source: this project.
    Machine-checked: docs/proofs/RivalTree.v, node_bound.
    """
    task, model, d_head = context.task, context.model, context.model.dimensions.d_head
    windows, listed = read_jobs(boundaries, rivals, blocks, labels, task.d_vocab)
    require_directions(directions, coefficients)
    require_order(order, basis)
    divided = read_ranges(ranges, windows, task.d_vocab)
    values, position_values = value_vectors(model, direct_mean.reshape(1, -1), position_mean.reshape(1, -1))
    queries = query_vectors(model)
    rows = (base.reshape(1, -1), directions, coefficients, centre.reshape(1, -1))
    groups = GroupedWeights(queries, model.W_E, *rows, labels, context.arithmetic, d_head)
    tree = RivalTree(values, model.W_U.T, model.b_U.reshape(-1), basis, order, column_centre.reshape(1, -1))
    direct = direct_rows(model, direct_mean.reshape(1, -1), group_means, labels, top_direct, context.reading, exact=bool(exact_direct))
    PV = position_values @ model.W_U
    terms = TreeTerms(tree, divided, direct, PV, Lists(PV, top_PV, "top_PV"), context.arithmetic)
    positions = queries @ model.W_pos.T
    counts = [[0] * task.d_vocab for _ in range(task.d_vocab)]
    budget = Budget(additions)
    for m in reversed(windows):
        window, jobs = windows[m], jobs_of(windows[m].cells, labels)
        v = weights_of(groups, window.cells, jobs.members, jobs.labels)
        u = position_weights(positions, jobs.members, context.arithmetic, d_head)
        lower = lower_levels(window.cells, jobs, *terms.of(window, jobs), u, v)
        conclude(counts, window, jobs, lower, listed.get(m, {}), budget, task)
    return ProvedBlocks(tuple(tuple(row) for row in counts))


def direct_rows(
    model: AttentionOnly,
    mean: DyadicArray,
    group_means: DyadicArray,
    labels: Integers,
    top: Integers,
    reading: Reading,
    *,
    exact: bool,
) -> DirectRows:
    """A row for each query, or for each group. Rejected(bad-hint) as `Lists`, or for labels without a row."""
    direct = model.last_embedding() + model.b_O
    if exact:
        rows = (direct - mean) @ model.W_U
        return DirectRows(rows, reading.less_margin(rows), Lists(rows, top, "top_direct"), np.arange(model.dimensions.d_vocab), None)
    number = group_means.shape[0]
    if int(labels.max()) >= number:
        found, expected = str(int(labels.max())), f"labels below {number}"
        raise Rejected(
            Reason.BAD_HINT,
            "a group of queries has no mean row",
            path="group_means",
            expected=expected,
            found=found,
        )
    rows = (group_means - mean) @ model.W_U
    away = direct - group_means[labels]
    return DirectRows(rows, reading.less_margin(rows), Lists(rows, top, "top_direct"), labels, root_above((away * away).sum(axis=1)))


class TreeTerms:
    """h on cells, e of jobs and π of the groups of rivals, without a table of tokens."""

    def __init__(
        self,
        tree: RivalTree,
        ranges: Ranges,
        direct: DirectRows,
        PV: DyadicArray,
        position_lists: Lists,
        arithmetic: Arithmetic,
    ) -> None:
        self._tree, self._ranges, self._direct, self._arithmetic = tree, ranges, direct, arithmetic
        self._PV, self._position_lists = arithmetic.enclose(PV), position_lists

    def of(self, window: Window, jobs: Jobs) -> tuple[Intervals, Intervals, Intervals]:
        """heights [G, L], e [jobs, G], π [G, n]."""
        heights = self._arithmetic.enclose(self._tree.heights(window, self._ranges))
        e = self._arithmetic.enclose(self._direct.bounds(window, jobs.members, self._tree.reach(window)))
        return heights, e, differences(self._PV, self._PV, self._position_lists, np.arange(self._PV.shape[0]), window)


def _cost(
    dimensions: Dimensions,
    limits: Limits,
    *,
    directions: Integers,
    labels: Integers,
    boundaries: Integers,
    rivals: Integers,
    blocks: Integers,
    basis: Integers,
    ranges: Integers,
    group_means: Integers,
    exact_direct: int,
    top_direct: Integers,
    top_PV: Integers,
    additions: int,
    **others: object,
) -> Cost:
    n, d, D, H = (dimensions[name] for name in ("n_ctx", "d_vocab", "d_model", "d_head"))
    R, r, N = (
        basis.shape[1],
        min(MOST_DIRECTIONS, directions.shape[0]),
        d if exact_direct else group_means.shape[0],
    )
    vectors = 4 * D * D * H + 4 * d * D * D + 2 * n * D * D + 4 * n * d * D + 2 * D * D + 4 * H * D + 12 * d * D + n * D + 8 * D
    direct = 2 * N * d * D + N * D + 3 * d * D + d + N * (d + top_direct.shape[1]) + n * (d + top_PV.shape[1])
    tree = 4 * d * D * R + 2 * D * R * R + 2 * R * R + d * (8 * D + 4 * R + 12)
    entries = nodes = 0
    shapes = window_shapes(boundaries.tolist(), rivals.tolist(), d)
    for m, (singles, segments, groups) in shapes.items():
        entries += (singles + 1) * (groups + 1) + groups
        nodes += groups * (4 * segments + 2 * singles) + (singles + min(m + 1, N)) * (2 * groups + min(d, len(ranges)))
    leaves = len(ranges)  # at most one exact entry, or one bound with its node, for each
    tree += (entries + leaves) * (3 * D + 4) + nodes + leaves * (4 * R + 8) + min(leaves, d) * d * (2 * R + 3)
    jobs = jobs_operations(dimensions, boundaries, rivals, blocks, labels, max(top_direct.shape[1], top_PV.shape[1]), r)
    jobs += sum((m + 1) * (2 * groups + 2) + groups for m, (_, _, groups) in shapes.items())
    weights = grouped_weights_operations(dimensions, r, len(np.unique(labels))) + d * n
    one_by_one = jobs_singles(dimensions, boundaries, rivals, blocks, labels) + ENTRY_SINGLES * (entries + leaves)
    return Cost(vectors + direct + tree + jobs + weights + additions + one_by_one, sums=additions, singles=one_by_one)


RULE = Rule(
    name="rival-tree",
    apply=rival_tree,
    premises=(),
    cost=_cost,
    readings=REALS_AND_MARGINS,
    hints={
        **{name: ExactHint(("d_model",)) for name in ("direct_mean", "position_mean", "base", "centre", "column_centre")},
        "directions": ExactHint(("*", "d_model")),
        "coefficients": ExactHint(("d_vocab", "*")),
        "labels": IntegersHint(("d_vocab",)),
        "boundaries": IntegersHint(("*", "2")),
        "rivals": IntegersHint(("*", "2")),
        "blocks": BLOCKS,
        "basis": ExactHint(("d_model", "*")),
        "order": IntegersHint(("d_vocab",)),
        "ranges": IntegersHint(("*", "2")),
        "group_means": ExactHint(("*", "d_model")),
        "exact_direct": IntegerHint(0, 1),
        "top_direct": IntegersHint(("*", "*")),
        "top_PV": IntegersHint(("n_ctx", "*")),
        "additions": ADDITIONS,
    },
)
