"""What "answered correctly" means in one replay: the reading that its claim has. Proofs: docs/readings.md.

A reading comes from the claim alone (`ClaimKind.reading`). The context of a replay has one, and every fact of the replay is under it, so
facts of different readings never meet. A rule says which readings its theorem is about; the kernel applies it under no other.

Reals with margin δ ≥ 0. An input with right answer y is *answered correctly* (right) iff logit[y] − logit[j] > δ for every j ≠ y, over the
reals; else it is wrong. δ = 0 is the plain reading.
Floats. An input is right iff every conforming evaluation of it (docs/semantics-float.md) ends with logit[y] > logit[j] for every j ≠ y; it
is wrong iff every one ends with logit[j] ≥ logit[y] for some j ≠ y. It may be neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from proofcheck.arithmetic import DyadicArray, dyadic_above


class ReadingKind(str, Enum):
    """REALS: the right logit is the largest. MARGIN: by more than δ > 0. FLOATS: in every conforming float evaluation."""

    __str__ = str.__str__

    REALS = "reals"
    MARGIN = "margin"
    FLOATS = "floats"


@dataclass(frozen=True, slots=True)
class ShortRoundings:
    """Roundings of an evaluation in stages to a shorter format: exact·(1 + d) + h, |d| ≤ u, |h| ≤ eta; it reaches 2^largest at least.

    Operands of matrix products are rounded, weights among them. results: also what matrix products return, scaled scores, and biases.
    residual: also embeddings and the residual stream. With u = eta = 0 nothing is rounded.
    """

    u: Fraction
    eta: Fraction
    largest: int
    results: bool = False
    residual: bool = False


@dataclass(frozen=True, slots=True)
class FloatFormat:
    """Numbers that evaluations compute in.

    An operation returns exact·(1 + d) + h with |d| ≤ u = 2^−unit and |h| ≤ η = 2^−least; finite numbers reach 2^largest at least. Numbers
    have `digits` significant bits, and from 2^−least on they are normal. short: for evaluations in stages, whose roundings are counted
    stage by stage.
    """

    name: str
    unit: int
    least: int
    largest: int
    digits: int
    short: ShortRoundings | None = None


def _in_stages(name: str, short: ShortRoundings) -> FloatFormat:
    return FloatFormat(name, unit=24, least=126, largest=127, digits=24, short=short)


def _power(exponent: int) -> Fraction:
    return Fraction(1, 2**exponent)


BINARY32 = FloatFormat("binary32", unit=24, least=126, largest=127, digits=24)
BINARY64 = FloatFormat("binary64", unit=53, least=1022, largest=1023, digits=53)
BINARY32_STAGES = _in_stages("binary32-stages", ShortRoundings(Fraction(0), Fraction(0), 127))
TF32 = _in_stages("tf32", ShortRoundings(_power(10), _power(126), 127))
TF32_NEAREST = _in_stages("tf32-nearest", ShortRoundings(_power(11), _power(126), 127))
BFLOAT16_AUTOCAST = _in_stages("bfloat16-autocast", ShortRoundings(_power(8), _power(126), 127, results=True))
BFLOAT16 = _in_stages("bfloat16", ShortRoundings(_power(8), _power(126), 127, results=True, residual=True))
BINARY16_AUTOCAST = _in_stages("binary16-autocast", ShortRoundings(_power(11), _power(24), 15, results=True))
BINARY16 = _in_stages("binary16", ShortRoundings(_power(11), _power(24), 15, results=True, residual=True))
FORMATS = {
    found.name: found
    for found in (
        BINARY32,
        BINARY64,
        BINARY32_STAGES,
        TF32,
        TF32_NEAREST,
        BFLOAT16_AUTOCAST,
        BFLOAT16,
        BINARY16_AUTOCAST,
        BINARY16,
    )
}


@dataclass(frozen=True, slots=True)
class FloatRun:
    """Which evaluations conform: at most `roundings` N of a term (in stages: in each stage); exponentials of x off by a factor of at most
    exp(tau + kappa·u·|x|).

    activation: of claims about transformers, whose roundings are those of each stage: an activation function of x is off by at most
    activation·|x|. None: the claim is about `attention-only-one-layer-one-head`.
    """

    format: FloatFormat
    roundings: int
    tau: Fraction
    kappa: int
    activation: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """margin: δ, an exact dyadic number ≥ 0. floats: the evaluations that are meant, None over the reals."""

    margin: Fraction = Fraction(0)
    floats: FloatRun | None = None

    @property
    def kind(self) -> ReadingKind:
        if self.floats is not None:
            return ReadingKind.FLOATS
        return ReadingKind.MARGIN if self.margin else ReadingKind.REALS

    def less_margin(self, exact: DyadicArray) -> DyadicArray:
        """Entries less δ, exactly: what is put in the place of logit terms of the answer."""
        return exact - self.dyadic() if self.margin else exact

    def plus_margin(self, exact: DyadicArray) -> DyadicArray:
        """Entries plus δ, exactly: logit terms of a rival less those of the answer."""
        return exact + self.dyadic() if self.margin else exact

    def dyadic(self) -> DyadicArray:
        """δ itself, shape []."""
        return dyadic_above(self.margin, self.margin.denominator.bit_length() - 1)


OVER_THE_REALS = Reading()
ALL_READINGS = frozenset(ReadingKind)
REALS_AND_MARGINS = frozenset({ReadingKind.REALS, ReadingKind.MARGIN})
FLOATS_ALONE = frozenset({ReadingKind.FLOATS})
MARGIN_BITS = 64


def margin_above(claimed: Fraction) -> Reading:
    """The reading that proves a claim about the margin `claimed` ≥ 0: δ is the least multiple of 2^−64 that is at least `claimed`.

    Who is ahead by more than δ is ahead by more than `claimed`, so what is proved right under this reading is right under the claim's.
    δ is `claimed` itself where that is a multiple of 2^−64; elsewhere "wrong" is wrong by δ, which is less than 2^−64 above.
    """
    return Reading(dyadic_above(claimed, MARGIN_BITS).fractions().item())
