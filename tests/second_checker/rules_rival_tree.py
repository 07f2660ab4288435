"""`rival-tree`: docs/rules/rival-tree.md, by looking at every sequence of a block of each listed job."""

from __future__ import annotations

from fractions import Fraction

from tests.second_checker.certificate_format import Array
from tests.second_checker.exact import add_row, product, transpose
from tests.second_checker.facts import Context, ProvedBlocks
from tests.second_checker.intervals import Interval, enclose, ends_of, interval, sqrt
from tests.second_checker.jobs import JobLevels, Weights, Windows, conclude, dot, minus, norm, read_windows
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_centred import expand, vector
from tests.second_checker.rules_grouped_queries import largest_entries
from tests.second_checker.weights import Matrix, Vector
from tests.second_checker.windows import entry_outside, read_lists


def read_ranges(hint: Array, windows: Windows, d: int) -> dict[int, list[int]]:
    """token -> ends."""
    found: dict[int, list[int]] = {}
    last = 0
    for token, end in hint.rows():
        token, end = int(token), int(end)
        if not last <= token < d:
            raise rejected("bad-hint", "ranges", token)
        found.setdefault(token, []).append(end)
        last = token
    for ends in found.values():
        if ends[0] < 1 or ends[-1] != d or sorted(set(ends)) != ends:
            raise rejected("bad-hint", "ranges", ends)
    for m, falling in windows.boundaries.items():
        if any(t not in found for t in (m, *range(falling[0], m))):
            raise rejected("bad-hint", "ranges", m)
    return found


class Tree:
    """Bounds on A_t·U_j + b_U[j], upper ends as rational numbers."""

    def __init__(self, values: Matrix, columns: Matrix, bias: Vector, basis: Matrix, order: list[int], centre: Vector) -> None:
        self.values, self.columns, self.bias, self.order = values, columns, bias, order
        B = transpose(basis)
        R = len(B)
        self.eta = sqrt(sum((dot(B[a], B[b]) - (a == b)) ** 2 for a in range(R) for b in range(R)))
        self.small = {name: [[dot(row, v) for row in B] for v in vectors] for name, vectors in (("A", values), ("U", columns))}
        self.rest = {
            name: [self.root(v, s) for v, s in zip(vs, self.small[name], strict=True)] for name, vs in (("A", values), ("U", columns))
        }
        self.norms = [norm(v) for v in values]
        self.radius = [norm(minus(column, centre)) for column in columns]

    def root(self, v: Vector, small: Vector) -> Interval:
        """√(‖v‖² − (1 − η)‖v'‖²)."""
        square = enclose(dot(v, v)) - (1 - self.eta) * enclose(dot(small, small))
        return interval(sqrt_end(square.a), sqrt_end(square.b))

    def entry(self, t: int, j: int) -> Fraction:
        return dot(self.values[t], self.columns[j]) + self.bias[j]

    def bound(self, t: int, inside: list[int]) -> Fraction:
        """T1, rounded up."""
        low, high = ([end(column) for column in zip(*(self.small["U"][j] for j in inside), strict=True)] for end in (min, max))
        small = self.small["A"][t]
        total = enclose(sum((a * (h if a > 0 else l) for a, l, h in zip(small, low, high, strict=True)), Fraction(0)))
        total = total + self.rest["A"][t] * top([self.rest["U"][j] for j in inside])
        total = total + self.eta * norm(small) * top([norm(self.small["U"][j]) for j in inside])
        return ends_of(total)[1] + max(self.bias[j] for j in inside)

    def rest_of(self, t: int, members: set[int], ends: list[int]) -> Fraction:
        """The largest entry outside the members, at most."""
        found, start = [], 0
        for end in ends:
            inside = self.order[start:end]
            if len(inside) > 1:
                found.append(self.bound(t, inside))
            elif inside[0] not in members:
                found.append(self.entry(t, inside[0]))
            start = end
        return max(found)

    def distance(self, m: int, j: int | None) -> Fraction:
        """‖U_m − U_j‖, or for all j, rounded up."""
        return ends_of(self.radius[m] + top(self.radius) if j is None else norm(minus(self.columns[m], self.columns[j])))[1]

    def far(self, m: int, j: int | None, end: int) -> Fraction:
        """T2 on tokens below `end`, rounded down."""
        gap = self.bias[m] - (max(self.bias) if j is None else self.bias[j])
        return gap - ends_of(top(self.norms[:end]))[1] * self.distance(m, j)


def top(values: list[Interval]) -> Interval:
    return interval(max(value.a for value in values), max(value.b for value in values))


def sqrt_end(x: Interval) -> Interval:
    low, high = ends_of(x)
    return sqrt(max(Fraction(0), high if low == high else low))


def rival_tree(context: Context, additions: int, exact_direct: int, **hints: Array) -> ProvedBlocks:
    """counts: in real numbers and without bins. least: with room for rounding and bins, and no count if
    `additions` may be too few.
    """
    net = context.network
    n, d = net.n_ctx, net.d_vocab
    windows = read_windows(hints["boundaries"], hints["rivals"], hints["blocks"], hints["labels"], d)
    labels = [int(entry) for entry in hints["labels"].entries]
    mean = vector(hints["direct_mean"])
    tables = expand(context, mean, vector(hints["position_mean"]))
    weights = Weights(tables.queries, net.W_E, tables.positions, hints, labels, net.d_head)
    order = [int(entry) for entry in hints["order"].entries]
    if sorted(order) != list(range(d)):
        raise rejected("bad-hint", "order", order)
    if hints["basis"].shape[1] < 1:
        raise rejected("bad-hint", "basis", hints["basis"].shape)
    ranges = read_ranges(hints["ranges"], windows, d)
    columns = transpose(net.W_U)
    basis = [list(map(Fraction, row)) for row in hints["basis"].rows()]
    tree = Tree(tables.values, columns, net.b_U, basis, order, vector(hints["column_centre"]))
    direct = add_row(add_row(net.W_E, net.W_pos[-1]), net.b_O)
    means = direct if exact_direct else [list(map(Fraction, row)) for row in hints["group_means"].rows()]
    row_of = list(range(d)) if exact_direct else labels
    if max(row_of) >= len(means):
        raise rejected("bad-hint", "group_means", len(means))
    shared = product([minus(row, mean) for row in means], net.W_U)
    away = [ends_of(norm(minus(direct[q], means[row_of[q]])))[1] for q in range(d)]
    lists = (
        read_lists(hints["top_direct"], shared, "top_direct"),
        read_lists(hints["top_PV"], tables.PV, "top_PV"),
    )
    context.spend(d * d * n * d ** (n - 1) * (1 + len(hints["blocks"].rows())), "rival-tree")
    enough = additions >= sum(1_000 * d * n * (d**n + int(bins)) for _, _, bins in hints["blocks"].rows())
    counts, least = dict.fromkeys(context.blocks(), 0), dict.fromkeys(context.blocks(), 0)
    for m, falling in windows.boundaries.items():
        alone = windows.alone.get(m, [])
        members = {*alone, m}
        rivals: list[int | None] = [*alone, *([None] if len(members) < d else [])]
        sizes = [*largest_entries(tables), context.margin, *(abs(tree.far(m, None, d)), max(away) * tree.distance(m, None))]
        for k, job in enumerate(windows.jobs[m]):
            place = JobLevels(weights, job, m, falling, n)
            groups = []
            for j in rivals:
                near = [
                    tree.entry(t, m) - (tree.rest_of(t, members, ranges[t]) if j is None else tree.entry(t, j))
                    for t in (low for low, _ in place.cells[: place.singles])
                ]
                far = [tree.far(m, j, high) for _, high in place.cells[place.singles :]]
                own = [subtract(shared[row_of[q]], m, j, lists[0][row_of[q]], members) - context.margin for q in job.members]
                e = min(own) - max(away[q] for q in job.members) * tree.distance(m, j)
                pi = [subtract(row, m, j, listed, members) for row, listed in zip(tables.PV, lists[1], strict=True)]
                groups.append(([*near, *far], e, pi))
            found = conclude(windows, m, k, place, groups, sizes, enough)
            for q in job.members:
                counts[q, m], least[q, m] = found
    return ProvedBlocks(counts, least)


def subtract(row: Vector, m: int, j: int | None, listed: list[int], members: set[int]) -> Fraction:
    """row[m] less the entry of a rival, or of the lemma on lists."""
    return row[m] - (entry_outside(row, listed, members) if j is None else row[j])
