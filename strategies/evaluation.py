"""Exhaustive certificates by rule `evaluation`, for every architecture and task that the checker knows.

python -m strategies.evaluation MODEL --task "token-at n_ctx=3 d_vocab=5 position=0" -o CERT
python -m strategies.evaluation MODEL --task "group-product n_ctx=2" --table "[[0, 1], [1, 0]]" -o CERT
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

import proofcheck
from proofcheck import Certificate, Step, encode_certificate
from proofcheck.catalogue import BUILT_IN
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least, sha256_hex
from proofcheck.errors import ProofcheckError
from proofcheck.kinds import read_fields
from proofcheck.models.attention_only import NAME as ATTENTION_ONLY
from proofcheck.models.sum_of_tables import NAME as SUM_OF_TABLES
from strategies.emit import refuse_existing, relative_name
from strategies.networks.task_words import task_fields
from strategies.write import packed

STEPS = (Step("blocks", "evaluation"), Step("count", "sum-blocks", ("blocks",)))
AXES = {  # tensor -> the dimensions of its axes, "" where an axis says nothing
    ATTENTION_ONLY: {"pos_embed.W_pos": ("n_ctx", ""), "embed.W_E": ("d_vocab", "d_model"), "blocks.0.attn.W_Q": ("", "", "d_head")},
    SUM_OF_TABLES: {"embed.W_E": ("n_ctx", "d_vocab", "d_model"), "unembed.W_U": ("", "d_vocab_out")},
}


def certificate_for(model: Path, task: TaskSpec, output: Path) -> Certificate:
    """The certificate of every input that a network answers correctly; it claims what the checker counts, and verifies.

    output: where it will lie, which its name of the weight file is relative to. Raises ValueError where the file is of no architecture that
    is known here, OSError, SafetensorError, and what the checker refuses.
    """
    architecture, dimensions = described_by(model)
    kind = BUILT_IN.tasks[task.name]
    total = kind.build(**read_fields(task.fields, kind.fields, "$.task", proofcheck.Limits())).total()
    draft = Certificate(
        claim=accuracy_at_least(0, total),
        model=ModelSpec(architecture, dimensions, relative_name(model, output.parent), sha256_hex(model.read_bytes())),
        task=task,
        precision=128,
        steps=STEPS,
        provenance={"strategy": "evaluation", "proofcheck": proofcheck.__version__},
    )
    report = proofcheck.verify(draft, model=model)
    report.raise_for_verdict()
    return draft.claiming(correct=report.proved)


def described_by(model: Path) -> tuple[str, dict[str, int]]:
    """Architecture and sizes of a weight file: by its metadata, else by the rank of its embedding."""
    with safe_open(str(model), framework="np") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no mapping)
        stated = (file.metadata() or {}).get("proofcheck.architecture", "")
    architecture = stated or (SUM_OF_TABLES if len(shapes.get("embed.W_E", ())) == 3 else ATTENTION_ONLY)
    sizes: dict[str, int] = {}
    for name, axes in AXES.get(architecture, {}).items():
        if len(shapes.get(name, ())) != len(axes):
            raise ValueError(f"{model} has no tensor {name} of {len(axes)} axes, as {architecture} would")
        sizes.update((axis, size) for axis, size in zip(axes, shapes[name], strict=True) if axis)
    if not sizes:
        raise ValueError(f"{model} says that it is {architecture}; known here are {', '.join(AXES)}")
    return architecture, {name: sizes[name] for name in BUILT_IN.architectures[architecture].dimensions}


def task_of(words: str, table: str = "") -> TaskSpec:
    """`token-at n_ctx=3 d_vocab=5 position=0`, and the rows of a table as JSON. ValueError for other words, or a task that is not known."""
    name, fields = task_fields(" ".join(word for word in words.split() if not (table and word.startswith("table="))))
    return TaskSpec(name, fields | ({"table": np.array(json.loads(table), dtype="<i8")} if table else {}))


def write(certificate: Certificate, output: Path, *, force: bool = False) -> None:
    """Whole or not at all, and verified from the file. FileExistsError if something is there and not `force`."""
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(packed(output, encode_certificate(certificate)))
        temporary.chmod(0o644)
        proofcheck.verify(temporary).raise_for_verdict()
        refuse_existing(output, force=force)
        os.replace(temporary, output)
    except BaseException:  # KeyboardInterrupt too: no partial file
        temporary.unlink(missing_ok=True)
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """One certificate. Exit status 0 written, 1 refused by the checker, 2 usage or files."""
    parser = argparse.ArgumentParser(
        prog="python -m strategies.evaluation", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="safetensors file")
    parser.add_argument("--task", required=True, metavar="WORDS", help="name and fields, as reports print them")
    parser.add_argument("--table", default="", metavar="ROWS", help="of group-product: its rows as JSON, the unit first")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="CERT", help="certificate file to write")
    parser.add_argument("--force", action="store_true", help="replace CERT if it exists")
    options = parser.parse_args(arguments)
    try:
        refuse_existing(options.output, force=options.force)
        certificate = certificate_for(options.model, task_of(options.task, options.table), options.output)
        write(certificate, options.output, force=options.force)
    except ProofcheckError as error:
        print(f"nothing was written: {error.code}: {error.message} {error.hint}".rstrip(), file=sys.stderr)
        return 1
    except (OSError, ValueError, SafetensorError) as error:
        print(f"nothing was written: {error}", file=sys.stderr)
        return 2
    claim = certificate.claim.fields
    print(f"{options.output}: accuracy >= {claim['correct']}/{claim['total']}")
    return 0


__all__ = ["certificate_for", "described_by", "main", "task_of", "write"]

if __name__ == "__main__":
    sys.exit(main())
