"""A rule whose theorem is about other networks or tasks is refused before its costs and hints are looked at, and `evaluation` is not."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from soundness.small_models import Shape, certificate, random_model, safetensors_bytes
from test_kernel import refusal, run

from proofcheck import Certificate, Reason, Step
from proofcheck.catalogue import BUILT_IN
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least
from proofcheck.limits import Limits
from proofcheck.models import decode_weights
from proofcheck.rules import RULES
from proofcheck.tasks import MaxOfK, Task

EVALUATION = (Step("blocks", "evaluation"), Step("count", "sum-blocks", ("blocks",)))
SHAPE = Shape(2, 3)
ATTENTION = safetensors_bytes(random_model(SHAPE, 0))
TABLES = safetensors_bytes(
    {
        "embed.W_E": np.random.default_rng(0).standard_normal((2, 3, 4)).astype("<f4"),
        "unembed.W_U": np.random.default_rng(1).standard_normal((4, 3)).astype("<f4"),
    }
)


def about_tables(*steps: Step) -> Certificate:
    sizes = {"n_ctx": 2, "d_vocab": 3, "d_model": 4, "d_vocab_out": 3}
    model = ModelSpec("sum-of-tables-relu", sizes, "weights.safetensors", hashlib.sha256(TABLES).hexdigest())
    return Certificate(accuracy_at_least(0, 9), model, TaskSpec("modular-sum", {"n_ctx": 2, "d_vocab": 3}), 128, steps)


def about_minimum(*steps: Step) -> Certificate:
    found = certificate(ATTENTION, SHAPE, steps)
    return Certificate(found.claim, found.model, TaskSpec("min-of-k", dict(found.task.fields)), 128, steps)


ELSEWHERE: dict[str, tuple[Any, bytes]] = {"tables": (about_tables, TABLES), "minimum": (about_minimum, ATTENTION)}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_evaluation_applies(name: str) -> None:
    about, weights = ELSEWHERE[name]
    outcome = run(about(*EVALUATION), weights)
    assert outcome.fact.correct + outcome.fact.wrong == 9  # type: ignore[attr-defined]


def test_every_rule_about_attention_is_refused_for_tables() -> None:
    """Without hints and premises: what the rule is about comes first. A cost may name d_head, which these networks have not."""
    refused = [name for name, rule in RULES.items() if rule.model is not object]
    assert len(refused) > 20
    for name in refused:
        error = refusal(about_tables(*EVALUATION[:1], Step("more", name), EVALUATION[1]), TABLES)
        assert (error.code, error.step, error.rule) == (Reason.RULE_NOT_APPLICABLE, "more", name)


def test_every_rule_about_the_maximum_is_refused_for_the_minimum() -> None:
    refused = [name for name, rule in RULES.items() if rule.task is not Task]
    assert "cubic" in refused and all(RULES[name].task is MaxOfK for name in refused)
    for name in refused:
        assert refusal(about_minimum(*EVALUATION[:1], Step("more", name), EVALUATION[1]), ATTENTION).code is Reason.RULE_NOT_APPLICABLE


def test_architectures_say_what_they_build() -> None:
    """So that no rule about a network is refused for being declared too narrowly, or let through by a wrong declaration."""
    for name, (about, weights) in ELSEWHERE.items():
        found = about(*EVALUATION)
        outcome = run(found, weights)
        architecture, frame = outcome.frame.architecture, outcome.frame
        assert architecture is BUILT_IN.architectures[found.model.architecture], name
        decoded = decode_weights(weights, architecture.tensors(frame.dimensions, frame.options), Limits())
        assert type(architecture.build(frame.dimensions, frame.options, decoded)) is architecture.model
