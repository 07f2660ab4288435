"""Group word: the right answer is the product of the operands by a Cayley table of the certificate; fixed tokens may stand between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import Integers
from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import IntegerKind, Kind, TableKind
from proofcheck.tasks.alphabets import Alphabets, AlphabetsKind, operands, require_operands, required
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.explore import explore
from proofcheck.tasks.task import Task, TaskKind


@dataclass(frozen=True, eq=False)
class GroupWord(Task):
    """Operands are group elements, multiplied from the left: ((x_0·x_1)·x_2)…, a·b = table[a, b]; other tokens only where they are fixed.

    table [g, g]: a group of 2 ≤ g ≤ d_vocab elements, with element 0 as its unit.
    """

    n_ctx: int
    d_vocab: int
    table: Integers
    alphabets: Alphabets = ()

    def __post_init__(self) -> None:
        """Rejected(bad-array, bad-string) unless the table is that of a group with unit 0, and operands are elements."""
        g = len(self.table)
        order = np.arange(g)
        good = g >= 2 and self.table.shape == (g, g) and int(self.table.max()) < g <= self.d_vocab
        good = good and bool((self.table[0] == order).all() and (self.table[:, 0] == order).all())
        good = good and bool((np.sort(self.table, axis=0) == order[:, None]).all() and (np.sort(self.table, axis=1) == order).all())
        good = good and all((self.table[self.table[a]] == self.table[a][self.table]).all() for a in range(g))  # (ab)c = a(bc)
        if not good:
            raise Rejected(Reason.BAD_ARRAY, "not the table of a group with unit 0", path="$.task.table", expected="a Cayley table")
        object.__setattr__(self, "alphabets", required(self.alphabets, self.n_ctx, self.d_vocab))
        if any(self.alphabets[i][-1] >= g for i in require_operands(self.alphabets, 1)):
            raise Rejected(Reason.BAD_STRING, "an operand is no element", path="$.task.alphabets", expected=f"operands below {g}")

    @property
    def answers(self) -> int:
        return len(self.table)

    def answer(self, x: tuple[int, ...]) -> int:
        product = 0
        for i in operands(self.alphabets):
            product = int(self.table[product, x[i]])
        return product

    def automaton(self) -> Automaton:
        """The state is the product so far."""
        counted, table = set(operands(self.alphabets)), self.table.tolist()
        return explore(self.alphabets, self.d_vocab, 0, lambda s, i, t: table[s][t] if i in counted else s, lambda s: s)


_FIELDS: dict[str, Kind] = {
    "n_ctx": IntegerKind(1),
    "d_vocab": IntegerKind(2),
    "table": TableKind(2, 0, 4096),
    "alphabets": AlphabetsKind(),
}
KIND = TaskKind("group-word", _FIELDS, GroupWord)
