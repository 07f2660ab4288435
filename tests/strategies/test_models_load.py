"""Loading: every number exactly as stored, and each refusal beside a file that is accepted."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from strategies.models.load import BUFFERS, EXACT_DTYPES, STATE_DICT_NAMES, ModelError, from_state_dict, load
from strategies.models.save import save

StateDict = dict[str, torch.Tensor]
HEAD_AXIS = {"W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V"}


def random_state_dict(dtype: torch.dtype = torch.float32) -> StateDict:
    """d_vocab 5, n_ctx 3, d_model 8, d_head 4, all numbers random."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"W_E": (5, 8), "W_pos": (3, 8), "W_U": (8, 5), "W_O": (1, 4, 8), "b_O": (8,), "b_U": (5,)}
    shapes |= {f"W_{c}": (1, 8, 4) for c in "QKV"} | {f"b_{c}": (1, 4) for c in "QKV"}
    return {
        name: torch.randn(shapes[field], generator=generator, dtype=torch.float64).to(dtype) for field, name in STATE_DICT_NAMES.items()
    }


@pytest.mark.parametrize("dtype", EXACT_DTYPES, ids=str)
def test_every_dtype_is_read_exactly(dtype: torch.dtype, tmp_path: Path) -> None:
    state_dict = random_state_dict(dtype)
    save(state_dict, tmp_path / "model.safetensors")
    model = load(tmp_path / "model.safetensors")
    for field, name in STATE_DICT_NAMES.items():
        read = getattr(model, field)
        assert read.dtype == torch.float64
        stored = state_dict[name][0] if field in HEAD_AXIS else state_dict[name]
        assert read.tolist() == stored.tolist()


def test_dimensions() -> None:
    model = from_state_dict(random_state_dict())
    assert (model.d_vocab, model.n_ctx, model.d_model, model.d_head) == (5, 3, 8, 4)


def test_missing_biases_are_zero_and_buffers_are_ignored() -> None:
    state_dict = {name: tensor for name, tensor in random_state_dict().items() if ".b_" not in name}
    state_dict |= {name: torch.zeros(3, 3) for name in BUFFERS}
    model = from_state_dict(state_dict)
    for field, shape in (("b_Q", (4,)), ("b_K", (4,)), ("b_V", (4,)), ("b_O", (8,)), ("b_U", (5,))):
        assert getattr(model, field).tolist() == [0.0] * shape[0]


def _replace(name: str, tensor: torch.Tensor) -> Callable[[StateDict], None]:
    return lambda state_dict: state_dict.update({name: tensor})


REFUSED: list[tuple[str, Callable[[StateDict], object]]] = [
    ("missing tensor unembed.W_U", lambda s: s.pop("unembed.W_U")),
    ("unknown tensor blocks.0.mlp.W_in", _replace("blocks.0.mlp.W_in", torch.zeros(8, 32))),
    ("unknown tensor blocks.1.attn.W_Q", _replace("blocks.1.attn.W_Q", torch.zeros(1, 8, 4))),
    ("unknown tensor blocks.0.ln1.w", _replace("blocks.0.ln1.w", torch.zeros(8))),
    (
        r"blocks.0.attn.W_O has shape \(1, 8, 4\), expected \(1, 4, 8\)",
        _replace("blocks.0.attn.W_O", torch.ones(1, 8, 4)),
    ),
    (r"blocks.0.attn.W_Q has shape \(2, 8, 4\)", _replace("blocks.0.attn.W_Q", torch.ones(2, 8, 4))),
    (r"blocks.0.attn.W_Q has shape \(8, 4\), expected rank 3", _replace("blocks.0.attn.W_Q", torch.ones(8, 4))),
    (r"unembed.W_U has shape \(8, 6\), expected \(8, 5\)", _replace("unembed.W_U", torch.ones(8, 6))),
    ("embed.W_E has shape", _replace("embed.W_E", torch.ones(0, 8))),
    ("unembed.b_U has dtype torch.int64", _replace("unembed.b_U", torch.ones(5, dtype=torch.int64))),
    ("unembed.b_U has a number that is not finite", _replace("unembed.b_U", torch.full((5,), torch.nan))),
    ("unembed.b_U has a number that is not finite", _replace("unembed.b_U", torch.full((5,), -torch.inf))),
]


@pytest.mark.parametrize(("message", "change"), REFUSED, ids=[message for message, _ in REFUSED])
def test_refused(message: str, change: Callable[[StateDict], object]) -> None:
    state_dict = random_state_dict()
    from_state_dict(state_dict)  # the twin: accepted before the change
    change(state_dict)
    with pytest.raises(ModelError, match=message):
        from_state_dict(state_dict)


def _checkpoint(path: Path, *, zipped: bool) -> None:
    torch.save(random_state_dict(), path, _use_new_zipfile_serialization=zipped)


def _npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


FOREIGN: list[tuple[str, Callable[[Path], object]]] = [
    ("a torch checkpoint", lambda path: _checkpoint(path, zipped=True)),
    ("a torch checkpoint", lambda path: _checkpoint(path, zipped=False)),
    (r"a numpy archive \(.npz\)", _npz),
    ("a damaged zip archive", lambda path: path.write_bytes(b"PK\x03\x04 not a model")),
    ("a GGUF file", lambda path: path.write_bytes(b"GGUF" + bytes(60))),
    ("compressed with gzip", lambda path: path.write_bytes(gzip.compress(b"model"))),
    ("JSON, perhaps a certificate", lambda path: path.write_text('{"format": "proofcheck-certificate"}')),
    ("a Git LFS pointer", lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n")),
    ("it is empty", lambda path: path.write_bytes(b"")),
    ("header", lambda path: path.write_bytes(bytes(range(200, 250)))),
]


@pytest.mark.parametrize(("message", "write"), FOREIGN, ids=[message for message, _ in FOREIGN])
def test_a_file_that_is_no_safetensors_file_is_refused(message: str, write: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    write(path)
    with pytest.raises(ModelError, match=f"(?i)not a safetensors file: .*{message}"):
        load(path)
    save(random_state_dict(), path)
    load(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_the_conversion_that_is_advised_works(zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _checkpoint(Path("model.pth"), zipped=zipped)
    with pytest.raises(ModelError) as caught:
        load("model.pth")
    code = "\n".join(line.strip() for line in str(caught.value).splitlines() if line.startswith("    "))
    exec(code, {})
    assert load("model.safetensors").W_E.tolist() == random_state_dict()["embed.W_E"].tolist()


def test_no_file_and_a_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent.safetensors")
    with pytest.raises(IsADirectoryError, match="name the weight file in it"):
        load(tmp_path)
