"""Claims about a margin, for every rule that proves one, against the margins of every sequence; near and exact ties with the margin."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from soundness.margin_cases import EXACT, MODELS, STEPS, TIES, blocks, deltas, model, verified

from proofcheck import Reason
from proofcheck.arithmetic import dyadic_above
from proofcheck.rules import RULES
from proofcheck.rules.counting import evaluation
from proofcheck.rules.reading import Reading, ReadingKind

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
    """Facts that do not speak of right and wrong hold in every reading; the other rules with margins are the keys of STEPS."""
    about_right = {name for name, rule in RULES.items() if rule.readings == {ReadingKind.REALS, ReadingKind.MARGIN}}
    assert {name.split("-")[0] if name.startswith("margin-") else name for name in about_right} == set(STEPS)
