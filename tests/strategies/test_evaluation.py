"""Certificates by rule `evaluation`: the shipped ones, the command, what it refuses; and the networks they are about."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import proofcheck
from proofcheck.certificate import TaskSpec, encode_certificate
from strategies.evaluation import certificate_for, described_by, main, task_of, write
from strategies.models.examples import EXAMPLES, STARTS, TABLES, Example, cayley_table, metadata, train
from strategies.models.examples import main as train_examples
from strategies.models.examples import write as write_model
from strategies.models.metadata import read_metadata

CERTIFICATES = Path(__file__).parents[2] / "certificates"
by_name = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


def shipped(example: Example) -> tuple[Path, Path]:
    """Weight file and certificate."""
    return CERTIFICATES / "models" / f"{example.name}.safetensors", CERTIFICATES / "accept" / f"{example.name}--evaluation.json"


@by_name
def test_the_shipped_certificates_are_what_the_strategy_writes(example: Example) -> None:
    model, path = shipped(example)
    assert encode_certificate(certificate_for(model, example.task, path)) == path.read_bytes()
    assert json.loads(path.read_bytes())["format"]["version"] == (
        "1.0" if "attention" in example.architecture and len(example.task.fields) == 2 else "1.1"
    )


@by_name
def test_they_are_exact_and_float64_agrees(example: Example) -> None:
    """torch's own float64 forward pass answers as many inputs; every input is decided. The files are small."""
    model, path = shipped(example)
    report = proofcheck.verify(path)
    assert report.exact and report.proved == report.claimed
    tokens, answers = (torch.from_numpy(table) for table in next(iter(example.built().machine.batches(1 << 20))))
    weights = {name: tensor.double() for name, tensor in load_file(model).items()}
    logits = STARTS[example.architecture](example)[1](weights, tokens)
    assert int((logits.argmax(1) == answers).sum()) == report.proved
    assert model.stat().st_size < 5_000


@by_name
def test_docs_models_has_their_numbers(example: Example) -> None:
    report = proofcheck.verify(shipped(example)[1])
    (row,) = [line for line in (CERTIFICATES.parent / "docs" / "models.md").read_text().splitlines() if f"`{example.name}`" in line]
    assert row.endswith(f"| {report.proved} of {report.total} |") and f"`{example.task.name}`" in row


@by_name
def test_the_shipped_networks_say_what_they_are(example: Example) -> None:
    stated = read_metadata(shipped(example)[0])
    expected = metadata(example, 0.0)
    assert {k: v for k, v in stated.items() if k not in ("torch", "final_loss")} == {
        k: v for k, v in expected.items() if k not in ("torch", "final_loss")
    }
    assert described_by(shipped(example)[0])[0] == example.architecture == stated["proofcheck.architecture"]


@pytest.mark.parametrize("example", [EXAMPLES[0], EXAMPLES[3]], ids=lambda example: example.name)
def test_equal_seeds_give_equal_bytes_and_other_seeds_others(example: Example, tmp_path: Path) -> None:
    short = replace(example, steps=3)
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
    first, second = write_model(short, tmp_path / "a"), write_model(short, tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    assert write_model(replace(short, seed=1), tmp_path / "c").read_bytes() != first.read_bytes()
    trained, untrained = train(short)[0], train(replace(short, steps=1))[0]
    assert all(trained[name].dtype == torch.float32 and not torch.equal(trained[name], untrained[name]) for name in trained)


def test_the_command_writes_a_certificate_that_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, _ = shipped(EXAMPLES[4])
    path = tmp_path / "group.json"
    arguments = [str(model), "--task", "group-product n_ctx=2", "--table", json.dumps(cayley_table(3).tolist()), "-o", str(path)]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{path}: accuracy >= 36/36\n"
    assert proofcheck.verify(path, model=model).proved == 36
    assert main(arguments) == 2  # it is there already
    assert "--force" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0


@pytest.mark.parametrize(
    ("words", "table", "status", "said"),
    [
        ("modular-sum n_ctx=2 d_vocab=11", "", 0, ""),
        ("min-of-k n_ctx=2 d_vocab=11", "", 1, "metadata-mismatch"),
        ("modular-sum n_ctx=3 d_vocab=11", "", 1, "task-mismatch"),
        ("modular-sum n_ctx=2", "", 1, "missing-field"),
        ("token-at n_ctx=2 d_vocab=11 position=2", "", 1, "bad-number"),
        ("group-product n_ctx=2", "[[0, 1], [1, 1]]", 1, "bad-array"),
        ("second-largest n_ctx=2 d_vocab=11", "", 2, "there are max-of-k"),
        ("", "", 2, "there is no task ''"),
        ("modular-sum n_ctx", "", 2, "n_ctx=: a whole number is wanted"),
        ("modular-sum n_ctx=two d_vocab=11", "", 2, "n_ctx=two: a whole number is wanted"),
        ("group-product n_ctx=2", "[[0, 1", 2, "Expecting"),
    ],
)
def test_what_the_command_refuses(
    words: str, table: str, status: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, path = shipped(EXAMPLES[3])[0], tmp_path / "c.json"
    assert main([str(model), "--task", words, *(["--table", table] if table else []), "-o", str(path)]) == status
    assert said in capsys.readouterr().err
    assert path.exists() == (status == 0)
    assert [entry.name for entry in tmp_path.iterdir() if entry != path] == []  # and no temporary file


def test_files_of_no_known_architecture_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "other.safetensors"
    save_file({"embed.W_E": torch.zeros(3, 2)}, path)
    with pytest.raises(ValueError, match=r"no tensor pos_embed\.W_pos"):
        described_by(path)
    save_file({"embed.W_E": torch.zeros(3, 2)}, path, {"proofcheck.architecture": "mlp"})
    with pytest.raises(ValueError, match="says that it is mlp"):
        described_by(path)
    path.write_bytes(b"PK")
    assert main([str(path), "--task", "min-of-k n_ctx=2 d_vocab=3", "-o", str(tmp_path / "c.json")]) == 2
    assert "nothing was written" in capsys.readouterr().err


def test_a_file_that_fails_to_verify_is_not_written(tmp_path: Path) -> None:
    model, path = shipped(EXAMPLES[3])[0], tmp_path / "c.json"
    found = certificate_for(model, EXAMPLES[3].task, path)
    with pytest.raises(proofcheck.Rejected):
        write(found.claiming(correct=122), path)
    assert list(tmp_path.iterdir()) == []
    write(found, path)
    assert path.exists()


def test_words_make_tasks() -> None:
    assert task_of("token-at n_ctx=3 d_vocab=5 position=0") == TaskSpec("token-at", {"n_ctx": 3, "d_vocab": 5, "position": 0})
    found = task_of("group-product n_ctx=2 table=[2x2]sha256:00", "[[0, 1], [1, 0]]").fields["table"]
    assert found.dtype == np.int64 and found.tolist() == [[0, 1], [1, 0]]
    assert all(task_of(example.task.words()).words() == example.task.words() for example in EXAMPLES if "table" not in example.task.fields)


def test_the_training_command_wants_one_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert train_examples([]) == 2
    assert "usage" in capsys.readouterr().err
    assert {example.architecture for example in EXAMPLES} == set(STARTS) and TABLES in STARTS
