"""An experiment is a folder with three files, wherever it lies: train.py, analysis.py, verification.py (docs/extending/).

Its code is the user's and untrusted; what its certificates prove is said by the checker, in a process that loads none of it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from proofcheck import Certificate, Limits, encode_certificate
from strategies.checker import CheckerProcess
from strategies.write import write

PARTS = {"train": "train", "analysis": "analyse", "verification": "certificates"}
ROUNDS = 3  # a claim is a guess, then the checker's own count


class ExperimentError(ValueError):
    """The folder is no experiment, or one of its functions returned something else than it should."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One certificate: its file, "" where the checker refused it; the report as JSON."""

    name: str
    file: Path | None
    report: Mapping[str, Any]


def run(folder: Path, output: Path, *, force: bool = False) -> Iterator[Outcome]:
    """Train, analyse, verify; outcomes as they come. Trains again only if train.py or the weights have changed, or with `force`.

    Writes into `output`: weights.safetensors, analysis.json, and NAME.json for each certificate that verified, which claims what the
    checker counts.
    Raises ExperimentError, OSError, CheckerEnded, and what the experiment's own code raises.
    """
    parts = {part: load(folder, part) for part in PARTS}
    output.mkdir(parents=True, exist_ok=True)
    weights = output / "weights.safetensors"
    if force or not _is_trained(weights, folder):
        parts["train"].train(weights)
        if not weights.is_file():
            raise ExperimentError(f"{folder / 'train.py'}: train wrote no {weights.name}")
        write(_note(weights), json.dumps(_digests(weights, folder)).encode())
    found = parts["analysis"].analyse(weights)
    if not isinstance(found, Mapping):
        raise ExperimentError(f"{folder / 'analysis.py'}: analyse must return a dictionary for JSON, not {type(found).__name__}")
    write(output / "analysis.json", (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())
    with CheckerProcess(Limits()) as checker:
        yield from _verified(parts["verification"].certificates(weights, found), output, checker)


def load(folder: Path, part: str) -> ModuleType:
    """One of the three files as a module, with its function. Raises ExperimentError."""
    path, function = folder / f"{part}.py", PARTS[part]
    name = f"experiment_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    specification = importlib.util.spec_from_file_location(name, path) if path.is_file() else None
    if specification is None or specification.loader is None:
        raise ExperimentError(f"{folder} has no {part}.py; docs/extending/ has an experiment to copy")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    if not callable(getattr(module, function, None)):
        raise ExperimentError(f"{path} has no function {function}")
    return module


def _verified(certificates: Iterable[tuple[str, Certificate]], output: Path, checker: CheckerProcess) -> Iterator[Outcome]:
    """Each file has its name only after it has verified as it stands."""
    for name, certificate in certificates:
        hidden, final = output / f".{name}.draft", output / f"{name}.json"
        report: Mapping[str, Any] = {}
        for _ in range(ROUNDS):
            hidden.write_bytes(encode_certificate(certificate))
            report = checker.verify(hidden)
            counted = _counted(certificate, report)
            if counted is None:
                break
            certificate = certificate.claiming(correct=counted)
        verified = report["verdict"] == "VERIFIED"
        if verified:
            hidden.replace(final)
        else:
            hidden.unlink()
        yield Outcome(name, final if verified else None, report)


def _counted(certificate: Certificate, report: Mapping[str, Any]) -> int | None:
    """The count to claim instead: what was proved, 0 where the guess was too high; None if the claim is to stay."""
    claimed = certificate.claim.fields.get("correct")
    if claimed is None or (report["error"] or {}).get("code", "not-proved") != "not-proved":
        return None
    proved = int(report["proved"])  # 0 for a refusal
    return None if proved == claimed else proved


def _note(weights: Path) -> Path:
    return weights.with_suffix(".json")


def _digests(weights: Path, folder: Path) -> dict[str, str]:
    files = {"weights": weights, "train": folder / "train.py"}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def _is_trained(weights: Path, folder: Path) -> bool:
    try:
        return bool(json.loads(_note(weights).read_bytes()) == _digests(weights, folder))
    except (OSError, ValueError):
        return False
