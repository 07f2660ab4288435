"""Mutants of `evaluation` certificates, judged by the second checker; `python -m tests.soundness.mutate_evaluation` tries thousands."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from soundness.mutate_evaluation import OPERATORS, Judged, mutants, shipped
from soundness.mutations_of_tasks import OPERATORS as OF_TASKS

from proofcheck import verification
from proofcheck.catalogue import BUILT_IN
from proofcheck.rules import RULES
from proofcheck.rules.counting.facts import ProvedBlocks
from tests.second_checker.both import compare


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[Judged]:
    return list(mutants(tmp_path_factory.mktemp("mutants"), 240, 7, random_networks=3))


def test_both_checkers_verify_or_neither(judged: list[Judged]) -> None:
    assert [str(found.comparison) for found in judged if found.wrong] == []


def test_the_sample_says_something(judged: list[Judged]) -> None:
    """Most kinds apply, most of them are refused for their own reason, and the reason is nearly always the same in both."""
    assert len(judged) == 240
    assert {found.kind for found in judged} >= set(OF_TASKS) and len({found.kind for found in judged}) >= len(OPERATORS) - 4
    outcomes = Counter(found.comparison.first for found in judged)
    assert len(outcomes) >= 15 and 20 <= sum(found.verified for found in judged) <= 120
    assert sum(found.comparison.agree for found in judged) >= 225


def test_a_rule_that_calls_every_input_right_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = next(seed for seed in shipped() if seed.model.startswith("modular-sum-of-2"))
    (tmp_path / "certificate.json").write_bytes(seed.text)
    (tmp_path / "weights.safetensors").write_bytes(seed.weights)
    assert compare(tmp_path / "certificate.json").agree

    def unsound(context: Any) -> ProvedBlocks:
        task = context.task
        return ProvedBlocks(tuple(tuple(task.block_size(q, y) for y in range(task.answers)) for q in range(task.d_vocab)))

    broken = replace(BUILT_IN, rules={**RULES, "evaluation": replace(RULES["evaluation"], apply=unsound)})
    monkeypatch.setattr(verification, "BUILT_IN", broken)
    comparison = compare(tmp_path / "certificate.json")
    assert comparison.first == ("VERIFIED", "") and comparison.outside
    assert Judged("none", seed, seed.text, seed.weights, comparison).wrong
