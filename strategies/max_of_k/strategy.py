"""What a strategy is: a name and a search for steps with hints. Nothing here is trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from proofcheck import Dimensions, Limits, Step
from proofcheck.frame import sizes_for_costs
from proofcheck.models import decode_weights
from proofcheck.models.attention_only import ATTENTION_ONLY, TENSORS
from proofcheck.rules.reading import FloatRun
from proofcheck.tasks import MaxOfK
from strategies.budget import Budget
from strategies.max_of_k.separable_terms import FloatTerms, float_errors
from strategies.models.load import Model, load
from strategies.models.metadata import read_metadata, task_words


@dataclass(frozen=True)
class Problem:
    """One model file. What several strategies of one run share (tables, searches) hangs on it.

    limits: of the checker that will verify; a certificate should fit its `work`. budget: of one search.
    margin, run: of the claim, in logits, and its float evaluations; searches that do not look at them find hints for the plain claim.
    file: how certificates name the weights, "" for the place where they are as seen from the certificate.
    """

    path: Path
    limits: Limits = field(default_factory=Limits)
    budget: Budget = field(default_factory=Budget, compare=False)
    margin: Fraction = Fraction(0)
    run: FloatRun | None = None
    file: str = field(default="", compare=False)

    @cached_property
    def model(self) -> Model:
        """float64 weights."""
        return load(self.path)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, hexadecimal."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @cached_property
    def metadata(self) -> dict[str, str]:
        """What the file says about itself."""
        return read_metadata(self.path)

    @property
    def task(self) -> str:
        """The task of the certificate, as the checker and weight files write it."""
        return task_words(self.model.n_ctx, self.model.d_vocab)

    def float_terms(self) -> FloatTerms:
        """Margin terms for the claim: lower bounds where it is about floats."""
        errors = None
        if self.run is not None:
            network = ATTENTION_ONLY.build(self.dimensions, {}, decode_weights(self.path.read_bytes(), TENSORS, self.limits))
            errors = float_errors(network, self.run)
        return FloatTerms(self.model, float(self.margin), errors)

    @property
    def sizes(self) -> Dimensions:
        """What the checker computes costs from."""
        sizes = self.dimensions
        return sizes_for_costs(ATTENTION_ONLY, sizes, {}, MaxOfK(sizes.n_ctx, sizes.d_vocab))

    @property
    def dimensions(self) -> Dimensions:
        """Sizes as the certificate names them."""
        model = self.model
        return Dimensions(n_ctx=model.n_ctx, d_vocab=model.d_vocab, d_model=model.d_model, d_head=model.d_head)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The steps of a certificate, and what the search believes they prove.

    float_bound: a decimal string; correct: the count behind it. "" and 0 if the search has no opinion.
    left_out: what a longer search or a higher limit might still prove, a sentence; "" if nothing.
    """

    steps: tuple[Step, ...]
    float_bound: str = ""
    correct: int = 0
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Strategy:
    """name: ours. published_name: the short description of the published code, "" for a new strategy. precision: bits of the balls."""

    name: str
    summary: str
    propose: Callable[[Problem], Proposal]
    published_name: str = ""
    precision: int = 128
