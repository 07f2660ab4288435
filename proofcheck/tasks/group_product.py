"""Group product: the right answer is the product of the tokens by a Cayley table that the certificate gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import Integers
from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import IntegerKind, TableKind
from proofcheck.tasks.automaton import Automaton
from proofcheck.tasks.task import Task, TaskKind


@dataclass(frozen=True, eq=False)
class GroupProduct(Task):
    """Sequences of n_ctx ≥ 1 elements, multiplied from the left: ((x_0·x_1)·x_2)…, a·b = table[a, b].

    table [d_vocab, d_vocab]: a group, with element 0 as its unit.
    """

    n_ctx: int
    table: Integers

    def __post_init__(self) -> None:
        """Rejected(bad-array) unless the table is that of a group with unit 0."""
        d = len(self.table)
        order = np.arange(d)
        good = d >= 2 and self.table.shape == (d, d) and int(self.table.max()) < d
        good = good and bool((self.table[0] == order).all() and (self.table[:, 0] == order).all())
        good = good and bool((np.sort(self.table, axis=0) == order[:, None]).all() and (np.sort(self.table, axis=1) == order).all())
        good = good and all((self.table[self.table[a]] == self.table[a][self.table]).all() for a in range(d))  # (ab)c = a(bc)
        if not good:
            raise Rejected(Reason.BAD_ARRAY, "not the table of a group with unit 0", path="$.task.table", expected="a Cayley table")

    @property
    def d_vocab(self) -> int:  # type: ignore[override]
        return len(self.table)

    def answer(self, x: tuple[int, ...]) -> int:
        product = 0
        for element in x:
            product = int(self.table[product, element])
        return product

    def total(self) -> int:
        total: int = self.d_vocab**self.n_ctx
        return total

    def automaton(self) -> Automaton:
        """The state is the product so far."""
        alphabet = tuple(range(self.d_vocab))
        return Automaton((alphabet,) * self.n_ctx, 0, (self.table,) * self.n_ctx, np.arange(self.d_vocab))


KIND = TaskKind("group-product", {"n_ctx": IntegerKind(1), "table": TableKind(2, 0, 4096)}, GroupProduct)
