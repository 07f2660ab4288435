"""`prove` and `list`: what is written has verified; what has not is not written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import proofcheck
from proofcheck import Step
from strategies.cli.main import main
from strategies.emit import ProveError, prove, relative_name
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem, Proposal, Strategy
from strategies.models.metadata import described
from strategies.models.save import save
from strategies.suitability import copying_accuracy

MODELS = Path(__file__).parents[2] / "certificates" / "models"
MODEL = Path(proofcheck.__file__).parent / "selftest_corpus" / "counterexample-mean-diff-direct.safetensors"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copy(MODEL, tmp_path / "model.safetensors"))


@pytest.mark.parametrize(("strategy", "count"), [("brute-force", 12), ("cubic", 5)])
def test_prove_writes_a_certificate_that_verifies(model: Path, strategy: str, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    output = model.parent / "proof.json"
    assert main(["prove", str(model), "--strategy", strategy, "-o", str(output)]) == 0
    assert f"accuracy >= {count}/64" in capsys.readouterr().out
    report = proofcheck.verify(output)
    assert report.verdict is proofcheck.Verdict.VERIFIED
    assert report.claimed == report.proved == count
    assert report.strategy == strategy


def test_a_proposal_that_is_refused_leaves_the_old_file(model: Path) -> None:
    output = model.parent / "proof.json"
    output.write_text("old")
    broken = Strategy("broken", "refers to nothing", lambda problem: Proposal((Step("count", "sum-blocks", ("blocks",)),)))
    with pytest.raises(ProveError, match="unknown-step"):
        prove(Problem(model), broken, output, force=True)
    assert output.read_text() == "old"
    assert sorted(path.name for path in model.parent.iterdir()) == ["model.safetensors", "proof.json"]
    prove(Problem(model), replace(broken, propose=STRATEGIES["cubic"].propose), output, force=True)  # the twin that is accepted
    assert output.read_text() != "old"


def test_an_unknown_strategy_or_file_is_a_usage_error(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", str(model), "--strategy", "magic", "-o", str(model.parent / "x.json")]) == 2
    assert "magic" in capsys.readouterr().err
    assert main(["prove", str(model.parent / "none.safetensors"), "--strategy", "cubic", "-o", str(model.parent / "x.json")]) == 2
    assert "none.safetensors" in capsys.readouterr().err
    assert not (model.parent / "x.json").exists()


def test_the_command_line_starts_without_torch() -> None:
    code = "\n".join(
        (
            "import sys",
            "from strategies.cli.main import main",
            "try: main(['--help'])",
            "except SystemExit: print('torch' in sys.modules)",
        )
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_a_certificate_is_not_replaced_without_force(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = model.parent / "proof.json"
    output.write_text("a better proof")
    command = ["prove", str(model), "--strategy", "cubic", "-o", str(output)]
    assert main(command) == 2
    assert "--force" in capsys.readouterr().err
    assert output.read_text() == "a better proof"
    assert main([*command, "--force"]) == 0
    assert proofcheck.verify(output).verdict is proofcheck.Verdict.VERIFIED


@pytest.fixture
def snapshot(tmp_path: Path, model: Path) -> Path:
    """A model as a Hugging Face cache keeps it."""
    blobs, revision = tmp_path / "hub" / "blobs", tmp_path / "hub" / "snapshots" / "abc"
    blobs.mkdir(parents=True)
    revision.mkdir(parents=True)
    model.rename(blobs / "0123456789")
    link = revision / "model.safetensors"
    link.symlink_to("../../blobs/0123456789")
    return link


def test_a_link_is_named_as_the_user_did(snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = snapshot.parent / "proof.json"
    assert main(["prove", str(snapshot), "--strategy", "cubic", "-o", str(output)]) == 0
    assert json.loads(output.read_text())["model"]["weights"]["file"] == "model.safetensors"
    said = capsys.readouterr().out
    assert f"verify it with: proofcheck verify --model {snapshot} {output}" in said
    assert proofcheck.verify(output, model=snapshot).verdict is proofcheck.Verdict.VERIFIED


def test_names_lead_to_the_model_also_through_linked_folders(model: Path, tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "link").symlink_to(deep)
    assert relative_name(model, tmp_path) == "model.safetensors"
    assert relative_name(model, deep) == "../../model.safetensors"
    assert relative_name(model, tmp_path / "link") == "../../model.safetensors"  # not ../model.safetensors, which is in a/
    (tmp_path / "models").symlink_to(model.parent)
    assert relative_name(tmp_path / "models" / model.name, tmp_path) == "models/model.safetensors"


def header_of(model: Path, size: int) -> None:
    """Give the model's header so many bytes."""
    data = model.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = {"note": ""}
    header["__metadata__"]["note"] = "x" * (size - len(json.dumps(header)))
    text = json.dumps(header).encode()
    model.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def test_a_large_header_can_be_allowed(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header_of(model, 98 * 1024)
    output = model.parent / "proof.json"
    command = ["prove", str(model), "--strategy", "cubic", "-o", str(output)]
    assert main(command) == 2
    assert "--limit weights_header_bytes=100352" in capsys.readouterr().err
    assert not output.exists()
    assert main([*command, "--limit", "weights_header_bytes=100352"]) == 0
    assert f"proofcheck verify --limit weights_header_bytes=100352 {output}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("metadata", "word"),
    [
        ({"proofcheck.task": "min-of-k n_ctx=2 d_vocab=8"}, "min-of-k n_ctx=2 d_vocab=8"),
        ({"proofcheck.normalization": "LNPre"}, "LNPre"),
        ({"proofcheck.attention_scale": "1.0"}, "proofcheck.attention_scale"),
    ],
)
def test_a_network_of_another_kind_is_refused(model: Path, metadata: dict[str, str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    tensors = load_file(model)
    output = model.parent / "proof.json"
    command = ["prove", str(model), "--strategy", "cubic", "-o", str(output)]
    save(tensors, model, described("max-of-k n_ctx=2 d_vocab=8") | metadata)
    assert main(command) == 2
    error = capsys.readouterr().err
    assert word in error
    assert "docs/models.md" in error
    assert not output.exists()
    save(tensors, model, described("max-of-k n_ctx=2 d_vocab=8"))
    assert main(command) == 0
    assert "does not say its task" not in capsys.readouterr().err


def test_what_is_not_known_is_said_and_a_chance_accuracy_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = Path(shutil.copy(MODELS / "max-of-3-d-vocab-16-seed-0.safetensors", tmp_path / "good.safetensors"))
    save(load_file(good), good)  # without its metadata
    tensors = load_file(good)
    tensors["unembed.W_U"] = -tensors["unembed.W_U"]  # now about the minimum
    save(tensors, tmp_path / "min.safetensors", described("max-of-k n_ctx=3 d_vocab=16"))
    assert main(["prove", str(good), "--strategy", "cubic", "-o", str(tmp_path / "good.json")]) == 0
    error = capsys.readouterr().err
    assert "the weight file does not say its task; this is a proof about max-of-k n_ctx=3 d_vocab=16" in error
    assert "near chance" not in error
    assert main(["prove", str(tmp_path / "min.safetensors"), "--strategy", "cubic", "-o", str(tmp_path / "min.json")]) == 0
    error = capsys.readouterr().err
    assert "does not say its task" not in error
    assert "near chance" in error


@pytest.mark.parametrize("command", ["prove", "sweep"])
def test_a_torch_checkpoint_is_told_how_to_become_a_weight_file(
    command: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tmp_path / "model.pth"
    torch.save(load_file(model), checkpoint)
    given = [command, str(checkpoint), "-o", str(tmp_path / "out")]
    assert main([*given, *(["--strategy", "cubic"] if command == "prove" else [])]) == 2
    error = capsys.readouterr().err
    assert "it is a torch checkpoint" in error
    assert "weights_only=True" in error


def test_copying_accuracy_is_a_count() -> None:
    for n_ctx, d_vocab in ((1, 5), (2, 4), (3, 4)):
        sequences = list(product(range(d_vocab), repeat=n_ctx))
        assert copying_accuracy(n_ctx, d_vocab) == sum(s[0] == max(s) for s in sequences) / len(sequences)


def test_ctrl_c_writes_nothing_and_says_so(model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(problem: Problem) -> Proposal:
        raise KeyboardInterrupt

    output = model.parent / "proof.json"
    monkeypatch.setitem(STRATEGIES, "cubic", replace(STRATEGIES["cubic"], propose=interrupt))
    assert main(["prove", str(model), "--strategy", "cubic", "-o", str(output)]) == 130
    assert "interrupted; nothing was written" in capsys.readouterr().err
    assert [path.name for path in model.parent.iterdir()] == ["model.safetensors"]
