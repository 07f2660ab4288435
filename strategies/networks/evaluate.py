"""`python -m strategies evaluate MODEL -o CERT`: the exhaustive certificate of a transformer, and a run of the checker on it."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

from safetensors import SafetensorError, safe_open

import proofcheck
from proofcheck import Certificate, Limits, ProofcheckError, Reason, Report, Step, Verdict, encode_certificate
from proofcheck.certificate import ModelSpec, accuracy_at_least, sha256_hex
from proofcheck.cli.pieces import PiecesInProcesses
from proofcheck.cli.progress import Progress
from proofcheck.cli.settings import Settings
from proofcheck.models.transformer import NAME
from proofcheck.report import decimal, describe
from strategies.cli.options import limits_of
from strategies.emit import refuse_existing, relative_name
from strategies.models.foreign_files import what_it_is
from strategies.models.metadata import stated_task
from strategies.networks.network import Network
from strategies.networks.recipes import RECIPES
from strategies.networks.task_words import read_task, task_document
from strategies.write import packed

STEPS = (Step("inputs", "evaluation"), Step("total", "sum-blocks", ("inputs",)))
PRECISION = 128
FEWER = "  or:       claim less: a task with fewer positions, or whose `alphabets` have fewer tokens"
ATTENTION_ONLY = "attention-only-one-layer-one-head"
PLAIN_OF_ATTENTION_ONLY = {"attention": "causal", "scale": "1/sqrt(d_head)", "normalization": "none", "readout": "last"}
ADAPTERS = "docs/models.md, 'Transformers of any options', has adapters that write files of other models"

_NAMES = re.compile(
    r"(un)?embed\.[Wb]_[EU]|pos_embed\.W_pos|ln_final\.[wb]|head\.\d+\.[Wb]"
    r"|blocks\.\d+\.(attn\.([Wb]_[QKVO]|mask|IGNORE)|mlp\.[Wb]_(in|out)|ln[12]\.[wb])"
)


def network_of(path: Path, n_ctx: int, said: Mapping[str, str] | None = None) -> tuple[Network, dict[str, str]]:
    """Sizes from the tensors, options from the file's own words and from `said`, and the file's words.

    said: options by name, for what the file does not say: attention, scale, normalization, eps, activation, readout.
    Errors: OSError, SafetensorError; ValueError naming what is missing.
    """
    with safe_open(str(path), framework="np") as file:
        words = dict(file.metadata() or {})
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    unknown = sorted(name for name in shapes if not _NAMES.fullmatch(name))
    if unknown:
        raise ValueError(f"the file has a tensor {unknown[0][:200]}, which no transformer of docs/semantics.md has: {ADAPTERS}")
    for name in ("embed.W_E", "unembed.W_U"):
        if name not in shapes:
            raise ValueError(f"the file has no tensor {name}: docs/semantics.md lists the names, and {ADAPTERS}")
    layers = {int(name.split(".")[1]) for name in shapes if name.startswith("blocks.")}
    value = next((shape for name, shape in shapes.items() if name.endswith("attn.W_V")), (0, 0, 0))
    mlp = next((shape for name, shape in shapes.items() if name.endswith("mlp.W_in")), (0, 0))
    widths = sorted((int(name.split(".")[1]), shapes[name][-1]) for name in shapes if re.fullmatch(r"head\.\d+\.W", name))
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
        embedding="by-position" if len(shapes["embed.W_E"]) == 3 else "shared",
        head=tuple(width for _, width in widths),
        **_options(words, said or {}, heads=value[0] > 0, mlp=mlp[-1] > 0),
    ), words


def _options(words: Mapping[str, str], said: Mapping[str, str], *, heads: bool, mlp: bool) -> dict[str, Any]:
    """What no tensor shows. ValueError naming what neither the file nor `said` says: other networks have the same tensors."""
    stated = {name.removeprefix("proofcheck."): value for name, value in words.items() if name.startswith("proofcheck.")}
    if stated.get("architecture") == ATTENTION_ONLY:
        stated = {**PLAIN_OF_ATTENTION_ONLY, **stated}
    found = {**stated, **said}
    options: dict[str, Any] = {"normalization": found.get("normalization"), "readout": found.get("readout")}
    options["eps"] = found.get("eps") if options["normalization"] != "none" else "0/1"
    options["attention"] = found.get("attention") if heads else "full"
    options["scale"] = found.get("scale") if heads and not str(options["attention"]).endswith("-uniform") else "1/sqrt(d_head)"
    options["activation"] = found.get("activation", None if mlp else "none")
    missing = [name for name in _EXAMPLES if options[name] is None]
    if missing:
        example = " ".join(f"--option {name}={_EXAMPLES[name]}" for name in missing)
        raise ValueError(
            f"neither the file nor --option says {', '.join(missing)}, and networks that differ there have the same tensors "
            f"(a LayerNorm that was folded leaves none). Say each, as in {example} "
            f"(docs/semantics.md has the values); {ADAPTERS}, with these words"
        )
    if readout := re.fullmatch(r"-?\d+", options["readout"]):
        options["readout"] = int(readout[0])
    return options


_EXAMPLES = {
    "attention": "causal",
    "scale": "1/sqrt(d_head)",
    "normalization": "LNPre",
    "eps": "1/100000",
    "activation": "gelu",
    "readout": "last",
}


def certificate_of(path: Path, output: Path, task: str = "", said: Mapping[str, str] | None = None) -> Certificate:
    """The certificate that claims nothing yet. task: words or a JSON document, "" for what the file says. said: as in `network_of`.

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
    network, _ = network_of(path, built.n_ctx, said)
    return Certificate(
        claim=accuracy_at_least(0, total),
        model=ModelSpec(NAME, network.sizes, relative_name(path, output.parent), sha256_hex(path.read_bytes()), network.options),
        task=spec,
        precision=PRECISION,
        steps=STEPS,
        provenance={"strategy": "evaluation", "proofcheck": proofcheck.__version__},
    )


def prove(
    path: Path,
    output: Path,
    task: str = "",
    limits: Limits | None = None,
    jobs: int = 1,
    *,
    force: bool = False,
    said: Mapping[str, str] | None = None,
) -> Report:
    """Write the certificate of the exact count, once the checker has verified it; the report of the last run. Errors: ProofcheckError.

    jobs: processes that share the inputs. said: options that the file does not state, as in `network_of`.
    On a terminal stderr says how much time is left.
    """
    refuse_existing(output, force=force)
    certificate = certificate_of(path, output, task, said)
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
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"an option of the network that the file does not state: {', '.join(_EXAMPLES)} (docs/semantics.md), repeatable",
    )
    parser.add_argument("--force", action="store_true", help="replace CERT if it exists")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that share the inputs (default: 1)")
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help="raise a limit of the checker")


def _said(words: Sequence[str]) -> dict[str, str]:
    """ValueError for words that are no NAME=VALUE of an option."""
    pairs = [word.partition("=") for word in words]
    for name, equals, value in pairs:
        if name not in _EXAMPLES or not equals or not value:
            raise ValueError(f"--option {name}{equals}{value} is none of {', '.join(f'{key}={text}' for key, text in _EXAMPLES.items())}")
    return {name: value for name, _, value in pairs}


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
        said = _said(options.option)
        report = prove(options.model, options.output, options.task, limits, options.jobs, force=options.force, said=said)
    except ProofcheckError as error:
        print("nothing was written: " + "\n".join(describe(error)), file=sys.stderr)
        if error.code is Reason.LIMIT_EXCEEDED:
            print(FEWER, file=sys.stderr)
        return 1 if isinstance(error, proofcheck.Rejected) else 2
    except SafetensorError as error:
        print(f"nothing was written: {options.model} is no safetensors file: {what_it_is(options.model) or error}", file=sys.stderr)
        return 2
    except (OSError, ValueError, KeyError) as error:
        print(f"nothing was written: {error}", file=sys.stderr)
        return 2
    found = f"{report.proved}/{report.total} ({decimal(report.proved, report.total)})"
    exact = "exact" if report.verdict is Verdict.VERIFIED and report.exact else f"{report.undecided} undecided"
    print(f"{options.output}: accuracy >= {found}, {exact}; {perf_counter() - start:.2f} s")
    return 0
