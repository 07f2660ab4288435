"""Induction: the last token occurred exactly once before, and the right answer is the token that followed it there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import perm

import numpy as np

from proofcheck.arithmetic import Integers
from proofcheck.kinds import ChoiceKind, IntegerKind
from proofcheck.tasks.alphabets import every
from proofcheck.tasks.automaton import Automaton, Piece, cut
from proofcheck.tasks.explore import explore
from proofcheck.tasks.growth import grown, with_letter
from proofcheck.tasks.task import Task, TaskKind

MOST_GROWN = 1 << 20  # words that are tried at once
SMALLEST_PIECE = 4  # batches of a piece, at least: its last batch is a small one
ANY, DISTINCT = "any", "distinct"

_State = tuple[int, int, frozenset[int]]  # last token (−1 before it is read), answer (or one of the two below), other tokens so far
_WAITING, _NEXT, _NEVER = -1, -2, -3  # its first occurrence is to come; was just now; the word is no input


@dataclass(frozen=True)
class Induction(Task):
    """n_ctx ≥ 3 tokens 0 … d_vocab − 1. With a the last one, x_i = a for exactly one i < n_ctx − 1, and i ≤ n_ctx − 3: answer x_{i+1}.

    others: "any": the other tokens are any but a; "distinct": they are also pairwise different.
    """

    n_ctx: int
    d_vocab: int
    others: str

    def answer(self, x: tuple[int, ...]) -> int | None:
        before, a = x[:-1], x[-1]
        if before.count(a) != 1 or before[-1] == a or (self.others == DISTINCT and len(set(before)) < len(before)):
            return None
        return before[before.index(a) + 1]

    def total(self) -> int:
        """Blocks (q, y) with q ≠ y, all of one size."""
        return self.d_vocab * (self.d_vocab - 1) * self._size()

    def block_size(self, query: int, answer: int) -> int:
        return self._size() if query != answer else 0

    def _size(self) -> int:
        """n − 2 places for the first occurrence and the answer after it, times what may stand at the other n − 3 positions."""
        free = self.n_ctx - 3
        others: int = perm(self.d_vocab - 2, free) if self.others == DISTINCT else (self.d_vocab - 1) ** free
        return (self.n_ctx - 2) * others

    def pieces(self, size: int, most: int) -> list[Piece]:
        """Runs of first pairs of tokens: (a, b) is number a·d_vocab + b."""
        return cut(self.d_vocab**2, 1, max(1, min(most, self.total() // (SMALLEST_PIECE * size))))

    def listed(self, piece: Piece, size: int) -> Iterator[tuple[Integers, Integers]]:
        """Without the machine, which remembers too much: words grow token by token."""
        pairs = np.stack(np.divmod(np.arange(*piece), self.d_vocab), axis=1)
        if self.others == DISTINCT:
            pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        for tokens in grown(self.n_ctx, size, self._extend, pairs, max(1, min(size, MOST_GROWN // self.d_vocab))):
            places = (tokens[:, :-1] == tokens[:, -1:]).argmax(axis=1)
            yield tokens, tokens[np.arange(len(tokens)), places + 1]

    def candidates(self) -> int:
        """Prefixes that lead to no input are dropped before the last token, of which there are at most d_vocab for each that is left."""
        return self.d_vocab**self.n_ctx if self.others == ANY else self.d_vocab * perm(self.d_vocab, min(self.n_ctx - 1, self.d_vocab))

    def _extend(self, prefixes: Integers) -> Integers:
        longer = with_letter(prefixes, np.arange(self.d_vocab))
        seen = (longer[:, :-1] == longer[:, -1:]).sum(axis=1)
        if longer.shape[1] == self.n_ctx:
            return np.asarray(longer[(seen == 1) & (longer[:, -2] != longer[:, -1])])
        return np.asarray(longer[seen == 0]) if self.others == DISTINCT else longer

    def automaton(self) -> Automaton:
        """Reads the last token first. Declined(limit-exceeded) for "distinct" over many tokens: its states are sets of them."""

        def step(s: _State, i: int, t: int) -> _State:
            a, found, seen = s
            if a < 0:
                return t, _WAITING, seen
            if found == _NEVER or (found == _NEXT and t == a) or (found != _WAITING and t == a) or t in seen:
                return a, _NEVER, frozenset()
            if t == a:
                return (a, _NEXT, seen) if i < self.n_ctx - 2 else (a, _NEVER, frozenset())
            return a, t if found == _NEXT else found, seen | {t} if self.others == DISTINCT else seen

        order = (self.n_ctx - 1, *range(self.n_ctx - 1))
        start: _State = (-1, _WAITING, frozenset())
        return explore(every(self.n_ctx, self.d_vocab), self.d_vocab, start, step, lambda s: s[1] if s[1] >= 0 else None, order)


KIND = TaskKind("induction", {"n_ctx": IntegerKind(3), "d_vocab": IntegerKind(2), "others": ChoiceKind((ANY, DISTINCT))}, Induction)
