"""Facts about any network and any task: counts by block, and in all."""

from __future__ import annotations

from dataclasses import dataclass

from proofcheck.rules.fact import Fact


@dataclass(frozen=True, slots=True)
class ProvedBlocks(Fact):
    """Lower bounds per block. The block (q, y) is the set of inputs with last token q and right answer y (for Max-of-K the max token).

    ∀ q, y: at least counts[q][y] inputs of the block are answered correctly; [d_vocab][answers of the task].
    wrong: the same shape, or () where the rule proves nothing wrong: at least wrong[q][y] inputs of the block are answered wrongly.
    undecided: inputs that the rule examined, one by one or in whole boxes, and could not decide; they are not in `counts`.
    """

    counts: tuple[tuple[int, ...], ...]
    undecided: int = 0
    wrong: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class ProvedCount(Fact):
    """At least `correct` inputs of the task are answered correctly and at least `wrong` wrongly; others as in `ProvedBlocks`, summed."""

    correct: int
    undecided: int = 0
    wrong: int = 0
