"""What a certificate says, as types. Nothing here is checked beyond the types: frame and kernel check."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT_NAME = "proofcheck-certificate"
NEWEST_VERSION = (1, 1)
_NO_MARGIN = Fraction(0)

Value = Any  # int, str, a tuple of values, or an array of dtype <i8, <f4, <f8


@dataclass(frozen=True, slots=True)
class Step:
    """One application of a rule: premises are ids of earlier steps; hints are integers or arrays of dtype <i8, <f4, <f8."""

    id: str
    rule: str
    premises: tuple[str, ...] = ()
    hints: Mapping[str, NDArray[Any] | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClaimSpec:
    """The kind of claim and its fields, in order."""

    kind: str
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which network: its architecture, sizes, options, and weight file (relative to the certificate's folder) with SHA-256 of its bytes."""

    architecture: str
    dimensions: Mapping[str, int]
    file: str
    sha256: str
    options: Mapping[str, Value] = field(default_factory=dict)

    def words(self) -> str:
        """Architecture, sizes and options in one line."""
        fields = {**self.dimensions, **self.options}
        return " ".join([self.architecture, *(f"{name}={_words(value)}" for name, value in fields.items())])


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """The task's name and its fields, in order."""

    name: str
    fields: Mapping[str, Value]

    def words(self) -> str:
        """The task in one line, as reports and the metadata of weight files have it; tables by the digest of their entries."""
        return " ".join([self.name, *(f"{name}={_words(value)}" for name, value in self.fields.items())])


def _words(value: Value) -> str:
    if isinstance(value, np.ndarray):
        shape = "x".join(map(str, value.shape))
        return f"[{shape}]sha256:{hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
    return "(" + ",".join(map(_words, value)) + ")" if isinstance(value, tuple) else str(value)


@dataclass(frozen=True, slots=True)
class Certificate:
    """claim: about the network `model` and the inputs of `task`. precision: bits of the balls.

    extensions: name -> version of what a checker must trust to understand the rest. provenance is for people and never used.
    """

    claim: ClaimSpec
    model: ModelSpec
    task: TaskSpec
    precision: int
    steps: tuple[Step, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, str] = field(default_factory=dict)

    def claiming(self, **numbers: Value) -> Certificate:
        """The same with other numbers in the claim."""
        return replace(self, claim=ClaimSpec(self.claim.kind, {**self.claim.fields, **numbers}))


def accuracy_at_least(correct: int, total: int, margin: Fraction = _NO_MARGIN) -> ClaimSpec:
    """The claim of format 1.0, or with a margin above 0 that of 1.1."""
    ahead = {"margin": f"{margin.numerator}/{margin.denominator}"} if margin else {}
    return ClaimSpec("accuracy_at_least", {"correct": correct, "total": total, **ahead})
