"""What a page shows: certificates verified by `proofcheck`, and the networks that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from proofcheck import Certificate, Checker, Limits, ProofcheckError, Report, Verdict, decode_certificate
from proofcheck.catalogue import BUILT_IN
from proofcheck.certificate import read_certificate_file, read_regular_file, sha256_hex
from strategies.report.circuits import Table, circuits
from strategies.report.inputs import HardInput, hard_inputs
from strategies.report.network import float_network


@dataclass(frozen=True)
class BlockTables:
    """Object arrays of exact integers [queries, answers]: size, and how many of the block's inputs are proved right and proved wrong."""

    size: np.ndarray
    right: np.ndarray
    wrong: np.ndarray

    @property
    def left(self) -> np.ndarray:
        """Inputs of which nothing is proved; they count as wrong."""
        return self.size - self.right - self.wrong


@dataclass(frozen=True)
class Theorem:
    """One step of a certificate: its rule, premises and the rule's statement."""

    id: str
    rule: str
    premises: tuple[str, ...]
    hints: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Entry:
    """One certificate. certificate: None if it could not be decoded. blocks: None where the proof does not go by blocks."""

    path: Path
    report: Report
    certificate: Certificate | None
    theorems: tuple[Theorem, ...]
    blocks: BlockTables | None

    @property
    def subject(self) -> tuple[str, str, str]:
        """Digest of the weights, network, task: certificates that agree in these are about one thing."""
        return self.report.model_sha256, self.report.model_words, self.report.task


@dataclass(frozen=True)
class Subject:
    """One network with one task: its circuits, and the inputs that it finds hardest. looked: in words, where these were looked for."""

    tables: tuple[Table, ...]
    hard: tuple[HardInput, ...]
    looked: str


NOTHING = Subject((), (), "")


def read(path: Path, checker: Checker, models: Sequence[Path] | None = None) -> Entry:
    """Verify one certificate and keep what the page shows. Never raises on a bad certificate."""
    report = checker.verify(path, model=models or None)
    try:
        certificate = decode_certificate(read_certificate_file(path, checker.limits), checker.limits)
    except ProofcheckError:
        return Entry(path, report, None, (), None)
    theorems = tuple(
        Theorem(
            step.id,
            step.rule,
            step.premises,
            tuple(step.hints),
            checker.catalogue.rules[step.rule].theorem if step.rule in checker.catalogue.rules else "",
        )
        for step in certificate.steps
    )
    return Entry(path, report, certificate, theorems, _blocks(report))


def subject(entry: Entry, models: Sequence[Path] | None, most_inputs: int) -> Subject:
    """Circuits and hard inputs of a verified certificate's network; nothing where the architecture is one of an extension."""
    if entry.report.verdict is not Verdict.VERIFIED or entry.certificate is None:
        return NOTHING
    weights = _weights(entry.path, entry.certificate, models)
    network = float_network(entry.certificate, weights)
    if network is None or entry.certificate.task.name not in BUILT_IN.tasks:
        return NOTHING
    hard, looked = hard_inputs(entry.certificate, weights, network, most_inputs)
    return Subject(tuple(circuits(network)), tuple(hard), looked)


def _weights(path: Path, certificate: Certificate, models: Sequence[Path] | None) -> bytes:
    """The bytes that were verified: of the file with the certificate's digest."""
    limits = Limits(weights_bytes=2**40)
    for place in models or [path.parent / certificate.model.file]:
        data = read_regular_file(place, "weights_bytes", limits, follow_links=True)
        if sha256_hex(data) == certificate.model.sha256:
            return data
    raise FileNotFoundError(f"the weight file of {path} is gone")


def _blocks(report: Report) -> BlockTables | None:
    if report.blocks is None:
        return None
    size = np.zeros((report.blocks.task.d_vocab, report.blocks.task.answers), dtype=object)
    right, wrong = np.zeros_like(size), np.zeros_like(size)
    for block in report.blocks:
        place = block.query, block.answer
        size[place], right[place], wrong[place] = block.size, block.right, block.wrong
    return BlockTables(size, right, wrong)
