"""Alphabets by position: which tokens may stand where. A position with one token is fixed ("=", START), and no operand of a named task.

In a certificate: one string for each position, its tokens ascending, runs of neighbours as ranges, joined by "+": "0-112", "113", "0-3+7".
Every alphabet has exactly one such string, so that a task has one encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import Value, wrong_type
from proofcheck.limits import Limits

Alphabet = tuple[int, ...]
Alphabets = tuple[Alphabet, ...]


def every(n_ctx: int, d_vocab: int) -> Alphabets:
    """All tokens at all positions."""
    return (tuple(range(d_vocab)),) * n_ctx


def operands(alphabets: Alphabets) -> tuple[int, ...]:
    """The positions with more than one token."""
    return tuple(i for i, letters in enumerate(alphabets) if len(letters) > 1)


def answers_below(alphabets: Alphabets, positions: Sequence[int]) -> int:
    """A number above every token at these positions."""
    return max(alphabets[i][-1] for i in positions) + 1


def required(alphabets: Alphabets, n_ctx: int, d_vocab: int) -> Alphabets:
    """The alphabets of a task, all tokens if none are given. Rejected(bad-string) unless there is one for each position, of its tokens."""
    found = alphabets or every(n_ctx, d_vocab)
    if len(found) != n_ctx or not all(letters and letters[-1] < d_vocab for letters in found):
        raise Rejected(
            Reason.BAD_STRING,
            "the alphabets do not fit the task",
            path="$.task.alphabets",
            expected=f"{n_ctx} alphabets of tokens below {d_vocab}",
            found=",".join(written(found))[:80],
        )
    return found


def require_operands(alphabets: Alphabets, least: int) -> tuple[int, ...]:
    """The operands. Rejected(bad-string) if there are fewer than `least`."""
    found = operands(alphabets)
    if len(found) < least:
        expected = f"at least {least} positions with more than one token"
        raise Rejected(Reason.BAD_STRING, "too few operands", path="$.task.alphabets", expected=expected, found=str(len(found)))
    return found


def written(alphabets: Sequence[Alphabet]) -> tuple[str, ...]:
    """The strings of a certificate."""
    return tuple("+".join(f"{a}-{b}" if b > a else str(a) for a, b in _runs(letters)) for letters in alphabets)


def _runs(letters: Alphabet) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for letter in letters:
        if runs and letter == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], letter)
        else:
            runs.append((letter, letter))
    return runs


@dataclass(frozen=True, slots=True)
class AlphabetsKind:
    """A list of strings, one for each position."""

    def read(self, value: Value, path: str, limits: Limits) -> Alphabets:
        if not isinstance(value, tuple):
            raise wrong_type(value, path, "a list of alphabets")
        if not value:
            raise Rejected(Reason.BAD_STRING, "there are no alphabets", path=path, expected="one for each position")
        limits.require("sequence_length", len(value), path=path)
        return tuple(self._letters(text, f"{path}[{i}]", limits) for i, text in enumerate(value))

    def _letters(self, text: Value, path: str, limits: Limits) -> Alphabet:
        if not isinstance(text, str):
            raise wrong_type(text, path, "a string")
        letters: list[int] = []
        for run in text.split("+"):
            ends = run.split("-")
            if len(ends) > 2 or not all(end.isascii() and end.isdigit() and len(end) <= 9 for end in ends):
                raise Rejected(Reason.BAD_STRING, "not an alphabet", path=path, expected="such as 0-112, 113 or 0-3+7", found=text[:80])
            first, last = int(ends[0]), int(ends[-1])
            limits.require("dimension", last, path=path)
            letters.extend(range(first, last + 1))
        found = tuple(sorted(set(letters)))
        if not found or written((found,)) != (text,):
            expected = written((found,))[0] if found else "at least one token"
            raise Rejected(Reason.BAD_STRING, "not the one way to write this alphabet", path=path, expected=expected[:80], found=text[:80])
        return found

    def words(self) -> str:
        return "a list with one alphabet for each position, such as 0-112 or 113"
