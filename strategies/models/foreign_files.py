"""What a file is that is given as a model but is no safetensors file, from its first bytes, and how to convert it."""

from __future__ import annotations

import zipfile
from pathlib import Path

_CONVERT = """\
it is {kind}. Convert it with
    import torch
    from strategies.models.save import save
    save(torch.load({name!r}, weights_only=True, map_location="cpu"), {target!r})
(if the checkpoint holds more than a state dict, save the state dict in it)"""

_STARTS = (
    # first bytes, what the file is
    (b"GGUF", "a GGUF file; export the model to safetensors from the program that made it"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras?); save its arrays with safetensors.numpy.save_file"),
    (b"\x93NUMPY", "a numpy array; save the arrays of the model with safetensors.numpy.save_file"),
    (b"\x1f\x8b", "compressed with gzip; decompress it first"),
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file itself with `git lfs pull`"),
    (b"<", "a web page or XML; the download of the model went wrong"),
    (b"{", "JSON, perhaps a certificate; a weight file is meant here"),
)


def what_it_is(path: Path) -> str:
    """A sentence about the file and what to do; "" if it is nothing known. Errors: OSError."""
    with path.open("rb") as file:
        start = file.read(32)
    if not start:
        return "it is empty"
    if start.startswith(b"PK"):
        return _zip(path)
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return _torch(path, "a torch checkpoint (a pickle, as torch.save wrote before torch 1.6)")
    return next((f"it is {kind}" for begin, kind in _STARTS if start.startswith(begin)), "")


def _zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return "it is a damaged zip archive; if torch.save wrote it, the file is not whole"
    if any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
        return _torch(path, "a torch checkpoint (the zip archive that torch.save writes)")
    if any(name.endswith(".npy") for name in names):
        return "it is a numpy archive (.npz); save its arrays with safetensors.numpy.save_file"
    return "it is a zip archive; unpack it first"


def _torch(path: Path, kind: str) -> str:
    return _CONVERT.format(kind=kind, name=path.name, target=f"{path.stem}.safetensors")
