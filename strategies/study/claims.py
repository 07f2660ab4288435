"""What the published programs claim for one network in float32, beside what their own proofs prove and what is true.

For each of the 102 strategies: the float32 program's count; the count that the checker proves, in the published convention, from a
certificate with the float32 program's own gap table and directions (rules with the sound chord in place of the false lemma); and three
counts of classes that float32 accepts: those that the checker does not accept, those with a sequence that the network answers wrongly, and
those that the coded formula accepts in float64 while no argument from S1-S4 does (the false lemma).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import torch

from proofcheck import Checker, Step
from proofcheck.rules.attention_only.facts import ProvedClasses
from strategies.emit import draft
from strategies.max_of_k.strategy import Problem, Proposal, Strategy
from strategies.max_of_k.subcubic import MARGIN_RULES, Searches, qk_hints
from strategies.models.forward import logits
from strategies.models.load import Model
from strategies.study.float_cubic import cubic
from strategies.study.float_program import Claim, FloatProgram, published_count
from strategies.study.truth import Narrow, largest_rivals, narrow

BATCH = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """One claim. Counts of sequences by the published convention, but for `proved_whole`, which has (m − g + 1)^p. Counts of classes.

    claimed: float32. float64: the same formulas and gap table in float64. justified: the least bound of S1-S4 in float64, same table.
    proved, proved_whole: by the checker.
    classes: accepted by float32. unproved_classes: of these, not accepted by the checker. false_lemma_classes: accepted by the coded
    formula in float64, not by the least bound that S1-S4 justify. untrue_classes: accepted by float32, with a wrong sequence in them.
    """

    model: str
    strategy: str
    claimed: int
    float64: int
    justified: int
    proved: int
    proved_whole: int
    true: int
    classes: int
    unproved_classes: int
    false_lemma_classes: int
    untrue_classes: int


COLUMNS = tuple(field.name for field in fields(Row))


def claims(problem: Problem) -> Iterator[Row]:
    """The 102 rows of one Max-of-K network. Raises RuntimeError if a certificate with published hints is refused."""
    model, sizes = problem.model, problem.dimensions
    total = sizes.d_vocab**sizes.n_ctx
    close = narrow(model)
    true = total - int(close.wrong.sum())
    yield _whole(problem, "brute-force", float32_brute_force(model, close), total, true, true)
    checker = Checker()
    proved, _ = _check(checker, problem, (Step("tables", "path-expansion"), Step("classes", "cubic", ("tables",))))
    yield _whole(problem, "cubic", cubic(_cast(model, torch.float32)), total, proved, true)
    program = FloatProgram(model)
    double = FloatProgram(model, torch.float64, program.directions)
    limits = largest_rivals(close.tokens[close.wrong], sizes.d_vocab)
    steps = _Steps(problem, program)
    for claim in program.claims():
        yield _row(problem, claim, double, limits, true, _check(checker, problem, steps.of(claim)))


def float32_brute_force(model: Model, close: Narrow) -> int:
    """Right answers of a float32 forward pass: narrow sequences are run, the others are right as in float64."""
    single = _cast(model, torch.float32)
    wrong = sum(int((logits(single, tokens).argmax(-1) != tokens.amax(-1)).sum()) for tokens in close.tokens.split(BATCH))
    return int(model.d_vocab**model.n_ctx) - wrong


def _cast(model: Model, dtype: torch.dtype) -> Model:
    return Model(**{field.name: getattr(model, field.name).to(dtype) for field in fields(model)})


def _whole(problem: Problem, strategy: str, claimed: int, total: int, proved: int, true: int) -> Row:
    return Row(problem.path.stem, strategy, claimed, claimed, proved, proved, proved, true, 0, 0, 0, 0)


def _row(problem: Problem, claim: Claim, double: FloatProgram, limits: torch.Tensor, true: int, checked: tuple[int, torch.Tensor]) -> Row:
    names, gaps = (claim.direct, claim.attention, claim.error), claim.gaps
    ends = double.mixed(claim.error, gaps)
    coded = double.verify(claim.direct, claim.attention, gaps, ends) < 0
    whole, proved = checked
    justified = double.envelope(claim.direct, gaps, ends) < 0
    untrue = claim.accepted & (limits <= double.m - gaps)
    return Row(
        problem.path.stem,
        f"subcubic--{'--'.join(names)}",
        claimed=claim.count,
        float64=published_count(coded, gaps),
        justified=published_count(justified, gaps),
        proved=published_count(proved, gaps),
        proved_whole=whole,
        true=true,
        classes=int(claim.accepted.sum()),
        unproved_classes=int((claim.accepted & ~proved).sum()),
        false_lemma_classes=int((coded & ~justified).sum()),
        untrue_classes=int(untrue.sum()),
    )


class _Steps:
    """Certificates with the hints of a float program."""

    def __init__(self, problem: Problem, program: FloatProgram) -> None:
        self.searches, self.program = Searches(problem), program
        doubles = type(program.directions)(**{f.name: getattr(program.directions, f.name).double() for f in fields(program.directions)})
        self.searches.directions = lambda name: doubles
        self.hints = lru_cache(maxsize=None)(lambda error: qk_hints(self.searches, error))

    def of(self, claim: Claim) -> tuple[Step, ...]:
        """The seven steps; the last one is missing, since nothing is claimed."""
        svd = claim.direct.startswith("svd")
        direct = {"direction": self.program.svd_query(self.program.E_q).double().numpy()} if svd else {}
        return (
            Step("tables", "path-expansion"),
            Step("direct", f"direct-path-{claim.direct}", ("tables",), direct),
            Step("qk", f"qk-error-{claim.error}", ("tables",), self.hints(claim.error)),
            Step("attention", "attention-bounds", ("tables", "qk"), {"gaps": claim.gaps.numpy()}),
            Step("classes", MARGIN_RULES[claim.attention], ("tables", "direct", "attention")),
        )


class _Accepted:
    """An observer: the proved classes [q, m, c]."""

    def __init__(self) -> None:
        self.classes = torch.zeros(0, dtype=torch.bool)

    def __call__(self, step: Step, fact: object) -> None:
        if isinstance(fact, ProvedClasses):
            choices = torch.from_numpy(np.array(fact.choices)) >= 0  # [q, m, p]
            below = torch.zeros_like(choices)  # c = p + 1 for q < m
            below[:, :, 1:] = choices[:, :, :-1]
            same = torch.eye(len(choices), dtype=torch.bool)[:, :, None]
            self.classes = torch.where(same, choices, below)


def _check(checker: Checker, problem: Problem, steps: tuple[Step, ...]) -> tuple[int, torch.Tensor]:
    """(proved count, proved classes) of the steps up to the classes."""
    ends = (Step("blocks", "count-classes", ("classes",)), Step("count", "sum-blocks", ("blocks",)))
    strategy = Strategy("published hints", "", lambda problem: Proposal((*steps, *ends)))
    observer = _Accepted()
    report = checker.verify(draft(problem, strategy, problem.path), model=problem.path, observe=observer)
    if report.proved is None or report.error is not None:
        raise RuntimeError(f"{problem.path}: {report.line}")
    return report.proved, observer.classes
