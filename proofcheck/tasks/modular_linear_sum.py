"""Modular linear sum: the right answer is Σ c_i x_i + offset modulo a number, over the operands x_i."""

from __future__ import annotations

from dataclasses import dataclass

from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import IntegerKind, IntegersKind, Kind
from proofcheck.tasks.alphabets import Alphabets, AlphabetsKind, operands, require_operands, required
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.explore import explore
from proofcheck.tasks.task import Task, TaskKind


@dataclass(frozen=True)
class ModularLinearSum(Task):
    """Words over alphabets by position. modulus ≥ 2 (0 stands for d_vocab); 0 ≤ offset < modulus.

    coefficients: one for each operand, 0 … modulus − 1 (() for ones). Offsets of operands are one in all: Σ c (x − o) = Σ c x − Σ c o.
    """

    n_ctx: int
    d_vocab: int
    modulus: int = 0
    coefficients: tuple[int, ...] = ()
    offset: int = 0
    alphabets: Alphabets = ()

    def __post_init__(self) -> None:
        """Rejected(bad-string, bad-number) unless alphabets, coefficients and offset fit."""
        object.__setattr__(self, "alphabets", required(self.alphabets, self.n_ctx, self.d_vocab))
        found = len(require_operands(self.alphabets, 1))
        object.__setattr__(self, "modulus", self.modulus or self.d_vocab)
        object.__setattr__(self, "coefficients", self.coefficients or (1 % self.modulus,) * found)
        if len(self.coefficients) != found or not all(0 <= c < self.modulus for c in self.coefficients):
            expected = f"{found} numbers 0 … {self.modulus - 1}"
            message = "the coefficients do not fit the operands"
            raise Rejected(Reason.BAD_NUMBER, message, path="$.task.coefficients", expected=expected, found=str(self.coefficients)[:80])
        if not 0 <= self.offset < self.modulus:
            expected = f"0 … {self.modulus - 1}"
            raise Rejected(
                Reason.BAD_NUMBER, "the offset is out of range", path="$.task.offset", expected=expected, found=str(self.offset)[:40]
            )

    @property
    def answers(self) -> int:
        return self.modulus

    def answer(self, x: tuple[int, ...]) -> int:
        terms = zip(self.coefficients, operands(self.alphabets), strict=True)
        return (sum(c * x[i] for c, i in terms) + self.offset) % self.modulus

    def automaton(self) -> Automaton:
        """The state is the sum so far."""
        factors = dict(zip(operands(self.alphabets), self.coefficients, strict=True))

        def step(s: int, i: int, t: int) -> int:
            return (s + factors[i] * t) % self.modulus if i in factors else s

        return explore(self.alphabets, self.d_vocab, self.offset, step, lambda s: s)


_FIELDS: dict[str, Kind] = {
    "n_ctx": IntegerKind(1),
    "d_vocab": IntegerKind(2),
    "modulus": IntegerKind(2, 4096),
    "coefficients": IntegersKind(0, 4095),
    "offset": IntegerKind(0, 4095),
    "alphabets": AlphabetsKind(),
}
KIND = TaskKind("modular-linear-sum", _FIELDS, ModularLinearSum)
