"""Five hundred mutants of certificates; the nightly run (`python -m tests.soundness.mutate`) tries twenty thousand of more networks."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from soundness.mutation_judge import Judge, Judgement, Mutant
from soundness.mutation_seeds import Seed, seeds
from soundness.mutator import OPERATORS, mutate

from proofcheck import Reason, verification
from proofcheck.catalogue import BUILT_IN
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.facts import ProvedClasses
from strategies.max_of_k.registry import STRATEGIES

MUTANTS = 500


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Seed]:
    """All strategies on one network, and every eighth on another one on which they prove less than is true."""
    folder = tmp_path_factory.mktemp("seeds")
    return [*seeds(folder, ["trained-like-n2-d4"]), *seeds(folder, ["gaussian-n2-d3"], [*STRATEGIES][::8])]


@pytest.fixture(scope="module")
def judged(corpus: list[Seed], tmp_path_factory: pytest.TempPathFactory) -> list[Judgement]:
    generator, judge, kinds = random.Random(20), Judge(tmp_path_factory.mktemp("mutants")), list(OPERATORS)
    mutants = [mutate(generator, corpus, kinds[k % len(kinds)]) for k in range(MUTANTS)]
    return [judge(mutant) for mutant in mutants if mutant is not None]


def test_every_strategy_is_mutated(corpus: list[Seed]) -> None:
    assert {seed.strategy for seed in corpus} == set(STRATEGIES)


def test_nothing_false_is_accepted_or_derived(judged: list[Judgement]) -> None:
    assert [(j.mutant.kind, j.mutant.seed.name, j.explanation) for j in judged if j.unexplained] == []
    assert all(j.explanation for j in judged if j.survived)


def test_the_sample_says_something(judged: list[Judgement]) -> None:
    """All kinds are tried, most reason codes occur, and some mutants survive and are judged by brute force."""
    assert len(judged) == MUTANTS
    assert {j.mutant.kind for j in judged} == set(OPERATORS)
    outcomes = Counter(j.outcome for j in judged)
    assert len(outcomes) >= 20
    assert outcomes["not-proved"] >= 20
    assert sum(j.survived for j in judged) >= 60
    assert sum(j.facts for j in judged if not j.survived) >= 50


def test_seeds_survive_unchanged(corpus: list[Seed], tmp_path: Path) -> None:
    judge = Judge(tmp_path)
    for seed in corpus[:: len(corpus) // 7]:
        judgement = judge(Mutant("none", seed, seed.text, seed.weights))
        assert (judgement.outcome, judgement.explanation) == ("VERIFIED", "other white space")


def test_the_judge_sees_a_false_class_even_where_the_mutant_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a rule that accepts every class, the judge must object: to the verdict, and to the fact behind a refusal."""
    (seed,) = seeds(tmp_path, ["gaussian-n2-d3"], ["cubic"])
    rule = RULES["cubic"]

    def unsound(context: Any, *premises: Any) -> ProvedClasses:
        everything = tuple(tuple((0 if q <= m else -1, m if q == m else -1) for m in range(3)) for q in range(3))
        return ProvedClasses(everything)

    assert not Judge(tmp_path)(Mutant("none", seed, seed.text, seed.weights)).unexplained
    other = replace(BUILT_IN, rules={**RULES, "cubic": replace(rule, apply=unsound)})
    monkeypatch.setattr(verification, "BUILT_IN", other)
    accepted = Judge(tmp_path)(Mutant("none", seed, seed.text, seed.weights))
    assert accepted.survived
    assert accepted.unexplained
    too_much = seed.text.replace(f'"correct": {seed.proved}'.encode(), b'"correct": 1000')
    refused = Judge(tmp_path)(Mutant("none", seed, too_much, seed.weights))
    assert refused.outcome == Reason.NOT_PROVED
    assert refused.unexplained
