"""`python -m strategies evaluate MODEL -o CERT`: the exhaustive certificate of a transformer, and a run of the checker on it."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

from safetensors import SafetensorError, safe_open

import proofcheck
from proofcheck import Certificate, Limits, ProofcheckError, Report, Step, Verdict, encode_certificate
from proofcheck.certificate import ModelSpec, accuracy_at_least, sha256_hex
from proofcheck.cli.pieces import PiecesInProcesses
from proofcheck.cli.progress import Progress
from proofcheck.cli.settings import Settings
from proofcheck.models.transformer import NAME
from proofcheck.report import decimal, describe
from strategies.cli.options import limits_of
from strategies.emit import refuse_existing, relative_name
from strategies.models.metadata import stated_task
from strategies.networks.network import Network
from strategies.networks.recipes import RECIPES
from strategies.networks.task_words import read_task, task_document
from strategies.write import packed

STEPS = (Step("inputs", "evaluation"), Step("total", "sum-blocks", ("inputs",)))
PRECISION = 128
_OPTIONS = {"embedding": "shared", "attention": "causal", "scale": "1/sqrt(d_head)", "normalization": "none", "eps": "0/1"}

_NAMES = re.compile(
    r"(un)?embed\.[Wb]_[EU]|pos_embed\.W_pos|ln_final\.[wb]|head\.\d+\.[Wb]"
    r"|blocks\.\d+\.(attn\.([Wb]_[QKVO]|mask|IGNORE)|mlp\.[Wb]_(in|out)|ln[12]\.[wb])"
)


def network_of(path: Path, n_ctx: int) -> tuple[Network, dict[str, str]]:
    """Sizes from the tensors, options from the file's own words (those of a plain network where it says nothing), and these words.

    Errors: OSError, SafetensorError; ValueError naming what is missing.
    """
    with safe_open(str(path), framework="np") as file:
        words = dict(file.metadata() or {})
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    options: dict[str, Any] = {name: words.get(f"proofcheck.{name}", plain) for name, plain in _OPTIONS.items()}
    options["activation"] = words.get("proofcheck.activation", "none")
    readout = words.get("proofcheck.readout", "last")
    options["readout"] = int(readout) if readout.isdigit() else readout
    options["head"] = tuple(int(width) for width in words.get("proofcheck.head", "").split(",") if width)
    unknown = sorted(name for name in shapes if not _NAMES.fullmatch(name))
    if unknown:
        supported = "docs/models.md, 'Transformers of any options', says what is supported"
        raise ValueError(f"the file has a tensor {unknown[0][:200]}, which no transformer of docs/semantics.md has: {supported}")
    for name in ("embed.W_E", "unembed.W_U"):
        if name not in shapes:
            raise ValueError(f"the file has no tensor {name}: docs/semantics.md lists the names")
    layers = {int(name.split(".")[1]) for name in shapes if name.startswith("blocks.")}
    value = next((shape for name, shape in shapes.items() if name.endswith("attn.W_V")), (0, 0, 0))
    mlp = next((shape for name, shape in shapes.items() if name.endswith("mlp.W_in")), (0, 0))
    if not value[0] and not layers:
        options["attention"] = words.get("proofcheck.attention", "full")
    return Network.of(
        n_layers=max(layers, default=-1) + 1,
        n_heads=value[0],
        n_ctx=n_ctx,
        n_positions=shapes.get("pos_embed.W_pos", (0,))[0],
        d_vocab=shapes["embed.W_E"][-2],
        d_vocab_out=shapes["unembed.W_U"][-1],
        d_model=shapes["embed.W_E"][-1],
        d_head=value[-1],
        d_mlp=mlp[-1],
        **options,
    ), words


def certificate_of(path: Path, output: Path, task: str = "") -> Certificate:
    """The certificate that claims nothing yet. task: words or a JSON document; "" for the one in the file's metadata.

    Errors: as `network_of`; ValueError where the task is none.
    """
    with safe_open(str(path), framework="np") as file:
        words = dict(file.metadata() or {})
    text = task or words.get("task", "")
    if not text and words.get("recipe") in RECIPES:
        recipe = RECIPES[words["recipe"]]
        text = json.dumps(task_document(recipe.task_name, recipe.task_fields))
    stated = stated_task(words)
    if not text and stated.startswith("max-of-k "):
        sizes = dict(part.split("=") for part in stated.split()[1:])
        text = json.dumps({"name": "max-of-k", "n_ctx": int(sizes["n_ctx"]), "d_vocab": int(sizes["d_vocab"])})
    if not text:
        raise ValueError(
            "the file does not say for which task it was trained; give one, such as "
            "--task 'max-of-k n_ctx=4 d_vocab=12' (docs/semantics.md has all tasks)"
        )
    spec, built = read_task(text)
    total = built.total()
    network, _ = network_of(path, built.n_ctx)
    return Certificate(
        claim=accuracy_at_least(0, total),
        model=ModelSpec(NAME, network.sizes, relative_name(path, output.parent), sha256_hex(path.read_bytes()), network.options),
        task=spec,
        precision=PRECISION,
        steps=STEPS,
        provenance={"strategy": "evaluation", "proofcheck": proofcheck.__version__},
    )


def prove(path: Path, output: Path, task: str = "", limits: Limits | None = None, jobs: int = 1, *, force: bool = False) -> Report:
    """Write the certificate of the exact count, once the checker has verified it; the report of the last run. Errors: ProofcheckError.

    jobs: processes that share the inputs. On a terminal stderr says how much time is left.
    """
    refuse_existing(output, force=force)
    certificate = certificate_of(path, output, task)
    settings = Settings("fast", limits or Limits(), None, ())
    with closing(PiecesInProcesses(settings, jobs)) as pool, closing(Progress(always=False)) as progress:
        report = settings.checker().verify(certificate, model=path, progress=progress, pool=pool)
    report.raise_for_verdict()
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(packed(output, encode_certificate(certificate.claiming(correct=report.proved))))
        temporary.chmod(0o644)
        refuse_existing(output, force=force)
        os.replace(temporary, output)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --output, --task, --force, --jobs, --limit."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="safetensors file of a transformer")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="CERT", help="certificate file to write")
    parser.add_argument(
        "--task", default="", metavar="TASK", help="the task, in words as reports print them or as JSON; default: what the file says"
    )
    parser.add_argument("--force", action="store_true", help="replace CERT if it exists")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that share the inputs (default: 1)")
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help="raise a limit of the checker")


def run(options: argparse.Namespace) -> int:
    """0 written, 1 rejected, 2 declined, usage or a file."""
    limits = limits_of(options)
    if limits is None:
        return 2
    if options.jobs < 1:
        print("--jobs must be at least 1", file=sys.stderr)
        return 2
    start = perf_counter()
    try:
        report = prove(options.model, options.output, options.task, limits, options.jobs, force=options.force)
    except ProofcheckError as error:
        print("nothing was written: " + "\n".join(describe(error)), file=sys.stderr)
        return 1 if isinstance(error, proofcheck.Rejected) else 2
    except (OSError, SafetensorError, ValueError, KeyError, json.JSONDecodeError) as error:
        print(f"nothing was written: {error}", file=sys.stderr)
        return 2
    found = f"{report.proved}/{report.total} ({decimal(report.proved, report.total)})"
    exact = "exact" if report.verdict is Verdict.VERIFIED and report.exact else f"{report.undecided} undecided"
    print(f"{options.output}: accuracy >= {found}, {exact}; {perf_counter() - start:.2f} s")
    return 0
