"""`grouped-queries`: docs/rules/grouped-queries.md, by looking at every sequence of a block of each listed
job.
"""

from __future__ import annotations

from fractions import Fraction

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import Context, ProvedBlocks
from tests.second_checker.jobs import JobLevels, Terms, Weights, conclude, read_windows
from tests.second_checker.rules_centred import Expansion, expand, vector
from tests.second_checker.windows import Group, groups_of, read_lists


def largest_entries(tables: Expansion) -> list[Fraction]:
    """Of EV, EU and PV."""
    return [max(abs(entry) for row in table for entry in row) for table in (tables.EV, tables.EU, tables.PV)]


def grouped_queries(context: Context, additions: int, **hints: Array) -> ProvedBlocks:
    """counts: in real numbers and without bins. least: with room for rounding and bins, and no count if
    `additions` may be too few.
    """
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    windows = read_windows(hints["boundaries"], hints["rivals"], hints["blocks"], hints["labels"], d)
    tables = expand(context, vector(hints["direct_mean"]), vector(hints["position_mean"]))
    labels = [int(entry) for entry in hints["labels"].entries]
    weights = Weights(tables.queries, net.W_E, tables.positions, hints, labels, net.d_head)
    lists = (
        read_lists(hints["top_EV"], tables.EV, "top_EV"),
        read_lists(hints["top_EU"], tables.EU, "top_EU"),
        read_lists(hints["top_PV"], tables.PV, "top_PV"),
    )
    context.spend(d * d * n * d ** (n - 1) * (1 + len(hints["blocks"].rows())), "grouped-queries")
    enough = additions >= sum(1_000 * d * n * (d**n + int(bins)) for _, _, bins in hints["blocks"].rows())
    counts, least = dict.fromkeys(context.blocks(), 0), dict.fromkeys(context.blocks(), 0)
    for m, falling in windows.boundaries.items():
        groups = groups_of(tables, m, windows.alone.get(m, []), lists, context.margin)
        for k, job in enumerate(windows.jobs[m]):
            place = JobLevels(weights, job, m, falling, n)
            found = conclude(
                windows,
                m,
                k,
                place,
                [terms(group, place) for group in groups],
                [*largest_entries(tables), context.margin],
                enough,
            )
            for q in job.members:
                counts[q, m], least[q, m] = found
    return ProvedBlocks(counts, least)


def terms(group: Group, place: JobLevels) -> Terms:
    """The smallest h of each cell, the smallest e of the job, π."""
    return (
        [min(group.h[low:high]) for low, high in place.cells],
        min(group.e[q] for q in place.job.members),
        group.pi,
    )
