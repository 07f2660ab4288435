"""What an observer does in the middle of a replay changes no verdict: it verifies something else, sets a float mode, raises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, certificate, random_model, safetensors_bytes, trained_like

import proofcheck
from proofcheck import Checker, Reason, Step, Verdict
from proofcheck.kernel import _identity

SHAPE = Shape(3, 4)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def networks(tmp_path: Path) -> tuple[Any, Any]:
    """(certificate maker, weights) of a good and of a bad network of the same shape."""
    found = []
    for name, tensors in (("good", trained_like(SHAPE, 1)), ("bad", random_model(SHAPE, 3))):
        weights = safetensors_bytes(tensors)
        (tmp_path / name).write_bytes(weights)
        found.append((weights, tmp_path / name))
    return found[0], found[1]


@pytest.mark.parametrize("steps", [BRUTE_FORCE, CUBIC], ids=["brute-force", "cubic"])
@pytest.mark.parametrize("when", ["tables", "blocks", "classes"])
def test_a_replay_inside_a_replay_sees_its_own_network(steps: tuple[Step, ...], when: str, networks: tuple[Any, Any]) -> None:
    """Before a replay took the memo for itself, the outer one went on with the tables of the inner one's network."""
    (good, good_path), (bad, bad_path) = networks
    checker = Checker()
    honest = proofcheck.verify(certificate(bad, SHAPE, steps), model=bad_path)
    better = proofcheck.verify(certificate(good, SHAPE, steps), model=good_path).proved
    assert honest.proved < better
    inner: list[int] = []

    def observe(step: Step, fact: object) -> None:
        if step.id == when:
            inner.append(checker.verify(certificate(good, SHAPE, steps), model=good_path).proved)

    for claim in (honest.proved, better):
        report = checker.verify(certificate(bad, SHAPE, steps, correct=claim), model=bad_path, observe=observe)
        assert (report.verdict is Verdict.VERIFIED) == (claim <= honest.proved)
        assert report.proved in (0, honest.proved)
    assert set(inner) <= {better}


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("when", ["tables", "blocks", "count"])
def test_a_float_mode_that_is_set_in_the_middle_is_seen(when: str, backend: Any, networks: tuple[Any, Any]) -> None:
    (good, good_path), _ = networks
    checker = Checker(backend)

    def observe(step: Step, fact: object) -> None:
        if step.id == when and not torch.set_flush_denormal(True):
            pytest.skip("torch cannot flush subnormals on this processor")

    try:
        report = checker.verify(certificate(good, SHAPE, BRUTE_FORCE), model=good_path, observe=observe)
    finally:
        torch.set_flush_denormal(False)
    if when != "count":  # nothing is computed after the last step
        assert (report.verdict, report.error and report.error.code) == (Verdict.DECLINED, Reason.UNSOUND_PLATFORM)
    assert checker.verify(certificate(good, SHAPE, BRUTE_FORCE), model=good_path).verdict is Verdict.VERIFIED


def test_an_observer_that_raises_leaves_the_checker_whole(networks: tuple[Any, Any]) -> None:
    (good, good_path), (bad, bad_path) = networks
    checker = Checker()

    def observe(step: Step, fact: object) -> None:
        raise KeyError(step.id)

    with pytest.raises(KeyError):
        checker.verify(certificate(good, SHAPE, BRUTE_FORCE), model=good_path, observe=observe)
    for weights, path in ((bad, bad_path), (good, good_path)):
        fresh = proofcheck.verify(certificate(weights, SHAPE, BRUTE_FORCE), model=path)
        assert checker.verify(certificate(weights, SHAPE, BRUTE_FORCE), model=path).proved == fresh.proved


def test_options_count_by_their_whole_content() -> None:
    """The text form of these two arrays is the same: the memo must tell them apart."""
    one = np.arange(1001)
    other = one.copy()
    other[400:600] = other[400:600][::-1]
    assert repr(one) == repr(other)
    identities = {_identity({"table": table, "word": "x"}) for table in (one, other, one.copy(), one.astype("<f8"), one.reshape(7, 143))}
    assert len(identities) == 4
    assert _identity({"a": 1}) != _identity({"a": "1"})
    assert _identity({"a": ("x", 1)}) == _identity({"a": ("x", 1)})


def arrays(value: object) -> Iterator[NDArray[Any]]:
    """Every array inside of a fact."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from arrays(item)
    else:
        names = [field.name for field in fields(value)] if is_dataclass(value) else getattr(type(value), "__slots__", ())
        for name in names:
            yield from arrays(getattr(value, name))


@pytest.mark.parametrize("steps", [BRUTE_FORCE, CUBIC], ids=["brute-force", "cubic"])
def test_an_observer_cannot_write_to_a_fact(steps: tuple[Step, ...], networks: tuple[Any, Any]) -> None:
    """Tables scaled in place for a picture, say: before they were read-only, the next steps read what the observer had made of them."""
    _, (bad, bad_path) = networks
    honest, refused = Checker().verify(certificate(bad, SHAPE, steps), model=bad_path), 0

    def observe(step: Step, fact: object) -> None:
        nonlocal refused
        for array in arrays(fact):
            with pytest.raises(ValueError, match="read-only"):
                array *= 0
            refused += 1

    checker = Checker()
    for _ in range(2):
        report = checker.verify(certificate(bad, SHAPE, steps), model=bad_path, observe=observe)
        assert report.proved == honest.proved
    assert refused > 5


@pytest.mark.parametrize(
    "name", ["windows", "windows-exact", "subcubic--max-diff--mean-query+diff--svd", "exact--float32", "separable-counting"]
)
def test_facts_are_read_only(name: str) -> None:
    found = []

    def observe(step: Step, fact: object) -> None:
        found.extend((step.rule, array.flags.writeable) for array in arrays(fact))

    path = next((ROOT / "certificates" / "accept").glob(f"max-of-4-seed-123--{name}.json*"))
    assert Checker().verify(path, observe=observe).verdict is Verdict.VERIFIED
    assert found
    assert [rule for rule, writeable in found if writeable] == []
