"""What a rule is: a named lemma, evaluated in enclosures. Premises and hints in, a fact out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from proofcheck.arithmetic import Arithmetic
from proofcheck.arithmetic.backend import Backend
from proofcheck.limits import Limits
from proofcheck.memo import Memo
from proofcheck.models import AttentionOnly, Dimensions
from proofcheck.rules.fact import Fact
from proofcheck.rules.hints import HintKind
from proofcheck.rules.reading import OVER_THE_REALS, Reading, ReadingKind
from proofcheck.rules.sweep import PartOf, Sweep, Watch, in_turn, unwatched
from proofcheck.tasks import MaxOfK

M = TypeVar("M", covariant=True)
T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class Context(Generic[M, T]):
    """What every rule may use: the network, the task, the arithmetic, the limits, the memo of the network, task and reading.

    reading: what "answered correctly" means in every fact of this replay.
    sweep, watch: how this step goes over pieces of the inputs, and who is told how far it is; they never change what is proved.
    """

    model: M
    task: T
    arithmetic: Arithmetic
    limits: Limits
    memo: Memo
    reading: Reading = OVER_THE_REALS
    sweep: Sweep = in_turn
    watch: Watch = unwatched


MaxOfKContext = Context[AttentionOnly, MaxOfK]

ARRAY_WORK, BALL_WORK, SINGLE_WORK = 10, 300, 1_000  # int32 additions that take as long: tests/soundness/resource_attacks.py
PRODUCTS_A_SUM, FLOAT_WORK = 4, 1  # operations of a matrix product that take as long as one; additions that a float64 operation takes


@dataclass(frozen=True, slots=True)
class Cost:
    """Upper bounds on the arithmetic operations of one application, from shapes, hints and limits alone.

    sums, singles: how many of them are sums of small integers in arrays, and how many run one by one, in Python or as balls.
    products, floats: how many belong, where the backend is fast, to float64 matrix products, and to arrays of plain float64 numbers.
    """

    operations: int
    sums: int = 0
    singles: int = 0
    products: int = 0
    floats: int = 0

    def work(self, backend: Backend) -> int:
        """The operations as so many sums of small integers as take the same time, roughly; what the limit `work` bounds."""
        plain = self.products + self.floats
        others = max(0, self.operations - self.sums - self.singles - plain)
        once = self.sums + SINGLE_WORK * self.singles
        if backend == "fast":
            return once + ARRAY_WORK * others + self.products // PRODUCTS_A_SUM + FLOAT_WORK * self.floats
        return once + BALL_WORK * (others + plain)


@dataclass(frozen=True, slots=True)
class Rule:
    """One lemma.

    apply(context, *premises, **hints) -> fact; its docstring is the theorem, printed by `proofcheck rules NAME`. The fact is a function of
    these, and the kernel may take one that it made before.
    premises: the kinds of fact it takes, in order; `variadic` allows one or more of the last kind.
    hints: name -> its kind; the kernel checks and decodes by kinds, the rule checks everything else.
    cost(sizes, limits, **hints): see `Cost`; sizes are the dimensions of the network and `inputs`, `candidates`, `answers`, `prepare`,
    `forward`, `products` (see `Task` and `Architecture`); integer hints as the rule gets them, array hints before they are decoded.
    part(context, **hints), where the rule uses `context.sweep`: makes the function from pieces to parts, as in another process; then the
    rule has no premises.
    model, task: the kinds of network and task that the theorem is about; elsewhere the rule is not applicable.
    readings: the kinds of reading that the theorem is about. Facts that do not speak of right and wrong hold in all; others where that is
    proved.
    shared: many certificates about one network make the same facts, and these are small: a `Checker` keeps them.
    """

    name: str
    apply: Callable[..., Fact]
    premises: tuple[type[Fact], ...]
    cost: Callable[..., Cost]
    hints: Mapping[str, HintKind] = field(default_factory=dict)
    variadic: bool = False
    part: Callable[..., PartOf] | None = None
    model: type = AttentionOnly
    task: type = MaxOfK
    readings: frozenset[ReadingKind] = frozenset({ReadingKind.REALS})
    shared: bool = False

    @property
    def theorem(self) -> str:
        return self.apply.__doc__ or ""

    def work(self, dimensions: Dimensions, limits: Limits, hints: Mapping[str, object], premises: int, backend: Backend) -> int:
        """What one step counts against the limit `work`."""
        return self.cost(dimensions, limits, **hints).work(backend) * max(1, premises - len(self.premises) + 1)
