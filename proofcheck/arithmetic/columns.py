"""The interface of column arithmetic: enclosures of real vectors, one for each input, and the maps that transformers are made of.

Semantics: `Columns` of k features and B columns enclose B vectors of k reals. Postcondition of every map f below: for all vectors that the
columns enclose, f of column b is enclosed by column b of the result. A column about which nothing is known encloses every vector, and no
comparison is certain about it. Two implementations: `ball_columns` and `float_columns`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from proofcheck.arithmetic.dyadic import DyadicArray
from proofcheck.arithmetic.fixed_point import Booleans, Integers
from proofcheck.arithmetic.intervals import Intervals

if TYPE_CHECKING:
    from typing_extensions import Self

Places = NDArray[np.int64] | None  # which columns, in which order; None: as they are

RELU, GELU, GELU_NEW, SILU = "relu", "gelu", "gelu_new", "silu"
ACTIVATIONS = (RELU, GELU, GELU_NEW, SILU)
GELU_NEW_CUBIC = Fraction(44_715, 1_000_000)

# operations that a map counts for each entry, in either arithmetic
ACTIVATION_OPERATIONS = 64
NORMALIZATION_OPERATIONS = 8
ATTENTION_OPERATIONS = 6  # of one entry of one key
SOFTMAX_OPERATIONS = 64  # of one key of one head


class Decided(Protocol):
    """Logits of some inputs."""

    def decide(self, answers: Integers, margin: DyadicArray | None = None) -> tuple[Booleans, Booleans]:
        """Where each input is certainly right (its answer's logit above all others, by more than `margin` ≥ 0, shape [], if it is given),
        and where certainly wrong: [B] → [B], [B].
        """


class Columns(ABC):
    """Enclosures of B vectors of k reals."""

    __slots__ = ()

    @property
    @abstractmethod
    def width(self) -> int:
        """B."""

    @abstractmethod
    def take(self, places: Places) -> Self:
        """The columns at these places; nothing is computed."""

    @abstractmethod
    def __add__(self, other: Self) -> Self: ...

    @abstractmethod
    def activated(self, name: str) -> Self:
        """The activation function of that name, entry by entry: see docs/semantics.md."""

    @abstractmethod
    def normalized(self, eps: Fraction, *, centred: bool) -> Self:
        """c / √(‖c‖²/k + eps) with c = x − mean(x) if centred, else c = x; eps > 0."""

    @abstractmethod
    def logits(self) -> Intervals | Decided:
        """The columns as logits."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The positive real ratio / √square; ratio ≥ 0, square ≥ 1."""

    ratio: Fraction
    square: int


Map = Callable[[Columns], Columns]
Lookup = Callable[[Integers], Columns]
Attention = Callable[[Columns, Places, Sequence[Columns], Sequence[Columns], Sequence[Places]], Columns]


class ColumnArithmetic(ABC):
    """Makes maps of exact weights. A map keeps what it has computed about its weights."""

    @abstractmethod
    def lookup(self, table: DyadicArray) -> Lookup:
        """Rows of a table [rows, k] by their numbers [B], as columns."""

    @abstractmethod
    def affine(self, W: DyadicArray, b: DyadicArray | None) -> Map:
        """x ↦ x W + b for W [k, m], b [m]."""

    @abstractmethod
    def diagonal(self, w: DyadicArray, b: DyadicArray | None) -> Map:
        """x ↦ x∘w + b for w, b [k]."""

    @abstractmethod
    def attention(self, n_heads: int, scale: Scale) -> Attention:
        """(q, at, keys, values, places) ↦ z: softmax attention of every head, with m ≥ 1 keys.

        All columns have n_heads·d_head features, head by head. q is taken at `at`, keys[j] and values[j] at places[j]; then for each head
        z = Σ_j α_j v_j, α = softmax_j(scale · q·k_j).
        """

    @abstractmethod
    def average(self, values: Sequence[Columns], places: Sequence[Places]) -> Columns:
        """The mean of m ≥ 1 values, each taken at its places."""
