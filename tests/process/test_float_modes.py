"""A float mode that someone has set can make nothing true: it is refused by name, and weights are read from their bits."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from process.float_modes import flush_helper, flushing, rounding, rounding_modes
from soundness.small_models import BRUTE_FORCE, Shape, certificate, safetensors_bytes

import proofcheck
from proofcheck import Checker, Reason, Verdict
from proofcheck.arithmetic import DyadicArray, largest_exponent
from proofcheck.arithmetic.float_intervals import check_platform
from proofcheck.cli.main import main
from proofcheck.models import decode_weights

SHAPE = Shape(1, 2, 1, 1)
MODES = ["torch", "denormals are zero", "flush to zero", "both", *rounding_modes()]


def subnormal_model() -> bytes:
    """Logits of token 0: 2^−126 and the sum of two subnormals 0.75·2^−126, so it answers 1; where subnormals are zero it answers 0."""
    tensors = {name: np.zeros(size, dtype="<f4") for name, size in _shapes().items()}
    tensors["embed.W_E"][:] = [[1, 1, 0], [0, 0, 1]]
    tensors["unembed.W_U"][:] = [[2.0**-126, 0.75 * 2.0**-126], [0, 0.75 * 2.0**-126], [0, 1]]
    return safetensors_bytes(tensors)


def _shapes() -> dict[str, tuple[int, ...]]:
    attention = {f"blocks.0.attn.W_{name}": (1, 3, 1) for name in "QKV"}
    return {"embed.W_E": (2, 3), "pos_embed.W_pos": (1, 3), **attention, "blocks.0.attn.W_O": (1, 1, 3), "unembed.W_U": (3, 2)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate with the false claim 2/2, and its weights."""
    folder = tmp_path_factory.mktemp("subnormal")
    weights = subnormal_model()
    (folder / "weights.safetensors").write_bytes(weights)
    these = certificate(weights, Shape(1, 2, 3, 1), BRUTE_FORCE, correct=2)
    (folder / "false.json").write_bytes(proofcheck.encode_certificate(these))
    return folder / "false.json", folder / "weights.safetensors"


@pytest.fixture
def mode(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    name: str = request.param
    if name == "torch":
        if not torch.set_flush_denormal(True):
            pytest.skip("torch cannot flush subnormals on this processor")
        yield name
        torch.set_flush_denormal(False)
    elif name in rounding_modes():
        with rounding(rounding_modes()[name]):
            yield name
    else:
        helper = flush_helper(tmp_path)
        if helper is None:
            pytest.skip("no C compiler for the control register of this processor")
        with flushing(helper, inputs=name != "flush to zero", results=name != "denormals are zero"):
            yield name


def test_the_claim_is_false(files: tuple[Path, Path]) -> None:
    report = proofcheck.verify(files[0], model=files[1], backend="arb")
    assert (report.verdict, report.error and report.error.code) == (Verdict.REJECTED, Reason.NOT_PROVED)
    assert report.error is not None
    assert report.error.expected == "at most 1"


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("mode", MODES, indirect=True)
def test_modes_are_declined_with_advice(mode: str, backend: Any, files: tuple[Path, Path]) -> None:
    report = proofcheck.verify(files[0], model=files[1], backend=backend)
    assert (report.verdict, report.error and report.error.code) == (Verdict.DECLINED, Reason.UNSOUND_PLATFORM)
    assert report.error is not None
    assert "in a process of its own" in report.error.hint


@pytest.mark.parametrize("mode", MODES, indirect=True)
def test_the_platform_check_sees_every_mode(mode: str) -> None:
    assert check_platform() != []


@pytest.mark.parametrize("mode", MODES, indirect=True)
def test_weights_are_read_from_their_bits_in_every_mode(mode: str, files: tuple[Path, Path]) -> None:
    tensors = decode_weights(files[1].read_bytes(), frozenset(["unembed.W_U"]), proofcheck.Limits()).tensors
    tiny, small = Fraction(1, 2**126), Fraction(3, 4) / 2**126
    assert tensors["unembed.W_U"].fractions().tolist() == [[tiny, small], [0, small], [0, 1]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("mode", MODES, indirect=True)
def test_floats_of_every_kind_are_exact_in_every_mode(mode: str, dtype: Any) -> None:
    bits = {2: np.uint16, 4: np.uint32, 8: np.uint64}[np.dtype(dtype).itemsize]
    smallest = np.arange(1, 5, dtype=bits).view(dtype)
    info = np.finfo(dtype)
    unit = Fraction(1, 2 ** (info.nmant - info.minexp))
    assert DyadicArray.from_floats(smallest).fractions().tolist() == [k * unit for k in range(1, 5)]
    assert largest_exponent(smallest) == info.nmant - info.minexp


def test_a_mode_that_was_set_for_a_while_leaves_nothing_behind(files: tuple[Path, Path]) -> None:
    """The tables that a checker keeps are not those that another mode read."""
    checker = Checker("arb")
    if not torch.set_flush_denormal(True):
        pytest.skip("torch cannot flush subnormals on this processor")
    try:
        assert checker.verify(files[0], model=files[1]).verdict is Verdict.DECLINED
    finally:
        torch.set_flush_denormal(False)
    assert checker.verify(files[0], model=files[1]).verdict is Verdict.REJECTED
    assert proofcheck.verify(files[0], model=files[1]).verdict is Verdict.REJECTED


@pytest.mark.parametrize("mode", ["torch"], indirect=True)
def test_selftest_says_so_without_a_traceback(mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest"]) == 3
    out, err = capsys.readouterr()
    assert "c float64 arithmetic: float64 subnormals are flushed to zero" in out
    assert "do not use this installation" in err
    assert "Traceback" not in out + err
