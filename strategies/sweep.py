"""Many certificates for one model: drafts from shared searches, then one checker process that verifies them all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

import proofcheck
from proofcheck import decode_certificate, encode_certificate
from strategies.emit import ProveError, draft, with_claim
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem

ROUNDS = 3  # a claim is the search's guess, then the checker's own count; more rounds mean that the checker contradicts itself


@dataclass(slots=True)
class Swept:
    """What a sweep did. failed: strategy name -> the checker's words. search_seconds includes writing the drafts."""

    written: int = 0
    kept: int = 0
    search_seconds: float = 0.0
    check_seconds: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)


class Sweep:
    """Certificates `<model>--<strategy>.json` in `folder`. A draft has a hidden name until the checker has verified it."""

    def __init__(self, model: Path, folder: Path, jobs: int) -> None:
        self.model, self.folder, self.jobs = model, folder, jobs

    def final(self, name: str) -> Path:
        """Where the certificate of strategy `name` goes."""
        return self.folder / f"{self.model.stem}--{name}.json"

    def hidden(self, name: str) -> Path:
        """Where its draft lies until it has verified."""
        return self.folder / f".{self.model.stem}--{name}.draft"

    def run(self, names: Sequence[str], *, force: bool) -> Swept:
        """Write what is missing. Raises OSError, ModelError, ProveError; drafts never outlive the call unless the process is killed."""
        swept = Swept()
        sizes = Problem(self.model).dimensions  # a bad model file stops here
        total = sizes.d_vocab**sizes.n_ctx
        missing = [name for name in names if force or not self._is_done(name, total)]
        swept.kept = len(names) - len(missing)
        try:
            start = perf_counter()
            self._write_drafts(missing)
            swept.search_seconds = perf_counter() - start
            start = perf_counter()
            self._verify(missing, swept)
            swept.check_seconds = perf_counter() - start
        finally:
            for name in names:
                self.hidden(name).unlink(missing_ok=True)
        return swept

    def _is_done(self, name: str, total: int) -> bool:
        """A certificate of this strategy and of these weights is there; it had verified before it got its name."""
        try:
            found = decode_certificate(self.final(name).read_bytes(), proofcheck.Limits())
            return (
                found.claim.fields["total"] == total
                and found.model.sha256 == Problem(self.model).sha256
                and found.provenance.get("strategy") == name
            )
        except (FileNotFoundError, proofcheck.ProofcheckError):
            return False

    def _write_drafts(self, names: Sequence[str]) -> None:
        ordered = sorted(names, key=lambda name: name.rpartition("--")[2])  # strategies of one QK error share its directions
        size = max(1, -(-len(ordered) // self.jobs))
        shares = [ordered[k : k + size] for k in range(0, len(ordered), size)]
        if len(shares) <= 1:
            for done, _ in enumerate(write_drafts(self, share) for share in shares):
                _progress("searched", done + 1, len(shares))
            return
        with ProcessPoolExecutor(len(shares), mp_context=get_context("spawn")) as pool:
            list(pool.map(write_drafts, [self] * len(shares), shares))

    def _verify(self, names: Sequence[str], swept: Swept) -> None:
        """Rounds of one checker process each; a certificate that verifies with all that was proved gets its name at once."""
        waiting = list(names)
        for _ in range(ROUNDS):
            if not waiting:
                return
            again = []
            for name, report in self._reports(waiting):
                if report["verdict"] == "VERIFIED" and report["proved"] == report["claimed"]:
                    self.hidden(name).chmod(0o644)
                    os.replace(self.hidden(name), self.final(name))
                    swept.written += 1
                elif report["verdict"] == "VERIFIED":
                    self._claim(name, report["proved"])
                    again.append(name)
                elif report["error"]["code"] == "not-proved":
                    self._claim(name, 0)
                    again.append(name)
                else:
                    swept.failed[name] = f"{report['line']}: {report['error']['message']}"
                _progress("verified", swept.written, len(names))
            waiting = again
        if waiting:
            raise ProveError(f"the checker counts differently each time for {', '.join(waiting)}")

    def _claim(self, name: str, correct: int) -> None:
        certificate = decode_certificate(self.hidden(name).read_bytes(), proofcheck.Limits())
        self.hidden(name).write_bytes(encode_certificate(with_claim(certificate, correct)))

    def _reports(self, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """(name, the checker's JSON report) as each certificate is done, from one process."""
        command = [sys.executable, "-I", "-m", "proofcheck", "verify", "--json", "--jobs", str(self.jobs)]
        paths = {str(self.hidden(name)): name for name in names}
        checker = subprocess.Popen([*command, *paths], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        seen = 0
        try:
            for line in checker.stdout or ():
                if line.startswith("c json "):
                    report = json.loads(line.removeprefix("c json "))
                    seen += 1
                    yield paths[report["certificate"]], report
        finally:
            if checker.poll() is None and seen < len(names):
                checker.terminate()
            status = checker.wait()
        if seen != len(names) or status not in (0, 1):
            raise ProveError(f"the checker ended with exit status {status} after {seen} of {len(names)} certificates")


def write_drafts(sweep: Sweep, names: Sequence[str]) -> None:
    """Search and write the drafts of `names`, in this process."""
    torch.set_num_threads(1)  # the tensors are small, and each process has its core
    problem = Problem(sweep.model)
    for done, name in enumerate(names):
        certificate = draft(problem, STRATEGIES[name], sweep.hidden(name))
        sweep.hidden(name).write_bytes(encode_certificate(certificate))
        if sweep.jobs == 1:
            _progress("searched", done + 1, len(names))


def _progress(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}/{total} {what}" + ("\n" if done == total else ""), end="", file=sys.stderr, flush=True)
