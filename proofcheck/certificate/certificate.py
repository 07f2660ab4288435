"""What a certificate says, as types. Nothing here is checked beyond the types: the kernel checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from proofcheck.models import Dimensions

FORMAT_NAME = "proofcheck-certificate"
FORMAT_VERSION = (1, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """One application of a rule: premises are ids of earlier steps; hints are integers or arrays of dtype <i8, <f4, <f8."""

    id: str
    rule: str
    premises: tuple[str, ...] = ()
    hints: Mapping[str, NDArray[Any] | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Certificate:
    """claim: at least `correct` of `total` inputs of the task are answered right by the network in `weights_file`.

    weights_file is relative to the certificate's folder; weights_sha256 is of the file's bytes. precision: bits of the balls.
    provenance is for people and never used.
    """

    correct: int
    total: int
    architecture: str
    dimensions: Dimensions
    weights_file: str
    weights_sha256: str
    task: str
    task_n_ctx: int
    task_d_vocab: int
    precision: int
    steps: tuple[Step, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)
