"""What a step proves. Dictionaries by block: last token q and right answer m, for Max-of-K the max token, q ≤ m."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.second_checker.forward import ForwardPass
from tests.second_checker.intervals import Interval
from tests.second_checker.outcome import TooLargeError
from tests.second_checker.tasks import Task
from tests.second_checker.weights import Matrix, Vector


@dataclass
class Context:
    """The network that a certificate is about, and what the replay may cost (interval operations for one step).

    margin: by how much a right logit must be above every other, a multiple of 2^−64.
    doubts: refusals (verdict, reason) to which the documented rounding may lead where the theorem in real numbers does not.
    """

    network: Any  # Network or SumOfTables: the rules that apply know which
    budget: int
    task: Task
    precision: int
    margin: Fraction = Fraction(0)
    floats: Any = None  # of a claim about floats: rules_floats.Floats
    doubts: list[tuple[str, str]] = field(default_factory=list)
    forward_passes: list[ForwardPass] = field(default_factory=list)

    @property
    def forward(self) -> ForwardPass:
        """Made once."""
        if not self.forward_passes:
            self.forward_passes.append(ForwardPass(self.network, self.margin))
        return self.forward_passes[0]

    def spend(self, operations: int, what: str) -> None:
        """TooLargeError if one step asks for more than the budget."""
        if operations > self.budget:
            raise TooLargeError(f"{what}: {operations} operations, budget {self.budget}")

    def blocks(self) -> list[tuple[int, int]]:
        """(q, m) with q ≤ m, the blocks of Max-of-K."""
        return [(q, m) for m in range(self.network.d_vocab) for q in range(m + 1)]

    def block_sizes(self) -> Mapping[tuple[int, int], int]:
        """Inputs by block: for Max-of-K by formula, for other tasks by looking at every input."""
        if self.task.name == "max-of-k":
            return {(q, m): max_of_k_block(q, m, self.task.n_ctx) for q, m in self.blocks()}
        self.spend(self.task.total, "block sizes")
        return self.task.block_sizes()


def max_of_k_block(q: int, m: int, n: int) -> int:
    """Sequences of length n with last token q and maximum m ≥ q."""
    return int((m + 1) ** (n - 1) - (m ** (n - 1) if q < m else 0))


class LogitTables:
    """Exact tables, or those of float evaluations."""


@dataclass(frozen=True)
class Tables(LogitTables):
    """Exact tables of docs/rules/path-expansion.md, as rows by query, token or position."""

    EUPU: Matrix
    EVOU: Matrix
    PVOU: Matrix
    EQKE: Matrix
    EQKP: Matrix


@dataclass(frozen=True)
class FloatTables(LogitTables):
    """Exact tables, what evaluations may be off by (EQKE and EQKP times √d_head), and 2η."""

    exact: Tables
    errors: Tables
    loss: Fraction


@dataclass(frozen=True)
class ProvedClasses:
    """choices[q, m][p], −1 where nothing is proved. published: the same in the published convention, None where it has none."""

    choices: dict[tuple[int, int], list[int]]
    published: dict[tuple[int, int], list[int]] | None = None


@dataclass(frozen=True)
class ProvedBlocks:
    """counts[q, m]: proved correct sequences with last token q and maximum m, by the theorem in real numbers.

    least[q, m]: what an evaluation with the documented rounding proves at least. Empty if that is the same.
    wrong, surely_wrong: the same of sequences proved wrong: as many as the theorem allows, and what is proved at least. Empty: none.
    examined: sequences of which each must be proved right or wrong, or be reported as undecided.
    published: the count of the published convention.
    """

    counts: dict[tuple[int, int], int]
    least: dict[tuple[int, int], int] = field(default_factory=dict)
    wrong: dict[tuple[int, int], int] = field(default_factory=dict)
    surely_wrong: dict[tuple[int, int], int] = field(default_factory=dict)
    examined: int = 0
    published: int = 0


@dataclass(frozen=True)
class ProvedCount:
    """Of all inputs, least and most that a right evaluation reports: proved correct, proved wrong, undecided. published: exactly."""

    correct: tuple[int, int]
    wrong: tuple[int, int]
    undecided: tuple[int, int]
    published: int


@dataclass(frozen=True)
class DirectPathBound:
    """EUPU[q, x] − EUPU[q, m] ≤ M[x] − M[m] + g[q], exact."""

    M: Vector
    g: Vector


@dataclass(frozen=True)
class ScoreApproximation:
    """|(EQKE − S)[q, i] − (EQKE − S)[q, j]| ≤ error[q], exact."""

    S: Matrix
    error: Vector


@dataclass(frozen=True)
class AttentionBounds:
    """gaps[q][m][c]. ends[q, m, c] = (A, B, A', B') of each cell."""

    gaps: list[list[list[int]]]
    ends: dict[tuple[int, int, int], tuple[Interval, Interval, Interval, Interval]]
