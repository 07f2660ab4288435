"""Claims about a margin, for every rule that proves one, against the margins of every sequence; near and exact ties with the margin."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from soundness import margin_attacks
from soundness.margin_cases import EXACT, MODELS, STEPS, TIES, blocks, deltas, model, verified
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, certificate

import proofcheck
from proofcheck import Extension, Reason, Step, Verdict
from proofcheck.arithmetic import dyadic_above
from proofcheck.certificate import accuracy_at_least
from proofcheck.rules import RULES
from proofcheck.rules.counting import evaluation
from proofcheck.rules.reading import Reading, ReadingKind
from proofcheck.rules.rule import Cost, Rule
from proofcheck.tasks import Task

CORPUS = Path(__file__).parents[2] / "certificates" / "reject"

OWN = (Reason.OUT_OF_RANGE, Reason.BAD_HINT)  # scores beyond float64 relative to the max token's; expansions that random hints do not allow


def false_claims(rule: str, k: int, folder: Path, backend: str = "fast") -> tuple[int, int]:
    """(false claims, sequences proved right or wrong) over some margins."""
    rng = np.random.default_rng(7 * k + sorted(STEPS).index(rule))
    false = proved = 0
    for delta in deltas(k, rng):
        outcome = verified(k, STEPS[rule](k, rng), delta, folder, backend)
        if outcome.report.error is not None:
            assert outcome.report.error.code in OWN, (rule, model(k)[0], outcome.report.error)
            continue
        right, wrong = blocks(k, rounded(delta))
        for fact in outcome.blocks:
            d = len(right)
            counts, lost = np.array(fact.counts)[:, :d], np.array(fact.wrong or np.zeros((d, d), dtype=np.int64))[:, :d]
            false += int((counts > right).sum() + (lost > wrong).sum())
            proved += int(counts.sum() + lost.sum())
            if rule in EXACT and not fact.undecided:
                false += int((counts + lost != np.maximum(right, counts) + np.minimum(wrong, lost)).sum())
    return false, proved


def rounded(delta: Fraction) -> Fraction:
    """What the checker decides by: docs/readings.md."""
    return Fraction(-(-delta.numerator * 2**64 // delta.denominator), 2**64)


@pytest.mark.parametrize("rule", STEPS)
def test_never_more_than_the_truth(rule: str, tmp_path: Path) -> None:
    total = 0
    for k in range(sorted(STEPS).index(rule) % 5, MODELS + TIES, 5):
        false, proved = false_claims(rule, k, tmp_path)
        assert false == 0, (rule, model(k)[0])
        total += proved
    assert total > 0


@pytest.mark.parametrize("rule", STEPS)
def test_without_floats(rule: str, tmp_path: Path) -> None:
    for k in range(3, MODELS + TIES, 31):
        assert false_claims(rule, k, tmp_path, "arb")[0] == 0, (rule, model(k)[0])


@pytest.mark.parametrize("rule", STEPS)
@pytest.mark.parametrize("k", range(MODELS, MODELS + 6))
def test_a_tie_with_the_margin_is_not_right(rule: str, k: int, tmp_path: Path) -> None:
    """Margins of these networks are the numbers b_U[m] − b_U[j]: at most that of the top token and its nearest rival is ever proved."""
    _, shape, tensors = model(k)
    b = [Fraction(float(value)) for value in tensors["unembed.b_U"]]
    tie, step = b[-1] - b[-2], Fraction(1, 2**40)
    rng, top = np.random.default_rng(k), shape.d_vocab - 1
    at, below = (verified(k, STEPS[rule](k, rng), delta, tmp_path) for delta in (tie, tie - step))
    for outcome in (at, below):
        assert outcome.report.error is None or outcome.report.error.code in OWN
    assert at.report.proved == 0
    if rule in EXACT:
        size = shape.d_vocab**shape.n_ctx - top**shape.n_ctx
        assert below.report.proved == size
        assert at.report.wrong == shape.d_vocab**shape.n_ctx or rule == "evaluation"  # which has no terms that cancel


@pytest.mark.parametrize("rule", STEPS)
def test_a_rule_that_forgot_the_margin_would_be_seen(rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("less_margin", "plus_margin"):
        monkeypatch.setattr(Reading, name, lambda self, exact: exact)
    monkeypatch.setattr(evaluation.Margin, "__init__", _forgotten)
    assert any(false_claims(rule, k, tmp_path)[0] for k in (*range(MODELS, MODELS + TIES), *range(MODELS)))


def _forgotten(self, reading, arithmetic):  # type: ignore[no-untyped-def]
    self.exact, self.enclosed = dyadic_above(Fraction(0), 0), None


def test_every_rule_that_says_so_is_tested_here() -> None:
    """The other rules speak of no answer, or only add up what others have proved."""
    proving = {name for name, rule in RULES.items() if rule.apply.__annotations__["return"] in ("ProvedBlocks", "ProvedClasses")}
    about_margins = {name for name in proving - {"count-classes"} if ReadingKind.MARGIN in RULES[name].readings}
    assert {"margin" if name.startswith("margin-") else name for name in about_margins} == set(STEPS)


@pytest.mark.parametrize("name", margin_attacks.twins())
def test_the_twins_of_the_attacks_in_the_corpus_verify(name: str) -> None:
    decoded = proofcheck.decode_certificate(margin_attacks.twins()[name], proofcheck.Limits())
    report = proofcheck.verify(decoded, model=CORPUS / "weights" / "adder.safetensors")
    assert (report.verdict, report.proved) == (Verdict.VERIFIED, 9)
    margin = Fraction(str(decoded.claim.fields["margin"]))
    assert report.claim == (f"accuracy with margin > {margin} >= 9/9 (1.000000)" if margin else "accuracy >= 9/9 (1.000000)")


def test_the_memo_keeps_readings_apart() -> None:
    """One checker, one network, claims of different margins in turn: each is what a fresh checker says."""
    margins = [Fraction(n, 4) for n in (0, 40, 0, 8, 3, 40, 8)]
    checker, path = proofcheck.Checker(), CORPUS / "weights" / "tiny.safetensors"
    for margin in margins:
        for steps in (BRUTE_FORCE, CUBIC):
            plain = certificate(path.read_bytes(), Shape(2, 3), steps)
            claimed = replace(plain, claim=accuracy_at_least(0, 9, margin))
            assert checker.verify(claimed, model=path).proved == proofcheck.verify(claimed, model=path).proved


def test_a_rule_that_does_not_speak_of_margins_is_refused() -> None:
    """Also one of an extension, whose author has not heard of readings."""
    deaf = Rule("deaf/blocks", lambda context: None, (), lambda sizes, limits: Cost(0), model=object, task=Task)  # type: ignore[arg-type, return-value]
    extension = Extension("deaf", "1", "0" * 64, rules=(deaf,))
    path = CORPUS / "weights" / "tiny.safetensors"
    plain = certificate(path.read_bytes(), Shape(2, 3), (Step("blocks", "deaf/blocks"), Step("count", "sum-blocks", ("blocks",))))
    claimed = replace(plain, claim=accuracy_at_least(0, 9, Fraction(1, 2)), extensions={"deaf": "1"})
    report = proofcheck.verify(claimed, model=path, trust=[extension])
    assert report.error is not None
    assert report.error.code is Reason.RULE_NOT_APPLICABLE
