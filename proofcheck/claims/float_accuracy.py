"""Float accuracy: there is a set of `correct` of the `total` inputs that every conforming float evaluation answers correctly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from proofcheck.claims.accuracy import numbers, require_proved, require_total
from proofcheck.claims.claim import ClaimKind
from proofcheck.decimals import decimal
from proofcheck.kinds import ChoiceKind, IntegerKind, RationalKind
from proofcheck.rules.counting.facts import ProvedCount
from proofcheck.rules.fact import Fact
from proofcheck.rules.reading import FORMATS, FloatRun, Reading, ShortRoundings
from proofcheck.tasks import Task

NAME = "float_accuracy_at_least"


@dataclass(frozen=True, slots=True)
class FloatAccuracyAtLeast:
    """0 ≤ correct; total ≥ 1 is the number of inputs of the task; run: which evaluations conform (docs/semantics-float.md)."""

    conclusion: ClassVar[type[Fact]] = ProvedCount
    correct: int
    total: int
    run: FloatRun

    def require_task(self, task: Task) -> None:
        require_total(NAME, self.total, task)

    def compare(self, fact: Fact) -> None:
        """The claim follows from `ProvedCount` in the reading of floats iff correct ≤ proved: compared as exact integers."""
        require_proved(NAME, self.correct, fact)

    def words(self) -> str:
        """The assumptions are part of the claim: N, τ, κ and the format."""
        run = self.run
        of_each = "" if run.activation is None and run.format.short is None else " a stage"
        assumed = f"roundings={run.roundings}{of_each} tau={run.tau} kappa={run.kappa}"
        if run.activation is not None:
            assumed += f" activation={run.activation}"
        count = f"{self.correct}/{self.total} ({decimal(self.correct, self.total)})"
        return f"float accuracy >= {count} of {run.format.name} runs with {assumed}"


def _build(
    correct: int, total: int, format: str, roundings: int, tau: Fraction, kappa: int, activation: Fraction | None = None
) -> FloatAccuracyAtLeast:
    return FloatAccuracyAtLeast(correct, total, FloatRun(FORMATS[format], roundings, tau, kappa, activation))


def _assumptions(claim: FloatAccuracyAtLeast) -> tuple[str, ...]:
    run = claim.run
    if run.format.short is not None:
        return _in_stages(run, run.format.short)
    u, eta = f"2^-{run.format.unit}", f"2^-{run.format.least}"
    if run.activation is not None:
        return _assumptions_of_stages(run, u, eta)
    return (
        f"A {run.format.name} evaluation conforms (docs/semantics-float.md) if",
        f"every operation returns exact*(1 + d) + h with |d| <= {u}, |h| <= {eta}; so subnormal numbers may be flushed or read as zero;",
        f"written out as products of weights, each term of a score, and each term of a logit, passes at most {run.roundings} roundings,",
        "in any order and bracketing of each sum, fused or not, counting the additions of the softmax's sum, the division and the scale;",
        "the softmax weights that are mixed are those that are summed, nonnegative, and each is exp(s - largest s) times a number",
        f"between exp(-t) and exp(t), t = {run.tau} + {run.kappa}*{u}*|s - largest s|, give or take {eta};",
        "no weight matrices are multiplied with each other, nothing is folded or centred, no fast matrix algorithm is used;",
        "the logits are compared in the same format. That a program conforms is not proved here.",
    )


def _assumptions_of_stages(run: FloatRun, u: str, eta: str) -> tuple[str, ...]:
    g = f"g = {run.roundings}*{u}/(1 - {run.roundings}*{u})"
    t = f"t = {run.tau} + {run.kappa}*{u}*|s - largest s|"
    return (
        f"A {run.format.name} evaluation conforms (docs/semantics-float.md, Transformers) if",
        f"every operation returns exact*(1 + d) + h with |d| <= {u}, |h| <= {eta}; so subnormal numbers may be flushed or read as zero;",
        "it goes through the stages of the network: embedding, normalization, queries, keys, values, scores, softmax, mixing, outputs of",
        "heads, MLP, residual sums, read-out, logits; with the file's weights, none multiplied with each other, folded or centred;",
        f"in each stage each term passes at most {run.roundings} roundings, in any order and bracketing of each sum, fused or not;",
        f"with {g}, a mean is off by at most g*|largest entry|, a variance by g*(mean square),",
        "and an entry is normalized within g of each of the two terms of entry - mean, subtracted before the division or after it;",
        "masked keys have no part; the softmax weights that are mixed are those that are summed, nonnegative, and each is",
        f"exp(s - largest s) times a number between exp(-t) and exp(t), {t}, give or take {eta};",
        f"an activation function of x other than ReLU is off by at most {run.activation}*|x| + {eta};",
        "the logits are compared in the same format. That a program conforms is not proved here.",
    )


def _in_stages(run: FloatRun, short: ShortRoundings) -> tuple[str, ...]:
    points = "operands of matrix products (weights too)"
    points += ", what they return, scaled scores and biases" if short.results else ""
    points += ", embeddings and the residual stream" if short.residual else ""
    bounds = f"|d| <= {_power_of_two(short.u)}, |h| <= {_power_of_two(short.eta)}"
    rounded = f"{points} are rounded at most once, to exact*(1 + d) + h with {bounds}, and nothing else is;"
    return (
        f"A {run.format.name} evaluation conforms (docs/semantics-float.md, Evaluations in stages) if",
        "every stage is a sum of products computed in binary32, with d of at most 2^-24 and h of at most 2^-126 in each operation;",
        f"a stage returns its sum with the error that at most {run.roundings} roundings of each term make, in any order, fused or not;",
        rounded if short.u else "nothing is rounded to a shorter format;",
        "the softmax is computed in binary32; its weights that are mixed are those that are summed, but for the rounding of operands,",
        f"nonnegative, and each is exp(s - largest s) times a number between exp(-t) and exp(t), t = {run.tau} + {run.kappa}*2^-24*",
        "|s - largest s|, give or take 2^-126;",
        "no weight matrices are multiplied with each other, nothing is folded or centred, no fast matrix algorithm is used;",
        "the logits are compared as they are rounded: a tie is wrong. That a program conforms is not proved here.",
    )


def _power_of_two(value: Fraction) -> str:
    return f"2^-{value.denominator.bit_length() - 1}" if value else "0"


def _reading(claim: FloatAccuracyAtLeast) -> Reading:
    return Reading(floats=claim.run)


KIND = ClaimKind(
    NAME,
    {
        "correct": IntegerKind(0),
        "total": IntegerKind(1),
        "format": ChoiceKind(tuple(FORMATS)),
        "roundings": IntegerKind(1, 2**30),
        "tau": RationalKind(),
        "kappa": IntegerKind(0, 2**20),
    },
    _build,
    numbers,
    optional={"activation": RationalKind()},
    reading=_reading,
    assumptions=_assumptions,
)
