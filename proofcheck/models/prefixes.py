"""Which inputs of a batch share a state: prefix sharing, an exact identity.

A state at position i is computed once for each group of inputs on which it depends in the same way: on the token at i alone (before any
attention), on the tokens up to i (causal attention), or on all of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from proofcheck.arithmetic import Integers, Places


@dataclass(frozen=True, slots=True)
class Groups:
    """group[b]: the column that holds the state of input b. first[c]: an input of column c."""

    group: Integers
    first: Integers

    @property
    def width(self) -> int:
        return len(self.first)

    def places(self, finer: Groups) -> Places:
        """For each group of `finer` the column here. Hypothesis: inputs of one finer group are in one group here."""
        found = self.group[finer.first]
        return None if len(found) == self.width and bool((found == np.arange(len(found))).all()) else found


def by_prefix(tokens: Integers, wanted: Collection[int]) -> dict[int, Groups]:
    """[B, n] → for each wanted position i (one at least), groups of neighbours with the same tokens x_0 … x_i.

    These are all groups where the inputs are sorted.
    """
    new = np.zeros(len(tokens), dtype=np.bool_)
    new[:1] = True
    found = {}
    for i in range(max(wanted) + 1):
        new[1:] |= tokens[1:, i] != tokens[:-1, i]
        if i in wanted:
            found[i] = by_input(tokens) if new.all() else Groups(np.cumsum(new) - 1, np.flatnonzero(new))
    return found


def by_input(tokens: Integers) -> Groups:
    """Every input for itself."""
    everyone = np.arange(len(tokens))
    return Groups(everyone, everyone)
