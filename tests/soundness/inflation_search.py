"""Searches networks for which floats claim more than is true; writes models, certificates and the table of docs/findings.md.

    python -m tests.soundness.inflation_search             all cases (about ten minutes on one core)
    python -m tests.soundness.inflation_search NAME …      these cases
    python -m tests.soundness.inflation_search --table     no search: the table from the stored models

Seeded: try k of a case draws from numpy's generator of seed k, and the first of the largest inflations is kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))  # as tests/conftest.py does

from soundness.inflation_cases import CASES, Case, tensors_of
from soundness.small_models import BRUTE_FORCE, Shape, Tensors, certificate, proved_count, safetensors_bytes
from soundness.truth import ground_truth, read_tensors

import proofcheck
from proofcheck import Certificate, encode_certificate


@dataclass(frozen=True)
class Numbers:
    """Counts of one case. enumerated, proved: by the checker, with `enumeration` and with the case's own strategy."""

    claim: int
    sound: int | None
    enumerated: int
    proved: int
    true: int
    total: int


def shape_of(tensors: Tensors) -> Shape:
    d, D = tensors["embed.W_E"].shape
    return Shape(len(tensors["pos_embed.W_pos"]), d, D, tensors["blocks.0.attn.W_Q"].shape[2])


def inflation(case: Case, tensors: Tensors, folder: Path) -> int:
    """Float claim − exact count by enumeration; 0 where the sound variant claims too much or the enumeration is undecided."""
    with np.errstate(all="ignore"):
        claim = case.claim(tensors)
    if claim == 0:
        return 0
    exact = enumerated(tensors, folder)
    if exact is None or claim <= exact or (case.sound is not None and case.sound[1](tensors) > exact):
        return 0
    return claim - exact


def enumerated(tensors: Tensors, folder: Path) -> int | None:
    """The exact count that the checker proves; None if a sequence stays undecided."""
    path, weights = folder / "weights.safetensors", safetensors_bytes(tensors)
    path.write_bytes(weights)
    report = proofcheck.verify(certificate(weights, shape_of(tensors), BRUTE_FORCE, precision=1024), model=path)
    return report.proved if report.error is None and report.undecided == 0 else None


def search(case: Case, folder: Path) -> Tensors:
    """The network with the largest inflation of `case.tries`, or the first that has `case.enough`."""
    best, kept = 0, None
    for k in range(case.tries):
        tensors = case.family(np.random.default_rng(k)) if case.family else None
        if tensors is None:
            continue
        found = inflation(case, tensors, folder)
        if found > best:
            best, kept = found, tensors
        if best >= case.enough:
            break
    if kept is None:
        raise RuntimeError(f"{case.name}: nothing found")
    return kept


def claim_as_certificate(case: Case, tensors: Tensors) -> Certificate:
    """The float claim with the steps of its strategy."""
    folder = "../../models/" if case.published_model else "../../models/inflation/"
    made = certificate(
        case.model.read_bytes(), shape_of(tensors), case.steps(tensors), correct=case.claim(tensors), weights_file=folder + case.model.name
    )
    return replace(made, provenance={"strategy": case.strategy})


def write(case: Case, folder: Path) -> None:
    """Search, then the model and the certificate that must be rejected."""
    if case.family is not None:
        found = search(case, folder)
        case.model.parent.mkdir(parents=True, exist_ok=True)
        case.model.write_bytes(safetensors_bytes(found))
    case.certificate.parent.mkdir(parents=True, exist_ok=True)
    case.certificate.write_bytes(encode_certificate(claim_as_certificate(case, tensors_of(case))))


def numbers(case: Case, folder: Path) -> Numbers:
    """Everything recomputed from the stored model; the truth by interval forward passes of all sequences."""
    tensors, weights = tensors_of(case), case.model.read_bytes()
    shape = shape_of(tensors)
    truth = ground_truth(read_tensors(weights), case.bits)
    if truth.undecided:
        raise RuntimeError(f"{case.name}: {case.bits} bits leave {truth.undecided} sequences undecided")
    return Numbers(
        claim=case.claim(tensors),
        sound=case.sound[1](tensors) if case.sound else None,
        enumerated=proved_count(weights, shape, BRUTE_FORCE, folder, precision=1024),
        proved=proved_count(weights, shape, case.steps(tensors), folder),
        true=truth.correct,
        total=truth.total,
    )


def row(case: Case, found: Numbers) -> str:
    """A line of the table."""
    sound = f"{case.sound[0]}: {found.sound}" if case.sound else ""
    counts = f"{found.claim} | {found.enumerated} | {found.proved} | {found.true} | {found.total}"
    return f"| `{case.name}` | {case.strategy} | {counts} | {case.why} | {sound} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    chosen = [case for case in CASES if not options.names or case.name in options.names]
    print("| case | strategy | float claim | proved by enumeration | proved by the strategy | true | of | why | not inflated |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for case in chosen:
            start = perf_counter()
            if not options.table:
                write(case, Path(temporary))
            print(row(case, numbers(case, Path(temporary))), flush=True)
            print(f"{case.name}: {perf_counter() - start:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
