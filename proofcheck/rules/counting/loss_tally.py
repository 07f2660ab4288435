"""Sums of losses by block, exact; and as a part of a sweep, a vector of integers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from proofcheck.arithmetic import Integers
from proofcheck.rules.counting.block_tally import BlockTally
from proofcheck.rules.counting.loss_facts import BlockLoss, LossBlocks
from proofcheck.rules.sweep import Part
from proofcheck.tasks import Task

Sums = Mapping[int, tuple[Fraction, Fraction, Fraction]]  # block ↦ bounds of the sum of losses, and of each loss

WORD = 8  # bytes
_MOST_WORDS = 1 << 12  # of one number


class LossTally:
    """Bounds of sums of losses of disjoint sets of inputs, by block q·answers + y; and how many inputs of each block were listed.

    Exact: sums of rationals do not depend on their order, so neither does what is proved on who added what.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._listed = BlockTally(task)
        self._sums: dict[int, tuple[Fraction, Fraction, Fraction]] = {}

    @property
    def listed(self) -> int:
        """The number of inputs that `listing` was told of."""
        return self._listed.listed

    def listing(self, queries: Integers, answers: Integers) -> None:
        """These inputs are looked at; their losses may be added now or later."""
        none = np.zeros(len(answers), dtype=np.bool_)
        self._listed.add(queries, answers, none, none)

    def add(self, more: Sums) -> None:
        """Bounds of the losses of inputs that were not added before."""
        for block, (lower, upper, largest) in more.items():
            low, high, most = self._sums.get(block, (Fraction(0), Fraction(0), Fraction(0)))
            self._sums[block] = (low + lower, high + upper, max(most, largest))

    def part(self) -> Part:
        """The counts, then the number of blocks with sums, their places, and how many integers their bounds take, and these."""
        blocks = sorted(self._sums)
        numbers = encoded([bound for block in blocks for bound in self._sums[block]])
        return np.concatenate([self._listed.part(), [len(blocks)], blocks, [len(numbers)], numbers]).astype(np.int64)

    def add_part(self, part: Part) -> Part:
        """Add the counts and sums of another tally, and return what stands behind them. RuntimeError if they are none."""
        rest = self._listed.add_part(part)
        blocks = int(rest[0]) if len(rest) else -1
        if not 0 <= blocks < len(rest) - 1:
            raise RuntimeError("a part without its sums of losses")
        places, length, rest = rest[1 : 1 + blocks], int(rest[1 + blocks]), rest[2 + blocks :]
        ascending = blocks == 0 or (places[0] >= 0 and bool((places[1:] > places[:-1]).all()))
        if not (ascending and 0 <= length <= len(rest)) or (blocks and places[-1] >= self._task.d_vocab * self._task.answers):
            raise RuntimeError("a part with blocks that are none")
        found = list(decoded(rest[:length]))
        if len(found) != 3 * blocks:
            raise RuntimeError("a part without three bounds for each block")
        bounds = zip(found[::3], found[1::3], found[2::3], strict=True)
        sums = dict(zip(places.tolist(), bounds, strict=True))
        if not all(low <= high and most <= high for low, high, most in sums.values()):
            raise RuntimeError("a part with impossible sums of losses")
        self.add(sums)
        return rest[length:]

    def fact(self) -> LossBlocks:
        """RuntimeError unless every input was listed once."""
        self._listed.require_all_listed()
        answers = self._task.answers
        return LossBlocks(MappingProxyType({divmod(block, answers): BlockLoss(*bounds) for block, bounds in sorted(self._sums.items())}))


def encoded(numbers: Sequence[Fraction]) -> Part:
    """Dyadic rationals ≥ 0 as integers: for each the exponent k of its denominator 2^k, how many words its numerator has, the words."""
    pieces = []
    for number in numbers:
        power = number.denominator.bit_length() - 1
        if number < 0 or number.denominator != 1 << power:
            raise ValueError("not a dyadic rational from 0 on")
        words = -(-number.numerator.bit_length() // (8 * WORD))
        head = power.to_bytes(WORD, "little") + words.to_bytes(WORD, "little")
        pieces.append(head + number.numerator.to_bytes(WORD * words, "little"))
    return np.frombuffer(b"".join(pieces), dtype="<i8").astype(np.int64)


def decoded(part: Part) -> Iterator[Fraction]:
    """The numbers of `encoded`. RuntimeError if they are none."""
    data, at = part.astype("<i8").tobytes(), 0
    while at < len(data):
        power, words = (int.from_bytes(data[at + k : at + k + WORD], "little") for k in (0, WORD))
        at += 2 * WORD
        if power > 64 * _MOST_WORDS or words > _MOST_WORDS or at + WORD * words > len(data):
            raise RuntimeError("a part with numbers that are none")
        yield Fraction(int.from_bytes(data[at : at + WORD * words], "little"), 1 << power)
        at += WORD * words
