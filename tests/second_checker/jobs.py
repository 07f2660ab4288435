"""Jobs of docs/rules/grouped-queries.md: queries that share an evaluation, and what follows from bounds on
their levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tests.second_checker.certificate_format import Array
from tests.second_checker.facts import max_of_k_block
from tests.second_checker.hinted_blocks import read_blocks
from tests.second_checker.intervals import Interval, certainly_positive, enclose, exp, interval, sqrt
from tests.second_checker.margin_terms import block_sequences
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_separable_early_maximum import require_bins
from tests.second_checker.weights import Matrix, Vector
from tests.second_checker.windows import read_boundaries, read_rivals

RESOLUTION = Fraction(1, 2**32)
ZERO = Fraction(0)


@dataclass(frozen=True)
class Job:
    """Queries, and their group."""

    members: list[int]
    label: int


@dataclass
class Windows:
    """What boundaries, rivals, blocks and labels say. bins[m][job]."""

    boundaries: dict[int, list[int]]
    alone: dict[int, list[int]]
    jobs: dict[int, list[Job]]
    bins: dict[int, dict[int, int]]


def jobs_of(m: int, f: int, labels: list[int]) -> list[Job]:
    """Far queries group by group, near ones one by one."""
    far = [Job([q for q in range(f) if labels[q] == label], label) for label in sorted(set(labels[:f]))]
    return far + [Job([q], labels[q]) for q in range(f, m + 1)]


def read_windows(boundaries: Array, rivals: Array, blocks: Array, labels: Array, d: int) -> Windows:
    """Refuses what the page refuses."""
    names = [int(entry) for entry in labels.entries]
    if not all(0 <= name < d for name in names):
        raise rejected("bad-hint", "labels", names)
    bounds = read_boundaries(boundaries, d)
    alone = read_rivals(rivals, d, bounds)
    jobs = {m: jobs_of(m, falling[0], names) for m, falling in bounds.items()}
    bins: dict[int, dict[int, int]] = {m: {} for m in bounds}
    rows = read_blocks(blocks, d)
    require_bins(number for _, _, number in rows)
    for q, m, number in rows:
        if m not in bounds:
            raise rejected("bad-hint", "blocks", m)
        job = next(k for k, some in enumerate(jobs[m]) if q in some.members)
        if job in bins[m]:
            raise rejected("bad-hint", "blocks", (q, m))
        bins[m][job] = number
    return Windows(bounds, alone, jobs, bins)


def dot(a: Vector, b: Vector) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), ZERO)


def minus(a: Vector, b: Vector) -> Vector:
    return [x - y for x, y in zip(a, b, strict=True)]


def norm(a: Vector) -> Interval:
    return sqrt(dot(a, a))


class Weights:
    """G1 and G2: factors of groups of queries relative to the max token's, and u relative to the last
    position's.
    """

    def __init__(
        self,
        queries: Matrix,
        embedding: Matrix,
        positions: Matrix,
        hints: dict[str, Array],
        labels: list[int],
        d_head: int,
    ) -> None:
        self.embedding, self.labels, self.root = embedding, labels, sqrt(d_head)
        base, centre = ([Fraction(entry) for entry in hints[name].entries] for name in ("base", "centre"))
        directions, self.alpha = ([list(map(Fraction, row)) for row in hints[name].rows()] for name in ("directions", "coefficients"))
        if not 1 <= len(directions) <= 4 or len(self.alpha[0]) != len(directions):
            raise rejected("bad-hint", "coefficients", len(directions))
        self.kappa = [[dot(row, token) for row in directions] for token in embedding]
        self.kappa0 = [dot(base, token) for token in embedding]
        self.residuals = []
        for query, alpha in zip(queries, self.alpha, strict=True):
            rest = minus(query, base)
            for a, row in zip(alpha, directions, strict=True):
                rest = minus(rest, [a * x for x in row])
            self.residuals.append(norm(rest))
        self.radius = [norm(minus(token, centre)) for token in embedding]
        self.steps = [[row[i] - row[-1] for i in range(len(row) - 1)] for row in positions]

    def largest(self, values: list[Interval]) -> Interval:
        return interval(max(value.a for value in values), max(value.b for value in values))

    def factor(self, x: Interval) -> Interval:
        return exp(x / self.root)

    def token(self, job: Job, t: int, m: int) -> tuple[Interval, Interval]:
        """v_t/v_m is between these."""
        step = minus(self.kappa[t], self.kappa[m])
        boxes = [(min(column), max(column)) for column in zip(*(self.alpha[q] for q in job.members), strict=True)]
        low = sum((min(a * x, b * x) for (a, b), x in zip(boxes, step, strict=True)), ZERO)
        high = sum((max(a * x, b * x) for (a, b), x in zip(boxes, step, strict=True)), ZERO)
        shift = self.kappa0[t] - self.kappa0[m]
        reach = self.largest([self.residuals[q] for q in job.members]) * norm(minus(self.embedding[t], self.embedding[m]))
        return self.factor(enclose(low + shift) - reach), self.factor(enclose(high + shift) + reach)

    def prefix(self, job: Job, end: int, m: int) -> Interval:
        """An upper bound on v_t/v_m for t < end."""
        rows = [alpha for alpha, label in zip(self.alpha, self.labels, strict=True) if label == job.label]
        boxes = [(min(column), max(column)) for column in zip(*rows, strict=True)]
        best = max(
            max(dot(corner, self.kappa[t]) + self.kappa0[t] for t in range(end)) - dot(corner, self.kappa[m]) - self.kappa0[m]
            for corner in corners(boxes)
        )
        far = self.radius[m] + self.largest(self.radius[:end])
        return self.factor(enclose(best) + self.largest([self.residuals[q] for q in job.members]) * far)

    def position(self, job: Job, i: int) -> tuple[Interval, Interval]:
        """u_i/u_{n−1} is between these."""
        values = [self.steps[q][i] for q in job.members]
        return self.factor(enclose(min(values))), self.factor(enclose(max(values)))


def corners(boxes: list[tuple[Fraction, Fraction]]) -> Iterator[list[Fraction]]:
    if not boxes:
        yield []
        return
    for rest in corners(boxes[1:]):
        for end in boxes[0]:
            yield [end, *rest]


class JobLevels:
    """The bounds of one job on the cells of one max token."""

    def __init__(self, weights: Weights, job: Job, m: int, falling: list[int], n: int) -> None:
        self.job, self.m, self.n = job, m, n
        f = falling[0]
        self.cells = [
            (m, m + 1),
            *((t, t + 1) for t in range(f, m)),
            *zip(falling[1:], falling[:-1], strict=True),
        ]
        self.singles = 1 + m - f
        self.cell_of = {t: c for c, (low, high) in enumerate(self.cells) for t in range(low, high)}
        self.v = [weights.token(job, low, m) for low, _ in self.cells[: self.singles]]
        self.M = [weights.prefix(job, high, m) for _, high in self.cells[self.singles :]]
        self.u = [weights.position(job, i) for i in range(n - 1)]
        self.far = job.members[0] < f

    def term(self, cell: int, z: Fraction, i: int) -> Interval:
        """The least u_i v_t z, or for a segment min(0, z)·M times the largest u_i; i = n − 1: without u."""
        low, high = self.u[i] if i < self.n - 1 else (enclose(1), enclose(1))
        if cell >= self.singles:
            return enclose(min(ZERO, z)) * self.M[cell - self.singles] * high
        least, most = self.v[cell]
        return enclose(z) * (least * low if z > 0 else most * high)

    def levels(self, heights: list[Fraction], e: Fraction, pi: Vector) -> tuple[list[list[Interval]], Interval]:
        """Λ_i(c) for i < n − 1, and Λ_{n−1}."""
        found = [[self.term(cell, h + e + pi[i], i) for cell, h in enumerate(heights)] for i in range(self.n - 1)]
        if self.far:
            terms = [self.term(cell, heights[cell] + e + pi[-1], self.n - 1) for cell in range(self.singles, len(self.cells))]
            return found, interval(min(x.a for x in terms), min(x.b for x in terms))
        cell = self.cell_of[self.job.members[0]]
        return found, self.term(cell, heights[cell] + e + pi[-1], self.n - 1)

    def room(self, sizes: list[Fraction]) -> Interval:
        """What rounding may cost: a share of the largest factor times the largest entries."""
        factor = max(
            *(most.b for _, most in self.v),
            *(value.b for value in self.M),
            *(most.b for _, most in self.u),
            enclose(1).b,
        )
        return enclose(RESOLUTION * (self.n + 2) * (1 + sum(sizes))) * (1 + factor) * (1 + factor)

    def whole(self, levels: list[list[Interval]], last: Interval, is_max: bool) -> Interval:
        """The theorem on whole blocks."""
        total, gains = last, []
        for row in levels:
            least = interval(min(x.a for x in row), min(x.b for x in row))
            total = total + least
            gains.append(row[0] - least)
        if gains and not is_max:
            total = total + interval(min(x.a for x in gains), min(x.b for x in gains))
        return total

    def failing(self, levels: list[list[Interval]], last: Interval, room: Interval, bins: int) -> int:
        """Sequences of the block of one query without certainly Σ Λ > room (and a bin for each position, if
        there are bins).
        """
        if bins:
            window = last
            for row in levels:
                window = window + min(x.a for x in row)
            room = room + self.n * (max(abs(window.a), abs(window.b)) / bins + room)
        q, count = self.job.members[0], 0
        for sequence in block_sequences(q, self.m, self.n):
            total = last
            for row, token in zip(levels, sequence, strict=False):
                total = total + row[self.cell_of[token]]
            count += not certainly_positive(total - room)
        return count


Terms = tuple[list[Fraction], Fraction, Vector]  # heights by cell, e, π by position


def conclude(
    windows: Windows,
    m: int,
    k: int,
    place: JobLevels,
    groups: list[Terms],
    sizes: list[Fraction],
    enough: bool,
) -> tuple[int, int]:
    """(proved, least) of each block of a job."""
    job = windows.jobs[m][k]
    is_max, size = job.members[0] == m, max_of_k_block(job.members[0], m, place.n)
    if place.n == 1 and not is_max:
        return 0, 0
    bounds = [place.levels(*group) for group in groups]
    out = []
    for room, surely in ((enclose(0), False), (place.room(sizes), True)):
        lost = [bound for bound in bounds if not certainly_positive(place.whole(*bound, is_max) - room)]
        listed = windows.bins[m].get(k)
        if not lost:
            out.append(size)
        elif listed is not None and (enough or not surely):
            bins = listed if surely and place.n > 6 else 0
            out.append(max(0, size - sum(place.failing(*bound, room, bins) for bound in lost)))
        else:
            out.append(0)
    return out[0], out[1]
