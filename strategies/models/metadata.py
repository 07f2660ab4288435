"""What a weight file says about itself: keys `proofcheck.…` in the metadata of its safetensors header (docs/models.md, "Metadata").

The checker refuses a file whose words contradict the certificate; a file that says nothing is taken at the certificate's word.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open

TASK = "proofcheck.task"
KNOWN = {
    "proofcheck.architecture": "attention-only-one-layer-one-head",
    "proofcheck.normalization": "none",
    "proofcheck.attention_scale": "sqrt(d_head)",
    "proofcheck.activation": "none",
}


def task_words(n_ctx: int, d_vocab: int, name: str = "max-of-k") -> str:
    """A task in the words of certificates and weight files: `max-of-k n_ctx=4 d_vocab=64`."""
    return f"{name} n_ctx={n_ctx} d_vocab={d_vocab}"


def described(task: str = "") -> dict[str, str]:
    """The metadata of a network of docs/semantics.md; `task` as `task_words` writes it, "" where it is not known."""
    return KNOWN | ({TASK: task} if task else {})


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file. Errors: OSError, SafetensorError."""
    with safe_open(str(path), framework="np") as file:
        return dict(file.metadata() or {})


def stated_task(metadata: Mapping[str, str]) -> str:
    """The task that a file states, "" if it states none. Files trained before the keys existed state it as their recipe."""
    if TASK not in metadata and all(name in metadata for name in ("recipe", "n_ctx", "d_vocab")):
        return f"{metadata['recipe']} n_ctx={metadata['n_ctx']} d_vocab={metadata['d_vocab']}"
    return metadata.get(TASK, "")


def contradiction(metadata: Mapping[str, str], task: str) -> tuple[str, str, str] | None:
    """(key, stated, needed) of the first statement that is not true of a network proved correct for `task`; None if there is none."""
    stated = stated_task(metadata)
    if stated and stated != task:
        return TASK, stated, task
    return next(((key, metadata[key], needed) for key, needed in KNOWN.items() if metadata.get(key, needed) != needed), None)
