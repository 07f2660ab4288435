"""What an architecture is: names of dimensions and options, tensors, and a network's real-number semantics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from proofcheck.arithmetic import Arithmetic, Decided, Integers, Intervals
from proofcheck.errors import Declined, Reason, Rejected
from proofcheck.kinds import Kind
from proofcheck.limits import Limits
from proofcheck.models.dimensions import Dimensions
from proofcheck.models.weights import Weights

Options = Mapping[str, Any]  # as the kinds of the architecture read them


Evaluator = Callable[[Integers], Intervals | Decided]


class Model(Protocol):
    """One exact network."""

    @property
    def dimensions(self) -> Dimensions: ...

    def evaluator(self, arithmetic: Arithmetic) -> Evaluator:
        """The network's semantics: a function from tokens [B, n_ctx] to the logits of each input, enclosed.

        Enclosures are intervals [B, answers], or whatever decides by itself which inputs are certainly right and which certainly wrong.
        """

    def table_bits(self) -> int:
        """An upper bound on the bits of the largest exact table that a rule may make of it, before it is made."""


def _none(dimensions: Dimensions, options: Options) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Architecture:
    """One family of networks. A new one is one file that defines such an object, and a line in the catalogue.

    dimensions: names, in the order in which a certificate gives them; n_ctx is one. options: kinds of what else changes the function.
    tensors(dimensions, options): the names that are read; others are not decoded.
    build(dimensions, options, weights): the network; Declined(unsupported-architecture) naming what it cannot mean, Rejected(wrong-shape,
    bad-weights). answers(dimensions): the number of logits.
    prepare, forward(dimensions, options): operations of `evaluator`, and of it for each input, at most; products: those of `forward` that
    belong to float64 matrix products, with the fast backend.
    declared: metadata of the weight file -> the value it must have where it is there, from the options.
    model: the class of what `build` returns; a rule about a class applies to it and its subclasses.
    """

    name: str
    dimensions: tuple[str, ...]
    options: Mapping[str, Kind]
    tensors: Callable[[Dimensions, Options], frozenset[str]]
    build: Callable[[Dimensions, Options, Weights], Model]
    answers: Callable[[Dimensions], int]
    prepare: Callable[[Dimensions, Options], int]
    forward: Callable[[Dimensions, Options], int]
    declared: Callable[[Options], Mapping[str, str]]
    products: Callable[[Dimensions, Options], int] = _none
    may_be_zero: frozenset[str] = frozenset()
    model: type = object

    def read_dimensions(self, sizes: Mapping[str, int], limits: Limits) -> Dimensions:
        """Declined(limit-exceeded), Rejected(bad-number) naming the size."""
        dimensions = Dimensions(**sizes)
        for name, size in dimensions.items():
            if size < 1 and name not in self.may_be_zero:
                place = f"$.model.dimensions.{name}"
                raise Rejected(Reason.BAD_NUMBER, "the number is too small", path=place, expected="at least 1", found=str(size))
        limits.require("sequence_length", dimensions.n_ctx, path="$.model.dimensions.n_ctx")
        for name, size in dimensions.items():
            if name != "n_ctx":
                limits.require("dimension", size, path=f"$.model.dimensions.{name}")
        limits.require("table_entries", max(dimensions.values()) ** 2, path="$.model.dimensions")
        return dimensions

    def require_declarations(self, options: Options, metadata: Mapping[str, str]) -> None:
        """Declined(unsupported-architecture) where the weight file itself says that the network is another one; see docs/models.md.

        No tensor shows a LayerNorm without parameters or another attention scale, so only the file's own word can.
        """
        for name, meant in self.declared(options).items():
            found = metadata.get(name, meant)
            if found != meant:
                raise Declined(
                    Reason.UNSUPPORTED_ARCHITECTURE,
                    f"the weight file declares {name} = {found[:80]}",
                    path=f"__metadata__.{name}",
                    expected=meant,
                    found=found[:80],
                    hint=f"the architecture {self.name} with these options means {name} = {meant}: docs/semantics.md",
                )
