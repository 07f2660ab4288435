"""All inputs of a task in lexicographic order, grown token by token: prefixes that lead to no input are dropped early."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from proofcheck.arithmetic import Integers

Extend = Callable[[Integers], Integers]  # prefixes [k, i] → longer prefixes [k', i + 1], in lexicographic order


def grown(n_ctx: int, size: int, extend: Extend, prefixes: Integers, run: int) -> Iterator[Integers]:
    """Words [B, n_ctx], B ≤ size. Postcondition: each word that `extend` leads to from one of `prefixes`, once, in lexicographic order.

    Hypothesis: `prefixes` [k, i], i < n_ctx, are different and in lexicographic order. At most `run` ≥ 1 of them are extended at once.

    Proof: the stack holds disjoint runs of prefixes, the smallest on top; a run is replaced by the runs of its extensions, in order.  ∎
    """
    stack = _runs(prefixes, run)
    while stack:
        prefixes = stack.pop()
        if prefixes.shape[1] == n_ctx:
            yield prefixes
            continue
        longer = extend(prefixes)
        stack.extend(_runs(longer, size if longer.shape[1] == n_ctx else run))


def _runs(words: Integers, length: int) -> list[Integers]:
    """Disjoint runs of at most so many rows, the last first."""
    return [words[start : start + length] for start in reversed(range(0, len(words), length))]


def with_letter(prefixes: Integers, letters: Integers) -> Integers:
    """Every prefix with every letter, in lexicographic order."""
    repeated = np.repeat(prefixes, len(letters), axis=0)
    return np.concatenate([repeated, np.tile(letters, len(prefixes))[:, None]], axis=1)
