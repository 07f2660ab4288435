"""Experiments: the one in docs/extending, and one that lies outside of the repository."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import proofcheck
from strategies.cli.main import main
from strategies.study.experiment import ExperimentError, load

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "docs" / "extending" / "token_at"

# a task and a network that the template does not have, with a hint that its analysis finds
TRAIN = """
import numpy as np
from safetensors.numpy import save_file


def train(output):
    # W_E[i, x] = (x, 1) at position i; answers 0 … 4 score −(y − sum)² up to what does not depend on y
    W_E = np.zeros((2, 3, 2), dtype=np.float32)
    W_E[:, :, 0], W_E[0, :, 1] = np.arange(3), 1
    y = np.arange(5)
    W_U = np.stack([2 * y, -y * y]).astype(np.float32)
    metadata = {"proofcheck.architecture": "sum-of-tables-relu"}
    save_file({"embed.W_E": W_E, "unembed.W_U": W_U, "unembed.b_U": np.zeros(5, dtype=np.float32)}, output, metadata)
"""
ANALYSIS = """
from safetensors.numpy import load_file


def analyse(weights):
    return {"answers": int(load_file(weights)["unembed.W_U"].shape[1])}
"""
VERIFICATION = """
import hashlib

import numpy as np

from proofcheck import Certificate, Step
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least


def certificates(weights, found):
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    sizes = {"n_ctx": 2, "d_vocab": 3, "d_model": 2, "d_vocab_out": found["answers"]}
    model = ModelSpec("sum-of-tables-relu", sizes, weights.name, digest)
    steps = (Step("blocks", "evaluation"), Step("count", "sum-blocks", ("blocks",)))
    words = {"n_ctx": 2, "d_vocab": 3}
    for name, task in (("sum", TaskSpec("modular-sum", words)), ("first", TaskSpec("token-at", {**words, "position": 0}))):
        yield name, Certificate(accuracy_at_least(9, 9), model, task, 128, steps)
"""


def test_the_template(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiment", str(TEMPLATE), "-o", str(tmp_path)]) == 0
    assert "accuracy >= 25/25" in capsys.readouterr().out
    found = json.loads((tmp_path / "analysis.json").read_text())
    assert found["attention on position 0"]["least"] > 0.5
    report = proofcheck.verify(tmp_path / "evaluation.json")
    assert report.exact
    assert report.claimed == report.proved == 25
    weights = (tmp_path / "weights.safetensors").read_bytes()
    stamp = (tmp_path / "weights.safetensors").stat().st_mtime_ns
    assert main(["experiment", str(TEMPLATE), "-o", str(tmp_path)]) == 0
    assert (tmp_path / "weights.safetensors").stat().st_mtime_ns == stamp
    (tmp_path / "weights.safetensors").write_bytes(weights[:-1] + b"!")  # changed: trained again
    assert main(["experiment", str(TEMPLATE), "-o", str(tmp_path)]) == 0
    assert (tmp_path / "weights.safetensors").read_bytes() == weights


def outside(folder: Path) -> Path:
    folder.mkdir()
    for part, text in (("train", TRAIN), ("analysis", ANALYSIS), ("verification", VERIFICATION)):
        (folder / f"{part}.py").write_text(text)
    return folder


def test_an_experiment_from_outside(tmp_path: Path) -> None:
    """By the command, started elsewhere; its certificates verify without it."""
    experiment, out = outside(tmp_path / "mine"), tmp_path / "out"
    command = [sys.executable, "-c", "import sys; from strategies.cli.main import main; sys.exit(main(sys.argv[1:]))"]
    done = subprocess.run(
        [*command, "experiment", str(experiment), "-o", str(out)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reports = [proofcheck.verify(out / f"{name}.json") for name in ("sum", "first")]
    assert all(report.exact for report in reports)
    assert [report.task for report in reports] == ["modular-sum n_ctx=2 d_vocab=3", "token-at n_ctx=2 d_vocab=3 position=0"]
    # the network adds: x + y is the sum modulo 3 for six of nine pairs, and x for the three with y = 0
    assert [report.proved for report in reports] == [6, 3]


def test_what_the_checker_refuses_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = outside(tmp_path / "mine")
    (experiment / "verification.py").write_text(VERIFICATION.replace('"evaluation"', '"cubic"'))
    assert main(["experiment", str(experiment), "-o", str(tmp_path / "out")]) == 1
    assert "REJECTED" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["analysis.json", "weights.json", "weights.safetensors"]


def test_a_folder_that_is_no_experiment_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiment", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "has no train.py" in capsys.readouterr().err
    experiment = outside(tmp_path / "mine")
    (experiment / "analysis.py").write_text("def other(): ...\n")
    with pytest.raises(ExperimentError, match="has no function analyse"):
        load(experiment, "analysis")
    (experiment / "analysis.py").write_text("def analyse(weights): return 3\n")
    assert main(["experiment", str(experiment), "-o", str(tmp_path / "out")]) == 2
    assert "must return a dictionary" in capsys.readouterr().err
