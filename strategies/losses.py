"""Certificates about the mean loss: by boxes for Max-of-K of one head, or by evaluation of every input for any network.

They claim what the checker proves, rounded to a few digits away from the truth, and are verified from the file before they get their name.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

import proofcheck
from proofcheck import Certificate, Limits, Report, Step, encode_certificate
from proofcheck.certificate import ClaimSpec, ModelSpec, TaskSpec, sha256_hex
from proofcheck.models.attention_only import NAME as ATTENTION_ONLY
from proofcheck.rules.counting.loss_facts import LossSum
from strategies.emit import refuse_existing, relative_name
from strategies.evaluation import certificate_for
from strategies.max_of_k.loss_plans import FloatTables, tables_of
from strategies.max_of_k.loss_search import search
from strategies.models.load import load
from strategies.networks.evaluate import certificate_of

AT_MOST, AT_LEAST = "mean_loss_at_most", "mean_loss_at_least"
BOXES, EVALUATION = "loss-boxes", "evaluation-losses"
STRATEGIES = (BOXES, EVALUATION)
EVALUATIONS = 12e6  # boxes times rivals, by default
SHARES = (0.0, 1.0)  # of levels between least and largest margin; more of them for long sequences and for lower bounds
MORE_SHARES = (0.0, 0.3, 0.6, 1.0)
DIGITS = 7
PRECISION = 128


@dataclass(frozen=True, slots=True)
class ProvedLoss:
    """A certificate that was written, the bounds that its steps prove for the mean loss, and the seconds of search and of one check."""

    path: Path
    claim: str
    lower: Fraction
    upper: Fraction
    largest: Fraction
    search_seconds: float
    check_seconds: float


def prove_loss(
    model: Path,
    output: Path,
    strategy: str,
    kind: str = AT_MOST,
    evaluations: float = EVALUATIONS,
    limits: Limits | None = None,
    *,
    force: bool = False,
) -> ProvedLoss:
    """Search, let the checker bound, write, verify the file. Errors: OSError, ValueError, ProofcheckError."""
    refuse_existing(output, force=force)
    start = perf_counter()
    draft = boxes_certificate(model, output, kind, evaluations) if strategy == BOXES else evaluation_certificate(model, output, kind)
    searched = perf_counter() - start
    _, found = verified(draft, model, limits)
    total = draft.claim.fields["total"]
    bound = found.upper / total if kind == AT_MOST else found.lower / total
    certificate = replace(draft, claim=claim(kind, rounded(bound, up=kind == AT_MOST), total))
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(encode_certificate(certificate))
        temporary.chmod(0o644)
        start = perf_counter()
        report, _ = verified(temporary, model, limits)
        seconds = perf_counter() - start
        refuse_existing(output, force=force)
        os.replace(temporary, output)
    except BaseException:  # KeyboardInterrupt too: no partial file
        temporary.unlink(missing_ok=True)
        raise
    return ProvedLoss(output, report.claim, found.lower / total, found.upper / total, found.largest, searched, seconds)


def verified(certificate: Certificate | Path, model: Path, limits: Limits | None) -> tuple[Report, LossSum]:
    """The report and the last fact. Raises what the checker refuses."""
    facts: list[Any] = []
    report = proofcheck.Checker(limits=limits).verify(certificate, model=model, observe=lambda step, fact: facts.append(fact))
    report.raise_for_verdict()
    return report, facts[-1]


def claim(kind: str, nats: Fraction, total: int) -> ClaimSpec:
    """The claim of that kind."""
    return ClaimSpec(kind, {"nats": f"{nats.numerator}/{nats.denominator}", "total": total})


def rounded(bound: Fraction, *, up: bool, digits: int = DIGITS) -> Fraction:
    """To so many significant decimals, away from the truth."""
    if bound == 0:
        return bound
    power = 0
    while bound * 10**power < 10 ** (digits - 1):
        power += 1
    scaled = bound * 10**power
    return Fraction(-(-scaled.numerator // scaled.denominator) if up else scaled.numerator // scaled.denominator, 10**power)


def evaluation_certificate(model: Path, output: Path, kind: str) -> Certificate:
    """Every input, of any network that the evaluation strategies know; it claims nothing yet."""
    try:
        about = certificate_of(model, output)
    except (ValueError, KeyError):
        words = _stated_task(model)
        about = certificate_for(model, words, output)
    total = about.claim.fields["total"]
    steps = (Step("losses", EVALUATION), Step("sum", "sum-losses", ("losses",)))
    return replace(about, claim=_nothing(kind, total), steps=steps, provenance=_provenance(EVALUATION))


def _stated_task(model: Path) -> TaskSpec:
    loaded = load(model)
    return TaskSpec("max-of-k", {"n_ctx": loaded.n_ctx, "d_vocab": loaded.d_vocab})


def boxes_certificate(model: Path, output: Path, kind: str, evaluations: float) -> Certificate:
    """The boxes that a search by float bounds finds, about so many boxes times rivals; it claims nothing yet."""
    loaded = load(model)
    n, d = loaded.n_ctx, loaded.d_vocab
    tables = float_tables(model)
    shares = MORE_SHARES if kind == AT_LEAST or n > 5 else SHARES
    hints = search(tables, evaluations, shares, int(kind == AT_LEAST))
    sizes = {"n_ctx": n, "d_vocab": d, "d_model": loaded.d_model, "d_head": loaded.d_head}
    steps = (
        Step("tables", "path-expansion"),
        Step("losses", BOXES, ("tables",), hints),
        Step("sum", "sum-losses", ("losses",)),
    )
    return Certificate(
        claim=_nothing(kind, d**n),
        model=ModelSpec(ATTENTION_ONLY, sizes, relative_name(model, output.parent), sha256_hex(model.read_bytes())),
        task=TaskSpec("max-of-k", {"n_ctx": n, "d_vocab": d}),
        precision=PRECISION,
        steps=steps,
        provenance=_provenance(BOXES),
    )


def float_tables(model: Path) -> FloatTables:
    """The float tables of a model file."""
    loaded = load(model)
    names = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U", "b_Q", "b_K", "b_V", "b_O", "b_U")
    return tables_of({name: np.asarray(getattr(loaded, name).to(torch.float64).numpy()) for name in names})


def _nothing(kind: str, total: int) -> ClaimSpec:
    """A claim that any bounds imply."""
    return claim(kind, Fraction(10**9) if kind == AT_MOST else Fraction(0), total)


def _provenance(strategy: str) -> dict[str, str]:
    return {"strategy": strategy, "proofcheck": proofcheck.__version__}
