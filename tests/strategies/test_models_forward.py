"""The float64 forward pass against the definition written out, and counts that are known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from test_models_load import random_state_dict

from strategies.models.forward import logits, right, sampled_accuracy
from strategies.models.load import Model, from_state_dict, load

MODELS = Path(__file__).parents[2] / "certificates" / "models"


def all_sequences(model: Model) -> torch.Tensor:
    return torch.cartesian_prod(*[torch.arange(model.d_vocab)] * model.n_ctx)


def by_definition(model: Model, sequence: list[int]) -> torch.Tensor:
    """One sequence through every position with a causal mask, as TransformerLens computes it; the last logits."""
    residual = torch.stack([model.W_E[token] + model.W_pos[p] for p, token in enumerate(sequence)])
    q, k, v = residual @ model.W_Q + model.b_Q, residual @ model.W_K + model.b_K, residual @ model.W_V + model.b_V
    scores = q @ k.T / math.sqrt(model.d_head)
    future = torch.ones_like(scores).triu(1).bool()
    z = scores.masked_fill(future, -math.inf).softmax(-1) @ v
    return ((residual + z @ model.W_O + model.b_O) @ model.W_U + model.b_U)[-1]


def test_logits_are_those_of_the_definition() -> None:
    model = from_state_dict(random_state_dict())
    tokens = all_sequences(model)
    expected = torch.stack([by_definition(model, row.tolist()) for row in tokens])
    assert (logits(model, tokens) - expected).abs().max().item() < 1e-12 * expected.abs().max().item()


@pytest.mark.parametrize("name", ["counterexample-mean-diff-direct", "counterexample-mean-diff-positional"])
def test_the_counterexamples_answer_12_of_64(name: str) -> None:
    model = load(MODELS / f"{name}.safetensors")
    assert int(right(model, all_sequences(model)).sum()) == 12


def test_a_tie_is_wrong() -> None:
    state_dict = {name: torch.zeros_like(tensor) for name, tensor in random_state_dict().items()}
    assert not right(from_state_dict(state_dict), torch.tensor([[0, 1, 2]])).any()
    state_dict["unembed.b_U"][2] = 1.0
    assert right(from_state_dict(state_dict), torch.tensor([[0, 1, 2]])).all()


def test_sampled_accuracy_is_repeatable_and_near_the_share_of_all_sequences() -> None:
    model = load(MODELS / "counterexample-mean-diff-direct.safetensors")
    accuracy = sampled_accuracy(model, 100_000, seed=1)
    assert accuracy == sampled_accuracy(model, 100_000, seed=1)
    assert accuracy != sampled_accuracy(model, 100_000, seed=2)
    assert abs(accuracy - 12 / 64) < 0.01  # eight standard errors


def test_the_tiny_model_is_right_everywhere() -> None:
    model = load(MODELS / "max-of-3-d-vocab-16-seed-0.safetensors")
    assert right(model, all_sequences(model)).all()


def test_wrong_arguments_are_refused() -> None:
    model = from_state_dict(random_state_dict())
    with pytest.raises(ValueError, match=r"expected \(batch, 3\)"):
        logits(model, torch.zeros(1, 4, dtype=torch.int64))
    with pytest.raises(IndexError):
        logits(model, torch.tensor([[0, 0, 5]]))
    with pytest.raises(ValueError, match="at least 1"):
        sampled_accuracy(model, 0, seed=0)
    assert logits(model, torch.tensor([[0, 0, 4]])).shape == (1, 5)
