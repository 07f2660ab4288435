"""The only layer that rounds, and the only importer of flint.

Inclusion principle: every operation on an enclosure returns an enclosure of the exact result for every choice of points in its
operands. Exact values live in `DyadicArray` (integers times one power of two, no rounding at all); enclosures live in `Intervals`,
in two implementations with one interface: `FloatIntervals` (float64 ends, rounded outward) and `BallIntervals` (flint balls, no float
arithmetic). A comparison holds only if it holds for every point of the enclosures: `certainly_positive`, `certainly_negative`; there is
no `<`, no truth value and no conversion to float.
"""

from proofcheck.arithmetic.backend import Arithmetic, exclusive_precision
from proofcheck.arithmetic.ball_intervals import certainly_at_most_zero_ball, certainly_positive_ball
from proofcheck.arithmetic.columns import ACTIVATIONS, RELU, ColumnArithmetic, Columns, Decided, Places, Scale
from proofcheck.arithmetic.dyadic import DyadicArray, concatenate, reciprocal_below
from proofcheck.arithmetic.dyadic_bounds import dyadic_above, multiples_above, reciprocals_above, significant_bits
from proofcheck.arithmetic.fixed_point import Booleans, FixedPoint, IntegerArray, Integers, smallest_sums
from proofcheck.arithmetic.float_bits import is_finite, largest_exponent
from proofcheck.arithmetic.float_intervals import check_platform as platform_failures
from proofcheck.arithmetic.intervals import Intervals, PositiveTable
from proofcheck.arithmetic.nonpositive_sums import nonpositive_sums
from proofcheck.arithmetic.range_minima import range_minima
from proofcheck.arithmetic.run_columns import Conforming, OutsideFormatError, RunColumnArithmetic
from proofcheck.arithmetic.spectral import root_two_above

__all__ = [
    "ACTIVATIONS",
    "RELU",
    "Arithmetic",
    "Booleans",
    "ColumnArithmetic",
    "Columns",
    "Conforming",
    "Decided",
    "DyadicArray",
    "FixedPoint",
    "IntegerArray",
    "Integers",
    "Intervals",
    "OutsideFormatError",
    "Places",
    "PositiveTable",
    "RunColumnArithmetic",
    "Scale",
    "certainly_at_most_zero_ball",
    "certainly_positive_ball",
    "concatenate",
    "dyadic_above",
    "exclusive_precision",
    "is_finite",
    "largest_exponent",
    "multiples_above",
    "nonpositive_sums",
    "platform_failures",
    "range_minima",
    "reciprocal_below",
    "reciprocals_above",
    "root_two_above",
    "significant_bits",
    "smallest_sums",
]
