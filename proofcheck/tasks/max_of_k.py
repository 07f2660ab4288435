"""Max-of-K: sequences of n_ctx tokens, each in 0 … d_vocab − 1; the right answer is the largest token.

A sequence is answered correctly iff the logit of its maximum at the last position is strictly larger than every other logit, so a
tie is wrong.
All counts are exact Python integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb

NAME = "max-of-k"


@dataclass(frozen=True, slots=True)
class MaxOfK:
    """n_ctx ≥ 1, d_vocab ≥ 2."""

    n_ctx: int
    d_vocab: int

    def words(self) -> str:
        """The task in one line, as reports and the metadata of weight files have it."""
        return f"{NAME} n_ctx={self.n_ctx} d_vocab={self.d_vocab}"

    def total(self) -> int:
        """Number of inputs, d_vocab^n_ctx."""
        total: int = self.d_vocab**self.n_ctx
        return total

    def block_size(self, query: int, max_token: int) -> int:
        """Number of sequences of the block (query, max_token): last token `query`, maximum `max_token`; 0 if query > max_token.

        The n_ctx − 1 other tokens are ≤ max_token, and one of them equals it if the query does not. Blocks partition the inputs.
        """
        if query > max_token:
            return 0
        free = self.n_ctx - 1
        everything: int = (max_token + 1) ** free
        without_max: int = max_token**free
        return everything if query == max_token else everything - without_max

    def most_others(self, query: int, max_token: int) -> int:
        """The largest number of non-query positions that may hold a token below `max_token` in the block."""
        return self.n_ctx - 1 if query == max_token else self.n_ctx - 2

    def class_size(self, others: int, choices: int) -> int:
        """Ways to choose which `others` of the n_ctx − 1 non-query positions hold a non-max token, and one of `choices` tokens for each.

        With choices = max_token this is the size of the class (query, max_token, others), and classes partition the block.
        """
        fillings: int = choices**others
        return _choose(self.n_ctx - 1, others) * fillings


@lru_cache(maxsize=2048)
def _choose(n: int, k: int) -> int:
    """Binomial coefficients: the same few for every cell."""
    return comb(n, k)
