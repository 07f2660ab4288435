"""Proving from Python: `strategies.prove(model, task, strategy)`. What it returns was verified by the checker, in this process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import Any

import proofcheck
from proofcheck import Certificate, Limits, Report, Verdict, encode_certificate
from proofcheck.certificate import TaskSpec, accuracy_at_least
from strategies.budget import DEFAULT_SECONDS, Budget
from strategies.emit import ProveError, draft, refuse_existing, with_claim
from strategies.names import EVALUATION, full_name
from strategies.networks.task_words import task_document, task_fields
from strategies.write import packed, write

ROUNDS = 3  # the search's guess, then the checker's own count


@dataclass(frozen=True, slots=True)
class Proof:
    """A certificate that verifies, the checker's report of it, and where it is (None: in memory).

    left_out: what a longer search or a higher limit might still prove. seconds: of the search.
    """

    certificate: Certificate
    report: Report
    path: Path | None
    left_out: str
    seconds: float


def prove(
    model: str | Path,
    task: str | TaskSpec | Mapping[str, Any] | None = None,
    strategy: str = "exact",
    *,
    claim: str = "accuracy",
    margin: Fraction | None = None,
    roundings: int | None = None,
    tau: Fraction | None = None,
    output: str | Path | None = None,
    limits: Limits | None = None,
    search_seconds: float = DEFAULT_SECONDS,
    force: bool = False,
) -> Proof:
    """Search for a proof about the network in a weight file, and let the checker count what it proves.

    model: a safetensors file; a TransformerLens model becomes one by `strategies.models.adapters` or `strategies.networks.adapters`, and
    `strategies.models.save.save`. task: its words ("max-of-k n_ctx=4 d_vocab=64"), its fields ({"name": …}, also as JSON), None for what
    the file says, and for Max-of-K of the file's sizes. strategy: a name, alias or published name of `python -m strategies list`; those are
    about Max-of-K, and "evaluation" tries every input of any task and network. claim: "accuracy"; "margin" with `margin`, logits by which
    the right answer must lead; or with "evaluation" of a transformer "float32" or "float64": what each conforming evaluation in that format
    answers right, with these roundings and tau (None: see `strategies.networks.float_claims`). output: where the certificate goes; None
    keeps it in memory, its weights named from the working folder. limits: of the checker, None for those of `proofcheck.Limits()`.

    Raises UnknownStrategy; ValueError for a task or file that the strategy is not about; ProveError with the checker's reason;
    FileExistsError unless `force`; OSError.
    """
    path, place = Path(model), Path("certificate.json" if output is None else output)
    limits = Limits() if limits is None else limits
    if output is not None:
        refuse_existing(place, force=force)
    start = perf_counter()
    if (claim == "margin") != (margin is not None) or (margin is not None and margin < 0):
        raise ValueError('claim="margin" and a margin of at least 0 go together')
    ahead = Fraction(0) if margin is None else margin
    if claim not in ("accuracy", "margin") and strategy != EVALUATION:
        raise ValueError(f'claim="{claim}" goes with strategy="evaluation"')
    drafted = (
        _evaluation(path, task, place, claim, ahead, roundings, tau)
        if strategy == EVALUATION
        else _max_of_k(path, task, full_name(strategy), place, limits, search_seconds, ahead)
    )
    seconds = perf_counter() - start
    certificate, report = _counted(drafted, path, limits)
    if output is not None:
        refuse_existing(place, force=force)
        write(place, packed(place, encode_certificate(certificate)))
        report = proofcheck.verify(place, model=path, limits=limits)
        report.raise_for_verdict()
    return Proof(certificate, report, None if output is None else place, certificate.provenance.get("left_out", ""), seconds)


def _max_of_k(path: Path, task: Any, strategy: str, place: Path, limits: Limits, seconds: float, margin: Fraction) -> Certificate:
    from strategies.max_of_k.registry import STRATEGIES  # torch
    from strategies.max_of_k.strategy import Problem
    from strategies.suitability import refusal

    problem = Problem(path, limits, Budget(seconds), margin)
    if task is not None and _spec(task).words() != problem.task:
        raise ValueError(
            f"the strategy {strategy} is about {problem.task}, not {_spec(task).words()}; strategy='evaluation' is about any task"
        )
    refused = refusal(problem)
    if refused:
        raise ValueError(refused)
    return draft(problem, STRATEGIES[strategy], place)


def _evaluation(
    path: Path, task: Any, place: Path, claim: str, margin: Fraction, roundings: int | None, tau: Fraction | None
) -> Certificate:
    from strategies.networks.float_claims import about_floats

    certificate = _exhaustive(path, task, place)
    if claim in ("accuracy", "margin"):
        total = certificate.claim.fields["total"]
        assert isinstance(total, int)
        return replace(certificate, claim=accuracy_at_least(0, total, margin))
    return about_floats(certificate, claim, roundings, tau)


def _exhaustive(path: Path, task: Any, place: Path) -> Certificate:
    from strategies import evaluation
    from strategies.models.metadata import read_metadata
    from strategies.networks import evaluate

    known = read_metadata(path).get("proofcheck.architecture", "")
    if known in evaluation.AXES:
        if task is None:
            raise ValueError("the file does not say for which task the network was trained: give one")
        return evaluation.certificate_for(path, _spec(task), place)
    spec = None if task is None else _spec(task)
    text = "" if spec is None else json.dumps(task_document(spec.name, spec.fields))
    return evaluate.certificate_of(path, place, text)


def _spec(task: str | TaskSpec | Mapping[str, Any]) -> TaskSpec:
    """ValueError for what is no task."""
    if isinstance(task, TaskSpec):
        return task
    return TaskSpec(*task_fields(task if isinstance(task, str) else json.dumps(dict(task))))


def _counted(certificate: Certificate, model: Path, limits: Limits) -> tuple[Certificate, Report]:
    """The certificate that claims what the checker counts. Raises ProveError."""
    for _ in range(ROUNDS):
        report = proofcheck.verify(certificate, model=model, limits=limits)
        if report.verdict is Verdict.VERIFIED and report.proved == report.claimed:
            return certificate, report
        error = report.error
        if error is not None and error.code is not proofcheck.Reason.NOT_PROVED:
            raise ProveError(f"{report.verdict} {error.code}: {error.message}", code=str(error.code), declined=report.exit_code == 2)
        certificate = with_claim(certificate, 0 if error is not None else report.proved)
    raise ProveError("the checker counts differently each time; this is a bug")


__all__ = ["Proof", "ProveError", "prove"]
