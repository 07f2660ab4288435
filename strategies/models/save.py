"""Write a safetensors file whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch

from strategies.write import write


def save(state_dict: Mapping[str, torch.Tensor], path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write `state_dict` to `path`; a file already there is replaced, and only once the new one is complete.

    Shapes and dtypes are kept as they are; tensors are made contiguous, detached and moved to the CPU.
    `metadata` goes into the header, after what an adapter's `Exported` knows; docs/models.md says which keys the checker reads.
    Equal arguments give equal bytes.
    Errors: OSError when the folder is missing or not writable; then no new file is left behind, nor on Ctrl-C.
    """
    path = Path(path)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state_dict.items()}
    words = {**getattr(state_dict, "metadata", {}), **(metadata or {})}
    data = _sorted_metadata(safetensors.torch.save(tensors, metadata=words or None))
    write(path, data)


def _sorted_metadata(data: bytes) -> bytes:
    """The same file with its metadata in the order of their names; the library's order is random in each process."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    if "__metadata__" not in header:
        return data
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the format wants the tensors aligned to 8 bytes
    return len(text).to_bytes(8, "little") + text + data[8 + size :]
