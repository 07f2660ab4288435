"""Certificates about the mean loss from strategies: true, verified from the file, better with more boxes; what the command says."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from soundness.losses import true_losses
from soundness.small_models import Shape, safetensors_bytes, trained_like

import proofcheck
from proofcheck import Verdict
from strategies import losses
from strategies.cli.main import main
from strategies.max_of_k.loss_plans import _grouped

SHAPE = Shape(3, 5, 4, 3)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.safetensors"
    path.write_bytes(safetensors_bytes(trained_like(SHAPE, 3, gain=0.7)))
    return path


def test_boxes_close_in_on_the_truth(model: Path, tmp_path: Path) -> None:
    exact = true_losses(trained_like(SHAPE, 3, gain=0.7))
    truth = sum(low for low, _ in exact.values()) / len(exact)
    found = []
    for evaluations in (10, 10**6):
        high = losses.prove_loss(model, tmp_path / f"h{evaluations}.json", losses.BOXES, losses.AT_MOST, evaluations)
        low = losses.prove_loss(model, tmp_path / f"l{evaluations}.json", losses.BOXES, losses.AT_LEAST, evaluations)
        assert low.lower <= truth * (1 + Fraction(1, 10**9)) and truth <= high.upper
        found.append((low.lower, high.upper))
        assert proofcheck.verify(tmp_path / f"h{evaluations}.json", model=model).verdict is Verdict.VERIFIED
    assert found[1][1] - found[1][0] < found[0][1] - found[0][0]


def test_evaluation_is_exact_and_the_claim_is_rounded_away_from_the_truth(model: Path, tmp_path: Path) -> None:
    high = losses.prove_loss(model, tmp_path / "h.json", losses.EVALUATION, losses.AT_MOST)
    low = losses.prove_loss(model, tmp_path / "l.json", losses.EVALUATION, losses.AT_LEAST)
    assert high.lower == low.lower and high.upper == low.upper
    assert high.upper - high.lower < high.upper / 10**9
    assert losses.rounded(high.upper, up=True) >= high.upper > losses.rounded(high.upper, up=False)
    with pytest.raises(FileExistsError):
        losses.prove_loss(model, tmp_path / "h.json", losses.EVALUATION)


def test_the_command(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["prove", str(model), "-o", str(tmp_path / "c.json"), "--claim", "loss", "--strategy"]
    assert main([*wanted, "cubic"]) == 2
    assert "loss-boxes or evaluation-losses" in capsys.readouterr().err
    assert main([*wanted, "loss-boxes", "--operations", "1000"]) == 0
    assert "mean loss <= " in capsys.readouterr().out
    assert main([*wanted, "loss-boxes"]) == 2  # it is there already
    assert main([*wanted, "evaluation-losses", "--force", "--limit", "work=10"]) == 2
    assert proofcheck.verify(tmp_path / "c.json", model=model).verdict is Verdict.VERIFIED


def test_rounding() -> None:
    assert losses.rounded(Fraction(0), up=True) == 0
    assert losses.rounded(Fraction(1, 3), up=True, digits=3) == Fraction(334, 1000)
    assert losses.rounded(Fraction(1, 3000), up=False, digits=3) == Fraction(333, 10**6)


def test_groups_are_runs_with_little_spread() -> None:
    import numpy as np

    weights = np.array([9.0, 8.9, 2.0, 1.9, 0.1, 0.0])
    assert [part.tolist() for part in _grouped(weights, 3)] == [[0, 1], [2, 3], [4, 5]]
    assert [part.tolist() for part in _grouped(weights, 9)] == [[0], [1], [2], [3], [4], [5]]
    assert _grouped(np.zeros(0), 2) == []
