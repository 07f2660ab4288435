"""How rule `evaluation` evaluates in the reading of a claim: over the reals, or every conforming float evaluation of a transformer."""

from __future__ import annotations

from fractions import Fraction

from proofcheck.arithmetic import Conforming, OutsideFormatError, RunColumnArithmetic
from proofcheck.errors import Reason, Rejected
from proofcheck.models import Model, Transformer
from proofcheck.models.architecture import Evaluator
from proofcheck.rules.reading import BINARY32, BINARY64, FloatRun
from proofcheck.rules.rule import Context
from proofcheck.tasks import Task

_FORMATS = (BINARY32, BINARY64)
_MOST_SHARE = 10  # N·u is at most 2^−10


def evaluator(context: Context[Model, Task]) -> Evaluator:
    """Tokens ↦ what decides which inputs are certainly right, and which certainly wrong, in the reading of the context.

    In the reading of floats (Theorem T, docs/rules/evaluation-floats.md): right, where every conforming evaluation is, and wrong, where
    every one is. Hypotheses there (else rule-not-applicable): architecture `transformer`; backend fast; binary32 or binary64; the claim
    has ω (`activation`); N is at least what a plain evaluation needs, and N·u ≤ 2^−10; u ≤ τ ≤ 1/2; u ≤ ω where the network has an
    activation function besides ReLU; 8·n_ctx·η ≤ u; every weight is 0 or a normal number of the format; eps and scale are 0 or at least η.
    """
    run = context.reading.floats
    if run is None:
        return context.model.evaluator(context.arithmetic)
    model = context.model
    if not isinstance(model, Transformer):
        raise _refused("claims about floats are proved by evaluation for transformers alone", "a transformer", "another network")
    if context.arithmetic.backend != "fast":
        raise _refused("claims about floats are proved by evaluation with --backend fast alone", "--backend fast", "--backend arb")
    try:
        return model.evaluator_in(RunColumnArithmetic(conforming(run, model)))
    except OutsideFormatError as error:
        raise _refused(str(error), f"numbers of {run.format.name}", "others") from error


def conforming(run: FloatRun, model: Transformer) -> Conforming:
    """The evaluations that the claim is about. Rejected(rule-not-applicable) where no plain evaluation of the network is among them, or
    the theorem's hypotheses do not hold.
    """
    kind, sizes = run.format, model.dimensions
    u, least = Fraction(1, 2**kind.unit), model.plain_roundings()
    if kind not in _FORMATS:
        raise _refused("the theorem is not about this format", "binary32 or binary64", kind.name)
    if run.activation is None:
        raise _refused("the claim does not say how activation functions are evaluated", "a claim with `activation`", "one without")
    if not least <= run.roundings <= 2 ** (kind.unit - _MOST_SHARE):
        expected = f"{least} … 2^{kind.unit - _MOST_SHARE}"
        raise _refused("plain evaluations round a term of a stage more often, or too often", expected, str(run.roundings))
    if not u <= run.tau <= Fraction(1, 2):
        raise _refused("no exponential is so exact, or it is too inexact", f"2^-{kind.unit} ≤ tau ≤ 1/2", str(run.tau))
    if model.has_smooth_activation() and run.activation < u:
        raise _refused("no activation function is so exact", f"at least 2^-{kind.unit}", str(run.activation))
    eps = model.ln_final.eps  # of every normalization
    if eps and eps < Fraction(1, 2**kind.least):
        raise _refused("eps is below the normal numbers of the format", f"at least 2^-{kind.least}", str(eps)[:40])
    if 8 * sizes.n_ctx * 2**kind.unit > 2**kind.least:
        raise _refused("what underflows in the softmax is no rounding", "8·n_ctx·η ≤ u", f"n_ctx = {sizes.n_ctx}")
    return Conforming(kind.unit, kind.least, kind.largest, kind.digits, run.roundings, run.tau, run.kappa, run.activation)


def _refused(message: str, expected: str, found: str) -> Rejected:
    return Rejected(
        Reason.RULE_NOT_APPLICABLE,
        message,
        path="$.claim",
        expected=expected,
        found=found,
        hint="docs/semantics-float.md says which evaluations conform, and docs/rules/evaluation-floats.md what is proved of them",
    )
