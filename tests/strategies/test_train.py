"""Training: the recipe's start and data, repeatable files, and a Ctrl-C that leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import strategies
from strategies.models.forward import logits
from strategies.models.load import load
from strategies.models.metadata import described
from strategies.models.recipe import BATCH, Recipe, initial_weights, last_logits, training_tokens
from strategies.models.train import main

SMALL = ["max-of-k", "--n-ctx", "3", "--d-vocab", "16", "--seed", "0", "--steps", "5"]
COMMAND = [sys.executable, "-c", "import sys; from strategies.models.train import main; sys.exit(main(sys.argv[1:]))"]


def environment(threads: int) -> dict[str, str]:
    root = str(Path(strategies.__file__).parents[1])
    return os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": root}


def test_initial_weights_have_the_recipe_s_spread_and_frozen_zero_biases() -> None:
    weights = initial_weights(Recipe(n_ctx=4, seed=123))
    assert {name for name, w in weights.items() if not w.any()} == {name for name in weights if ".b_" in name}
    assert abs(weights["embed.W_E"].std().item() - 0.8 / 32**0.5) < 0.01
    assert all(w.dtype == torch.float32 for w in weights.values())


def test_trained_biases_start_after_the_same_matrices() -> None:
    plain, biased = (initial_weights(Recipe(n_ctx=4, seed=123, biases=b)) for b in (False, True))
    assert all(biased[name].all() for name in biased if ".b_" in name)
    assert all(torch.equal(plain[name], biased[name]) for name in plain if ".b_" not in name)


def test_data_is_the_stream_of_one_draw_per_sequence() -> None:
    tokens = training_tokens(Recipe(n_ctx=4, seed=123, steps=2))
    generator = torch.Generator().manual_seed(3402695680)
    one_by_one = torch.stack([torch.randint(0, 64, (4,), generator=generator) for _ in range(2 * BATCH)])
    assert torch.equal(tokens, one_by_one)
    assert torch.equal(tokens[:BATCH], training_tokens(Recipe(n_ctx=4, seed=123, steps=1)))


def test_the_file_holds_the_trained_network_and_its_recipe(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    assert main([*SMALL, "-o", str(path)]) == 0
    with safe_open(str(path), framework="pt") as file:
        record = file.metadata()
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert float(record.pop("final_loss")) > 0
    expected = {"recipe": "max-of-k", "seed": "0", "n_ctx": "3", "d_vocab": "16", "steps": "5", "biases": "zero"}
    assert record == expected | {"torch": torch.__version__} | described("max-of-k n_ctx=3 d_vocab=16")
    assert not any(w.any() for name, w in weights.items() if ".b_" in name)
    tokens = torch.tensor([[0, 15, 3]])
    doubled = {name: w.double() for name, w in weights.items()}
    assert (last_logits(doubled, tokens) - logits(load(path), tokens)).abs().max().item() < 1e-12


def test_biases_are_trained_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    assert main([*SMALL, "--biases", "-o", str(path)]) == 0
    start = initial_weights(Recipe(n_ctx=3, seed=0, d_vocab=16, biases=True))
    with safe_open(str(path), framework="pt") as file:
        assert all(not torch.equal(file.get_tensor(name), w) for name, w in start.items() if ".b_" in name)
        assert file.metadata()["biases"] == "trained"


def test_loss_falls(tmp_path: Path) -> None:
    losses = []
    for steps in ("1", "200"):
        assert main([*SMALL[:-1], steps, "-o", str(tmp_path / steps)]) == 0
        with safe_open(str(tmp_path / steps), framework="pt") as file:
            losses.append(float(file.metadata()["final_loss"]))
    assert losses[1] < losses[0] / 2


def test_equal_runs_give_equal_bytes_whatever_the_threads(tmp_path: Path) -> None:
    assert main([*SMALL, "-o", str(tmp_path / "here")]) == 0
    command = [*COMMAND, *SMALL, "-o", str(tmp_path / "there")]
    subprocess.run(command, env=environment(threads=2), check=True, capture_output=True)
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()
    assert main(["max-of-k", "--n-ctx", "3", "--d-vocab", "16", "--seed", "1", "--steps", "5", "-o", str(tmp_path / "c")]) == 0
    assert (tmp_path / "here").read_bytes() != (tmp_path / "c").read_bytes()


def test_default_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, "--biases"]) == 0
    assert main([*SMALL[:-1], "6", "--biases"]) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"max-of-3-d-vocab-16-seed-0-steps-{steps}-biases.safetensors" for steps in (5, 6)]
    assert Recipe(n_ctx=4, seed=50).name == "max-of-4-seed-50"
    assert Recipe(n_ctx=4, seed=50, d_model=16).name == "max-of-4-d-model-16-seed-50"


def test_a_model_is_not_replaced_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"a model that certificates are about")
    assert main([*SMALL, "-o", str(path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert path.read_bytes() == b"a model that certificates are about"
    assert main([*SMALL, "-o", str(path), "--force"]) == 0
    load(path)


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_ctrl_c_leaves_no_file(tmp_path: Path) -> None:
    terminal, stderr = os.openpty()
    command = [*COMMAND, "max-of-k", "--n-ctx", "4", "--seed", "1", "--steps", "100000", "-o", "model.safetensors"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(threads=1), stderr=stderr) as process:
        os.close(stderr)
        shown = b""
        while b"max-of-4-seed-1-steps-100000 [" not in shown:  # the progress bar: training has begun
            shown += os.read(terminal, 1024)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(timeout=60) == 130
        finally:
            process.kill()  # or leaving the block would wait for it
    with contextlib.suppress(OSError):  # EIO: all was read and the other end is closed
        while more := os.read(terminal, 65536):
            shown += more
    os.close(terminal)
    assert b"interrupted; model.safetensors was not written" in shown
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_said_before_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "-o", str(tmp_path / "absent" / "model")]) == 2
    assert "cannot write into the folder" in capsys.readouterr().err
    assert main([*SMALL, "-o", str(tmp_path)]) == 2
    assert main([*SMALL, "-o", str(tmp_path / "model")]) == 0


@pytest.mark.parametrize("wrong", [["--steps", "0"], ["--d-vocab", "1"], ["--n-ctx", "0"], ["--seed", "-1"], ["--seed", "x"]])
def test_wrong_numbers_are_usage_errors(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*SMALL, *wrong])
    assert caught.value.code == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda_device_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--device", "cuda", "-o", str(tmp_path / "model")]) == 2
    assert "no CUDA device" in capsys.readouterr().err
