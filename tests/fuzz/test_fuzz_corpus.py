"""Every input that fuzzing kept goes through its target again; no atheris needed."""

from __future__ import annotations

from pathlib import Path

import pytest
import targets

FOLDER = Path(__file__).parent / "corpus"
INPUTS = sorted(path for path in FOLDER.glob("*/*") if path.is_file())


def test_the_corpus_is_there() -> None:
    assert {path.parent.name for path in INPUTS} == {"certificate", "weights", "verify"}


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_nothing_but_refusals(path: Path) -> None:
    getattr(targets, path.parent.name)(path.read_bytes())


def test_the_targets_notice() -> None:
    """An exception of another kind is not swallowed, nor is a false count: the targets with a decoder and a truth that are wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(targets, "decode_certificate", lambda data, limits: data[10**6])
        with pytest.raises(IndexError):
            targets.certificate(b"{}")
        patch.setattr(targets, "decode_weights", lambda data, wanted, limits: {}[0])
        with pytest.raises(KeyError):
            targets.weights(b"")
    verified = next(path for path in INPUTS if path.parent.name == "verify" and proves_something(path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(targets, "ground_truth", lambda tensors: type("Truth", (), {"correct": 0, "undecided": 0}))
        with pytest.raises(AssertionError, match="UNSOUND"):
            targets.verify(verified.read_bytes())


def proves_something(path: Path) -> bool:
    """Does this input of `verify` prove a positive count?"""
    found: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        truth = targets.ground_truth
        patch.setattr(targets, "ground_truth", lambda tensors: found.append(1) or truth(tensors))
        targets.verify(path.read_bytes())
    return bool(found) and proved(path) > 0


def proved(path: Path) -> int:
    text, tensors = targets.unpack(path.read_bytes())
    folder = targets._folder()
    (folder / "certificate.json").write_bytes(text)
    (folder / "weights.safetensors").write_bytes(tensors)
    return targets.verify_file(folder / "certificate.json", limits=targets.LIMITS).proved
