"""What a strategy is: a name and a search for steps with hints. Nothing here is trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from proofcheck import Dimensions, Step
from strategies.models.load import Model, load


@dataclass(frozen=True)
class Problem:
    """One model file. What several strategies of one run share (tables, searches) hangs on it."""

    path: Path

    @cached_property
    def model(self) -> Model:
        """float64 weights."""
        return load(self.path)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, hexadecimal."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def dimensions(self) -> Dimensions:
        """Sizes as the certificate names them."""
        model = self.model
        return Dimensions(n_ctx=model.n_ctx, d_vocab=model.d_vocab, d_model=model.d_model, d_head=model.d_head)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The steps of a certificate, and what the search believes they prove.

    float_bound: a decimal string; correct: the count behind it. "" and 0 if the search has no opinion.
    """

    steps: tuple[Step, ...]
    float_bound: str = ""
    correct: int = 0


@dataclass(frozen=True, slots=True)
class Strategy:
    """name: ours. published_name: the short description of the published code, "" for a new strategy. precision: bits of the balls."""

    name: str
    summary: str
    propose: Callable[[Problem], Proposal]
    published_name: str = ""
    precision: int = 128
