"""What a rule is: a named lemma, evaluated in enclosures. Premises and hints in, a fact out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic import Arithmetic, DyadicArray
from proofcheck.arithmetic.backend import Backend
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits
from proofcheck.models import AttentionOnly, Dimensions
from proofcheck.rules.facts import Fact
from proofcheck.tasks import MaxOfK

Hint = NDArray[Any] | int
Hints = Mapping[str, Hint]


@dataclass(frozen=True, slots=True)
class Context:
    """What every rule may use: the network, the task, the arithmetic, the limits."""

    model: AttentionOnly
    task: MaxOfK
    arithmetic: Arithmetic
    limits: Limits


@dataclass(frozen=True, slots=True)
class ArrayHint:
    """A hint that is an array: dtype "i64", "f32" or "f64", and axes named by dimensions ("d_vocab") or free ("*")."""

    dtype: str
    axes: tuple[str, ...]

    def check(self, name: str, value: Hint, dimensions: Dimensions) -> None:
        """Rejected(bad-hint) unless `value` is an array of this dtype and shape."""
        if not isinstance(value, np.ndarray) or value.dtype.str != {"i64": "<i8", "f32": "<f4", "f64": "<f8"}[self.dtype]:
            found = f"array of {value.dtype}" if isinstance(value, np.ndarray) else "an integer"
            raise Rejected(Reason.BAD_HINT, f"hint {name} is not an array of {self.dtype}", path=name, expected=self.dtype, found=found)
        shape = [axis if axis == "*" else str(dimensions.size(axis)) for axis in self.axes]
        fits = len(shape) == value.ndim and all(want in ("*", str(have)) for want, have in zip(shape, value.shape, strict=False))
        if not fits:
            raise Rejected(
                Reason.BAD_HINT,
                f"hint {name} has the wrong shape",
                path=name,
                expected=f"[{', '.join(self.axes)}] = [{', '.join(shape)}]",
                found=str(list(value.shape)),
            )


@dataclass(frozen=True, slots=True)
class IntegerHint:
    """A hint that is one integer between least and most."""

    least: int
    most: int

    def check(self, name: str, value: Hint, dimensions: Dimensions) -> None:
        """Rejected(bad-hint) unless `value` is an integer in range."""
        if isinstance(value, np.ndarray):
            raise Rejected(Reason.BAD_HINT, f"hint {name} is not an integer", path=name, expected="an integer", found="an array")
        if not self.least <= value <= self.most:
            raise Rejected(
                Reason.BAD_HINT,
                f"hint {name} is out of range",
                path=name,
                expected=f"{self.least} … {self.most}",
                found=str(value),
            )


def exact_hint(hints: Hints, name: str) -> DyadicArray:
    """The exact values of an array hint, which the kernel has checked to be one."""
    value = hints[name]
    if not isinstance(value, np.ndarray):
        raise TypeError(f"the kernel checks that hint {name} is an array")
    return DyadicArray.from_floats(value)


ARRAY_WORK, BALL_WORK, SINGLE_WORK = 10, 300, 1_000  # int32 additions that take as long: tests/soundness/resource_attacks.py


def no_operations(dimensions: Dimensions, hints: Hints) -> int:
    """None."""
    return 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One lemma.

    apply(context, premises, hints) -> fact; its docstring is the theorem, printed by `proofcheck rules NAME`.
    premises: the kinds of fact it takes, in order; `variadic` allows one or more of the last kind.
    hints: name -> what it must be; the kernel checks dtype and shape, the rule everything else.
    operations(dimensions, hints): an upper bound on its arithmetic operations, from shapes alone.
    sums, singles: how many of them are sums of small integers in arrays, and how many run one by one, in Python or as balls.
    """

    name: str
    apply: Callable[[Context, tuple[Any, ...], Hints], Fact]
    premises: tuple[type[Fact], ...]
    operations: Callable[[Dimensions, Hints], int]
    hints: Mapping[str, ArrayHint | IntegerHint] = field(default_factory=dict)
    variadic: bool = False
    sums: Callable[[Dimensions, Hints], int] = no_operations
    singles: Callable[[Dimensions, Hints], int] = no_operations

    def work(self, dimensions: Dimensions, hints: Hints, premises: int, backend: Backend) -> int:
        """The operations as so many sums of small integers as take the same time, roughly; what the limit `work` bounds."""
        sums, singles = self.sums(dimensions, hints), self.singles(dimensions, hints)
        others = max(0, self.operations(dimensions, hints) - sums - singles)
        once = sums + SINGLE_WORK * singles + (ARRAY_WORK if backend == "fast" else BALL_WORK) * others
        return once * max(1, premises - len(self.premises) + 1)

    @property
    def theorem(self) -> str:
        return self.apply.__doc__ or ""
