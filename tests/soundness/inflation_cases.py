"""Cases in which a proof run in floats claims more than is true: the strategy, where networks are sought, the certificate's steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from soundness import inflation_models as models
from soundness.float_strategies import DROPPED, EXACT, KEPT, OFF, PUBLISHED, SVD, SVD_ROUNDED_UP, Floats, SubCubic, brute_force, cubic
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, Tensors
from soundness.subcubic_steps import sought_hints, steps

from proofcheck import Step

CERTIFICATES = Path(__file__).parents[2] / "certificates"
REJECTED = CERTIFICATES / "reject" / "not-proved"
MODELS = CERTIFICATES / "models" / "inflation"
TRAINED = CERTIFICATES / "models" / "max-of-3-d-vocab-16-seed-0.safetensors"

F32, F64 = Floats("<f4"), Floats("<f8")
Claim = Callable[[Tensors], int]


@dataclass(frozen=True)
class Case:
    """strategy, why: for the table. claim: the float run. sound: another evaluation, named, that claims no more than is true, or None.

    family: where the search draws networks from, None if the network is published. steps: the certificate's. bits: of the ground truth.
    enough: an inflation at which the search stops.
    """

    name: str
    strategy: str
    why: str
    claim: Claim
    steps: Callable[[Tensors], tuple[Step, ...]]
    family: models.Family | None
    sound: tuple[str, Claim] | None = None
    bits: int = 220
    tries: int = 300
    enough: int = 1_000
    published_model: str = ""

    @property
    def model(self) -> Path:
        """The weight file."""
        return (
            CERTIFICATES / "models" / f"{self.published_model}.safetensors" if self.published_model else MODELS / f"{self.name}.safetensors"
        )

    @property
    def certificate(self) -> Path:
        """The certificate with the float claim, which must be rejected."""
        return REJECTED / f"inflation-{self.name}.json"


@dataclass(frozen=True)
class SubCubicRun:
    """A sub-cubic strategy in floats, with the gaps that its own search finds; `more` as in `SubCubic.count`."""

    floats: Floats
    direct: str
    handling: str
    error: str
    more: int = 1

    def __call__(self, tensors: Tensors) -> int:
        run = self._run(tensors)
        return run.count(run.best_gaps(), self.more)

    def steps(self, tensors: Tensors) -> tuple[Step, ...]:
        """The same strategy with the same gaps as steps of a certificate."""
        qk = f"qk-error-{self.error}"
        hints = sought_hints(qk, tensors)
        return steps(f"direct-path-{self.direct}", qk, f"margin-{self.handling}", self._run(tensors).best_gaps(), hints)

    def _run(self, tensors: Tensors) -> SubCubic:
        return SubCubic(tensors, self.floats, self.direct, self.handling, self.error)


def sub_cubic(name: str, why: str, family: models.Family, error: str, sound: tuple[str, str, Floats], handling: str = OFF) -> Case:
    """A float32 case of EUPU max-diff-exact; sound = (label, QK error, floats)."""
    run = SubCubicRun(F32, "max-diff-exact", handling, error)
    label, sound_error, floats = sound
    short = {OFF: "drop-average-query", PUBLISHED: PUBLISHED}[handling]
    strategy = f"sub-cubic, float32 (max-diff-exact, {short}, {error})"
    return Case(name, strategy, why, run, run.steps, family, (label, SubCubicRun(floats, "max-diff-exact", handling, sound_error)))


def forward_passes(name: str, why: str, family: models.Family, floats: Floats = F32, sound: Floats | None = F64, bits: int = 220) -> Case:
    """A brute-force case; `sound` are floats in which forward passes claim no more than is true."""
    precision = {"<f4": "float32", "<f8": "float64"}
    labelled = (
        None
        if sound is None
        else (f"{precision[sound.dtype]}{', sums reversed' if sound.reverse else ''}", lambda t: brute_force(t, sound))
    )
    strategy = f"brute force, {precision[floats.dtype]}"
    return Case(name, strategy, why, lambda t: brute_force(t, floats), lambda t: BRUTE_FORCE, family, labelled, bits)


def cubic_case(name: str, why: str, family: models.Family) -> Case:
    return Case(name, "cubic, float32", why, lambda t: cubic(t, F32), lambda t: CUBIC, family, ("float64", lambda t: cubic(t, F64)))


def published_counterexample(variant: str, direct: str) -> Case:
    """The formula `mean_query+diff`, evaluated without error in float64, all gaps 1: false whatever the arithmetic."""
    run = SubCubicRun(F64, direct, PUBLISHED, EXACT, more=0)
    return Case(
        f"mean-diff-{variant}",
        f"sub-cubic, float64 ({direct}, {PUBLISHED} as published, {EXACT})",
        "no rounding: the published inequality is false for queries that attend less than the average query",
        run,
        run.steps,
        None,
        ("drop-average-query in its place", SubCubicRun(F64, direct, OFF, EXACT, more=0)),
        published_model=f"counterexample-mean-diff-{variant}",
    )


def cross_terms() -> Case:
    """The published split drops A_0 B_r + A_r B_0, which is zero for exact singular vectors only."""
    run, honest = (SubCubicRun(F64, "max-diff-exact", OFF, error) for error in (DROPPED, KEPT))
    return Case(
        "subcubic-cross-terms",
        "sub-cubic, float64 with float32 singular vectors (max-diff-exact, drop-average-query, max-diff-exact)",
        "σ₁ near 10^7: the cross terms, dropped as if the singular vectors were exact, are as large as the differences of scores",
        run,
        SubCubicRun(F64, "max-diff-exact", OFF, "max-diff-exact").steps,
        models.two_tokens(large=1e7, spread=1e-7, tie=False),
        ("cross terms kept", honest),
    )


_TRAINED: Tensors = load_file(TRAINED)
_IN_F64 = ("the same in float64", EXACT, F64)

_CASES = (
    forward_passes("near-tie", "a margin of a few ulps, on the wrong side", models.near_tie(Shape(2, 3))),
    forward_passes(
        "near-tie-float64",
        "the same in double precision: a longer format moves the problem",
        models.near_tie(Shape(2, 3), "<f8"),
        F64,
        None,
    ),
    forward_passes(
        "summation-order",
        "sums from the last term to the first give the true count",
        models.near_tie(Shape(2, 4)),
        F32,
        Floats("<f4", True),
    ),
    forward_passes(
        "index-ties", "equal logits: argmax takes the first index, here the right one", models.equal_columns(Shape(2, 5)), F32, None
    ),
    forward_passes(
        "saturation",
        "attention of e^−226 and e^−362 vanishes beside 1; it decides two sequences",
        models.saturated(Shape(2, 4), 64),
        F32,
        None,
        8_000,
    ),
    forward_passes(
        "saturation-float64",
        "the same with e^−905 and e^−1448, where exp underflows to 0 in double precision",
        models.saturated(Shape(2, 4), 256, "<f8"),
        F64,
        None,
        30_000,
    ),
    forward_passes(
        "common-score", "scores near 10^7 whose differences decide: cancellation in softmax", models.common_score(Shape(2, 6), 1e7)
    ),
    forward_passes(
        "common-logit", "logits near 10^8 whose differences decide: cancellation in argmax", models.common_logit(Shape(2, 4), 1e8, 0.7)
    ),
    forward_passes(
        "trained", "a trained network with noise: one of 4,096 margins is a few ulps, on the wrong side", models.trained(_TRAINED, 0.05)
    ),
    cubic_case("cubic-near-tie", "Λ < 0 after rounding, Λ > 0 before", models.near_tie(Shape(2, 2), positions=False)),
    cubic_case("cubic-near-tie-n3", "the same, counted for several arrangements", models.near_tie(Shape(3, 2), positions=False)),
    cubic_case("cubic-common-score", "cancellation in the scores", models.common_score(Shape(2, 4), 1e7)),
    cubic_case("cubic-common-logit", "cancellation in the differences of logits", models.common_logit(Shape(2, 4), 1e8, 0.7)),
    sub_cubic("subcubic-near-tie", "Λ < 0 after rounding, Λ > 0 before", models.near_tie(Shape(2, 2), positions=False), EXACT, _IN_F64),
    sub_cubic(
        "subcubic-norm",
        "the float32 spectral norm (times √2) is below the true one; rounded up, the claim is true",
        models.two_tokens(large=1, spread=0),
        SVD,
        ("norm rounded up", SVD_ROUNDED_UP, F32),
    ),
    cross_terms(),
    published_counterexample("direct", "mean-query+max-diff"),
    published_counterexample("positional", "max-diff-exact"),
)

_NEAR_TIES = {  # the search is content with this inflation: a near-tie gives one sequence, or few
    **dict.fromkeys(("near-tie", "near-tie-float64", "summation-order", "trained", "cubic-near-tie"), 1),
    **dict.fromkeys(("subcubic-near-tie", "subcubic-norm", "subcubic-cross-terms"), 1),
    "cubic-near-tie-n3": 2,
}
CASES = tuple(replace(case, enough=_NEAR_TIES.get(case.name, case.enough)) for case in _CASES)


def tensors_of(case: Case) -> Tensors:
    """The stored network of a case."""
    return {name: np.asarray(array) for name, array in load_file(case.model).items()}
